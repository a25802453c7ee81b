package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const natsStream = "SOAK"

// natsAddress has the daemon make the stream.
func natsAddress(_ *target, at string) (string, error) {
	return "nats:" + at + "?create=yes&stream=" + natsStream, nil
}

// natsPeer is the real server of NATS, whose stream is beside the file, and a consumer that writes into the file what
// the stream has. What was in the stream when it was killed comes into the file after the next start.
func natsPeer(ctx context.Context, ln net.Listener, p peerSettings, record func([]byte) error) error {
	at := ln.Addr().(*net.TCPAddr)
	ln.Close() // the server opens its own
	s, err := server.NewServer(&server.Options{
		Host: at.IP.String(), Port: at.Port, JetStream: true, StoreDir: p.file + ".jetstream", NoLog: true, NoSigs: true,
	})
	if err != nil {
		return err
	}
	s.Start()
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	if !s.ReadyForConnections(20 * time.Second) {
		return errors.New("the server of NATS does not get ready")
	}
	conn, err := nats.Connect("", nats.InProcessServer(s), nats.NoReconnect())
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := conn.JetStream()
	if err != nil {
		return err
	}
	for {
		if _, err = js.StreamInfo(natsStream); err == nil {
			break
		}
		select {
		case <-time.After(100 * time.Millisecond): // the daemon has not yet made it
		case <-ctx.Done():
			return nil
		}
	}
	// Each message of the stream is one line of the file, so the lines there are tell which is next.
	had, err := os.ReadFile(p.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	next := uint64(bytes.Count(had, []byte("\n"))) + 1
	sub, err := js.SubscribeSync("dumbprobe.>", nats.BindStream(natsStream), nats.OrderedConsumer(), nats.StartSequence(next))
	if err != nil {
		return err
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the stream: %w", err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Stream < next {
			continue
		}
		next = meta.Sequence.Stream + 1
		if err := record(append(m.Data, '\n')); err != nil {
			return err
		}
	}
}
