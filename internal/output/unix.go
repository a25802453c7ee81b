package output

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// unixStall is how long a full socket is waited for before the sender hears of it. The wait then goes on.
const unixStall = 10 * time.Second

// unixgram sends each line as one datagram to a unix socket.
//
// A full socket blocks (after 11 messages by default, net.unix.max_dgram_qlen) and loses nothing. A
// connected socket stays with the file it was connected to: when the path names another socket by now, a
// new reader has taken over and the connection is given up.
type unixgram struct {
	path string
	conn net.Conn
	file os.FileInfo // what the path named at Connect; nil for an abstract one
}

func newUnix(o opening) (Destination, error) { return &unixgram{path: o.Address.Path}, nil }

func (d *unixgram) abstract() bool { return strings.HasPrefix(d.path, "@") }

// Connect implements Destination.
func (d *unixgram) Connect(ctx context.Context) error {
	d.file = nil
	if !d.abstract() {
		// Before the dial: a socket that is replaced in between is then noticed at the first Send.
		info, err := os.Stat(d.path)
		if err != nil {
			return err
		}
		d.file = info
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unixgram", d.path)
	if errors.Is(err, syscall.EPROTOTYPE) {
		return fmt.Errorf("%w (it is a stream socket; a datagram socket is needed)", err)
	}
	if err != nil {
		return err
	}
	d.conn = conn
	return nil
}

// Send implements Destination.
func (d *unixgram) Send(ctx context.Context, b Batch) (int, error) {
	if d.replaced() {
		return 0, fmt.Errorf("%s was made again by another process", d.path)
	}
	arm, stop := interruptible(ctx, d.conn, unixStall)
	defer stop()
	for i, line := range b.Lines {
		if err := arm(); err != nil {
			return i, err
		}
		_, err := d.conn.Write(line)
		switch {
		case err == nil:
		case errors.Is(err, syscall.EMSGSIZE):
			return i, tooLarge("%d bytes are more than a datagram of this unix socket carries", len(line))
		case ctx.Err() != nil:
			return i, ctx.Err()
		case errors.Is(err, os.ErrDeadlineExceeded):
			return i, fmt.Errorf("%w: the socket has been full for %v", ErrBusy, unixStall)
		default:
			return i, err
		}
	}
	return len(b.Lines), nil
}

// replaced says whether the path names another file than at Connect. One that names nothing does not
// count: the reader may have deleted it and read on.
func (d *unixgram) replaced() bool {
	if d.file == nil {
		return false
	}
	info, err := os.Stat(d.path)
	return err == nil && !os.SameFile(d.file, info)
}

// Close implements Destination.
func (d *unixgram) Close() error { return d.conn.Close() }
