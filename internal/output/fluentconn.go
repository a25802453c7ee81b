package output

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// fluentConn is a connection to a Forward server that has let us in. What the server says is read as it comes, so that
// its closing is seen at once.
type fluentConn struct {
	wire   *wire
	secure closeWriter   // the TLS connection on wire; nil for plain TCP
	stream io.ReadWriter // one of the two
	short  bool          // the server closes after one chunk, as it has said

	acks  chan string   // what the server has acknowledged, from the reader
	lost  chan error    // one value, from the reader, after the last of acks
	done  chan struct{} // closed by close
	ended chan struct{} // closed when the reader is done
}

// dialFluent connects, and logs in unless login is nil. config is nil for plain TCP. It returns soon after ctx ends.
func dialFluent(ctx context.Context, a Address, config *tls.Config, login *fluentLogin) (*fluentConn, error) {
	w, err := dialWire(ctx, a)
	if err != nil {
		return nil, err
	}
	c := &fluentConn{
		wire: w, stream: w,
		acks: make(chan string, fluentWindow), lost: make(chan error, 1),
		done: make(chan struct{}), ended: make(chan struct{}),
	}
	if config != nil {
		secure := tls.Client(w, config)
		limited, cancel := context.WithTimeout(ctx, fluentHandshake)
		defer cancel()
		if err := secure.HandshakeContext(limited); err != nil {
			w.Close()
			return nil, fmt.Errorf("TLS with %s: %w", a.hostPort(), err)
		}
		c.secure, c.stream = secure, secure
	}
	in := &fluentReader{r: c.stream}
	if login != nil {
		if c.short, err = c.logIn(ctx, in, login); err != nil {
			w.Close()
			return nil, fmt.Errorf("%s: %w", a.hostPort(), login.secrets().hideIn(err))
		}
	}
	go c.read(in)
	return c, nil
}

// logIn shakes hands within its time.
func (c *fluentConn) logIn(ctx context.Context, in *fluentReader, login *fluentLogin) (short bool, err error) {
	limited, cancel := context.WithTimeout(ctx, fluentHandshake)
	defer cancel()
	stop := context.AfterFunc(limited, func() {
		c.wire.interrupt()
		_ = c.wire.SetReadDeadline(time.Unix(1, 0))
	})
	short, err = login.shakeHands(in, c.stream)
	if !stop() && err == nil {
		err = os.ErrDeadlineExceeded // or ctx has ended; the connection is of no more use
	}
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, fmt.Errorf("%w within %v", err, fluentHandshake)
	}
	return short, err
}

// read passes on acknowledgements until there is an error.
func (c *fluentConn) read(in *fluentReader) {
	defer close(c.ended)
	for {
		id, err := in.ack()
		if err != nil {
			c.lost <- err // there is room
			return
		}
		select {
		case c.acks <- id:
		case <-c.done:
			return
		}
	}
}

// broken says whether the server is known to have gone.
func (c *fluentConn) broken() error {
	select {
	case err := <-c.lost:
		return err
	default:
		return c.wire.closed()
	}
}

// close ends the connection.
func (c *fluentConn) close() error {
	c.wire.closing.Store(true)
	// TLS has its own end; where the peer does not read, there is nobody to hear it.
	if c.secure != nil && c.wire.acknowledged() == c.wire.written.Load() {
		_ = c.secure.CloseWrite()
	}
	close(c.done)
	err := c.wire.Close()
	<-c.ended
	return err
}

// fluentFlight is the chunks of a batch on their way.
type fluentFlight struct {
	conn    *fluentConn
	timeout time.Duration // without any acknowledgement
	chunks  []fluentFlown // oldest first
	waiting int           // how many of chunks are not acknowledged
}

type fluentFlown struct {
	id    string
	lines int
	acked bool
}

// send writes a chunk of so many lines.
func (f *fluentFlight) send(c fluentChunk, lines int) error {
	if _, err := f.conn.stream.Write(c.bytes); err != nil {
		select {
		case why := <-f.conn.lost: // it says more
			err = why
		default:
		}
		return f.ended(err)
	}
	f.chunks = append(f.chunks, fluentFlown{id: c.id, lines: lines})
	f.waiting++
	return nil
}

// settle waits until no more than so many chunks are not acknowledged.
func (f *fluentFlight) settle(ctx context.Context, most int) error {
	if f.waiting <= most {
		return nil
	}
	t := time.NewTimer(f.timeout)
	defer t.Stop()
	for f.waiting > most {
		select {
		case id := <-f.conn.acks:
			if err := f.take(id); err != nil {
				return err
			}
			t.Reset(f.timeout)
		case err := <-f.conn.lost:
			return f.ended(err)
		case <-t.C:
			return fmt.Errorf("the peer has acknowledged nothing for %v (option ack_timeout); chunks that wait for that: %d", f.timeout, f.waiting)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// ended takes what was acknowledged before the connection ended, for the reason err.
func (f *fluentFlight) ended(err error) error {
	for {
		select {
		case id := <-f.conn.acks:
			if wrong := f.take(id); wrong != nil {
				return wrong
			}
		default:
			return err
		}
	}
}

// take notes that a chunk is acknowledged. A server may do so in another order than they were sent.
func (f *fluentFlight) take(id string) error {
	for i := range f.chunks {
		if c := &f.chunks[i]; c.id == id && !c.acked {
			c.acked = true
			f.waiting--
			return nil
		}
	}
	return fmt.Errorf("the peer has acknowledged a chunk %q, which does not wait for that", id)
}

// acknowledged is how many lines are, from the first.
func (f *fluentFlight) acknowledged() (lines int) {
	for _, c := range f.chunks {
		if !c.acked {
			break
		}
		lines += c.lines
	}
	return lines
}
