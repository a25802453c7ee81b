package output

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dumbprobe/internal/peers"
)

func serve(t *testing.T, p *fluentServer) {
	t.Helper()
	p.start(t)
	t.Cleanup(func() { p.box().resume(); p.stop(t) })
}

func TestFluentOptions(t *testing.T) {
	secret := secretFile(t, "baba")
	tests := []struct{ name, options, err string }{
		{"none", "", ""},
		{"all", "tag=a.{host}&gzip=yes&shared_key_file=" + secret + "&user=u&password_file=" + secret + "&ack_timeout=5s&max_message=2048&stall=5s", ""},
		{"a user without a shared key", "user=u&password_file=" + secret, ""},
		{"a user without a password", "user=u", "option user needs the option password_file"},
		{"a password without a user", "password_file=" + secret, "option password_file needs the option user"},
		{"a key that is not there", "shared_key_file=" + secret + ".not", "option shared_key_file: open " + secret + ".not: no such file"},
		{"an empty key", "shared_key_file=" + secretFile(t, "\n"), "option shared_key_file: "},
		{"a key of two lines", "shared_key_file=" + secretFile(t, "a\nb\n"), "has more than one line"},
		{"a key that is a large file", "shared_key_file=" + secretFile(t, strings.Repeat("x", maxSecretFile+1)), "is larger than 65536 bytes"},
		{"a folder for a password", "user=u&password_file=" + filepath.Dir(secret), "option password_file: " + filepath.Dir(secret) + " is not a regular file"},
		{"a user with a name that no PING holds", "user=" + strings.Repeat("u", 256), "has 256 bytes; at most 255 are possible"},
		{"a time that is none", "ack_timeout=soon", `option ack_timeout: "soon" is not a time`},
		{"a size that is too small", "max_message=10", `option max_message: "10" is not a whole number from 1024`},
		{"TLS, which is another kind", "ca=x", `unknown option "ca"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "fluent:h:1"
			if tt.options != "" {
				text += "?" + tt.options
			}
			a, err := ParseAddress(text)
			if err == nil {
				_, err = newFluent(opening{Address: a})
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("the error is %v, want %q", err, tt.err)
			}
			if err != nil && strings.Contains(err.Error(), "baba") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestFluentNameSaysWhichTag(t *testing.T) {
	a := address(t, "fluent:h:1?tag=a.{host}&gzip=yes&ack_timeout=5s")
	if got := a.Name(); got != "fluent:h:1?tag=a.{host}" {
		t.Errorf("the name is %q", got)
	}
}

func TestFluentEventsHaveTheTimeOfTheirMessages(t *testing.T) {
	for _, zip := range []string{"", "&gzip=yes"} {
		p := newFluentServer(t)
		p.options = zip
		serve(t, p)
		f := start(t, options(t, p))
		before := time.Now().Add(-time.Second)
		lines := []string{
			`{"v":3,"time":1795469588.423164,"location":{"host":"web01"},"event":{"name":"disk space","vset":{"free":{"value":1.5}}}}`,
			`{"v":3,"time":17}`,
			`{"n":1}`,
		}
		for _, line := range lines {
			f.Send([]byte(line))
		}
		expect(t, p.box().waitFor(t, len(lines)), lines)
		var times []time.Time
		for _, c := range p.taken() {
			times = append(times, c.Times...)
			if c.Tag != "dumbprobe" || c.Size != len(c.Records) || c.Compressed != (zip != "") {
				t.Errorf("the chunk is %+v", c)
			}
		}
		want := []time.Time{time.Unix(1795469588, 423164000).UTC(), time.Unix(17, 0).UTC()}
		if diff := cmp.Diff(want, times[:2]); diff != "" {
			t.Errorf("times (-want +got):\n%s", diff)
		}
		if now := times[2]; now.Before(before) || now.After(time.Now()) {
			t.Errorf("a message without a time has %v", now)
		}
	}
}

func tagged(host string, n int) string {
	return fmt.Sprintf(`{"n":%d,"location":{"host":%q},"event":{"name":"cpu load"}}`, n, host)
}

func TestFluentChunksHaveOneTagEachAndKeepTheOrder(t *testing.T) {
	p := newFluentServer(t)
	p.options = "&tag=dp.{host}.{aspect}"
	var want []string
	for i := range 1000 {
		want = append(want, tagged([]string{"a.example.net", "b.example.net", "b.example.net"}[i%3], i))
	}
	f := start(t, options(t, p)) // away at first, so that what waits is sent in large batches
	for _, line := range want {
		f.Send([]byte(line))
	}
	serve(t, p)
	expect(t, p.box().waitFor(t, len(want)), want)
	flush(t, f)
	tags := map[string]int{}
	for _, c := range p.taken() {
		tags[c.Tag] += len(c.Records)
		for _, record := range c.Records {
			if got := tagTemplate(t, "dp.{host}.{aspect}").of([]byte(record)); got != c.Tag {
				t.Errorf("a chunk with the tag %q has %s", c.Tag, record)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"dp.a_example_net.cpu_load": 334, "dp.b_example_net.cpu_load": 666}, tags); diff != "" {
		t.Errorf("lines by tag (-want +got):\n%s", diff)
	}
	balanced(t, f.Stats()[0])
}

// What was acknowledged before the end of a connection is not sent again, and what was not, is: under the same id.
func TestFluentSendsAgainWhatWasNotAcknowledged(t *testing.T) {
	p := newFluentServer(t)
	p.options = "&tag={host}"
	p.ack = func(n int, c peers.FluentChunk) ([]string, bool) {
		if n == 2 {
			return nil, true
		}
		return []string{c.ID}, false
	}
	d := opened(t, fmt.Sprint(p)).(*fluent)
	serve(t, p)
	must(t, d.Connect(t.Context()))
	b := Batch{Origin: "o", First: 7}
	var want []string
	for i, host := range []string{"a", "a", "b", "c", "c", "d"} {
		want = append(want, tagged(host, i))
		b.Lines = append(b.Lines, []byte(want[i]))
	}
	sent, err := d.Send(t.Context(), b)
	if sent != 3 || !errors.Is(err, errPeerClosed) || errors.Is(err, ErrUnsent) {
		t.Fatalf("%d lines, %v; want the first 3, and that the peer closed", sent, err)
	}
	must(t, d.Close())
	must(t, d.Connect(t.Context()))
	b = Batch{Origin: b.Origin, First: b.First + 3, Lines: b.Lines[3:]}
	if sent, err := d.Send(t.Context(), b); sent != 3 || err != nil {
		t.Fatalf("again: %d lines, %v", sent, err)
	}
	must(t, d.Close())
	expect(t, p.box().received(), want)
	chunks := p.taken()
	if len(chunks) != 5 || chunks[2].ID != chunks[3].ID {
		t.Errorf("the chunks are %+v", chunks)
	}
	ids := map[string]bool{}
	for _, c := range chunks {
		ids[c.ID] = true
	}
	if len(ids) != 4 {
		t.Errorf("%d different ids, want 4: %+v", len(ids), chunks)
	}
}

func TestFluentTakesAcknowledgementsInAnyOrder(t *testing.T) {
	p := newFluentServer(t)
	p.options = "&tag={host}"
	var held []string
	p.ack = func(n int, c peers.FluentChunk) ([]string, bool) {
		held = append([]string{c.ID}, held...)
		if n < 2 {
			return nil, false
		}
		return held, false
	}
	d := opened(t, fmt.Sprint(p)).(*fluent)
	serve(t, p)
	must(t, d.Connect(t.Context()))
	b := Batch{Origin: "o", Lines: [][]byte{[]byte(tagged("a", 1)), []byte(tagged("b", 2)), []byte(tagged("c", 3))}}
	if sent, err := d.Send(t.Context(), b); sent != 3 || err != nil {
		t.Fatalf("%d lines, %v", sent, err)
	}
	must(t, d.Close())
}

func TestFluentWindowBoundsTheChunksUnderWay(t *testing.T) {
	p := newFluentServer(t)
	p.options = "&tag={host}"
	f := start(t, options(t, p)) // away at first, so that all is one batch
	var want []string
	for i := range 1000 {
		want = append(want, tagged(fmt.Sprint("h", i), i))
		f.Send([]byte(want[i]))
	}
	var holding atomic.Bool
	holding.Store(true)
	p.ack = func(_ int, c peers.FluentChunk) ([]string, bool) {
		if holding.Load() {
			return nil, false
		}
		return []string{c.ID}, false
	}
	serve(t, p)
	steady(t, func() string { return fmt.Sprint(len(p.taken()), len(p.taken()) > 0) })
	if n := len(p.taken()); n != fluentWindow {
		t.Errorf("%d chunks are under way, want %d", n, fluentWindow)
	}
	holding.Store(false)
	p.stop(t)
	p.start(t)
	expect(t, p.box().waitFor(t, len(want)), want)
	flush(t, f)
	balanced(t, f.Stats()[0])
}

func TestFluentErrorsSayWhatThePeerDid(t *testing.T) {
	tests := []struct {
		name string
		set  func(t *testing.T, p *fluentServer)
		err  string
	}{
		{"it acknowledges another chunk", func(_ *testing.T, p *fluentServer) {
			p.ack = func(int, peers.FluentChunk) ([]string, bool) { return []string{"p8n9gmxTQVC8/nh2wlKKeQ=="}, false }
		}, `the peer has acknowledged a chunk "p8n9gmxTQVC8/nh2wlKKeQ==", which does not wait for that`},
		{"it acknowledges a chunk twice", func(_ *testing.T, p *fluentServer) {
			p.ack = func(n int, c peers.FluentChunk) ([]string, bool) {
				if n == 0 {
					return []string{c.ID, c.ID}, false
				}
				return nil, false
			}
		}, "which does not wait for that"},
		{"it acknowledges nothing", func(_ *testing.T, p *fluentServer) {
			p.options = "&ack_timeout=1s"
			p.ack = func(int, peers.FluentChunk) ([]string, bool) { return nil, false }
		}, "the peer has acknowledged nothing for 1s (option ack_timeout); chunks that wait for that: 1"},
		{"it closes instead", func(_ *testing.T, p *fluentServer) {
			p.ack = func(int, peers.FluentChunk) ([]string, bool) { return nil, true }
		}, "the peer closed the connection"},
		{"it wants a shared key", func(t *testing.T, p *fluentServer) {
			p.key = "open sesame"
		}, "the peer wants to be shown a shared key, or a user and a password (options shared_key_file, user, password_file)"},
		{"it speaks HTTP", func(_ *testing.T, p *fluentServer) {
			p.talk = func(c *serverConn) {
				_, _ = c.Read(make([]byte, 1)) // before anything is sent it may only be seen that the peer has closed
				_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
				c.CloseWrite()
			}
		}, "the peer sent no acknowledgement, but 1 bytes that begin with 48: "},
		{"it never stops", func(_ *testing.T, p *fluentServer) {
			p.talk = func(c *serverConn) {
				_, _ = c.Write(append([]byte{0xdb, 0xff, 0xff, 0xff, 0xff}, make([]byte, 10_000)...))
			}
		}, "it sends a message of more than 4096 bytes"},
		{"another has our key", func(t *testing.T, p *fluentServer) {
			p.share(t, "open sesame")
			p.key = "open barley"
		}, `the peer does not let us in: "shared_key mismatch"`},
		{"another has our key, and it says nothing", func(t *testing.T, p *fluentServer) {
			p.share(t, "open sesame")
			p.key = "open barley"
			p.pong = func([]string, []any) []any { return nil }
		}, "the peer closed the connection instead of answering PING"},
		{"our password is wrong", func(t *testing.T, p *fluentServer) {
			p.share(t, "open sesame")
			p.users = map[string]string{"ali": "baba"}
			p.options += "&user=ali&password_file=" + secretFile(t, "babar")
		}, `the peer does not let us in: "username/password mismatch"`},
		{"it does not prove that it has the key", func(t *testing.T, p *fluentServer) {
			p.share(t, "open sesame")
			p.pong = func(_ []string, pong []any) []any { pong[4] = strings.Repeat("0", 128); return pong }
		}, "the peer does not prove that it has the shared key"},
		{"it sends our own proof back", func(t *testing.T, p *fluentServer) {
			p.share(t, "open sesame")
			p.pong = func(ping []string, pong []any) []any { pong[3], pong[4] = ping[1], ping[3]; return pong }
		}, `the peer calls itself "dumbprobe.`},
		{"its greeting has no nonce", func(t *testing.T, p *fluentServer) {
			p.share(t, "open sesame")
			p.helo = func(m map[string]any) { m["nonce"] = []byte{} }
		}, "it has no nonce"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newFluentServer(t)
			tt.set(t, p)
			serve(t, p)
			w := newWatch(t)
			o := options(t, p)
			o.OnEvent = w.on
			f := start(t, o)
			f.Send([]byte(tagged("a", 1)))
			twice := strings.Contains(tt.name, "twice")
			if twice {
				p.box().waitFor(t, 1)
				f.Send([]byte(tagged("a", 2)))
			}
			e := w.wait(Lost)
			if e.Err == nil || !strings.Contains(e.Err.Error(), tt.err) {
				t.Errorf("the error is %v, want %q", e.Err, tt.err)
			}
			for _, secret := range []string{"sesame", "barley", "babar"} {
				if strings.Contains(fmt.Sprint(e.Err), secret) {
					t.Errorf("the error shows a secret: %v", e.Err)
				}
			}
			if s := f.Stats()[0]; s.Delivered != 0 && !twice {
				t.Errorf("stats: %+v", s)
			}
		})
	}
}

