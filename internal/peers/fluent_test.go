package peers

import (
	"bytes"
	"compress/gzip"
	"context"
	"net"
	"sync"
	"testing"

	"github.com/tinylib/msgp/msgp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFluentAcknowledgesWhatItHasRecorded(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	var mu sync.Mutex
	var got []byte
	go func() {
		served <- Fluent(ctx, ln, Settings{Record: func(lines []byte) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, lines...)
			return nil
		}})
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for n := 1; n <= 2; n++ {
		var entries []byte
		for range 2 {
			entries = append(entries, 0x92, 0xd7, 0, 0, 0, 0, 1, 0, 0, 0, 2)
			entries = msgp.AppendMapHeader(entries, 2)
			entries = msgp.AppendInt(msgp.AppendString(entries, "run"), 1)
			entries = msgp.AppendInt(msgp.AppendString(entries, "n"), n)
		}
		b := msgp.AppendString(msgp.AppendArrayHeader(nil, 3), "tag")
		members := uint32(1)
		if n == 2 {
			var zipped bytes.Buffer
			z := gzip.NewWriter(&zipped)
			_, _ = z.Write(entries)
			_ = z.Close()
			entries, members = zipped.Bytes(), 2
		}
		b = msgp.AppendMapHeader(msgp.AppendBytes(b, entries), members)
		if n == 2 {
			b = msgp.AppendString(msgp.AppendString(b, "compressed"), "gzip")
		}
		b = msgp.AppendString(msgp.AppendString(b, "chunk"), "id")
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		ack := map[string]any{}
		if err := msgp.NewReader(c).ReadMapStrIntf(ack); err != nil || ack["ack"] != "id" {
			t.Fatal(ack, err)
		}
	}
	mu.Lock()
	if want := "{\"run\":1,\"n\":1}\n{\"run\":1,\"n\":1}\n{\"run\":1,\"n\":2}\n{\"run\":1,\"n\":2}\n"; string(got) != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
	mu.Unlock()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
