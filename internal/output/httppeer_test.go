package output

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"dumbprobe/internal/peers"
)

// httpServer is a server of net/http. Its inbox has the lines of the requests that it answered with success.
type httpServer struct {
	*lineServer
	path   string // of the address, with its options
	answer func(r *http.Request, body []byte) (code int, header http.Header)
	scheme string                                           // of the address; empty: http or https
	lines  func(r *http.Request, body []byte) []string      // of a body; nil: NDJSON
	reply  func(r *http.Request, body []byte) (text []byte) // of a success; nil: none
	denial func(r *http.Request) string                     // the text of any other answer; nil: the code
	only   int                                              // version of HTTP that is taken; 0: any

	server  *http.Server
	working sync.WaitGroup // requests that are being taken

	mu      sync.Mutex
	leaving bool
	resets  int // how often all connections were reset
	got     []httpReceived
}

// httpReceived is a request as it came, with its body as the answer saw it.
type httpReceived struct {
	*http.Request
	body       string
	compressed bool
}

func newHTTPServer(t *testing.T) *httpServer {
	return &httpServer{lineServer: newLineServer(t), path: "/in"}
}

func newHTTPSServer(t *testing.T) *httpServer {
	return &httpServer{lineServer: newTLSServer(t), path: "/in"}
}

// overHTTP2 has a server speak HTTP/2, and take nothing that comes by another version.
func overHTTP2(p *httpServer) *httpServer {
	p.secure.NextProtos, p.only = []string{"h2"}, 2
	return p
}

func (p *httpServer) String() string {
	if p.secure == nil {
		return cmp.Or(p.scheme, "http") + "://" + p.addr + p.path
	}
	return cmp.Or(p.scheme, "https") + "://" + p.addr + p.path + "?ca=" + p.ca
}

func (p *httpServer) start(t *testing.T) {
	ln, err := net.Listen("tcp", p.addr)
	must(t, err)
	p.ln, p.leaving = ln, false
	p.server = &http.Server{Handler: p}
	p.wg.Go(func() {
		if err := p.server.Serve(countedListener{ln, p.lineServer}); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// countedListener makes connections that lineServer can reset.
type countedListener struct {
	net.Listener
	p *lineServer
}

func (l countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	counted := &serverConn{TCPConn: c.(*net.TCPConn)}
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	l.p.conns = append(l.p.conns, counted)
	if l.p.secure != nil {
		return tls.Server(counted, l.p.secure), nil
	}
	return counted, nil
}

func (p *httpServer) stop(t *testing.T) {
	if p.ln == nil {
		return
	}
	p.server.Close()
	p.lineServer.stop(t)
}

// leave implements polite: what was begun is answered. Over HTTP/2 an answer may not get out: a handler's end is not that
// of the writing.
func (p *httpServer) leave(t *testing.T) {
	p.mu.Lock()
	p.leaving = true
	p.mu.Unlock()
	p.ln.Close()
	p.working.Wait()
	p.stop(t)
}

// reset implements resetter.
func (p *httpServer) reset(t *testing.T) int {
	p.mu.Lock()
	p.resets++
	p.mu.Unlock()
	return p.lineServer.reset(t)
}

func (p *httpServer) resetsSoFar() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resets
}

// connections is how many there are or were.
func (p *httpServer) connections() uint64 {
	p.lineServer.mu.Lock()
	defer p.lineServer.mu.Unlock()
	return uint64(len(p.conns))
}

// enter says whether requests are still taken.
func (p *httpServer) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.leaving {
		p.working.Add(1)
	}
	return !p.leaving
}

func (p *httpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer p.working.Done()
	if p.only != 0 && r.ProtoMajor != p.only {
		w.WriteHeader(http.StatusHTTPVersionNotSupported)
		return
	}
	before := p.resetsSoFar()
	p.pass()
	body, err := io.ReadAll(r.Body)
	if err != nil || p.resetsSoFar() != before {
		return // nobody would read the answer
	}
	compressed := r.Header.Get("Content-Encoding") == "gzip"
	if compressed {
		if body, err = peers.Gunzip(body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	p.mu.Lock()
	p.got = append(p.got, httpReceived{r, string(body), compressed})
	p.mu.Unlock()
	code, header := http.StatusNoContent, http.Header(nil)
	if p.answer != nil {
		code, header = p.answer(r, body)
	}
	for name, values := range header {
		w.Header()[name] = values
	}
	if p.short {
		w.Header().Set("Connection", "close")
	}
	if code/100 == 2 {
		read := p.lines
		if read == nil {
			read = linesOfPost
		}
		for _, line := range read(r, body) {
			p.add(line)
		}
	}
	w.WriteHeader(code)
	if code/100 == 2 && p.reply != nil {
		_, _ = w.Write(p.reply(r, body))
	}
	if code/100 != 2 {
		said := fmt.Sprint("the peer says ", code)
		if p.denial != nil {
			said = p.denial(r)
		}
		_, _ = io.WriteString(w, said)
	}
	_ = http.NewResponseController(w).Flush()
}

func linesOfPost(_ *http.Request, body []byte) (lines []string) {
	for line := range bytes.Lines(body) {
		lines = append(lines, string(bytes.TrimSuffix(line, []byte("\n"))))
	}
	return lines
}

func (p *httpServer) requests() []httpReceived {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]httpReceived(nil), p.got...)
}
