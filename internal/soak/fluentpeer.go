package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/tinylib/msgp/msgp"
)

// fluentEntryHead is how many bytes of an entry are before its record: a list of two, and an extension of eight.
const fluentEntryHead = 1 + 2 + 8

// fluentPeer is a server of the Fluent Forward protocol without a handshake. A chunk is acknowledged when its messages
// are recorded.
func fluentPeer(ctx context.Context, ln net.Listener, p peerSettings, record func([]byte) error) error {
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
			stop := context.AfterFunc(ctx, func() { c.Close() }) // what is not acknowledged comes again
			defer stop()
			var stream io.ReadWriter = c
			if config != nil {
				stream = tls.Server(c, config)
			}
			for r := msgp.NewReader(stream); ; {
				id, lines, err := readChunk(r)
				if err != nil || record(lines) != nil {
					return
				}
				ack := msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "ack"), id)
				if _, err := stream.Write(ack); err != nil {
					return
				}
			}
		})
	}
}

// readChunk reads [tag, entries, options], and makes lines of JSON of the entries' records.
func readChunk(r *msgp.Reader) (id string, lines []byte, err error) {
	if n, err := r.ReadArrayHeader(); err != nil || n != 3 {
		return "", nil, fmt.Errorf("a list of %d: %w", n, err)
	}
	if err := r.Skip(); err != nil {
		return "", nil, err
	}
	entries, err := r.ReadBytes(nil)
	if err != nil {
		return "", nil, err
	}
	options := map[string]any{}
	if err := r.ReadMapStrIntf(options); err != nil {
		return "", nil, err
	}
	id, _ = options["chunk"].(string)
	if options["compressed"] == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(entries))
		if err != nil {
			return "", nil, err
		}
		if entries, err = io.ReadAll(z); err != nil {
			return "", nil, err
		}
	}
	var out bytes.Buffer
	for len(entries) > fluentEntryHead {
		rest, err := msgp.Skip(entries[fluentEntryHead:])
		if err != nil {
			return "", nil, err
		}
		if _, err := msgp.UnmarshalAsJSON(&out, entries[fluentEntryHead:len(entries)-len(rest)]); err != nil {
			return "", nil, err
		}
		out.WriteByte('\n')
		entries = rest
	}
	return id, out.Bytes(), nil
}