func TestFluentLogsIn(t *testing.T) {
	tests := []struct {
		name string
		set  func(t *testing.T, p *fluentServer)
	}{
		{"with a key", func(t *testing.T, p *fluentServer) { p.share(t, "open sesame") }},
		{"with a key, a user and a password", func(t *testing.T, p *fluentServer) {
			p.share(t, "open sesame")
			p.users = map[string]string{"ali": "baba"}
			p.options += "&user=ali&password_file=" + secretFile(t, "baba")
		}},
		{"with a user and a password alone", func(t *testing.T, p *fluentServer) {
			p.users = map[string]string{"ali": "baba"}
			p.options += "&user=ali&password_file=" + secretFile(t, "baba")
		}},
		{"where the server has a salt and no users", func(t *testing.T, p *fluentServer) {
			p.share(t, "open sesame")
			p.helo = func(m map[string]any) { m["auth"] = "salt" }
		}},
		{"where the greeting says as little as it may", func(t *testing.T, p *fluentServer) {
			p.share(t, "open sesame")
			p.helo = func(m map[string]any) { delete(m, "auth"); delete(m, "keepalive"); m["more"] = []any{1, nil} }
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newFluentServer(t)
			tt.set(t, p)
			serve(t, p)
			f := start(t, options(t, p))
			f.Send([]byte(`{"n":1}`))
			p.box().waitFor(t, 1)
			flush(t, f)
		})
	}
}

