package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io/fs"
	"net"
	"os"
	"slices"

	"dumbprobe/internal/peers"
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
	s := peers.Settings{Store: p.file + ".jetstream", Stream: natsStream}
	var err error
	if p.cert != "" {
		if s.TLS, err = peers.Secure(p.cert); err != nil {
			return err
		}
	}
	if s.Recorded, err = p.recorded(); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", p.listen)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(p.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	s.Record = func(lines []byte) error {
		_, err := f.Write(lines)
		return err
	}
	return kinds[i].peer(ctx, ln, s)
}

// recorded is how many lines an earlier peer has written.
func (p peerSettings) recorded() (uint64, error) {
	had, err := os.ReadFile(p.file)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return uint64(bytes.Count(had, []byte("\n"))), err
}
