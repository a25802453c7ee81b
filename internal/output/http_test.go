package output

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func serveHTTP(t *testing.T, p *httpServer) {
	t.Helper()
	p.start(t)
	t.Cleanup(func() { p.box().resume(); p.stop(t) })
}

func TestHTTPAddresses(t *testing.T) {
	tests := []struct{ address, name, err string }{
		{"http://h:8080/in", "http://h:8080/in", ""},
		{"http:h:8080/in", "http://h:8080/in", ""},
		{"http://h:80", "http://h/", ""},
		{"http://h", "http://h/", ""},
		{"https://h:443/a/b%20c", "https://h/a/b%20c", ""},
		{"https://[::1]:8443/", "https://[::1]:8443/", ""},
		{"http://h/in?query=source%3Dx%26b%3D1&gzip=no", "http://h/in?query=source%3Dx%26b%3D1", ""},
		{"http://ali:baba@h/in", "", "no user and password in an address"},
		{"http:///in", "", "the host is missing"},
		{"http://h:/in", "", "the port is missing"},
		{"http://h:99999/in", "", "port"},
		{"http://ali:ba/ba@h/in", "", "no user and password in an address"},
		{"http:ali:baba@h/in", "", "no user and password in an address"},
		{"http://ali:ba?ba@h/in", "", "no user and password in an address"},
		{"http://ali:12?ba=ba@h/in?gzip=no", "", "no user and password in an address"},
		{"http://ali:ba#ba@h/in", "", "no user and password in an address"},
		{"nats:ali:ba?ba&gzip=ba@h:4222", "", "no user and password in an address"},
		{"htp://ali:ba?ba@h/in", "", `destination "htp:***": unknown kind "htp"`},
		{"nats://ali:baba@h:4222", "", "no user and password in an address"},
		{"fluent:ali:baba@h:1", "", "no user and password in an address"},
		{"nats:h:4222?user=me@home&password_file=/p", "nats:h:4222?user=me%40home", ""},
		{"http://h/a b", "", "is written %20"},
		{"http://h/a%zz", "", "a % itself is written %25"},
		{"http://h/in?ca=x", "", `unknown option "ca"`},
		{"http://h/in?timeout=soon", "", `"soon" is not a time`},
		{"http://h/in?gzip=maybe", "", "gzip"},
	}
	for _, tt := range tests {
		t.Run(tt.address, func(t *testing.T) {
			a, err := ParseAddress(tt.address)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("the error is %v, want %q", err, tt.err)
			}
			if err != nil {
				if strings.Contains(err.Error(), "ba@") || strings.Contains(err.Error(), "baba") || strings.Contains(err.Error(), "ali") {
					t.Errorf("the error shows a password: %v", err)
				}
				return
			}
			if a.Name() != tt.name {
				t.Errorf("the name is %q, want %q", a.Name(), tt.name)
			}
			again, err := ParseAddress(a.String())
			if diff := cmp.Diff(a, again); diff != "" || err != nil {
				t.Errorf("%q is read as something else: %v %s", a.String(), err, diff)
			}
		})
	}
}

// post sends lines over a connection of their own.
func post(t *testing.T, d Destination, lines ...string) (int, error) {
	t.Helper()
	must(t, d.Connect(t.Context()))
	defer d.Close()
	b := Batch{First: 7, Origin: "origin"}
	for _, line := range lines {
		b.Lines = append(b.Lines, []byte(line))
	}
	return d.Send(t.Context(), b)
}

