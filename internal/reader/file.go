package reader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// FileSpec says which file to read. FIFOs and devices are files, too: neither opening nor closing them blocks.
type FileSpec struct {
	Path string
	// Follow goes on at the end like tail -F: with what is appended, from the start if the file became
	// shorter, and with a new file of that name once the old one is at its end. Without it the end of the
	// file is the end of the records; of a FIFO, the end of its last writer.
	Follow  bool
	FromEnd bool // start with the first line that begins after the present end; regular files only
	// Poll is how often Follow looks for more; 250 ms. It looks instead of being told (inotify), which also
	// works on network file systems. A file that within one Poll is cut and grows beyond its old size, or
	// is replaced twice, is not noticed as such.
	Poll time.Duration
	// Vanish is how long Follow waits for a file to be back under its name; 30 s. Then the records end.
	Vanish time.Duration
}

func (s FileSpec) withDefaults() FileSpec {
	if s.Poll <= 0 {
		s.Poll = 250 * time.Millisecond
	}
	if s.Vanish <= 0 {
		s.Vanish = 30 * time.Second
	}
	return s
}

// OpenFile opens the file and reads it. A file that is not there is an error, as in os.Open. ctx bounds the
// life of the Reader. End: a read error, or the file that vanished, which matches fs.ErrNotExist.
func OpenFile(ctx context.Context, spec FileSpec, o Options) (Reader, error) {
	b := newBase(ctx, o)
	t := &tail{base: b, spec: spec.withDefaults(), lines: framer{max: b.options.MaxLine}}
	err := context.Cause(b.ctx)
	if err == nil {
		err = t.open()
	}
	if err == nil && spec.FromEnd {
		err = t.seekEnd()
	}
	if err != nil {
		t.close()
		b.cancel(nil)
		return nil, err
	}
	b.run(func() error {
		defer t.close()
		if spec.Follow {
			return t.follow()
		}
		return t.readOnce()
	})
	return b, nil
}

// tail reads the file that has the name, and then the next one.
type tail struct {
	*base
	spec  FileSpec
	lines framer

	file    *os.File // nil before open
	info    fs.FileInfo
	regular bool
	offset  int64 // of the next read, in a regular file
	unwatch func() bool
}

// open replaces t.file, if it can, by what has the name now.
func (t *tail) open() error {
	// O_NONBLOCK: the open of a FIFO without a writer would block; NOCTTY: a terminal would become ours.
	file, err := os.OpenFile(t.spec.Path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		if errors.Is(err, syscall.ENXIO) {
			return fmt.Errorf("%w: is it a socket? read it as one", err)
		}
		return err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "read", Path: t.spec.Path, Err: syscall.EISDIR}
	}
	if err != nil {
		file.Close()
		return err
	}
	t.close()
	t.file, t.info, t.regular, t.offset = file, info, info.Mode().IsRegular(), 0
	t.unwatch = context.AfterFunc(t.ctx, func() { file.SetReadDeadline(longAgo) }) // of a FIFO; others do not block
	return nil
}

func (t *tail) close() {
	if t.file != nil {
		t.unwatch()
		t.file.Close()
	}
}

// seekEnd passes over what is there. Half a line at the end is passed over with its other half.
func (t *tail) seekEnd() error {
	if !t.regular {
		return nil
	}
	end, err := t.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	t.offset = end
	if end > 0 {
		var last [1]byte
		if _, err := t.file.ReadAt(last[:], end-1); err != nil && err != io.EOF {
			return err
		}
		t.lines.skip = last[0] != '\n'
	}
	return nil
}

func (t *tail) readOnce() error {
	buf := make([]byte, chunk)
	for {
		_, err := t.drain(buf)
		if err != nil {
			return err
		}
		if !t.waiting() {
			t.putLast(&t.lines)
			return nil
		}
		if !t.pause(t.spec.Poll) {
			return errStopped
		}
	}
}

// waiting tells whether the end that was read is not the end: that of a FIFO whose first writer is still to
// come. Linux says POLLHUP only once a writer has come and gone.
func (t *tail) waiting() (waiting bool) {
	if t.info.Mode().Type() != fs.ModeNamedPipe {
		return false
	}
	conn, err := t.file.SyscallConn()
	if err != nil {
		return false
	}
	conn.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, 0)
		events := fds[0].Revents
		waiting = err == nil && (events&unix.POLLHUP == 0 || events&unix.POLLIN != 0)
	})
	return waiting
}

// follow reads on until the file vanishes or t.ctx ends.
func (t *tail) follow() error {
	buf := make([]byte, chunk)
	var missing, replaced time.Time // since when; zero: it is not so
	for {
		grew, err := t.drain(buf)
		if err != nil {
			return err
		}
		if cut, err := t.rewindIfCut(); err != nil {
			return err
		} else if cut {
			continue
		}
		info, err := os.Stat(t.spec.Path)
		switch {
		case err == nil && os.SameFile(info, t.info):
			missing, replaced = time.Time{}, time.Time{}
		case err == nil:
			missing = time.Time{}
			if replaced.IsZero() {
				replaced = time.Now()
			}
			// Who writes may do so to the old file until it is told to reopen (logrotate creates the new
			// one first): the old one is left when it was quiet for a Poll, or when the new one has been
			// written to for long.
			age := time.Since(replaced)
			if age >= t.spec.Poll && !grew || age >= t.spec.Vanish && info.Size() > 0 {
				switched, err := t.next(buf)
				if switched {
					replaced = time.Time{}
					continue
				}
				if t.ctx.Err() != nil || age >= t.spec.Vanish {
					return err
				}
			}
		default:
			replaced = time.Time{}
			if missing.IsZero() {
				missing = time.Now()
			}
			if away := time.Since(missing); away >= t.spec.Vanish {
				t.putLast(&t.lines)
				return fmt.Errorf("the file has been away for %v: was it removed, or its folder unmounted? %w",
					away.Round(time.Millisecond), err)
			}
		}
		if !t.pause(t.spec.Poll) {
			return errStopped
		}
	}
}

// next reads the old file to its end and goes over to the one that has the name now, if it can.
func (t *tail) next(buf []byte) (switched bool, err error) {
	if _, err := t.drain(buf); err != nil { // what was written since the last look
		return false, err
	}
	if err := t.open(); err != nil {
		return false, fmt.Errorf("the file was replaced, and the new one cannot be read: %w", err)
	}
	t.rotations.Add(1)
	t.putLast(&t.lines)
	return true, nil
}

// drain reads to the present end of the file.
func (t *tail) drain(buf []byte) (grew bool, err error) {
	for {
		if t.ctx.Err() != nil {
			return grew, errStopped
		}
		n, err := t.file.Read(buf)
		t.offset += int64(n)
		grew = grew || n > 0
		t.lines.write(buf[:n])
		if !t.put(t.lines.take()) {
			return grew, errStopped
		}
		switch {
		case err == io.EOF || errors.Is(err, syscall.EAGAIN): // EAGAIN: a device that cannot be polled
			return grew, nil
		case err != nil:
			return grew, err
		}
	}
}

// rewindIfCut starts again if the file is now shorter than what was read of it.
func (t *tail) rewindIfCut() (bool, error) {
	if !t.regular {
		return false, nil
	}
	info, err := t.file.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() >= t.offset {
		return false, nil
	}
	t.truncations.Add(1)
	t.putLast(&t.lines)
	_, err = t.file.Seek(0, io.SeekStart)
	t.offset = 0
	return true, err
}
