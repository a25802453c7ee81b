package output

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// natsServer is the real server, with JetStream in a folder, behind a proxy that can stop and reset. What comes into
// the stream is what it has received.
type natsServer struct {
	*inbox
	addr    string // of the proxy
	store   string
	ca      string // path; empty without TLS
	options server.Options
	stream  *nats.StreamConfig // made at the first start; nil for none
	short   bool               // ends the connections after each line; set before start

	server *server.Server
	admin  *nats.Conn
	proxy  *natsProxy
	cancel context.CancelFunc
	reader sync.WaitGroup
	next   uint64 // sequence number in the stream of the next line
}

func newNATSServer(t *testing.T) *natsServer {
	return &natsServer{
		inbox: newInbox(), addr: ownAddress(t), store: filepath.Join(t.TempDir(), "store"), next: 1,
		stream: &nats.StreamConfig{Name: "DUMBPROBE", Subjects: []string{"dumbprobe.>"}, Storage: nats.FileStorage},
	}
}

// ownAddress is one that no other test gets while nothing listens there, as when its server is away.
func ownAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", fmt.Sprintf("127.77.%d.%d:0", 1+rand.N(250), 1+rand.N(250)))
	must(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

func newNATSTLSServer(t *testing.T) *natsServer {
	p := newNATSServer(t)
	a := newAuthority(t)
	p.ca = a.path
	p.options.TLSConfig = &tls.Config{Certificates: []tls.Certificate{a.issue(t, p.host()).pair}}
	p.options.TLSTimeout = patience.Seconds()
	return p
}

func (p *natsServer) host() string {
	host, _, _ := strings.Cut(p.addr, ":")
	return host
}

func (p *natsServer) box() *inbox { return p.inbox }

func (p *natsServer) closeAfterEach() { p.short = true }

func (p *natsServer) String() string {
	if p.ca != "" {
		return "nats+tls:" + p.addr + "?ca=" + p.ca
	}
	return "nats:" + p.addr
}

func (p *natsServer) start(t *testing.T) {
	t.Helper()
	o := p.options
	o.Host, o.Port = "127.0.0.1", server.RANDOM_PORT
	o.JetStream, o.StoreDir, o.NoLog, o.NoSigs = true, p.store, true, true
	s, err := server.NewServer(&o)
	must(t, err)
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not get ready")
	}
	p.server = s
	if len(o.Users) == 0 && len(o.TrustedOperators) == 0 {
		// Beside the proxy, and beside TLS.
		p.admin, err = nats.Connect("", nats.InProcessServer(s), nats.NoReconnect())
		must(t, err)
	}
	if p.stream != nil {
		p.read(t)
	}
	p.proxy = newNATSProxy(t, p.addr, s.Addr().String(), p.pass)
}

// jetStream is the library's own client of it.
func (p *natsServer) jetStream(t *testing.T) nats.JetStreamContext {
	t.Helper()
	js, err := p.admin.JetStream()
	must(t, err)
	return js
}

// read goes on to take what comes into the stream.
func (p *natsServer) read(t *testing.T) {
	t.Helper()
	js := p.jetStream(t)
	if _, err := js.AddStream(p.stream); err != nil {
		t.Fatal(err)
	}
	sub, err := js.SubscribeSync(p.stream.Subjects[0], nats.OrderedConsumer(), nats.StartSequence(p.next))
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.reader.Go(func() {
		for {
			m, err := sub.NextMsgWithContext(ctx)
			if err != nil {
				return
			}
			meta, err := m.Metadata()
			if err != nil || meta.Sequence.Stream < p.next {
				continue
			}
			p.next = meta.Sequence.Stream + 1
			p.add(string(m.Data))
			if p.short {
				p.proxy.end(false)
			}
		}
	})
}

