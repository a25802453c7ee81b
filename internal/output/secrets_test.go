package output

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
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
