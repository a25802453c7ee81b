package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	tcpDialTimeout = 10 * time.Second
	// tcpStall is the default of the option stall.
	tcpStall = 30 * time.Second
	// tcpLinger is how long Close waits for the peer to read to the end.
	tcpLinger = 300 * time.Millisecond
)

// wire is a TCP connection that knows how much of what was written to it the peer's kernel has acknowledged.
// It is what TLS runs on, too: its numbers are those of the bytes on the wire.
type wire struct {
	*net.TCPConn
	stall   time.Duration
	written atomic.Uint64 // bytes that the kernel has taken
	cut     atomic.Bool   // writes are to end
	closing atomic.Bool   // writes are not to wait
	fin     bool          // the sending half is closed; owned by the sender
}

var stallOption = option{
	name: "stall", value: "DURATION", check: timeBetween(time.Second, 10*time.Minute),
	doc: "for how long the peer may acknowledge nothing, or read nothing, before the connection counts as broken (30s)",
}

// dialWire connects. It returns soon after ctx ends.
func dialWire(ctx context.Context, a Address) (*wire, error) {
	stall := a.duration(stallOption.name, tcpStall)
	dialer := net.Dialer{
		Timeout: tcpDialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: stall / 2, Interval: max(stall/6, time.Second), Count: 3,
		},
		Control: func(_, _ string, c syscall.RawConn) error { return setUserTimeout(c, stall) },
	}
	conn, err := dialer.DialContext(ctx, "tcp", a.hostPort())
	if err != nil {
		return nil, err
	}
	return &wire{TCPConn: conn.(*net.TCPConn), stall: stall}, nil
}

// setUserTimeout bounds how long the kernel keeps resending what nobody acknowledges: a quarter of an hour
// by default. See TCP_USER_TIMEOUT in tcp(7).
func setUserTimeout(c syscall.RawConn, limit time.Duration) error {
	var err error
	ctlErr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
	})
	return errors.Join(ctlErr, err)
}

// Write writes all of b, for as long as the peer takes some of it within the time of stall, and until interrupt. It may
// be called from two goroutines (TLS answers to its peer while it reads), which must not interleave.
func (w *wire) Write(b []byte) (total int, err error) {
	for {
		limit := w.stall
		if w.closing.Load() {
			limit = tcpLinger
		}
		if err := w.SetWriteDeadline(time.Now().Add(limit)); err != nil {
			return total, err
		}
		// Looked at after the deadline is set: had interrupt come before, its past deadline is overwritten now.
		if w.cut.Load() && !w.closing.Load() {
			return total, os.ErrDeadlineExceeded
		}
		n, err := w.TCPConn.Write(b[total:])
		total += n
		w.written.Add(uint64(n))
		switch {
		case err == nil:
			return total, nil
		case errors.Is(err, os.ErrDeadlineExceeded) && w.cut.Load():
			return total, err
		case errors.Is(err, os.ErrDeadlineExceeded) && n > 0:
			// Slow, but it goes forward.
		case errors.Is(err, os.ErrDeadlineExceeded):
			return total, fmt.Errorf("the peer has read nothing for %v: %w", limit, err)
		default:
			return total, err
		}
	}
}

// interrupt ends the present write and all that follow.
func (w *wire) interrupt() {
	w.cut.Store(true)
	_ = w.SetWriteDeadline(time.Unix(1, 0))
}

// acknowledged is how many of the bytes written the peer's kernel has, at least. It is also right after the
// peer has reset the connection, but not after Close.
func (w *wire) acknowledged() uint64 {
	written := w.written.Load() // before the question: what is written in between counts as not acknowledged
	queued := 0
	raw, err := w.SyscallConn()
	if err == nil {
		ctlErr := raw.Control(func(fd uintptr) { queued, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		err = errors.Join(ctlErr, err)
	}
	if err != nil {
		return 0
	}
	if w.fin && queued > 0 {
		queued-- // the FIN, which is behind all others
	}
	return written - min(uint64(queued), written)
}

var errPeerClosed = errors.New("the peer closed the connection")

// closed asks the kernel whether the peer has closed. Who reads learns the same a moment later.
func (w *wire) closed() error {
	raw, err := w.SyscallConn()
	if err != nil {
		return err
	}
	var n int
	var peekErr error
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, peekErr = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	switch {
	case err != nil:
		return err
	case peekErr == nil && n == 0:
		return errPeerClosed
	case peekErr != nil && !errors.Is(peekErr, unix.EAGAIN) && !errors.Is(peekErr, unix.EINTR):
		return os.NewSyscallError("recvfrom", peekErr)
	}
	return nil
}

// reset asks the kernel whether the connection is broken, so that nothing more will be acknowledged.
func (w *wire) reset() bool {
	raw, err := w.SyscallConn()
	if err != nil {
		return true
	}
	broken := false
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		_, pollErr := unix.Poll(fds, 0)
		broken = pollErr == nil && fds[0].Revents&unix.POLLERR != 0
	})
	return broken || err != nil
}

// discard reads what the peer says and throws it away, until there is an error: io.EOF comes as errPeerClosed.
func discard(r io.Reader, lost chan<- error, ended chan<- struct{}) {
	defer close(ended)
	buf := make([]byte, 512)
	for {
		if _, err := r.Read(buf); err != nil {
			if errors.Is(err, io.EOF) {
				err = errPeerClosed
			}
			lost <- err
			return
		}
	}
}
