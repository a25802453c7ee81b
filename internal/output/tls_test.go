package output

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTLSOptions(t *testing.T) {
	a := newAuthority(t)
	mine, other := a.issue(t, "probe"), a.issue(t, "other")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, options, err string }{
		{"an authority, and a certificate with its key", "ca=" + a.path + "&cert=" + mine.certPath + "&key=" + mine.keyPath, ""},
		{"nothing: the system's authorities", "", ""},
		{"an authority that is not there", "ca=" + empty + ".not", "option ca: open " + empty + ".not: no such file or directory"},
		{"an authority's file without a certificate", "ca=" + empty, "option ca: " + empty + " contains no certificate in PEM"},
		{"a certificate without its key", "cert=" + mine.certPath, "option cert needs the option key"},
		{"a key without its certificate", "key=" + mine.keyPath, "option key needs the option cert"},
		{"the key of another", "cert=" + mine.certPath + "&key=" + other.keyPath, "options cert and key: tls: private key does not match public key"},
		{"a version that is no more safe", "min_version=1.1", `option min_version: "1.1" is none of 1.2, 1.3`},
		{"a wish not to verify", "verify=no", `unknown option "verify"`},
		{"another wish not to verify", "insecure=yes", `unknown option "insecure"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "tls:h:1"
			if tt.options != "" {
				text += "?" + tt.options
			}
			addr, err := ParseAddress(text)
			if err == nil {
				var f *Fanout
				if f, err = New(Options{Addresses: []Address{addr}}); err == nil {
					f.senders[0].cancel()
					<-f.senders[0].done
				}
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("the error is %v, want %q", err, tt.err)
			}
		})
	}
}

// secureListener takes TLS connections, and tells what came out of each.
func secureListener(t *testing.T, config *tls.Config) (addr string, lines chan string) {
	t.Helper()
	ln := listen(t)
	lines = make(chan string, 100)
	done := make(chan struct{})
	t.Cleanup(func() { ln.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			secure := tls.Server(c, config)
			_ = c.SetDeadline(time.Now().Add(patience))
			buf := make([]byte, 1000)
			for {
				n, err := secure.Read(buf)
				if err != nil {
					break
				}
				lines <- string(buf[:n])
			}
			secure.Close()
		}
	}()
	return ln.Addr().String(), lines
}

func TestTLSVerifiesItsPeer(t *testing.T) {
	good, bad := newAuthority(t), newAuthority(t)
	tests := []struct {
		name    string
		server  issued
		options string
		config  func(c *tls.Config)
		err     string // empty: the lines come
	}{
		{name: "by the address", server: good.issue(t, "127.0.0.1")},
		{name: "by server_name", server: good.issue(t, "collector.example.net"), options: "&server_name=collector.example.net"},
		{name: "a certificate for another address", server: good.issue(t, "127.0.0.2"), err: "certificate is valid for 127.0.0.2, not 127.0.0.1"},
		{name: "a certificate for another name", server: good.issue(t, "a.example.net"), options: "&server_name=b.example.net", err: "certificate is valid for a.example.net, not b.example.net"},
		{name: "an authority that is not ours", server: bad.issue(t, "127.0.0.1"), err: "certificate signed by unknown authority"},
		{name: "a certificate that has expired", server: good.issueUntil(t, "127.0.0.1", time.Now().Add(-time.Minute)), err: "certificate has expired"},
		{name: "TLS 1.2", server: good.issue(t, "127.0.0.1"), config: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }},
		{name: "TLS 1.1", server: good.issue(t, "127.0.0.1"), config: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, err: "protocol version not supported"},
		{name: "TLS 1.2 where 1.3 is asked for", server: good.issue(t, "127.0.0.1"), options: "&min_version=1.3", config: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, err: "protocol version not supported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := &tls.Config{Certificates: []tls.Certificate{tt.server.pair}}
			if tt.config != nil {
				tt.config(config)
			}
			addr, lines := secureListener(t, config)
			w := newWatch(t)
			f := start(t, Options{Addresses: []Address{address(t, "tls:"+addr+"?ca="+good.path+tt.options)}, OnEvent: w.on})
			f.Send([]byte("secret"))
			if tt.err == "" {
				if got := <-lines; got != "secret\n" {
					t.Errorf("got %q", got)
				}
				flush(t, f)
				return
			}
			if e := w.wait(Lost); !strings.Contains(e.Err.Error(), tt.err) {
				t.Errorf("lost because of %v, want %q", e.Err, tt.err)
			}
			if s := f.Stats()[0]; s.Sent != 0 || s.Queued != 1 || len(lines) > 0 {
				t.Errorf("stats: %+v", s)
			}
		})
	}
}

func TestTLSSendsNothingInTheClearToAPlainPeer(t *testing.T) {
	p := newLineServer(t)
	p.start(t)
	t.Cleanup(func() { p.stop(t) })
	w := newWatch(t)
	f := start(t, Options{Addresses: []Address{address(t, "tls:"+p.addr)}, OnEvent: w.on})
	f.Send([]byte("secret"))
	p.box().wait(t, "waiting for the greeting of TLS to be taken for lines, or for nothing", func([]string) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.conns) > 0
	})
	p.leave(t)
	if e := w.wait(Lost); e.Err == nil {
		t.Error("lost without a reason")
	}
	for _, line := range p.received() {
		if strings.Contains(line, "secret") {
			t.Errorf("it came in the clear: %q", line)
		}
	}
}

func TestTLSShowsItsCertificate(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	server := a.issue(t, "127.0.0.1").pair
	for _, tt := range []struct {
		name    string
		version uint16
		client  *issued
		ok      bool
	}{
		{"TLS 1.3, a good one", tls.VersionTLS13, ptr(a.issue(t, "probe")), true},
		{"TLS 1.3, one of another authority", tls.VersionTLS13, ptr(stranger.issue(t, "probe")), false},
		{"TLS 1.3, none", tls.VersionTLS13, nil, false},
		{"TLS 1.2, a good one", tls.VersionTLS12, ptr(a.issue(t, "probe")), true},
		{"TLS 1.2, one of another authority", tls.VersionTLS12, ptr(stranger.issue(t, "probe")), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr, lines := secureListener(t, &tls.Config{
				Certificates: []tls.Certificate{server}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MaxVersion: tt.version,
			})
			text := "tls:" + addr + "?ca=" + a.path
			if tt.client != nil {
				text += "&cert=" + tt.client.certPath + "&key=" + tt.client.keyPath
			}
			w := newWatch(t)
			f := start(t, Options{Addresses: []Address{address(t, text)}, OnEvent: w.on})
			f.Send([]byte("a"))
			if tt.ok {
				if got := <-lines; got != "a\n" {
					t.Errorf("got %q", got)
				}
				return
			}
			if e := w.wait(Lost); !strings.Contains(e.Err.Error(), "remote error: tls: ") {
				t.Errorf("lost because of %v", e.Err)
			}
			if s := f.Stats()[0]; s.Delivered != 0 || s.Queued != 1 {
				t.Errorf("a line went to a peer that refuses us: %+v", s)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestTLSReadsARenewedCertificateAtTheNextConnection(t *testing.T) {
	a := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	seen := make(chan string, 10)
	config := &tls.Config{Certificates: []tls.Certificate{a.issue(t, "127.0.0.1").pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	config.VerifyConnection = func(s tls.ConnectionState) error {
		seen <- s.PeerCertificates[0].Subject.CommonName
		return nil
	}
	ln := listen(t)
	first, second := a.issue(t, "first"), a.issue(t, "second")
	f := start(t, Options{Addresses: []Address{address(t, "tls:"+ln.Addr().String()+"?ca="+a.path+"&cert="+first.certPath+"&key="+first.keyPath)}})
	serve := func(want string) {
		t.Helper()
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		secure := tls.Server(c, config)
		if err := secure.Handshake(); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != want {
			t.Errorf("the certificate shown is %q, want %q", got, want)
		}
		waitState(t, f, Connected)
		secure.Close()
	}
	serve("first")
	for from, to := range map[string]string{second.certPath: first.certPath, second.keyPath: first.keyPath} {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The sender may have begun to connect before both files were written.
	waitState(t, f, Lost)
	deadline := time.Now().Add(patience)
	for got := ""; got != "second"; {
		if time.Now().After(deadline) {
			t.Fatal("the renewed certificate is never shown")
		}
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		secure := tls.Server(c, config)
		if secure.Handshake() == nil {
			got = <-seen
		}
		secure.Close()
	}
}

func TestServerNameHasNoZone(t *testing.T) {
	c, err := tlsConfig(Address{Host: "fe80::1%eth0"})
	if err != nil || c.ServerName != "fe80::1" || net.ParseIP(c.ServerName) == nil {
		t.Errorf("%v, %v", c, err)
	}
}
