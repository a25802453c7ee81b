package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked is that another process uses the folder.
var ErrLocked = errors.New("another process uses it")

// OpenDisk opens the spool in a folder, or makes one. Damage is no error; what is not the spool's is left alone. Errors
// are a folder that is somebody else's or another process's, and a disk that does not do what a spool needs.
func OpenDisk(o Options) (*Disk, error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.segmentBytes == 0 {
		if o.MaxBytes < MinDiskBytes {
			return nil, fmt.Errorf("a spool on disk needs at least %d bytes", MinDiskBytes)
		}
		o.segmentBytes = min(max(o.MaxBytes/8, minSegmentBytes), maxSegmentBytes)
	}
	if o.heldBytes == 0 {
		o.heldBytes = o.segmentBytes
	}
	if o.cacheBytes == 0 {
		o.cacheBytes = cacheBytes
	}
	if o.stall == 0 {
		o.stall = stallAfter
	}
	if o.retry == 0 {
		o.retry = retryFirst
	}
	if o.kernel.fsync == nil {
		o.kernel = realKernel
	}
	f, err := makeFolder(o.Path, o.hook, o.kernel)
	if err != nil {
		return nil, err
	}
	d := &Disk{
		o: o, folder: f,
		ready: make(chan struct{}, 1), writeNow: make(chan struct{}, 1), room: make(chan struct{}, 1), syncSoon: make(chan struct{}, 1), syncNow: make(chan struct{}, 1),
		stop: make(chan struct{}), written: make(chan struct{}), synced: make(chan struct{}), attempt: make(chan struct{}),
		notices: make(chan Notice, noticesHeld),
	}
	d.patience = patience{most: o.stall, free: o.stall / promptly}
	if d.patient() {
		d.patience.most *= syncPatience
	}
	if d.lock, err = f.lock(); err != nil {
		f.close()
		return nil, err
	}
	if err := d.load(); err != nil {
		d.lock.Close()
		f.close()
		return nil, err
	}
	go d.tell()
	go d.runWriter()
	go d.runSyncer()
	return d, nil
}

// makeFolder opens a folder of this user's, and makes it, and those that it is in, if it is not there.
func makeFolder(path string, h hook, k kernel) (*folder, error) {
	f, err := openFolder(path, h, k)
	if errors.Is(err, fs.ErrNotExist) {
		if err := h.at(atFolderMake); err != nil {
			return nil, &os.PathError{Op: "mkdir", Path: path, Err: err}
		}
		if err := mkdir(path, k); err != nil {
			return nil, err
		}
		f, err = openFolder(path, h, k)
	}
	if err != nil {
		return nil, err
	}
	if err := f.own(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// mkdir makes a folder, after those that it is in, which a power cut does not take away.
func mkdir(path string, k kernel) error {
	parent := filepath.Dir(path)
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrNotExist) && parent != path {
		if err := mkdir(parent, k); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o700)
	}
	if errors.Is(err, fs.ErrExist) { // another process was faster, and has to sync it
		return nil
	}
	if err != nil {
		return err
	}
	if dir, err := os.Open(parent); err == nil {
		_ = k.fsync(int(dir.Fd())) // a file system that cannot do so is no reason to have no spool
		dir.Close()
	}
	return nil
}

// own has nobody else read what is in the folder.
func (f *folder) own() error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.dir.Fd()), &st); err != nil {
		return f.errorOf("stat", "", err)
	}
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to the user %d, and this is the user %d", f.path, st.Uid, os.Geteuid())
	}
	if st.Mode&0o077 != 0 {
		return f.dir.Chmod(fs.FileMode(st.Mode & 0o700))
	}
	return nil
}

