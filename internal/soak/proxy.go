package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy stands between the daemon and a peer.
type proxy struct {
	ln     net.Listener
	to     string
	polite bool
	wg     sync.WaitGroup

	mu    sync.Mutex // protects the following
	delay time.Duration
	stuck time.Time // until then, nothing is read or passed on
	links map[*link]bool

	closed chan struct{} // by close
}

// link is one connection through it: from the daemon, to the peer.
type link struct {
	from, to *net.TCPConn
	half     atomic.Bool // half-open: the peer has lost it, and the daemon is told nothing
}

func newProxy(to string, polite bool) (*proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{ln: ln, to: to, polite: polite, links: map[*link]bool{}, closed: make(chan struct{})}
	p.wg.Go(p.serve)
	return p, nil
}

func (p *proxy) serve() {
	for {
		c, err := p.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		p.wg.Go(func() {
			if l := p.link(c.(*net.TCPConn)); l != nil {
				p.carry(l)
			}
		})
	}
}

// link connects c with the peer. Where the peer is away, c is reset; a polite proxy waits for the peer, since what its
// kernel had by then would be lost with c. It returns nil when there is no connection.
func (p *proxy) link(c *net.TCPConn) *link {
	for {
		out, err := net.Dial("tcp", p.to)
		p.mu.Lock()
		closed := p.isClosed()
		if err == nil && !closed {
			l := &link{from: c, to: out.(*net.TCPConn)}
			p.links[l] = true
			p.mu.Unlock()
			return l
		}
		p.mu.Unlock()
		if err == nil {
			out.Close()
		}
		if closed || !p.polite {
			_ = c.SetLinger(0)
			c.Close()
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// carry passes on what comes, in both directions, until both are at their end.
func (p *proxy) carry(l *link) {
	defer func() {
		p.mu.Lock()
		delete(p.links, l)
		p.mu.Unlock()
		l.from.Close()
		l.to.Close()
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(l.from, l.to)
		if !l.half.Load() {
			_ = l.from.CloseWrite()
		}
	}()
	buf := make([]byte, 32<<10)
	for {
		p.mu.Lock()
		wait := max(p.delay, time.Until(p.stuck))
		p.mu.Unlock()
		if wait > 0 {
			time.Sleep(wait)
		}
		n, err := l.from.Read(buf)
		if n > 0 {
			if _, err := l.to.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if l.half.Load() {
		<-p.closed // nothing more is read, and nothing said: it is for the daemon to notice
	}
	_ = l.to.CloseWrite()
	if !p.polite {
		l.from.Close()
		l.to.Close()
	}
	<-done
}

// misbehave does one thing at random: it delays, stops for a while, resets the connections, or makes them half-open, as
// when the peer's machine loses its power. A polite one has its connections closed in good order instead.
func (p *proxy) misbehave(random *rand.Rand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch random.IntN(5) {
	case 0:
		p.delay = time.Duration(random.IntN(200)) * time.Millisecond
	case 1:
		p.stuck = time.Now().Add(time.Duration(random.IntN(5000)) * time.Millisecond)
	case 2:
		p.delay = 0
	case 3:
		for l := range p.links {
			if p.polite {
				_ = l.from.CloseWrite() // and what the daemon has sent is still passed on
				continue
			}
			_ = l.from.SetLinger(0)
			_ = l.to.SetLinger(0)
			l.from.Close()
			l.to.Close()
		}
	case 4:
		for l := range p.links {
			if !p.polite {
				l.half.Store(true)
				_ = l.to.SetLinger(0)
				l.to.Close()
			}
		}
	}
}

func (p *proxy) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay, p.stuck = 0, time.Time{}
}

func (p *proxy) close() {
	p.heal()
	p.ln.Close()
	p.mu.Lock()
	close(p.closed)
	for l := range p.links {
		l.from.Close()
		l.to.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}
