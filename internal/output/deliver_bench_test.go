package output

import (
	"context"
	"io"
	"net"
	"testing"
)

// BenchmarkDeliver is a line from Send to its acknowledgement by the peer's kernel, with all its company.
func BenchmarkDeliver(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c); c.Close() }()
		}
	}()
	benchmarkAcknowledged(b, "tcp:"+ln.Addr().String(), string(make([]byte, 300)))
}

// benchmarkAcknowledged is a line from Send to its acknowledgement by the peer at address.
func benchmarkAcknowledged(b *testing.B, address, line string) {
	a, err := ParseAddress(address)
	if err != nil {
		b.Fatal(err)
	}
	f, err := New(Options{Addresses: []Address{a}, SpoolBytes: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	bytes := []byte(line)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		f.Send(bytes)
		if n++; n%100_000 == 0 {
			_ = f.Flush(context.Background())
		}
	}
	_ = f.Flush(context.Background())
	b.StopTimer()
	if s := f.Stats()[0]; s.Acknowledged != uint64(n) {
		b.Errorf("%d of %d lines were acknowledged", s.Acknowledged, n)
	}
	_ = f.Close(context.Background())
}
