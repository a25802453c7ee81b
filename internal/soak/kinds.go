package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
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
	// peer serves until ctx ends, and then returns when what was sent to it is taken; it is killed in the middle of
	// that, unless it is polite. A peer that acknowledges does so after record has returned. Nil: the destination
	// writes to t.file itself.
	peer func(ctx context.Context, ln net.Listener, t peerSettings, record func(lines []byte) error) error
}

var kinds = []kind{
	{name: "file", promise: true, address: func(t *target, _ string) (string, error) { return "file:" + t.file, nil }},
	{name: "tcp", address: tcpAddress, peer: linePeer},
	{name: "tls", address: tlsAddress, peer: linePeer},
	{name: "fluent", promise: true, address: fluentAddress, peer: fluentPeer},
	{name: "fluent+tls", promise: true, address: fluentTLSAddress, peer: fluentPeer},
	{name: "http", promise: true, address: httpAddress, peer: httpPeer(readPost)},
	{name: "https", promise: true, address: httpsAddress, peer: httpPeer(readPost)},
	{name: "nats", promise: true, address: natsAddress, peer: natsPeer},
	{name: "otlp", promise: true, address: otlpAddress, peer: httpPeer(readRecords)},
	{name: "tcp-polite", promise: true, polite: true, address: tcpAddress, peer: linePeer},
	{name: "tls-polite", promise: true, polite: true, address: tlsAddress, peer: linePeer},
}

func tcpAddress(_ *target, at string) (string, error) { return "tcp:" + at, nil }

// tlsAddress makes a certificate for the peer.
func tlsAddress(t *target, at string) (string, error) {
	t.cert = filepath.Join(t.dir, t.kind.name+".pem")
	if err := makeCertificate(t.cert); err != nil {
		return "", err
	}
	return fmt.Sprintf("tls:%s?ca=%s", at, t.cert), nil
}

// The soak's peers go away so often that it is not to be waited for long for what they have not acknowledged.
const fluentSoakOptions = "ack_timeout=5s&stall=5s"

func fluentAddress(_ *target, at string) (string, error) {
	return "fluent:" + at + "?" + fluentSoakOptions, nil
}

func fluentTLSAddress(t *target, at string) (string, error) {
	address, err := tlsAddress(t, at)
	return "fluent+" + address + "&tag=soak.{host}&gzip=yes&" + fluentSoakOptions, err
}

// serverConfig is that of a peer with TLS; nil without a certificate.
func (p peerSettings) serverConfig() (*tls.Config, error) {
	if p.cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(p.cert, p.cert)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}, nil
}
