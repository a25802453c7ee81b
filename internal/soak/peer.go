package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"flag"
	"io"
	"net"
	"os"
	"slices"
	"sync"
)

// peerCommand has this program be a peer.
const peerCommand = "peer"

type peerSettings struct {
	kind, listen, file, cert string
}

func (p peerSettings) args() []string {
	return []string{peerCommand, "-kind", p.kind, "-listen", p.listen, "-file", p.file, "-cert", p.cert}
}

func peerMain(ctx context.Context, args []string) error {
	var p peerSettings
	fs := flag.NewFlagSet(peerCommand, flag.ContinueOnError)
	fs.StringVar(&p.kind, "kind", "", "the kind")
	fs.StringVar(&p.listen, "listen", "", "where to listen")
	fs.StringVar(&p.file, "file", "", "where to append what comes")
	fs.StringVar(&p.cert, "cert", "", "certificate and key, in one file")
	if err := fs.Parse(args); err != nil {
		return err
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == p.kind })
	ln, err := net.Listen("tcp", p.listen)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(p.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	record := func(lines []byte) error {
		_, err := f.Write(lines)
		return err
	}
	return kinds[i].peer(ctx, ln, p, record)
}

// linePeer takes lines over TCP or TLS. When ctx ends it closes its half of each connection, and takes what still
// comes.
func linePeer(ctx context.Context, ln net.Listener, p peerSettings, record func([]byte) error) error {
	config, err := p.serverConfig()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		c, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		wg.Go(func() {
			defer c.Close()
			stop := context.AfterFunc(ctx, func() { _ = c.(*net.TCPConn).CloseWrite() })
			defer stop()
			var r io.Reader = c
			if config != nil {
				r = tls.Server(c, config)
			}
			for lines := bufio.NewReaderSize(r, 1<<16); ; {
				line, err := lines.ReadBytes('\n')
				if err != nil {
					return // what is torn comes again
				}
				if record(line) != nil {
					return
				}
			}
		})
	}
}