func (p *natsServer) stop(*testing.T) {
	if p.server == nil {
		return
	}
	p.proxy.close()
	if p.cancel != nil {
		p.cancel()
		p.reader.Wait()
		p.cancel = nil
	}
	if p.admin != nil {
		p.admin.Close()
	}
	p.server.Shutdown()
	p.server.WaitForShutdown()
	p.server = nil
}

// leave implements polite: what is not acknowledged when it goes comes again.
func (p *natsServer) leave(t *testing.T) { p.stop(t) }

// reset implements resetter: nothing that the kernel alone has counts as delivered.
func (p *natsServer) reset(*testing.T) int {
	p.proxy.end(true)
	return 0
}

// stored is what the stream has: lines, and their subjects.
func (p *natsServer) stored(t *testing.T, stream string) (lines, subjects []string) {
	t.Helper()
	return storedIn(t, p.jetStream(t), stream)
}

func storedIn(t *testing.T, js nats.JetStreamContext, stream string) (lines, subjects []string) {
	t.Helper()
	info, err := js.StreamInfo(stream)
	must(t, err)
	for n := info.State.FirstSeq; n <= info.State.LastSeq && info.State.Msgs > 0; n++ {
		m, err := js.GetMsg(stream, n)
		if errors.Is(err, nats.ErrMsgNotFound) {
			continue
		}
		must(t, err)
		lines, subjects = append(lines, string(m.Data)), append(subjects, m.Subject)
	}
	return lines, subjects
}

// natsProxy stands between a destination and the server.
type natsProxy struct {
	ln   net.Listener
	to   string
	pass func() // called before each read; waits while the peer is to read nothing
	mute atomic.Bool
	wg   sync.WaitGroup

	mu    sync.Mutex // protects the following
	links map[*natsLink]bool
	ended bool         // no more links
	heard bytes.Buffer // what clients have sent
}

type natsLink struct{ client, server *net.TCPConn }

func newNATSProxy(t *testing.T, at, to string, pass func()) *natsProxy {
	t.Helper()
	ln, err := net.Listen("tcp", at)
	must(t, err)
	p := &natsProxy{ln: ln, to: to, pass: pass, links: map[*natsLink]bool{}}
	p.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			l := &natsLink{client: c.(*net.TCPConn), server: s.(*net.TCPConn)}
			p.mu.Lock()
			ended := p.ended
			p.links[l] = true
			p.mu.Unlock()
			if ended { // after close has ended all others
				p.end(false)
				return
			}
			p.wg.Go(func() { p.carry(l, l.server, l.client, func([]byte) bool { return !p.mute.Load() }) })
			p.wg.Go(func() { p.carry(l, l.client, l.server, p.hear) })
		}
	})
	return p
}

func (p *natsProxy) hear(b []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard.Write(b)
	return true
}

// carry passes on, in one direction, what comes and what let lets through.
func (p *natsProxy) carry(l *natsLink, from, to *net.TCPConn, let func([]byte) bool) {
	defer func() {
		from.Close()
		to.Close()
		p.mu.Lock()
		delete(p.links, l)
		p.mu.Unlock()
	}()
	for buf := make([]byte, 32<<10); ; {
		p.pass()
		n, err := from.Read(buf)
		if n > 0 && let(buf[:n]) {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// end ends all connections.
func (p *natsProxy) end(reset bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if reset {
			_ = l.client.SetLinger(0)
		}
		l.client.Close()
		l.server.Close()
	}
}

func (p *natsProxy) close() {
	p.ln.Close()
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.end(false)
	p.wg.Wait()
}

// natsGreeter is a server that says who it is, and nothing more; it tells what clients send to it.
func natsGreeter(t *testing.T, info string) (addr string, heard func() string) {
	t.Helper()
	ln := listen(t)
	var mu sync.Mutex
	var all bytes.Buffer
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(c, "INFO "+info+"\r\n")
			b, _ := io.ReadAll(c)
			mu.Lock()
			all.Write(b)
			mu.Unlock()
			c.Close()
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return ln.Addr().String(), func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}