func TestHTTPAnswers(t *testing.T) {
	const taken, again, refused = "taken", "again", "refused"
	token := secretFile(t, "sesame\n")
	tests := []struct {
		name    string
		code    int
		header  http.Header
		options string
		want    string
		after   time.Duration
		text    string
	}{
		{name: "200", code: 200, want: taken},
		{name: "202", code: 202, want: taken},
		{name: "204", code: 204, want: taken},
		{name: "a redirect is not followed", code: 302, header: http.Header{"Location": {"http://other/?key=sesame"}}, want: again, text: "redirects are not followed"},
		{name: "400 for a single line", code: 400, want: refused, text: `the peer says 400`},
		{name: "401 without credentials", code: 401, want: refused, text: "token_file"},
		{name: "401 with credentials, which may be renewed", code: 401, options: "?token_file=" + token, want: again},
		{name: "403", code: 403, want: refused},
		{name: "404", code: 404, want: refused},
		{name: "408", code: 408, want: again},
		{name: "410", code: 410, want: refused},
		{name: "413 for a single line", code: 413, want: DropTooLarge},
		{name: "425", code: 425, want: again},
		{name: "429", code: 429, want: again},
		{name: "429 with seconds", code: 429, header: http.Header{"Retry-After": {"7"}}, want: again, after: 7 * time.Second},
		{name: "500", code: 500, want: again},
		{name: "501", code: 501, want: again},
		{name: "503", code: 503, want: again},
		{name: "503 with seconds", code: 503, header: http.Header{"Retry-After": {"120"}}, want: again, after: 2 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newHTTPServer(t)
			p.path += tt.options
			p.answer = func(*http.Request, []byte) (int, http.Header) { return tt.code, tt.header }
			serveHTTP(t, p)
			sent, err := post(t, opened(t, p.String()), `{"n":1}`)
			got := taken
			var drop *DropError
			switch {
			case errors.As(err, &drop):
				got = drop.Reason
			case err != nil:
				got = again
			}
			if got != tt.want || (got == taken) != (sent == 1) {
				t.Errorf("%d sent, %v: %s, want %s", sent, err, got, tt.want)
			}
			var wait *RetryAfterError
			if errors.As(err, &wait) != (tt.after > 0) || wait != nil && wait.After != tt.after {
				t.Errorf("%v: to be tried again after something else than %v", err, tt.after)
			}
			if err != nil && (!strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), "sesame")) {
				t.Errorf("the error is %v, want %q in it and no secret", err, tt.text)
			}
		})
	}
}

func TestHTTPRequest(t *testing.T) {
	long := `{"pad":"` + strings.Repeat("x", 2000) + `"}`
	token, headers := secretFile(t, "sesame\n"), secretFile(t, "# ours\nX-Scope: probes\n")
	p := newHTTPServer(t)
	p.path = "/a%20b?query=stream%3Dx&token_file=" + token + "&headers_file=" + headers
	serveHTTP(t, p)
	d := opened(t, p.String())
	for range 2 {
		if _, err := post(t, d, `{"n":1}`, long); err != nil {
			t.Fatal(err)
		}
	}
	must(t, os.WriteFile(token, []byte("renewed\n"), 0o600))
	if _, err := post(t, d, `{"n":2}`); err != nil {
		t.Fatal(err)
	}
	got := p.requests()
	if len(got) != 3 {
		t.Fatalf("%d requests came", len(got))
	}
	r := got[0]
	if r.Method != "POST" || r.RequestURI != "/a%20b?stream=x" || r.Host != p.addr || r.body != `{"n":1}`+"\n"+long+"\n" || !r.compressed {
		t.Errorf("the request is %s %s at %s, compressed: %v, %q", r.Method, r.RequestURI, r.Host, r.compressed, r.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/x-ndjson", "Authorization": "Bearer sesame", "X-Scope": "probes", "User-Agent": "dumbprobe/dev",
	} {
		if r.Header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, r.Header.Get(name), want)
		}
	}
	key := func(i int) string { return got[i].Header.Get("Idempotency-Key") }
	if key(0) == "" || key(0) != key(1) || key(0) == key(2) {
		t.Errorf("the same lines have the keys %s and %s, others %s", key(0), key(1), key(2))
	}
	if got[2].compressed || got[2].Header.Get("Authorization") != "Bearer renewed" {
		t.Errorf("a short request is compressed: %v; its token is %q", got[2].compressed, got[2].Header.Get("Authorization"))
	}
}

// refusesBad answers code to what has "bad" in it.
func refusesBad(code int) func(*http.Request, []byte) (int, http.Header) {
	return func(_ *http.Request, body []byte) (int, http.Header) {
		if bytes.Contains(body, []byte("bad")) {
			return code, nil
		}
		return 200, nil
	}
}