// A server that says keepalive: false closes after each chunk; that is neither an outage nor a reason to wait.
func TestFluentMakesAConnectionForEachChunkWhereTheServerWantsThat(t *testing.T) {
	p := newFluentServer(t)
	p.share(t, "open sesame")
	p.options += "&tag={host}"
	p.helo = func(m map[string]any) { m["keepalive"] = false }
	p.ack = func(_ int, c peers.FluentChunk) ([]string, bool) { return []string{c.ID}, true }
	w := newWatch(t)
	o := options(t, p)
	o.OnEvent = w.on
	o.Backoff = Backoff{Min: time.Hour, Max: time.Hour}
	serve(t, p)
	f := start(t, o)
	var want []string
	for i := range 50 {
		want = append(want, tagged(fmt.Sprint("h", i/2), i))
		f.Send([]byte(want[i]))
	}
	expect(t, p.box().waitFor(t, len(want)), want)
	flush(t, f)
	if s := f.Stats()[0]; s.State != Connected || s.SentAgain != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestFluentDropsWhatIsTooLarge(t *testing.T) {
	p := newFluentServer(t)
	p.options = "&max_message=1024"
	f := start(t, options(t, p))
	large := `{"pad":"` + strings.Repeat("x", 2000) + `"}`
	for _, line := range []string{large, `{"n":1}`, `{"n":2}`, large, large, `{"n":3}`} {
		f.Send([]byte(line))
	}
	serve(t, p)
	expect(t, p.box().waitFor(t, 3), numbered(1, 4))
	flush(t, f)
	s := f.Stats()[0]
	balanced(t, s)
	if s.Dropped[DropTooLarge] != 3 || s.SentAgain != 0 || s.Delivered != 3 {
		t.Errorf("stats: %+v", s)
	}
}

func TestFluentSplitsABatchIntoChunksOfBoundedSize(t *testing.T) {
	p := newFluentServer(t)
	f := start(t, options(t, p))
	pad := strings.Repeat("x", 10_000)
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprintf(`{"n":%d,"pad":%q}`, i, pad))
		f.Send([]byte(want[i]))
	}
	huge := fmt.Sprintf(`{"n":200,"pad":%q}`, strings.Repeat("y", 3<<20))
	want = append(want, huge, `{"n":201}`)
	f.Send([]byte(huge))
	f.Send([]byte(`{"n":201}`))
	serve(t, p)
	expect(t, p.box().waitFor(t, len(want)), want)
	for _, c := range p.taken() {
		size := 0
		for _, record := range c.Records {
			size += len(record)
		}
		if len(c.Records) > 1 && size > fluentChunkBytes {
			t.Errorf("a chunk of %d messages has %d bytes", len(c.Records), size)
		}
	}
}

func TestFluentVerifiesItsPeer(t *testing.T) {
	p := newFluentTLSServer(t)
	p.ca = newAuthority(t).path // another's
	serve(t, p)
	w := newWatch(t)
	o := options(t, p)
	o.OnEvent = w.on
	f := start(t, o)
	f.Send([]byte(`{"n":1}`))
	if e := w.wait(Lost); !strings.Contains(e.Err.Error(), "certificate signed by unknown authority") {
		t.Errorf("the error is %v", e.Err)
	}
	if got := p.taken(); len(got) > 0 {
		t.Errorf("sent all the same: %+v", got)
	}
}
