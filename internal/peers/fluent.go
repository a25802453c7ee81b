package peers

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// Fluent is a server of the Fluent Forward protocol. With a secret it greets, and both prove that they have the key. A
// chunk is acknowledged when its records are recorded, as JSON.
func Fluent(ctx context.Context, ln net.Listener, s Settings) error {
	return connections(ctx, ln, func(c *net.TCPConn) {
		stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) }) // what is taken is acknowledged
		defer stop()
		var stream io.ReadWriter = c
		if s.TLS != nil {
			stream = tls.Server(c, s.TLS)
		}
		r := msgp.NewReader(stream)
		if s.Secret != "" {
			if err := (FluentGreeting{Key: s.Secret}).Shake(r, stream); err != nil {
				s.note("no greeting: " + err.Error())
				return
			}
		}
		for {
			chunk, err := ReadFluentChunk(r)
			if err != nil || s.Record(linesOf(chunk.Records)) != nil {
				return
			}
			for _, at := range chunk.Times {
				s.note(fmt.Sprintf("tag=%s compressed=%v time=%s", chunk.Tag, chunk.Compressed, at.Format(time.RFC3339Nano)))
			}
			if _, err := stream.Write(FluentAck(chunk.ID)); err != nil {
				return
			}
		}
	})
}

func linesOf(texts []string) (lines []byte) {
	for _, text := range texts {
		lines = append(append(lines, text...), '\n')
	}
	return lines
}
