package peers

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
)

// Lines takes lines over TCP or TLS. When ctx ends it closes its half of each connection, and takes what still comes.
func Lines(ctx context.Context, ln net.Listener, s Settings) error {
	return connections(ctx, ln, func(c *net.TCPConn) {
		stop := context.AfterFunc(ctx, func() { _ = c.CloseWrite() })
		defer stop()
		var r io.Reader = c
		if s.TLS != nil {
			r = tls.Server(c, s.TLS)
		}
		for lines := bufio.NewReaderSize(r, 1<<16); ; {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return // what is torn comes again
			}
			if s.Record(line) != nil {
				return
			}
		}
	})
}

// connections serves each in its own goroutine, closes it afterwards, and waits for them when ctx has ended.
func connections(ctx context.Context, ln net.Listener, serve func(*net.TCPConn)) error {
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		c, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				c.Close()
			}
			return nil
		}
		if err != nil {
			return err
		}
		wg.Go(func() {
			defer c.Close()
			serve(c.(*net.TCPConn))
		})
	}
}