func TestHTTPFindsTheLinesThatAreRefused(t *testing.T) {
	for _, code := range []int{400, 422, 413} {
		p := newHTTPServer(t)
		p.answer = refusesBad(code)
		serveHTTP(t, p)
		f := start(t, options(t, p))
		lines := numbered(0, 300)
		lines[100], lines[217] = `{"bad":1}`, `{"bad":2}`
		for _, line := range lines {
			f.Send([]byte(line))
		}
		flush(t, f)
		want := append(append(numbered(0, 100), numbered(101, 217)...), numbered(218, 300)...)
		expect(t, p.box().waitFor(t, len(want)), want)
		s := f.Stats()[0]
		balanced(t, s)
		reason := DropRefused
		if code == 413 {
			reason = DropTooLarge
		}
		if s.Dropped[reason] != 2 {
			t.Errorf("HTTP %d: dropped %v", code, s.Dropped)
		}
	}
}

func TestHTTPAfterARunOfBadLinesTakesTheGoodOnes(t *testing.T) {
	p := newHTTPServer(t)
	p.answer = refusesBad(400)
	serveHTTP(t, p)
	lines := numbered(0, 2000)
	for i := range 12 {
		lines[i] = `{"bad":1}`
	}
	f := start(t, options(t, p))
	for _, line := range lines {
		f.Send([]byte(line))
	}
	flush(t, f)
	s := f.Stats()[0]
	balanced(t, s)
	if got := s.Dropped[DropRefused]; got < 12 || got > 20 {
		t.Errorf("dropped %d for 12 bad lines", got)
	}
}

func TestHTTPToAPeerThatFindsEverythingTooLarge(t *testing.T) {
	p := newHTTPServer(t)
	p.answer = func(*http.Request, []byte) (int, http.Header) { return 413, nil }
	serveHTTP(t, p)
	f := start(t, options(t, p))
	for _, line := range numbered(0, 500) {
		f.Send([]byte(line))
	}
	flush(t, f)
	if got := len(p.requests()); f.Stats()[0].Dropped[DropTooLarge] != 500 || got > 1200 {
		t.Errorf("%d requests, dropped %v", got, f.Stats()[0].Dropped)
	}
}

func TestHTTP2ConnectionsOfRequestsWithoutAnswerEnd(t *testing.T) {
	p := newHTTPSServer(t)
	p.secure.NextProtos = []string{"h2", "http/1.1"}
	serveHTTP(t, p)
	p.pause()
	d := opened(t, strings.Replace(p.String(), "?", "?timeout=1s&", 1))
	if n, err := post(t, d, `{"n":1}`); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d sent, %v", n, err)
	}
	c := d.(*httpLines).client
	c.mu.Lock()
	defer c.mu.Unlock()
	if left := len(c.conns); left > 0 {
		t.Errorf("%d connections are open after Close", left)
	}
}

func TestHTTPToAPeerThatTakesOnlySmallRequests(t *testing.T) {
	p := newHTTPServer(t)
	p.answer = func(_ *http.Request, body []byte) (int, http.Header) {
		if len(body) > 500 {
			return 413, nil
		}
		return 200, nil
	}
	serveHTTP(t, p)
	f := start(t, options(t, p))
	want := numbered(0, 500)
	for _, line := range want {
		f.Send([]byte(line))
	}
	flush(t, f)
	expect(t, p.box().waitFor(t, len(want)), want)
	if s := f.Stats()[0]; len(s.Dropped) > 0 {
		t.Errorf("dropped: %v", s.Dropped)
	}
}

func TestHTTPToAPeerThatKnowsNoGzip(t *testing.T) {
	p := newHTTPServer(t)
	p.answer = func(r *http.Request, _ []byte) (int, http.Header) {
		if r.Header.Get("Content-Encoding") != "" {
			return 415, nil
		}
		return 200, nil
	}
	serveHTTP(t, p)
	d := opened(t, p.String())
	long := `{"pad":"` + strings.Repeat("x", 2000) + `"}`
	for range 2 {
		if n, err := post(t, d, long); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := len(p.requests()); got != 3 {
		t.Errorf("%d requests: gzip is tried more than once", got)
	}
}

func TestHTTPPeerThatDoesNotAnswer(t *testing.T) {
	p := newHTTPServer(t)
	p.path += "?timeout=1s"
	serveHTTP(t, p)
	p.pause()
	n, err := post(t, opened(t, p.String()), `{"n":1}`)
	if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "has not answered for 1s") || errors.Is(err, ErrUnsent) {
		t.Errorf("%d sent, %v", n, err)
	}
}

