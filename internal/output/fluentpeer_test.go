package output

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"
	"golang.org/x/sys/unix"
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
	ack  func(n int, c fluentReceived) (ids []string, hangUp bool)

	mu     sync.Mutex
	chunks []fluentReceived
}

// fluentReceived is a chunk as it came.
type fluentReceived struct {
	tag, id    string
	size       int
	compressed bool
	times      []time.Time
	records    []string
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

func (p *fluentServer) taken() []fluentReceived {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]fluentReceived(nil), p.chunks...)
}

// forward serves one connection.
func (p *fluentServer) forward(c *serverConn) {
	stream := c.rest.(io.ReadWriter)
	r := msgp.NewReader(stream)
	if p.key != "" || p.users != nil || p.helo != nil {
		if p.letIn(r, stream) != nil {
			return
		}
	}
	for first := true; ; first = false {
		p.pass()
		chunk, err := readFluentChunk(r)
		if err != nil {
			return
		}
		p.mu.Lock()
		n := len(p.chunks)
		p.chunks = append(p.chunks, chunk)
		p.mu.Unlock()
		ids, hangUp := []string{chunk.id}, false
		if p.ack != nil {
			ids, hangUp = p.ack(n, chunk)
		}
		if len(ids) > 0 {
			for _, record := range chunk.records {
				p.add(record)
			}
		}
		closing := p.short && first || hangUp
		if closing {
			cork(c)
		}
		var out []byte
		for _, id := range ids {
			out = msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(out, 1), "ack"), id)
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

// letIn shakes hands, as Fluentd does.
func (p *fluentServer) letIn(r *msgp.Reader, w io.Writer) error {
	const name = "server.example.net"
	nonce, auth := make([]byte, 16), []byte{}
	_, _ = rand.Read(nonce)
	if p.users != nil {
		auth = []byte("pepper")
	}
	helo := map[string]any{"nonce": nonce, "auth": auth, "keepalive": true}
	if p.helo != nil {
		p.helo(helo)
		nonce = helo["nonce"].([]byte)
	}
	b, err := msgp.AppendIntf(nil, []any{"HELO", helo})
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	n, err := r.ReadArrayHeader()
	if err != nil || n != 6 {
		return fmt.Errorf("no PING: %d, %w", n, err)
	}
	var ping []string
	for range n {
		s, err := r.ReadString()
		if err != nil {
			return err
		}
		ping = append(ping, s)
	}
	host, salt, digest, user, password := ping[1], ping[2], ping[3], ping[4], ping[5]
	reason := ""
	if ping[0] != "PING" || digest != hexDigest(salt, host, string(nonce), p.key) {
		reason = "shared_key mismatch"
	}
	if p.users != nil && password != hexDigest(string(auth), user, p.users[user]) {
		reason = "username/password mismatch"
	}
	pong := []any{"PONG", true, "", name, hexDigest(salt, name, string(nonce), p.key)}
	if reason != "" {
		pong = []any{"PONG", false, reason, "", ""}
	}
	if p.pong != nil {
		pong = p.pong(ping, pong)
	}
	if pong == nil {
		return errors.New(reason)
	}
	if b, err = msgp.AppendIntf(nil, pong); err == nil {
		_, err = w.Write(b)
	}
	if err == nil && pong[1] != true {
		err = errors.New(reason)
	}
	return err
}

// readFluentChunk reads [tag, entries, options].
func readFluentChunk(r *msgp.Reader) (c fluentReceived, err error) {
	n, err := r.ReadArrayHeader()
	if err != nil || n != 3 {
		return c, fmt.Errorf("a list of %d: %w", n, err)
	}
	if c.tag, err = r.ReadString(); err != nil {
		return c, err
	}
	entries, err := r.ReadBytes(nil)
	if err != nil {
		return c, err
	}
	options := map[string]any{}
	if err := r.ReadMapStrIntf(options); err != nil {
		return c, err
	}
	c.id, _ = options["chunk"].(string)
	size, _ := options["size"].(int64)
	c.size = int(size)
	if c.compressed = options["compressed"] == "gzip"; c.compressed {
		z, err := gzip.NewReader(bytes.NewReader(entries))
		if err != nil {
			return c, err
		}
		if entries, err = io.ReadAll(z); err != nil {
			return c, err
		}
	}
	for len(entries) > 0 {
		const head = 1 + 2 + 8 // a list of two, and the header and the body of an extension
		if len(entries) < head || !bytes.HasPrefix(entries, []byte{0x92, 0xd7, 0x00}) {
			return c, fmt.Errorf("no entry: % x", entries[:min(len(entries), head)])
		}
		c.times = append(c.times, time.Unix(int64(binary.BigEndian.Uint32(entries[3:])), int64(binary.BigEndian.Uint32(entries[7:]))).UTC())
		rest, err := msgp.Skip(entries[head:])
		if err != nil {
			return c, err
		}
		var record bytes.Buffer
		if _, err := msgp.UnmarshalAsJSON(&record, entries[head:len(entries)-len(rest)]); err != nil {
			return c, err
		}
		c.records = append(c.records, record.String())
		entries = rest
	}
	return c, nil
}
