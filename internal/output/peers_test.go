package output

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inbox is what a peer has received.
type inbox struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed at the next line
	gate  chan struct{} // not nil while the peer does not read; closed to let it go on
}

func newInbox() *inbox { return &inbox{more: make(chan struct{})} }

func (b *inbox) add(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
	close(b.more)
	b.more = make(chan struct{})
}

func (b *inbox) received() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.lines...)
}

// wait returns all lines once done is content with them.
func (b *inbox) wait(t *testing.T, what string, done func(lines []string) bool) []string {
	t.Helper()
	deadline := time.After(patience)
	for {
		b.mu.Lock()
		lines, more := append([]string(nil), b.lines...), b.more
		b.mu.Unlock()
		if done(lines) {
			return lines
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("%s: only %d lines came", what, len(lines))
		}
	}
}

func (b *inbox) waitFor(t *testing.T, n int) []string {
	t.Helper()
	return b.wait(t, "waiting for lines", func(lines []string) bool { return len(lines) >= n })
}

func (b *inbox) pause() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gate = make(chan struct{})
}

func (b *inbox) resume() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gate != nil {
		close(b.gate)
		b.gate = nil
	}
}

// pass blocks while the peer does not read.
func (b *inbox) pass() {
	b.mu.Lock()
	gate := b.gate
	b.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

// peer is the other end of a kind of destination.
type peer interface {
	box() *inbox
	start(t *testing.T) // comes, or comes back, at the same address
	stop(t *testing.T)  // goes; may be called when not there
}

// polite is a peer that can go as a proper server does: it takes what was sent to it, then ends.
type polite interface{ leave(t *testing.T) }

// curt is a peer that can close its connection, politely, after each line (or batch) that it takes.
type curt interface{ closeAfterEach() }

// resetter is a peer of connections that can reset them.
type resetter interface {
	// reset ends all connections without reading on, and says how many bytes its kernel had got on the last one.
	reset(t *testing.T) (bytes int)
}

// lineServer is a TCP or TLS peer. What it is sent after stop closed the connection is lost, as with any peer.
type lineServer struct {
	*inbox
	addr   string
	secure *tls.Config // nil for plain TCP
	ca     string      // path
	short  bool        // closes after each line; set before start
	talk   func(c *serverConn)
	ln     net.Listener
	mu     sync.Mutex
	conns  []*serverConn
	wg     sync.WaitGroup
}

// serverConn counts what was read from the wire.
type serverConn struct {
	*net.TCPConn
	read atomic.Int64
	rest io.Reader // what is not yet read, without the wire's encryption
}

func (c *serverConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	c.read.Add(int64(n))
	return n, err
}

func newLineServer(t *testing.T) *lineServer {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := &lineServer{inbox: newInbox(), addr: ln.Addr().String()}
	p.talk = p.takeLines
	return p
}

func newTLSServer(t *testing.T) *lineServer {
	p := newLineServer(t)
	authority := newAuthority(t)
	p.secure = &tls.Config{Certificates: []tls.Certificate{authority.issue(t, "127.0.0.1").pair}}
	p.ca = authority.path
	return p
}

func (p *lineServer) box() *inbox { return p.inbox }

func (p *lineServer) closeAfterEach() { p.short = true }

func (p *lineServer) start(t *testing.T) {
	ln, err := net.Listen("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.ln = ln
	p.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			sc := &serverConn{TCPConn: c.(*net.TCPConn)}
			sc.rest = sc
			if p.secure != nil {
				sc.rest = tls.Server(sc, p.secure)
			}
			p.mu.Lock()
			p.conns = append(p.conns, sc)
			p.mu.Unlock()
			p.wg.Go(func() {
				defer c.Close()
				p.talk(sc)
			})
		}
	})
}

// takeLines is the talk of a peer that is sent lines.
func (p *lineServer) takeLines(c *serverConn) {
	first := true
	for r := bufio.NewReader(c.rest); ; first = false {
		p.pass()
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		p.add(line[:len(line)-1])
		if p.short && first {
			_ = c.CloseWrite() // and on until the other end has closed, too
		}
	}
}

