package command

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

var (
	noDeadline = time.Time{}
	longAgo    = time.Unix(1, 0)
)

// outPipe is the daemon's end of a command's stdout or stderr. One goroutine reads it.
//
// It ends when the last writer is gone, or by cut: then what the pipe held at that moment is still read,
// and nothing after it.
type outPipe struct {
	file *os.File
	done chan struct{} // closed when the end has been read, or by close

	cutting atomic.Bool
	once    sync.Once

	// owned by the reader
	counted bool
	budget  int // bytes still to read once counted
}

// newOutPipe gives both ends. Only the daemon's is non-blocking: O_NONBLOCK belongs to the open file that
// the command shares, and programs do not expect it on their stdout.
func newOutPipe() (ours *outPipe, theirs int, err error) {
	file, theirs, err := pipe(0)
	if err != nil {
		return nil, 0, err
	}
	return &outPipe{file: file, done: make(chan struct{})}, theirs, nil
}

// pipe makes a pipe whose end number which (0 reads, 1 writes) is ours, and non-blocking.
func pipe(which int) (ours *os.File, theirs int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, 0, os.NewSyscallError("pipe2", err)
	}
	// A new pipe has no other flag of F_SETFL, so there is no need to ask for them first.
	if _, err := unix.FcntlInt(uintptr(fds[which]), unix.F_SETFL, unix.O_NONBLOCK); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, 0, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fds[which]), "pipe"), fds[1-which], nil
}

// Read gives io.EOF at the end, whatever brought it.
func (p *outPipe) Read(buf []byte) (int, error) {
	for {
		if p.counted {
			if p.budget == 0 {
				p.close()
				return 0, io.EOF
			}
			buf = buf[:min(len(buf), p.budget)]
		}
		n, err := p.file.Read(buf)
		switch {
		case n > 0:
			if p.counted {
				p.budget -= n
			}
			return n, nil
		case errors.Is(err, os.ErrDeadlineExceeded) && p.cutting.Load() && !p.counted:
			p.counted, p.budget = true, p.buffered()
			p.file.SetReadDeadline(noDeadline) // the budget is there to be read: nothing blocks
		case err == nil && len(buf) == 0:
			return 0, nil
		default:
			p.close()
			return 0, io.EOF
		}
	}
}

// cut ends the pipe although somebody still holds it.
func (p *outPipe) cut() {
	if !p.cutting.Swap(true) {
		p.file.SetReadDeadline(longAgo)
	}
}

// held tells whether a process still has the writing end open.
func (p *outPipe) held() bool {
	held := false
	p.control(func(fd int) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, 0)
		held = err == nil && fds[0].Revents&unix.POLLHUP == 0
	})
	return held
}

// close is for any goroutine; a Read then gives io.EOF.
func (p *outPipe) close() {
	p.once.Do(func() {
		p.file.Close()
		close(p.done)
	})
}

func (p *outPipe) buffered() (n int) {
	p.control(func(fd int) {
		if count, err := unix.IoctlGetUint32(fd, unix.TIOCINQ); err == nil {
			n = int(count)
		}
	})
	return n
}

func (p *outPipe) control(f func(fd int)) {
	conn, err := p.file.SyscallConn()
	if err == nil {
		conn.Control(func(fd uintptr) { f(int(fd)) }) // fails only once the file is closed
	}
}
