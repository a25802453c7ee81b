package output

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// Some servers say in their errors what they were asked with.
func TestNoErrorShowsASecretThatThePeerSaysAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, options string
		secrets       []string
	}{
		{"a token", "?token_file=" + secretFile(t, "sesame-open"), []string{"sesame"}},
		{"a token with an escape", "?token_file=" + secretFile(t, "sesame/open+1"), []string{"sesame", "open"}},
		{"a login", "?login_file=" + secretFile(t, "ali:baba-forty"), []string{"baba", "forty", "YWxpOmJhYmEtZm9ydHk"}},
		{"a header", "?headers_file=" + secretFile(t, "X-Api-Key: thieves\nX-Tenant: 1\n"), []string{"thieves"}},
	} {
		for _, kind := range []string{"http", "otlp"} {
			t.Run(tt.name+" by "+kind, func(t *testing.T) {
				t.Parallel()
				for _, code := range []int{302, 403, 500} {
					p := newHTTPServer(t)
					if kind == "otlp" {
						p = newOTLPServer(t)
					}
					p.path += tt.options
					// In the clear, escaped, and as a server does that decodes what it got.
					p.denial = func(r *http.Request) string {
						user, password, _ := r.BasicAuth()
						return fmt.Sprint("denied 1: ", r.Header["Authorization"], r.Header["X-Api-Key"],
							url.QueryEscape(r.Header.Get("Authorization")), user, " ", password)
					}
					p.answer = func(r *http.Request, _ []byte) (int, http.Header) {
						return code, http.Header{"Location": {"http://other/" + url.PathEscape(r.Header.Get("Authorization")+r.Header.Get("X-Api-Key"))}}
					}
					serveHTTP(t, p)
					_, err := post(t, opened(t, p.String()), `{"n":1}`)
					if err == nil || !strings.Contains(err.Error(), "denied 1: ") || !strings.Contains(err.Error(), hidden) {
						t.Fatalf("%d: the error is %v", code, err)
					}
					for _, secret := range tt.secrets {
						if strings.Contains(err.Error(), secret) {
							t.Errorf("%d: the error shows %s: %v", code, secret, err)
						}
					}
				}
			})
		}
	}
}

// What is no answer of HTTP is quoted by the library.
func TestNoErrorShowsASecretInWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	ln := listen(t)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			request := make([]byte, 4096)
			_, _ = conn.Read(request)
			_, _ = conn.Write([]byte("who Bearer-sesame-open\r\n\r\n"))
			conn.Close()
		}
	}()
	_, err := post(t, opened(t, "http://"+ln.Addr().String()+"/?token_file="+secretFile(t, "sesame-open")), `{"n":1}`)
	if err == nil || strings.Contains(err.Error(), "sesame") || !strings.Contains(err.Error(), hidden) {
		t.Errorf("the error is %v", err)
	}
}

// A server of NATS gets the password as it is. It answers to the ping with which a login ends, and to that after the
// subscription.
func TestNoErrorShowsASecretThatANATSServerSaysAgain(t *testing.T) {
	t.Parallel()
	for _, answers := range [][]string{
		{"-ERR 'no entry for open-sesame'"},
		{"no entry for open-sesame"},
		{"PONG", "-ERR 'Permissions Violation for no entry for open-sesame'\r\nPONG"},
		{"PONG", "-ERR 'no entry for open-sesame'"},
	} {
		at, done := serveOne(t, func(conn net.Conn) {
			_, _ = io.WriteString(conn, `INFO {"max_payload":1000000,"headers":true}`+"\r\n")
			n := 0
			for in := bufio.NewScanner(conn); in.Scan(); {
				if in.Text() == "PING" && n < len(answers) {
					_, _ = io.WriteString(conn, answers[n]+"\r\n")
					n++
				}
			}
		})
		err := opened(t, "nats:"+at+"?user=ali&password_file="+secretFile(t, "open-sesame")).Connect(t.Context())
		if err == nil || !strings.Contains(err.Error(), "no entry for ***") {
			t.Errorf("%q: the error is %v", answers, err)
		}
		<-done
	}
}

