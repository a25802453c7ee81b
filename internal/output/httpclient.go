package output

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

const (
	httpTimeout = 30 * time.Second // the default of the option timeout
	// gzipFrom is the size of a body in bytes from which on compression is worth its time.
	gzipFrom = 1 << 10
	// maxAnswer bounds how much of an answer is read, in bytes.
	maxAnswer = 64 << 10
	// maxQuoted bounds how much of it an error shows.
	maxQuoted = 200
	// heldFor is how long a connection waits for its first request. Some servers end one that says nothing.
	heldFor = 5 * time.Second
)

// postOptions are those of every kind that posts requests.
var postOptions = append([]option{
	{name: "gzip", value: "yes|no", check: yesOrNo, doc: "whether bodies of 1 KiB or more are compressed (yes)"},
	{name: "timeout", value: "DURATION", check: timeBetween(time.Second, 10*time.Minute), doc: "for how long a request may take, to the end of its answer (30s)"},
}, headerOptions...)

// httpClient posts requests to one peer, one after the other, over a connection that it makes anew when the peer has
// closed it in between. It follows no redirect, asks no proxy, keeps no cookies, and repeats nothing by itself.
type httpClient struct {
	address  Address
	secure   bool
	agent    string
	timeout  time.Duration
	compress bool
	log      *zap.Logger

	transport *http.Transport    // of this session
	cancel    context.CancelFunc // ends what the session dials
	buf       bytes.Buffer
	zip       *gzip.Writer

	mu     sync.Mutex // protects the following: the transport dials on goroutines of its own
	conns  map[*trackedConn]bool
	held   net.Conn // made by connect; nil once it is used
	heldAt time.Time
}

// newHTTPClient checks the options and the files that they name.
func newHTTPClient(o opening, secure bool) (*httpClient, error) {
	if secure {
		if _, err := tlsConfig(o.Address); err != nil {
			return nil, err
		}
	}
	if _, err := readHeaders(o.Address); err != nil {
		return nil, err
	}
	zip, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	return &httpClient{
		address: o.Address, secure: secure, agent: "dumbprobe/" + cmp.Or(o.Version, "dev"), log: o.Logger, zip: zip, conns: map[*trackedConn]bool{},
		timeout: o.Address.duration("timeout", httpTimeout), compress: o.Address.option("gzip", "yes") == "yes",
	}, nil
}

// connect makes a connection, for the first request, so that a peer that is not there, or not the right one, is known
// before there is something to send.
func (c *httpClient) connect(ctx context.Context) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	session, cancel := context.WithCancel(context.Background())
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		if conn := c.takeHeld(); conn != nil {
			return conn, nil
		}
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		defer context.AfterFunc(session, stop)()
		return c.dial(ctx)
	}
	c.cancel = cancel
	c.transport = &http.Transport{
		DialContext: dial, DialTLSContext: dial,
		ForceAttemptHTTP2: true, MaxConnsPerHost: 1, IdleConnTimeout: 90 * time.Second,
		DisableCompression: true, MaxResponseHeaderBytes: maxAnswer,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held, c.heldAt = conn, time.Now()
	return nil
}

// takeHeld returns the connection that connect has made, if it is still good; else nil.
func (c *httpClient) takeHeld() net.Conn {
	c.mu.Lock()
	conn, since := c.held, c.heldAt
	c.held = nil
	c.mu.Unlock()
	if conn != nil && time.Since(since) > heldFor {
		conn.Close()
		return nil
	}
	return conn
}

// dial connects, and reads the files of certificates anew for that.
func (c *httpClient) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, tcpDialTimeout)
	defer cancel()
	var config *tls.Config
	if c.secure {
		var err error
		if config, err = tlsConfig(c.address); err != nil {
			return nil, err
		}
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", c.address.hostPort())
	if err != nil {
		return nil, err
	}
	conn := c.track(raw)
	if config == nil {
		return conn, nil
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS with %s: %w", c.address.hostPort(), err)
	}
	return secure, nil
}

func (c *httpClient) close() {
	c.cancel()
	c.transport.CloseIdleConnections()
	_ = c.takeHeld()
	// The transport keeps a connection of HTTP/2 with a request that has no answer, and what writes to it.
	c.mu.Lock()
	conns := slices.Collect(maps.Keys(c.conns))
	c.mu.Unlock()
	for _, conn := range conns {
		conn.Close()
	}
}

// trackedConn is a connection that close ends if nothing else has.
type trackedConn struct {
	net.Conn
	client *httpClient
}

func (c *httpClient) track(raw net.Conn) net.Conn {
	conn := &trackedConn{raw, c}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[conn] = true
	return conn
}

