package output

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"
	"golang.org/x/sys/unix"

	"dumbprobe/internal/peers"
)

// fluentServer speaks the server's side of the Forward protocol. Its inbox has the records, as JSON.
type fluentServer struct {
	*lineServer
	options string // of the address
	key     string // shared; empty: there is no handshake
	// users, with their passwords; nil: none is asked for.
	users map[string]string
	// Set before start. helo and pong change what is said; ack is called before a chunk is acknowledged, and says by
	// which texts it is.
	helo func(map[string]any)
	pong func(ping []string, pong []any) []any
	ack  func(n int, c peers.FluentChunk) (ids []string, hangUp bool)

	mu     sync.Mutex
	chunks []peers.FluentChunk
}

func newFluentServer(t *testing.T) *fluentServer {
	p := &fluentServer{lineServer: newLineServer(t)}
	p.talk = p.forward
	return p
}

// newFluentTLSServer has TLS, a shared key and a user.
func newFluentTLSServer(t *testing.T) *fluentServer {
	p := &fluentServer{lineServer: newTLSServer(t)}
	p.talk = p.forward
	p.share(t, "open sesame")
	p.users = map[string]string{"ali": "baba"}
	p.options += "&user=ali&password_file=" + secretFile(t, "baba\n")
	return p
}

// share has the handshake be needed.
func (p *fluentServer) share(t *testing.T, key string) {
	p.key = key
	p.options += "&shared_key_file=" + secretFile(t, key+"\n")
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func (p *fluentServer) String() string {
	scheme, options := "fluent:", p.options
	if p.secure != nil {
		scheme, options = "fluent+tls:", "&ca="+p.ca+options
	}
	if options != "" {
		options = "?" + options[1:]
	}
	return scheme + p.addr + options
}

// leave implements polite: a chunk that has not come whole is not taken.
func (p *fluentServer) leave(*testing.T) {
	p.ln.Close()
	p.lineServer.mu.Lock()
	for _, c := range p.conns {
		_ = c.SetReadDeadline(time.Unix(1, 0))
	}
	p.conns = nil
	p.lineServer.mu.Unlock()
	p.wg.Wait()
	p.ln = nil
}

func (p *fluentServer) taken() []peers.FluentChunk {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]peers.FluentChunk(nil), p.chunks...)
}

// forward serves one connection.
func (p *fluentServer) forward(c *serverConn) {
	stream := c.rest.(io.ReadWriter)
	r := msgp.NewReader(stream)
	if p.key != "" || p.users != nil || p.helo != nil {
		greeting := peers.FluentGreeting{Key: p.key, Users: p.users, Helo: p.helo, Pong: p.pong}
		if greeting.Shake(r, stream) != nil {
			return
		}
	}
	for first := true; ; first = false {
		p.pass()
		chunk, err := peers.ReadFluentChunk(r)
		if err != nil {
			return
		}
		p.mu.Lock()
		n := len(p.chunks)
		p.chunks = append(p.chunks, chunk)
		p.mu.Unlock()
		ids, hangUp := []string{chunk.ID}, false
		if p.ack != nil {
			ids, hangUp = p.ack(n, chunk)
		}
		if len(ids) > 0 {
			for _, record := range chunk.Records {
				p.add(record)
			}
		}
		closing := p.short && first || hangUp
		if closing {
			cork(c)
		}
		var out []byte
		for _, id := range ids {
			out = append(out, peers.FluentAck(id)...)
		}
		if _, err := stream.Write(out); err != nil {
			return
		}
		if closing {
			_ = c.CloseWrite() // in the same segment, so that the client sees both at once
			_, _ = io.Copy(io.Discard, stream)
			return
		}
	}
}

// cork holds back what is written, until the end.
func cork(c *serverConn) {
	raw, err := c.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1) })
	}
}