// leave implements polite.
func (p *lineServer) leave(t *testing.T) {
	p.ln.Close()
	p.mu.Lock()
	for _, c := range p.conns {
		_ = c.CloseWrite()
	}
	p.conns = nil
	p.mu.Unlock()
	p.wg.Wait()
	p.ln = nil
}

// reset implements resetter.
func (p *lineServer) reset(t *testing.T) (bytes int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetLinger(0)
		_ = raw.Control(func(fd uintptr) {
			var unread int
			if unread, err = unix.IoctlGetInt(int(fd), unix.SIOCINQ); err == nil {
				bytes = unread + int(c.read.Load())
			}
		})
		c.Close()
	}
	p.conns = nil
	return bytes
}

func (p *lineServer) stop(*testing.T) {
	if p.ln == nil {
		return
	}
	p.ln.Close()
	p.mu.Lock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
	p.mu.Unlock()
	p.wg.Wait()
	p.ln = nil
}

// datagramServer is a UDP or unix datagram peer.
type datagramServer struct {
	*inbox
	network, addr string
	conn          net.PacketConn
	wg            sync.WaitGroup
}

func newUDPServer(t *testing.T) *datagramServer {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return &datagramServer{inbox: newInbox(), network: "udp", addr: c.LocalAddr().String()}
}

func newUnixServer(t *testing.T) *datagramServer {
	return &datagramServer{inbox: newInbox(), network: "unixgram", addr: filepath.Join(shortDir(t), "s")}
}

// shortDir is a folder whose name leaves room in the path of a socket; t.TempDir repeats the test's name.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "out")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (p *datagramServer) box() *inbox { return p.inbox }

func (p *datagramServer) start(t *testing.T) {
	c, err := net.ListenPacket(p.network, p.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.conn = c
	p.wg.Go(func() {
		for buf := make([]byte, 1<<16); ; {
			p.pass()
			n, _, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			p.add(string(buf[:n]))
		}
	})
}

func (p *datagramServer) stop(*testing.T) {
	if p.conn == nil {
		return
	}
	p.conn.Close()
	p.wg.Wait()
	if p.network == "unixgram" {
		os.Remove(p.addr)
	}
	p.conn = nil
}

func (p *lineServer) String() string {
	if p.secure != nil {
		return "tls:" + p.addr + "?ca=" + p.ca
	}
	return "tcp:" + p.addr
}
func (p *datagramServer) scheme() string {
	if p.network == "udp" {
		return "udp"
	}
	return "unix"
}
func (p *datagramServer) String() string { return p.scheme() + ":" + p.addr }

// fileReader follows a log file as it is written, and rotates it. It comes by making the folder.
type fileReader struct {
	*inbox
	folder, path string
	quit         chan struct{}
	wg           sync.WaitGroup
}

func newFileReader(t *testing.T) *fileReader {
	dir := t.TempDir()
	return &fileReader{inbox: newInbox(), folder: filepath.Join(dir, "logs"), path: filepath.Join(dir, "logs", "messages")}
}

func (p *fileReader) box() *inbox    { return p.inbox }
func (p *fileReader) String() string { return "file:" + p.path }

func (p *fileReader) start(t *testing.T) {
	if err := os.MkdirAll(p.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	p.quit = make(chan struct{})
	p.wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		var f *os.File
		var r *bufio.Reader
		defer func() { f.Close() }()
		for rest := ""; ; {
			if f == nil {
				if f, _ = os.Open(p.path); f != nil {
					r = bufio.NewReader(f)
				}
			}
			for f != nil {
				part, err := r.ReadString('\n')
				rest += part
				if err != nil {
					break
				}
				p.add(rest[:len(rest)-1])
				rest = ""
			}
			select {
			case <-tick.C:
			case <-p.quit:
				return
			}
		}
	})
}

// stop removes the folder, once it is read to its end.
func (p *fileReader) stop(t *testing.T) {
	if p.quit == nil {
		return
	}
	close(p.quit)
	p.wg.Wait()
	p.quit = nil
	if err := os.RemoveAll(p.folder); err != nil {
		t.Error(err)
	}
}