func (t *trackedConn) Close() error {
	t.client.mu.Lock()
	delete(t.client.conns, t)
	t.client.mu.Unlock()
	return t.Conn.Close()
}

// posting is what is posted.
type posting struct {
	path, query, kind string // kind is its media type
	key               string // of Idempotency-Key; empty for none
	body              []byte
}

// post sends m and waits for the answer. An error that wraps ErrUnsent says that m cannot have reached the peer.
func (c *httpClient) post(ctx context.Context, m posting) (answer, error) {
	zipped := c.compress && len(m.body) >= gzipFrom
	a, err := c.attempt(ctx, m, zipped)
	if err == nil && zipped && a.code == http.StatusUnsupportedMediaType {
		// Also where the next attempt fails: a peer that ends the connection after that is not to be asked for ever.
		c.compress = false
		c.log.Warn("the destination answers 415 to what is compressed: bodies are no longer compressed; the option gzip=no leaves the attempt out")
		a, err = c.attempt(ctx, m, false)
	}
	return a, err
}

func (c *httpClient) attempt(ctx context.Context, m posting, zipped bool) (answer, error) {
	req, hide, err := c.request(m, zipped)
	if err != nil {
		return answer{}, unsent(err)
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var reached, reused bool
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reached, reused = true, i.Reused }}
	// RoundTrip and not Client.Do: no redirects, and no error that shows a URL.
	res, err := c.transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(limited, trace)))
	if err != nil {
		return answer{}, c.broken(ctx, limited, hide.hideIn(err), reached, reused) // it may quote what is no answer
	}
	defer res.Body.Close()
	a := answer{code: res.StatusCode, header: res.Header, hide: hide}
	// The code is the answer: what is missing of the text, because the connection breaks, is no error.
	a.body, _ = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return a, nil
}

// request makes the request of m. Its body cannot be had a second time: so the library repeats nothing, which would not
// be counted. What is secret in it comes with it.
func (c *httpClient) request(m posting, zipped bool) (*http.Request, *secrets, error) {
	header, err := readHeaders(c.address)
	if err != nil {
		return nil, nil, err
	}
	hide := secretsOf(header)
	header.Set("Content-Type", m.kind)
	header.Set("User-Agent", cmp.Or(header.Get("User-Agent"), c.agent))
	if m.key != "" {
		header.Set("Idempotency-Key", `"`+m.key+`"`)
	}
	body := m.body
	if zipped {
		c.buf.Reset()
		c.zip.Reset(&c.buf)
		_, err := c.zip.Write(m.body)
		if err := errors.Join(err, c.zip.Close()); err != nil {
			return nil, nil, err
		}
		header.Set("Content-Encoding", "gzip")
		// The transport may still read what it was given when a request has ended early.
		body = bytes.Clone(c.buf.Bytes())
	}
	u := &url.URL{Scheme: "http", Host: c.host(), Path: "/", RawQuery: m.query}
	if c.secure {
		u.Scheme = "https"
	}
	if u.Path, err = url.PathUnescape(m.path); err != nil {
		return nil, nil, err
	}
	u.RawPath = m.path
	return &http.Request{
		Method: http.MethodPost, URL: u, Header: header, Host: c.host(),
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, hide, nil
}

// host is what the header Host says: without a port that is understood, and without the zone of an IPv6 address.
func (c *httpClient) host() string {
	scheme := "http"
	if c.secure {
		scheme = "https"
	}
	host := net.JoinHostPort(withoutZone(c.address.Host), c.address.Port)
	if c.address.Port == plainPort(scheme) {
		host = strings.TrimSuffix(host, ":"+c.address.Port)
	}
	return host
}

// broken is the error of a request without an answer.
func (c *httpClient) broken(ctx, limited context.Context, err error, reached, reused bool) error {
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case limited.Err() != nil:
		err = fmt.Errorf("the peer has not answered for %v: %w", c.timeout, os.ErrDeadlineExceeded)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isIdleClose(err):
		err = fmt.Errorf("%w before it answered", errPeerClosed)
	}
	if !reached {
		return unsent(err)
	}
	if reused && (errors.Is(err, errPeerClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)) {
		// A server may close an idle connection at any time, also when a request is on its way: that is no reason to
		// wait.
		return &RetryAfterError{After: time.Millisecond, Err: err}
	}
	return err
}

// isIdleClose knows the one error of the library that has no type: the peer has closed the connection just before the
// request was to be written.
func isIdleClose(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) { // hideIn may have changed the text of the outermost
		if strings.Contains(err.Error(), "server closed idle connection") {
			return true
		}
	}
	return false
}
