package output

import (
	"context"
	"io"
	"time"
)

// maxRecord is the most that a TLS record carries, in bytes.
const maxRecord = 16 << 10

// lineConn is a connection over which lines are written, each with a newline, and which knows how many of them
// the peer's kernel has acknowledged. What the peer sends is read and thrown away, so its closing is seen at once
// and the next line goes to a new connection. A peer that closes only its sending half counts as gone, too.
//
// A line cut off by a broken connection is not among those taken: it is sent again whole on the next one, and the
// peer sees a torn line at the end of the first.
type lineConn struct {
	wire   *wire
	secure closeWriter   // the TLS connection on wire; nil for plain TCP
	lost   chan error    // one value, from the reader
	ended  chan struct{} // closed when the reader is done
	buf    []byte

	marks     []mark // lines that are not yet known to be acknowledged, oldest first
	confirmed uint64
}

type closeWriter interface {
	io.ReadWriter
	CloseWrite() error
}

// mark says where on the wire lines end.
type mark struct {
	end   uint64 // bytes since the connection was made
	lines int
}

// newLineConn begins to read. secure is nil for plain TCP.
func newLineConn(w *wire, secure closeWriter) *lineConn {
	c := &lineConn{wire: w, secure: secure, lost: make(chan error, 1), ended: make(chan struct{})}
	var r io.Reader = w
	if secure != nil {
		r = secure
	}
	go discard(r, c.lost, c.ended)
	return c
}

// send is Destination.Send.
func (c *lineConn) send(ctx context.Context, lines [][]byte) (sent int, err error) {
	if err := c.wire.closed(); err != nil {
		return 0, unsent(err)
	}
	stop := context.AfterFunc(ctx, c.wire.interrupt)
	defer stop()
	if c.secure == nil {
		sent, err = c.sendPlain(lines)
	} else {
		sent, err = c.sendRecords(lines)
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return sent, err
}

func (c *lineConn) sendPlain(lines [][]byte) (int, error) {
	end := c.wire.written.Load()
	c.buf = joinLines(c.buf, lines)
	n, err := c.wire.Write(c.buf)
	sent := wholeLines(lines, n)
	for _, line := range lines[:sent] {
		end += uint64(len(line)) + 1
		c.marks = append(c.marks, mark{end, 1})
	}
	return sent, err
}

// sendRecords writes as many lines at once as a record holds. What the peer's kernel has of a record is of no use
// to it until it has all: so lines are known as acknowledged by records.
func (c *lineConn) sendRecords(lines [][]byte) (sent int, err error) {
	for sent < len(lines) {
		n := 1
		for size := len(lines[sent]) + 1; sent+n < len(lines); n++ {
			if size += len(lines[sent+n]) + 1; size > maxRecord {
				break
			}
		}
		c.buf = joinLines(c.buf, lines[sent:sent+n])
		if _, err := c.secure.Write(c.buf); err != nil {
			return sent, err // records cannot be gone on with in their middle
		}
		sent += n
		c.marks = append(c.marks, mark{c.wire.written.Load(), n})
	}
	return sent, nil
}

// confirm returns how many of the lines taken by send the peer's kernel has acknowledged so far.
func (c *lineConn) confirm() uint64 {
	if len(c.marks) == 0 {
		return c.confirmed
	}
	acknowledged, n := c.wire.acknowledged(), 0
	for n < len(c.marks) && c.marks[n].end <= acknowledged {
		c.confirmed += uint64(c.marks[n].lines)
		n++
	}
	if c.marks = c.marks[n:]; len(c.marks) == 0 {
		c.marks = nil
	}
	return c.confirmed
}

// close ends the connection. A close with something unread in the receive buffer makes the kernel reset the
// connection and throw away what it has still to send: so the sending half is closed first, and what the peer says
// is read until it closes, too.
func (c *lineConn) close() error {
	c.wire.closing.Store(true)
	// TLS has its own end; where the peer does not read, there is nobody to hear it.
	if c.secure != nil && c.wire.acknowledged() == c.wire.written.Load() {
		_ = c.secure.CloseWrite()
	}
	if c.wire.CloseWrite() == nil {
		c.wire.fin = true
		c.linger()
	}
	c.confirm()
	err := c.wire.Close()
	<-c.ended
	return err
}

// linger waits, within its limit, for the peer to close and to acknowledge what was sent. One that has closed its
// sending half first, as a server does that ends, may still read.
func (c *lineConn) linger() {
	limit := time.NewTimer(tcpLinger)
	defer limit.Stop()
	select {
	case <-c.ended:
	case <-limit.C:
		return
	}
	for wait := time.Millisecond; ; wait *= 2 {
		c.confirm()
		if len(c.marks) == 0 || c.wire.reset() {
			return
		}
		select {
		case <-time.After(wait):
		case <-limit.C:
			return
		}
	}
}
