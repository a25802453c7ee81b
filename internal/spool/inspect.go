package spool

import (
	"cmp"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Left is what is in a folder that no process uses.
type Left struct {
	Destination string // for which it was made
	Lines       uint64 // about: what is damaged counts, and the last segment may hold less
	Bytes       int64  // of the segments
}

// Inspect looks into a folder, and changes nothing. The error wraps fs.ErrNotExist if it is not a spool's, and ErrLocked if
// a process uses it.
func Inspect(path string) (Left, error) {
	f, err := openFolder(path, nil, realKernel)
	if err != nil {
		return Left{}, err
	}
	defer f.close()
	b, err := f.read(idName, idLimit)
	if err != nil {
		return Left{}, err
	}
	if f.inUse() {
		return Left{}, fmt.Errorf("%s: %w", path, ErrLocked)
	}
	who, _ := parseIdentity(b) // without it, the folder's name has to do
	d := &Disk{folder: f, notices: make(chan Notice)}
	names, err := f.names()
	if err != nil {
		return Left{}, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { _, ok := parseSegmentName(name); return !ok })
	in, err := d.find(names)
	if err != nil {
		return Left{}, err
	}
	segs := in.segs
	left := Left{Destination: cmp.Or(who.destination, path)}
	c, _ := d.readCursor() // without it, all wait
	for i := range segs {
		s := &segs[i]
		end := uint64(maxSeq)
		if i+1 < len(segs) {
			end = segs[i+1].upTo()
		}
		if err := d.measure(s, end, i+1 == len(segs)); err != nil {
			return Left{}, err
		}
		if s.seg.end > c.acked {
			left.Lines += s.seg.end - max(s.seg.first, c.acked)
			left.Bytes += s.seg.size
		}
	}
	return left, nil
}

// inUse says whether a process has the folder's lock.
func (f *folder) inUse() bool {
	file, err := f.open(lockName, unix.O_RDONLY)
	if err != nil {
		return false // it was never used, or cannot be known
	}
	defer file.Close() // at once: whoever opens the spool now waits for it
	return unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB) == unix.EWOULDBLOCK
}
