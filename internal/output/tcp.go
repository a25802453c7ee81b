package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	tcpDialTimeout = 10 * time.Second
	// tcpStall is for how long a peer may acknowledge nothing, or leave its window shut, before the
	// connection counts as broken. Lines that the kernel holds by then are lost.
	tcpStall = 30 * time.Second
	// tcpLinger is how long Close waits for the peer to read to the end.
	tcpLinger = 300 * time.Millisecond
)

// tcp writes lines, each with a newline, to a TCP connection.
//
// What the peer sends is read and thrown away, so its closing is seen at once and the next line goes to a
// new connection. A peer that closes only its sending half counts as gone, too. A line cut off by a broken
// connection is sent again whole on the next one: the peer sees a torn line at the end of the first.
type tcp struct {
	addr  string
	conn  *net.TCPConn
	lost  chan error    // one value, from the reader
	ended chan struct{} // closed when the reader is done
	buf   []byte
}

func newTCP(o opening) (Destination, error) { return &tcp{addr: o.Address.hostPort()}, nil }

// Connect implements Destination.
func (d *tcp) Connect(ctx context.Context) error {
	dialer := net.Dialer{
		Timeout: tcpDialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: tcpStall / 2, Interval: tcpStall / 6, Count: 3,
		},
		Control: setUserTimeout,
	}
	conn, err := dialer.DialContext(ctx, "tcp", d.addr)
	if err != nil {
		return err
	}
	d.conn = conn.(*net.TCPConn)
	d.lost, d.ended = make(chan error, 1), make(chan struct{})
	go drain(d.conn, d.lost, d.ended)
	return nil
}

// setUserTimeout bounds how long the kernel keeps resending what nobody acknowledges: a quarter of an hour
// by default. See TCP_USER_TIMEOUT in tcp(7).
func setUserTimeout(_, _ string, c syscall.RawConn) error {
	var err error
	ctlErr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(tcpStall.Milliseconds()))
	})
	return errors.Join(ctlErr, err)
}

var errPeerClosed = errors.New("the peer closed the connection")

func drain(conn *net.TCPConn, lost chan<- error, ended chan<- struct{}) {
	defer close(ended)
	buf := make([]byte, 512)
	for {
		if _, err := conn.Read(buf); err != nil {
			if errors.Is(err, io.EOF) {
				err = errPeerClosed
			}
			lost <- err
			return
		}
	}
}

// Lost implements Watched.
func (d *tcp) Lost() <-chan error { return d.lost }

// Send implements Destination.
func (d *tcp) Send(ctx context.Context, b Batch) (int, error) {
	lines := b.Lines
	if err := d.gone(); err != nil {
		return 0, err
	}
	d.buf = joinLines(d.buf, lines)
	arm, stop := interruptible(ctx, d.conn, tcpStall)
	defer stop()
	for total := 0; ; {
		if err := arm(); err != nil {
			return wholeLines(lines, total), err
		}
		n, err := d.conn.Write(d.buf[total:])
		total += n
		switch {
		case err == nil:
			return len(lines), nil
		case errors.Is(err, os.ErrDeadlineExceeded) && n > 0:
			// Slow, but it goes forward.
		case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
			return wholeLines(lines, total), fmt.Errorf("the peer has read nothing for %v: %w", tcpStall, err)
		default:
			return wholeLines(lines, total), err
		}
	}
}

// gone asks the kernel whether the peer has closed. The reader learns the same a moment later: a line
// written in that moment would be lost.
func (d *tcp) gone() error {
	raw, err := d.conn.SyscallConn()
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

// Close implements Destination. A close with something unread in the receive buffer makes the kernel reset
// the connection and throw away what it has still to send: so the sending half is closed first, and what
// the peer says is read until it closes, too.
func (d *tcp) Close() error {
	if d.conn.CloseWrite() == nil {
		select {
		case <-d.ended:
		case <-time.After(tcpLinger):
		}
	}
	err := d.conn.Close()
	<-d.ended
	return err
}
