package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// natsPatience is for the server's start and end.
const natsPatience = 20 * time.Second

// NATS is the real server of NATS, and a consumer that records what the stream has. What was in the stream when the
// server ended is recorded after the next start.
func NATS(ctx context.Context, ln net.Listener, s Settings) error {
	at := ln.Addr().(*net.TCPAddr)
	ln.Close() // the server opens its own
	o := &server.Options{
		Host: at.IP.String(), Port: at.Port, JetStream: true, StoreDir: s.Store, NoLog: true, NoSigs: true,
		TLSConfig: s.TLS, TLSTimeout: natsPatience.Seconds(),
	}
	login := func(*nats.Options) error { return nil }
	if s.Secret != "" {
		o.Users = []*server.User{{Username: User, Password: s.Secret}}
		login = nats.UserInfo(User, s.Secret)
	}
	ns, err := server.NewServer(o)
	if err != nil {
		return err
	}
	ns.Start()
	defer func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	}()
	if !ns.ReadyForConnections(natsPatience) {
		return errors.New("the server of NATS does not get ready")
	}
	conn, err := nats.Connect("", nats.InProcessServer(ns), nats.NoReconnect(), login)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := conn.JetStream()
	if err != nil {
		return err
	}
	return readStream(ctx, js, s)
}

func readStream(ctx context.Context, js nats.JetStreamContext, s Settings) error {
	var info *nats.StreamInfo
	for {
		var err error
		if info, err = js.StreamInfo(s.Stream); err == nil {
			break
		}
		select {
		case <-time.After(50 * time.Millisecond): // the client has not yet made it
		case <-ctx.Done():
			return nil
		}
	}
	next := s.Recorded + 1
	sub, err := js.SubscribeSync(info.Config.Subjects[0], nats.BindStream(s.Stream), nats.OrderedConsumer(), nats.StartSequence(next))
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
		if err := s.Record(append(m.Data, '\n')); err != nil {
			return err
		}
		s.note("subject=" + m.Subject)
	}
}
