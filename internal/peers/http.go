package peers

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// HTTP takes requests of lines, and answers with success when they are recorded. With TLS it speaks HTTP/2, too.
func HTTP(ctx context.Context, ln net.Listener, s Settings) error {
	return serveHTTP(ctx, ln, s, func(_ *http.Request, body []byte) error { return s.Record(body) })
}

// errNoPath is a request for what the server does not have.
var errNoPath = errors.New("there is nothing at this path")

func serveHTTP(ctx context.Context, ln net.Listener, s Settings, take func(r *http.Request, body []byte) error) error {
	server := &http.Server{TLSConfig: s.TLS, ErrorLog: log.New(noteWriter{s}, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := http.StatusOK
		body, err := readPost(r)
		if err == nil && s.Secret != "" && r.Header.Get("Authorization") != "Bearer "+s.Secret {
			code, err = http.StatusUnauthorized, errors.New("the token is not the one")
		} else if err == nil {
			err = take(r, body)
		}
		if err != nil {
			switch {
			case errors.Is(err, errNoPath):
				code = http.StatusNotFound
			case code == http.StatusOK:
				code = http.StatusServiceUnavailable
			}
			http.Error(w, err.Error(), code)
		}
		s.note(fmt.Sprintf("%s %s %s %q %q: %d", r.Proto, r.Method, r.RequestURI,
			r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"), code))
	})}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if server.Shutdown(patience) != nil { // what is begun is answered
			server.Close()
		}
	})
	defer stop()
	var err error
	if s.TLS != nil {
		err = server.ServeTLS(ln, "", "")
	} else {
		err = server.Serve(ln)
	}
	if errors.Is(err, http.ErrServerClosed) {
		<-ended
		return nil
	}
	return err
}

// noteWriter notes what is written to it, a line at a time.
type noteWriter struct{ s Settings }

func (w noteWriter) Write(line []byte) (int, error) {
	w.s.note(string(bytes.TrimSuffix(line, []byte("\n"))))
	return len(line), nil
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