// Any client that listens to the subject can answer in the place of a stream.
func TestNoErrorShowsASecretInWhatIsNoAcknowledgement(t *testing.T) {
	t.Parallel()
	for _, said := range []string{
		"no entry for open-sesame", `{"error":{"code":400,"err_code":10054,"description":"no entry for open-sesame"}}`,
		`{"error":{"code":400,"err_code":1,"description":"no entry for \u006fpen-sesame"}}`,
		"no entry for " + strings.Repeat("open-sesame", 5), "cut in it, so no entry for " + strings.Repeat("x", 28) + "open-sesame",
	} {
		err := readPubAck(&nats.Msg{Data: []byte(said)}, "x", "", newSecrets("open-sesame"))
		if err == nil || !strings.Contains(err.Error(), "no entry for ") || !strings.Contains(err.Error(), "***") || strings.Contains(err.Error(), "open") {
			t.Errorf("%q: the error is %v", said, err)
		}
		var drop *DropError // whose own error is what is shown
		if errors.As(err, &drop) && strings.Contains(drop.Err.Error(), "open") {
			t.Errorf("%q: the reason is %v", said, drop.Err)
		}
	}
}

// A server of Fluentd has the password and the key, though it is sent neither.
func TestNoErrorShowsASecretThatAFluentServerSays(t *testing.T) {
	t.Parallel()
	p := newFluentServer(t)
	p.share(t, "open sesame")
	p.users = map[string]string{"ali": "babar"}
	p.options += "&user=ali&password_file=" + secretFile(t, "babar\n")
	p.pong = func(_ []string, pong []any) []any {
		pong[1], pong[2] = false, "it was to be babar, and open sesame"
		return pong
	}
	serve(t, p)
	err := opened(t, p.String()).Connect(t.Context())
	if err == nil || !strings.Contains(err.Error(), "it was to be ***, and ***") {
		t.Errorf("the error is %v", err)
	}
}

// The library quotes what is no answer, in its own way.
func TestNoErrorShowsASecretInWhatTheLibraryQuotes(t *testing.T) {
	t.Parallel()
	const token = `sesame-"open"/+&ü`
	for _, said := range []string{
		"HTTP/1.1 " + token + "\r\n\r\n", token + "\r\n\r\n", "HTTP/1.1 200 OK\r\n" + token + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: " + token + "\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + token + "\r\n\r\n",
		"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /" + url.PathEscape(token) + "\r\n\r\n",
		"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /%73%65same-%22open%22\r\n\r\n",
		"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://sesame-%22open%22%2f/\r\n\r\n",
	} {
		at, done := serveOne(t, func(conn net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = conn.Write([]byte(said))
			}
		})
		_, err := post(t, opened(t, "http://"+at+"/?token_file="+secretFile(t, token)), `{"n":1}`)
		if err == nil || strings.Contains(err.Error(), "same") || strings.Contains(err.Error(), "open") {
			t.Errorf("%q: the error is %v", said, err)
		}
		<-done
	}
}

// Of a long answer as much is looked through as is needed, and the cut is not in what is shown.
func TestNoErrorShowsASecretAtTheEndOfWhatIsQuoted(t *testing.T) {
	t.Parallel()
	hide := newSecrets("swordfish")
	for before := range maxQuoted + 1 {
		text := strings.Repeat(".", before) + "swordfish" + strings.Repeat(" ", maxAnswer)
		err := answer{code: 403, body: []byte(text[:maxAnswer]), hide: hide}.error()
		if strings.Contains(err.Error(), "s") || len(err.Error()) > maxQuoted+50 {
			t.Fatalf("%d: the error is %v", before, err)
		}
	}
	for _, body := range []string{strings.Repeat("swordfish ", 1000), strings.Repeat("-swordfish", 1000), strings.Repeat("swordfish", 1000)} {
		if err := (answer{code: 403, body: []byte(body), hide: hide}).error(); strings.Contains(err.Error(), "swordfis") {
			t.Errorf("the error is %v", err)
		}
	}
}

// serveOne serves one connection, and closes done when that is over.
func serveOne(t *testing.T, serve func(net.Conn)) (at string, done <-chan struct{}) {
	t.Helper()
	ln := listen(t)
	over := make(chan struct{})
	go func() {
		defer close(over)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		serve(conn)
	}()
	return ln.Addr().String(), over
}

func TestAnIdleCloseIsKnownAlsoWhereAHeaderHasItsWords(t *testing.T) {
	t.Parallel()
	err := newSecrets("connection-pool-7").hideIn(errors.New("http: server closed idle connection"))
	if !strings.Contains(err.Error(), hidden) {
		t.Fatalf("%v hides nothing: the test is about nothing", err)
	}
	if !isIdleClose(err) {
		t.Errorf("%v is not known as the end of an idle connection", err)
	}
}

func TestAnErrorOfAPeerIsQuotedInItsBeginning(t *testing.T) {
	t.Parallel()
	long := errors.New(strings.Repeat("x", 256<<10))
	err := newSecrets("swordfish").hideIn(long)
	if n := len(err.Error()); n > maxSearched+len("...") || !errors.Is(err, long) {
		t.Errorf("%d bytes are quoted; want no more than are looked through, and the error that it was", n)
	}
}
