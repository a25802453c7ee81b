package output

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/tinylib/msgp/msgp"
)

func packed(t testing.TB, v any) []byte {
	t.Helper()
	b, err := msgp.AppendIntf(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFluentReaderReadsHoweverItComes(t *testing.T) {
	all := packed(t, []any{"HELO", map[string]any{"nonce": []byte("n"), "auth": "a"}})
	all = append(all, packed(t, []any{"PONG", true, "", "h", "d"})...)
	all = append(all, packed(t, map[string]any{"ack": "1"})...)
	all = append(all, packed(t, map[string]any{"more": []any{1, "x"}, "ack": []byte("2")})...)
	for name, in := range map[string]io.Reader{"at once": bytes.NewReader(all), "byte by byte": iotest.OneByteReader(bytes.NewReader(all)), "with the end": iotest.DataErrReader(bytes.NewReader(all))} {
		r := &fluentReader{r: in}
		h, err := r.helo()
		if diff := cmp.Diff(fluentHelo{[]byte("n"), []byte("a"), true}, h, cmp.AllowUnexported(fluentHelo{})); err != nil || diff != "" {
			t.Errorf("%s: %v, HELO (-want +got):\n%s", name, err, diff)
		}
		p, err := r.pong()
		if diff := cmp.Diff(fluentPong{true, "", "h", []byte("d")}, p, cmp.AllowUnexported(fluentPong{})); err != nil || diff != "" {
			t.Errorf("%s: %v, PONG (-want +got):\n%s", name, err, diff)
		}
		for _, want := range []string{"1", "2"} {
			if id, err := r.ack(); id != want || err != nil {
				t.Errorf("%s: %q, %v; want %q", name, id, err, want)
			}
		}
		if _, err := r.ack(); !errors.Is(err, errPeerClosed) {
			t.Errorf("%s: at the end: %v", name, err)
		}
	}
}

func TestFluentReaderRefuses(t *testing.T) {
	tests := []struct {
		name, err string
		b         []byte
	}{
		{"an end in the middle", "the peer closed the connection in the middle of a message", []byte{0x81, 0xa3, 'a'}},
		{"a byte that no message has", "does not speak the Forward protocol", []byte{0xc1}},
		{"a message without an end", "of more than 4096 bytes", append([]byte{0xdd, 0xff, 0xff, 0xff, 0xff}, make([]byte, 5000)...)},
		{"lists in lists", "of more than 4096 bytes", bytes.Repeat([]byte{0x91}, 5000)},
		{"another kind", "the peer sent no acknowledgement", packed(t, "ack")},
		{"no chunk", "it names no chunk", packed(t, map[string]any{"nack": "1"})},
		{"a chunk that is no text", "the peer sent no acknowledgement", packed(t, map[string]any{"ack": 17})},
		{"PONG", "the peer sent no acknowledgement", packed(t, []any{"PONG", true, "", "h", "d"})},
		{"HELO", "shared_key_file", packed(t, []any{"HELO", map[string]any{}})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &fluentReader{r: bytes.NewReader(tt.b)}
			if _, err := r.ack(); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("the error is %v, want %q", err, tt.err)
			}
		})
	}
	for _, v := range []any{[]any{"HELO"}, []any{"HALLO", map[string]any{"nonce": "n"}}, []any{"HELO", 1}, []any{"HELO", map[string]any{"nonce": 1}}, []any{"HELO", map[string]any{"nonce": "n", "keepalive": "x"}}} {
		if h, err := (&fluentReader{r: bytes.NewReader(packed(t, v))}).helo(); err == nil {
			t.Errorf("HELO of %v: %+v", v, h)
		}
	}
	for _, v := range []any{[]any{"PONG"}, []any{"PING", true, "", "h", "d"}, []any{"PONG", "x", "", "h", "d"}, []any{"PONG", true, 1, "h", "d"}, []any{"PONG", true, "", "h", nil}} {
		if p, err := (&fluentReader{r: bytes.NewReader(packed(t, v))}).pong(); err == nil {
			t.Errorf("PONG of %v: %+v", v, p)
		}
	}
}

func TestFluentLoginWaitsForAGreetingThatNeverComes(t *testing.T) {
	l := &fluentLogin{host: "h", key: "sesame"}
	_, err := l.shakeHands(&fluentReader{r: iotest.ErrReader(fmt.Errorf("read: %w", os.ErrDeadlineExceeded))}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "the peer may have no shared key (then leave shared_key_file and user out)") {
		t.Errorf("the error is %v", err)
	}
}

// The digests are those of sha512sum(1).
func TestFluentLoginDigests(t *testing.T) {
	l := &fluentLogin{host: "client", key: "key", user: "user", password: "password"}
	v, _, err := msgp.ReadIntfBytes(l.ping(fluentHelo{nonce: []byte("nonce"), auth: []byte("auth")}, "salt"))
	must(t, err)
	want := []any{
		"PING", "client", "salt",
		"3e248aa088bb87580dd4d9dadb22c4a0335df68b0741d007d17ec8005aeb9998e843e2a85c37bd98d796ff5e2bd5e616e2c5fa1c72deb0a074e05ece1705ecba",
		"user",
		"82d658d975e9236cfa7f7d812b2b51567fd5c0e0ea0d89608720130391a2d0430e41054e9cb0b174061ecc251ded5b60d92f86dc52d1968906bd1527e9f760d3",
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("PING (-want +got):\n%s", diff)
	}
	v, _, err = msgp.ReadIntfBytes(l.ping(fluentHelo{nonce: []byte("nonce")}, "salt"))
	must(t, err)
	want[4], want[5] = "", ""
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("PING where no user is asked for (-want +got):\n%s", diff)
	}
}

// Whatever a server sends ends in an error or in what it said, within the bounds.
func FuzzFluentReader(f *testing.F) {
	f.Add(packed(f, []any{"HELO", map[string]any{"nonce": []byte("n"), "auth": "a", "keepalive": false}}))
	f.Add(packed(f, []any{"PONG", true, "reason", "host", strings.Repeat("0", 128)}))
	f.Add(packed(f, map[string]any{"ack": "p8n9gmxTQVC8/nh2wlKKeQ=="}))
	f.Add(packed(f, map[string]any{"x": []any{map[string]any{"y": 1.5}}, "ack": []byte("x")}))
	f.Add([]byte{0xdf, 0xff, 0xff, 0xff, 0xff, 0xc0})
	f.Add([]byte{0xdb, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0xc1})
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		objects := 0
		for r := (&fluentReader{r: iotest.HalfReader(bytes.NewReader(b))}); ; objects++ {
			object, err := r.next()
			if err != nil {
				break
			}
			if len(object) == 0 || len(object) > maxFluentReply {
				t.Fatalf("an object of %d bytes", len(object))
			}
			if id, err := parseFluentAck(object); err == nil && len(id) > len(object) {
				t.Fatalf("the id %q of % x", id, object)
			}
			if h, err := parseFluentHelo(object); err == nil && (len(h.nonce) == 0 || len(h.nonce)+len(h.auth) > len(object)) {
				t.Fatalf("HELO %+v of % x", h, object)
			}
			if p, err := parseFluentPong(object); err == nil && len(p.reason)+len(p.host)+len(p.digest) > len(object) {
				t.Fatalf("PONG %+v of % x", p, object)
			}
		}
		if objects > len(b) {
			t.Fatalf("%d objects in %d bytes", objects, len(b))
		}
	})
}