// lock keeps other processes out for as long as the file is open.
func (f *folder) lock() (*os.File, error) {
	file, err := f.open(lockName, unix.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		if err := f.hook.at(atLockCreate); err != nil {
			return nil, f.errorOf("create", lockName, err)
		}
		file, err = f.open(lockName, unix.O_RDWR|unix.O_CREAT)
	}
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	for tries := 0; err == unix.EWOULDBLOCK && tries < 10; tries++ {
		time.Sleep(5 * time.Millisecond) // Inspect may just have a look
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		file.Close()
		if err == unix.EWOULDBLOCK {
			err = ErrLocked
		}
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return file, nil
}

// found is a segment in the folder.
type found struct {
	seg     *segment
	header  bool   // it is readable
	follows uint64 // of its header
	whole   bool   // all of it is records without damage
	unsure  bool   // between it and the next one is a file that tells nothing, so the next one need not go on where it ends
}

// upTo is above all numbers of the segment before.
func (f *found) upTo() uint64 {
	if f.header {
		return f.follows // which is not above first
	}
	return f.seg.first
}

// load finds out what is in the folder.
func (d *Disk) load() error {
	names, err := d.folder.names()
	if err != nil {
		return err
	}
	for _, name := range []string{cursorName, cursorName + tempSuffix} {
		if d.folder.isFolder(name) {
			return fmt.Errorf("%s is a folder, so what is done with cannot be kept", filepath.Join(d.folder.path, name))
		}
	}
	in, err := d.find(names)
	if err != nil {
		return err
	}
	segs, most := in.segs, in.most
	d.done = in.empty
	c, cursorErr := d.readCursor()
	if err := d.identify(cursorErr != nil && most == 0); err != nil {
		return err
	}
	if cursorErr != nil && (most > 0 || !errors.Is(cursorErr, fs.ErrNotExist)) {
		d.notify(Notice{Kind: Damaged, Err: fmt.Errorf("%s cannot be read, so all lines that are still there are sent again: %w",
			filepath.Join(d.folder.path, cursorName), cursorErr)})
	}
	if cursorErr != nil && most > 0 {
		c = cursor{limit: (most + 2*epoch - 1) / epoch * epoch}
		if len(segs) > 0 {
			c.acked = segs[0].seg.first
		}
	}
	if c.limit < most {
		c.limit = most // a file by a name that is not from here
	}

	lost := uint64(0)
	pos := c.acked
	var tail *found
	for i := range segs {
		s := &segs[i]
		end := uint64(maxSeq)
		if i+1 < len(segs) {
			end = segs[i+1].upTo()
		}
		if err := d.measure(s, end, i+1 == len(segs)); err != nil {
			return err
		}
		if s.header {
			lost += missing(pos, s.follows)
		}
		g := s.seg
		pos = max(pos, g.end)
		if g.end <= c.acked {
			g.gone = true
			d.done = append(d.done, g)
			continue
		}
		if err := d.begin(g, c.acked); err != nil {
			return err
		}
		d.segs = append(d.segs, g)
		d.lines += g.lines
		d.waiting += g.waiting
		d.usage += segmentOverhead + g.records
		tail = s
	}
	lost += missing(pos, c.synced)
	if lost > 0 {
		d.droppedLines += lost
		d.damagedLines += lost
		d.notify(Notice{Kind: Damaged, Lines: lost, Err: fmt.Errorf("%s: segments are missing, or end too soon", d.folder.path)})
	}
	d.next = max(c.limit, pos)
	d.wroteTo = pos
	d.restored = d.lines
	if tail != nil && tail.whole && tail.seg.end == d.next {
		if file, err := d.folder.open(tail.seg.name(), unix.O_RDWR); err == nil {
			tail.seg.file, tail.seg.sealed = file, false
		}
	}
	d.trim()
	d.saved = c
	d.limit = c.limit
	d.tick(pos, false)
	if d.lines > 0 {
		wake(d.ready)
	}
	return nil
}

// missing is how many lines there were between two numbers. Where the numbers have jumped between them, nobody knows.
func missing(from, to uint64) uint64 {
	switch {
	case to <= from:
		return 0
	case to-from >= epoch/2:
		return 1
	}
	return to - from
}

// contents is what the names in a folder stand for.
type contents struct {
	segs  []found    // in their order
	empty []*segment // files that were not come to be segments
	most  uint64     // above all numbers that all of them tell of
}

// find looks at the files that have names of segments.
func (d *Disk) find(names []string) (in contents, err error) {
	var silent []uint64 // numbers of the files that tell nothing
	for _, name := range names {
		if base, ok := strings.CutSuffix(name, tempSuffix); ok {
			if _, segment := parseSegmentName(base); segment || base == cursorName || base == idName {
				_ = d.folder.unlink(atNothing, name) // of a process that was killed
			}
			continue
		}
		first, ok := parseSegmentName(name)
		if !ok {
			if strings.HasPrefix(name, segmentPrefix) {
				d.leave(name, errForeign)
			}
			continue
		}
		if first < maxBare {
			in.most = max(in.most, first+1)
		}
		s, err := d.look(name, first)
		switch {
		case isExhausted(err):
			return contents{}, err
		case err != nil:
			d.leave(name, err)
			silent = append(silent, first)
		case s.seg.size == 0:
			in.empty = append(in.empty, s.seg)
			silent = append(silent, first)
		default:
			in.most = max(in.most, first+1)
			in.segs = append(in.segs, s)
		}
	}
	slices.SortFunc(in.segs, func(a, b found) int { return cmp.Compare(a.seg.first, b.seg.first) })
	for _, n := range silent {
		if i, _ := slices.BinarySearchFunc(in.segs, n, func(s found, n uint64) int { return cmp.Compare(s.seg.first, n) }); i > 0 {
			in.segs[i-1].unsure = true
		}
	}
	return in, nil
}

// isExhausted says whether an error is this process's, and tells nothing about a file.
func isExhausted(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
}

var errForeign = errors.New("it has the name of a segment, and is none")

// leave tells of a file that is left alone.
func (d *Disk) leave(name string, err error) {
	d.notify(Notice{Kind: Damaged, Err: fmt.Errorf("%s is left alone: %w", filepath.Join(d.folder.path, name), err)})
}

// look reads the beginning of a segment. Where there is no header, a record has to show that it is one; a size of 0 is that
// of a file in which nothing was written, or nothing came to the disk.
func (d *Disk) look(name string, first uint64) (found, error) {
	file, err := d.folder.open(name, unix.O_RDONLY)
	if err != nil {
		return found{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return found{}, err
	}
	g := &segment{first: first, end: first, from: first, off: headerBytes, at: info.ModTime().UnixNano(), size: info.Size(), sealed: true}
	s := found{seg: g}
	read := hooked{file, d.o.hook}
	b := make([]byte, 2*headerBytes)
	n, err := read.ReadAt(b, 0) // what cannot be read is damaged
	if at, follows, ok := parseSegmentHeader(b[:n]); ok {
		if at != first {
			return found{}, errForeign
		}
		s.header, s.follows = true, follows
	}
	if n == len(b) {
		if r, want, _ := parseRecord(b[headerBytes:]); want > 0 {
			g.at = r.at
		}
	}
	scan := scanner{file: read, size: g.size}
	switch {
	case s.header || first < maxBare && scan.begins(first):
	case err != nil && err != io.EOF:
		return found{}, err
	case first < maxBare && (strings.HasPrefix(string(b[:n]), segmentMagic[:min(n, len(segmentMagic))]) || scan.zeros(0)):
		g.size = 0
	default:
		return found{}, errForeign
	}
	return s, nil
}

// measure finds out where a segment ends. end is above all its numbers. Only the last segment, and one of which what
// follows does not tell, are read.
func (d *Disk) measure(s *found, end uint64, last bool) error {
	g := s.seg
	g.end = max(end, g.first)
	if last || s.unsure || g.end-g.first >= epoch/2 {
		file, err := d.folder.open(g.name(), unix.O_RDONLY)
		if err != nil {
			return err
		}
		defer file.Close()
		scan := scanner{file: hooked{file, d.o.hook}, size: g.size}
		off, next, damaged := int64(headerBytes), g.first, false
		for {
			r, ok := scan.next(off, next, end)
			if !ok {
				break
			}
			damaged = damaged || r.seq != next || r.off != off
			next, off = r.seq+1, r.end()
		}
		g.end = next + scan.torn(off, next, end)
		s.whole = s.header && !damaged && off == g.size
	}
	g.written = g.end
	g.records = max(g.size-headerBytes, 0)
	return nil
}

// torn is how many lines the end of a segment, behind the last whole record, has for certain: next would be the number
// of the first.
func (s *scanner) torn(off int64, next, end uint64) uint64 {
	rest := s.size - off
	if rest < headerBytes || next >= end {
		return 0
	}
	r, want, _ := parseRecord(s.at(off, headerBytes))
	switch {
	case want > 0 && off+want > s.size:
		return 0 // the write was cut short
	case want > 0 && r.seq >= next && r.seq < end && r.seq-next < epoch/2:
		return r.seq + 1 - next
	}
	if s.zeros(off) {
		return 0
	}
	return 1
}

// zeros says whether there is nothing else from off on.
func (s *scanner) zeros(off int64) bool {
	for ; off < s.size; off += scanChunk {
		for _, b := range s.at(off, min(scanChunk, s.size-off)) {
			if b != 0 {
				return false
			}
		}
	}
	return true
}

// begins says whether the first record that can be read is one of a segment that begins with this number.
func (s *scanner) begins(first uint64) bool {
	r, ok := s.next(headerBytes, 0, maxSeq)
	return ok && r.seq >= first && r.seq-first <= uint64(r.off-headerBytes)/headerBytes
}

// begin finds the first line of g that waits.
func (d *Disk) begin(g *segment, acked uint64) error {
	g.from = max(g.first, acked)
	g.lines = int(g.end - g.from)
	g.waiting = g.records
	if g.from == g.first {
		return nil
	}
	file, err := d.folder.open(g.name(), unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	scan := scanner{file: hooked{file, d.o.hook}, size: g.size}
	if r, ok := scan.next(headerBytes, g.from, g.end); ok {
		g.off, g.at, g.waiting = r.off, r.at, g.size-r.off
	}
	return nil
}

func (d *Disk) readCursor() (cursor, error) {
	b, err := d.folder.read(cursorName, cursorBytes)
	if err != nil {
		return cursor{}, err
	}
	return parseCursor(b)
}

// identify reads who this spool is. anew is that its numbers begin anew, and so must its identity.
func (d *Disk) identify(anew bool) error {
	b, err := d.folder.read(idName, idLimit)
	var i identity
	if err == nil {
		i, err = parseIdentity(b)
	}
	if err == nil && !anew {
		d.id = i.id
		return nil
	}
	known := !errors.Is(err, fs.ErrNotExist)
	if err != nil && known {
		d.notify(Notice{Kind: Damaged, Err: fmt.Errorf("%s cannot be read, so the spool gets a new identity: %w",
			filepath.Join(d.folder.path, idName), err)})
	}
	i = newIdentity(d.o.Destination)
	d.id = i.id
	err = d.folder.replace(replacePoints{atIDCreate, atIDWrite, atIDSync, atIDRename, atIDSynced}, idName, i.encode())
	if err != nil && known {
		return nil // what waits here can be delivered all the same
	}
	return err
}
