package main

import (
	"fmt"
	"net"
	"path/filepath"

	"dumbprobe/internal/peers"
)

// kind is one destination of the soak. To add one, add a row: with the address, and with what its peer does.
type kind struct {
	name string
	// promise is that nothing is lost. Where what the kernel of the peer had when it was reset or killed counts as
	// delivered, nothing can be promised: what is lost is only told.
	promise bool
	// polite: connections are ended, and the peer is, as a proper server does it: after all that was sent was taken.
	polite bool
	// address is that of the destination. at is where its proxy listens, HOST:PORT.
	address func(t *target, at string) (string, error)
	// peer is killed in the middle of its work, unless it is polite. Nil: the destination writes to t.file itself.
	peer peers.Server
}

var kinds = []kind{
	{name: "file", promise: true, address: func(t *target, _ string) (string, error) { return "file:" + t.file, nil }},
	{name: "tcp", address: plain("tcp:%s?" + stallOption), peer: peers.Lines},
	{name: "tls", address: secure("tls:%s?" + stallOption + "&"), peer: peers.Lines},
	{name: "fluent", promise: true, address: plain("fluent:%s?" + fluentOptions), peer: peers.Fluent},
	{name: "fluent+tls", promise: true, address: secure("fluent+tls:%s?tag=soak.{host}&gzip=yes&" + fluentOptions + "&"), peer: peers.Fluent},
	{name: "http", promise: true, address: plain("http://%s/soak?" + httpOptions), peer: peers.HTTP},
	{name: "https", promise: true, address: secure("https://%s/soak?" + httpOptions + "&"), peer: peers.HTTP},
	{name: "nats", promise: true, address: plain("nats:%s?" + natsOptions), peer: peers.NATS},
	{name: "nats+tls", promise: true, address: secure("nats+tls:%s?" + natsOptions + "&"), peer: peers.NATS},
	{name: "otlp", promise: true, address: plain("otlp://%s?" + httpOptions), peer: peers.OTLP},
	{name: "otlp+tls", promise: true, address: secure("otlp+tls://%s?" + httpOptions + "&"), peer: peers.OTLP},
	{name: "tcp-polite", promise: true, polite: true, address: plain("tcp:%s"), peer: peers.Lines},
	{name: "tls-polite", promise: true, polite: true, address: secure("tls:%s?"), peer: peers.Lines},
}

// The soak's peers go away so often, some without a word, that it is not to be waited for long for what they have not
// acknowledged. The daemon makes the stream of NATS.
const (
	stallOption   = "stall=5s"
	fluentOptions = "ack_timeout=5s&" + stallOption
	httpOptions   = "timeout=5s"
	natsOptions   = stallOption + "&create=yes&stream=" + natsStream
	natsStream    = "SOAK"
)

// plain is an address in the clear.
func plain(format string) func(*target, string) (string, error) {
	return func(_ *target, at string) (string, error) { return fmt.Sprintf(format, at), nil }
}

// secure is an address with TLS, of a peer for which a certificate is made. format ends where its options go on.
func secure(format string) func(*target, string) (string, error) {
	return func(t *target, at string) (string, error) {
		t.cert = filepath.Join(t.dir, t.kind.name+".pem")
		return fmt.Sprintf(format, at) + "ca=" + t.cert, peers.MakeCertificate(t.cert, net.IPv4(127, 0, 0, 1))
	}
}
