package main

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
)

// The soak's peers go away so often that an answer is not to be waited for long.
const httpSoakOptions = "timeout=5s"

func httpAddress(_ *target, at string) (string, error) {
	return "http://" + at + "/soak?" + httpSoakOptions, nil
}

func httpsAddress(t *target, at string) (string, error) {
	if _, err := tlsAddress(t, at); err != nil {
		return "", err
	}
	return "https://" + at + "/soak?ca=" + t.cert + "&" + httpSoakOptions, nil
}

// httpPeer answers when the lines are recorded that read finds in a request. With a certificate it speaks HTTP/2.
func httpPeer(read func(*http.Request) ([]byte, error)) func(context.Context, net.Listener, peerSettings, func([]byte) error) error {
	return func(ctx context.Context, ln net.Listener, p peerSettings, record func([]byte) error) error {
		return serveHTTP(ctx, ln, p, func(r *http.Request) error {
			lines, err := read(r)
			if err != nil {
				return err
			}
			return record(lines)
		})
	}
}

func serveHTTP(ctx context.Context, ln net.Listener, p peerSettings, take func(*http.Request) error) error {
	config, err := p.serverConfig()
	if err != nil {
		return err
	}
	s := &http.Server{TLSConfig: config, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := take(r); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})}
	stop := context.AfterFunc(ctx, func() { s.Close() }) // what is not acknowledged comes again
	defer stop()
	if config != nil {
		err = s.ServeTLS(ln, "", "")
	} else {
		err = s.Serve(ln)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func readPost(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