func TestHTTPConnectionThatWasClosedInBetweenIsMadeAnewAtOnce(t *testing.T) {
	p := newHTTPServer(t)
	serveHTTP(t, p)
	o := options(t, p)
	o.Backoff = Backoff{Min: time.Hour, Max: time.Hour}
	f := start(t, o)
	for i, line := range numbered(0, 5) {
		f.Send([]byte(line))
		// The peer has the line before its answer is out, and a flush would cut a back-off short.
		within(t, "the acknowledgement", func() bool { return f.Stats()[0].Acknowledged == uint64(i+1) })
		p.stop(t)
		p.start(t)
	}
	expect(t, p.box().received(), numbered(0, 5))
}

func TestHTTPSSpeaksHTTP2(t *testing.T) {
	p := newHTTPSServer(t)
	p.secure.NextProtos = []string{"h2", "http/1.1"}
	serveHTTP(t, p)
	f := start(t, options(t, p))
	want := numbered(0, 2000)
	for _, line := range want {
		f.Send([]byte(line))
	}
	flush(t, f)
	expect(t, p.box().waitFor(t, len(want)), want)
	for _, r := range p.requests() {
		if r.ProtoMajor != 2 {
			t.Errorf("a request came by %s", r.Proto)
		}
	}
}

func TestHTTPSSendsNothingToAPeerThatIsNotVerified(t *testing.T) {
	p, other := newHTTPSServer(t), newAuthority(t)
	serveHTTP(t, p)
	p.ca = other.path
	err := opened(t, p.String()).Connect(t.Context())
	var unknown *tls.CertificateVerificationError
	if !errors.As(err, &unknown) || len(p.requests()) > 0 {
		t.Errorf("the error is %v, %d requests came", err, len(p.requests()))
	}
}

func TestHTTPHeaderFiles(t *testing.T) {
	secret := secretFile(t, "open sesame")
	tests := []struct{ name, options, err string }{
		{"a token", "token_file=" + secret, ""},
		{"a login", "login_file=" + secretFile(t, "ali:sesame"), ""},
		{"a login without a colon", "login_file=" + secret, "it is written USER:PASSWORD"},
		{"both", "token_file=" + secret + "&login_file=" + secret, "either the option token_file or the option login_file"},
		{"a header and a token", "token_file=" + secret + "&headers_file=" + secretFile(t, "Authorization: sesame"), "Authorization is there already"},
		{"one that is not there", "token_file=" + secret + ".not", "no such file"},
		{"an empty one", "token_file=" + secretFile(t, "\n"), "is empty"},
		{"two lines", "token_file=" + secretFile(t, "sesame\nsesame\n"), "more than one line"},
		{"a folder", "token_file=" + filepath.Dir(secret), "is not a regular file"},
		{"a large one", "headers_file=" + secretFile(t, strings.Repeat("x", maxSecretFile+1)), "is larger than"},
		{"no header", "headers_file=" + secretFile(t, "X-A: b\nsesame\n"), "line 2 is not a header"},
		{"a header of the daemon's own", "headers_file=" + secretFile(t, "content-length: 5"), "line 1: content-length is set by the daemon"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newHTTP(opening{Address: address(t, "http://h/?"+tt.options)})
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("the error is %v, want %q", err, tt.err)
			}
			if err != nil && strings.Contains(err.Error(), "sesame") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func FuzzHTTPHeaders(f *testing.F) {
	for _, seed := range []string{"", "X-A: b", "# c\n\nX-A:b\r\nX-A: c", "X A: b", "Host: x", "A:\x00", ":", "A: \xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h := http.Header{}
		if parseHeaders(h, text) != nil {
			return
		}
		var wire bytes.Buffer
		must(t, h.Write(&wire))
		lines := 0
		for _, values := range h {
			lines += len(values)
		}
		if got := strings.Count(wire.String(), "\n"); got != lines {
			t.Errorf("%d headers are %d lines: %q", lines, got, wire.String())
		}
	})
}
