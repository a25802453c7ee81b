package peers

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// HTTP takes requests of lines, and answers with success when they are recorded. With TLS it speaks HTTP/2, too.
func HTTP(ctx context.Context, ln net.Listener, s Settings) error {
	return serveHTTP(ctx, ln, s, func(_ *http.Request, body []byte) error { return s.Record(body) })
}

func serveHTTP(ctx context.Context, ln net.Listener, s Settings, take func(r *http.Request, body []byte) error) error {
	server := &http.Server{TLSConfig: s.TLS, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := http.StatusOK
		body, err := readPost(r)
		if err == nil && s.Secret != "" && r.Header.Get("Authorization") != "Bearer "+s.Secret {
			code, err = http.StatusUnauthorized, errors.New("the token is not the one")
		} else if err == nil {
			err = take(r, body)
		}
		if err != nil {
			if code == http.StatusOK {
				code = http.StatusServiceUnavailable
			}
			http.Error(w, err.Error(), code)
		}
		s.note(fmt.Sprintf("%s %s %s %q %q: %d", r.Proto, r.Method, r.RequestURI,
			r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"), code))
	})}
	stop := context.AfterFunc(ctx, func() { server.Close() }) // what is not acknowledged comes again
	defer stop()
	var err error
	if s.TLS != nil {
		err = server.ServeTLS(ln, "", "")
	} else {
		err = server.Serve(ln)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func readPost(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
		return body, err
	}
	return Gunzip(body)
}

// Gunzip decompresses.
func Gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
