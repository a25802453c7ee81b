package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stdout writes lines, each with a newline, to the writer of the options.
//
// A reader that went away: a write gives EPIPE, the destination is lost and tried again with a back-off like
// any other. For that, the program must have called signal.Notify for SIGPIPE (signal.Ignore would be
// inherited by the commands it starts): unless it has, the Go runtime ends the process with SIGPIPE at an
// EPIPE on descriptor 1 or 2 (see "SIGPIPE" in the documentation of os/signal).
//
// A reader that does not read: the write blocks, lines wait in the spool, and the sender hears of it after a
// while. A write to an io.Writer cannot be cancelled, so it is done by a goroutine of its own, and when ctx ends
// in the middle of it that goroutine is left behind, with at most one batch, until the writer returns; a file
// that has deadlines is interrupted instead. A line cut off by an interrupted or failed write is written again
// whole.
type stdout struct {
	w   io.Writer
	buf []byte // belongs to the writing goroutine during Send
}

const (
	// stdoutStall is how long nothing may be written before the sender hears of it.
	stdoutStall = 10 * time.Second

	// pieceBytes is how much is written at once, but for one longer line: as much as a pipe takes as a whole, so
	// that a slow reader is told from one that does not read.
	pieceBytes = 4096
)

func newStdout(o opening) (Destination, error) {
	if o.Stdout == nil {
		return nil, errors.New("there is no standard output to write to")
	}
	return &stdout{w: o.Stdout}, nil
}

// Connect finds out whether anybody reads, where that can be known: of a pipe or socket.
func (d *stdout) Connect(context.Context) error {
	sc, ok := d.w.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return fmt.Errorf("standard output is not open: %w", err)
	}
	var events int16
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		if _, err := unix.Poll(fds, 0); err == nil {
			events = fds[0].Revents
		}
	})
	if err != nil {
		return fmt.Errorf("standard output is not open: %w", err)
	}
	if events&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
		return gone(errors.New("nobody reads standard output"))
	}
	return nil
}

type written struct {
	n   int
	err error
}

// Send implements Destination.
func (d *stdout) Send(ctx context.Context, b Batch) (int, error) {
	lines := b.Lines
	d.buf = joinLines(d.buf, lines)
	done := make(chan written, 1)
	var progress atomic.Int64
	go func(buf []byte) {
		n, err := writePieces(d.w, buf, &progress)
		done <- written{n, err}
	}(d.buf)

	stall := time.NewTicker(stdoutStall)
	defer stall.Stop()
	var res written
	for last, waiting := int64(0), true; waiting; {
		select {
		case res = <-done:
			waiting = false
		case <-stall.C:
			if now := progress.Load(); now > last {
				last = now
			} else if b.Stalled != nil {
				b.Stalled(fmt.Errorf("%w: nobody has read standard output for %v", ErrBusy, stdoutStall))
			}
		case <-ctx.Done():
			f, ok := d.w.(writeDeadliner)
			if !ok || f.SetWriteDeadline(time.Unix(1, 0)) != nil {
				d.buf = nil // left to the goroutine
				return 0, ctx.Err()
			}
			res = <-done
			waiting = false
		}
	}
	if res.err == nil {
		return len(lines), nil
	}
	if errors.Is(res.err, syscall.EPIPE) {
		res.err = gone(fmt.Errorf("nobody reads standard output: %w", res.err))
	}
	return wholeLines(lines, res.n), res.err
}

// writePieces writes lines with their newlines, few at once, and counts in progress the bytes that were written.
func writePieces(w io.Writer, buf []byte, progress *atomic.Int64) (n int, err error) {
	for n < len(buf) {
		piece := buf[n:]
		if len(piece) > pieceBytes {
			end := bytes.LastIndexByte(piece[:pieceBytes], '\n')
			if end < 0 {
				end = bytes.IndexByte(piece, '\n')
			}
			piece = piece[:end+1]
		}
		more, err := w.Write(piece)
		n += more
		progress.Store(int64(n))
		if err == nil && more < len(piece) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Close implements Destination. The writer is not the destination's to close.
func (d *stdout) Close() error { return nil }
