package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"dumbprobe/internal/peers"
)

// peerKinds are what cmdPeer serves.
var peerKinds = map[string]peers.Server{"http": peers.HTTP, "otlp": peers.OTLP, "fluent": peers.Fluent, "nats": peers.NATS}

const peerUsage = "peer -away|-stop NAME, or: peer NAME KIND[+tls] [secret=TEXT] [stream=NAME]"

// servingPeer is a peer that has its address, whether it is there or away.
type servingPeer struct {
	address string
	stop    func() error // nil: it is away
}

type peersKey struct{}

// cmdPeer starts a server for a destination of the kind http, otlp, fluent or nats: peer NAME KIND[+tls] [secret=TEXT]
// [stream=NAME]. What it has acknowledged is in NAME.lines, a line for each message; what came around that is in
// NAME.notes. The variable NAME is its address, HOST:PORT. With +tls its certificate, which is its own authority, is in
// NAME.pem. With secret it refuses whoever has not that bearer token, shared key, or password of the user ali; stream is
// what it reads of NATS.
//
// peer -away NAME gives one that is away an address, and peer -stop NAME has it be away again.
func cmdPeer(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) >= 2, peerUsage)
	all := ts.Value(peersKey{}).(map[string]*servingPeer)
	name := args[0]
	if strings.HasPrefix(name, "-") {
		name = args[1]
	}
	p := all[name]
	if p == nil {
		p = &servingPeer{address: freeAddress(ts)}
		all[name] = p
		ts.Setenv(name, p.address)
	}
	switch args[0] {
	case "-away":
		need(ts, len(args) == 2, peerUsage)
	case "-stop":
		need(ts, len(args) == 2 && p.stop != nil, peerUsage)
		ts.Check(p.stop())
	default:
		need(ts, p.stop == nil, peerUsage)
		p.serve(ts, name, args[1], args[2:])
	}
}

// freeAddress is of a port that nobody else comes by: connections have other addresses of this machine.
func freeAddress(ts *testscript.TestScript) string {
	ln, err := net.Listen("tcp", fmt.Sprintf("127.78.%d.%d:0", 1+rand.N(250), 1+rand.N(250)))
	ts.Check(err)
	defer ln.Close()
	return ln.Addr().String()
}

func (p *servingPeer) serve(ts *testscript.TestScript, name, kind string, options []string) {
	kind, secure := strings.CutSuffix(kind, "+tls")
	server := peerKinds[kind]
	need(ts, server != nil, peerUsage)
	s := peers.Settings{Store: ts.MkAbs(name + ".store")}
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "secret":
			s.Secret = value
		case "stream":
			s.Stream = value
		default:
			need(ts, false, peerUsage)
		}
	}
	lines, err := os.OpenFile(ts.MkAbs(name+".lines"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	notes, err := os.OpenFile(ts.MkAbs(name+".notes"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	s.Recorded = uint64(strings.Count(ts.ReadFile(name+".lines"), "\n"))
	s.Record = func(b []byte) error { _, err := lines.Write(b); return err }
	s.Note = func(line string) { _, _ = notes.WriteString(line + "\n") }
	ln, err := net.Listen("tcp", p.address)
	ts.Check(err)
	if secure {
		path := ts.MkAbs(name + ".pem")
		ts.Check(peers.MakeCertificate(path, ln.Addr().(*net.TCPAddr).IP))
		s.TLS, err = peers.Secure(path)
		ts.Check(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server(ctx, ln, s) }()
	p.stop = func() error {
		p.stop = nil
		cancel()
		return errors.Join(<-served, lines.Close(), notes.Close())
	}
	ts.Defer(func() {
		if p.stop != nil {
			ts.Check(p.stop())
		}
	})
}
