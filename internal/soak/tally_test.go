package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dumbprobe/internal/peers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func tallied(t *testing.T, lines ...string) tally {
	t.Helper()
	got, err := tallyOf(strings.NewReader(strings.Join(lines, "\n") + "\n" + `{"run":1,"n`))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTally(t *testing.T) {
	whole := &target{kind: kind{name: "whole", promise: true}, got: tallied(t, `{"run":1,"n":1}`, `{"run":1,"n":2}`, `{"run":1,"n":3}`, `{"run":2,"n":1}`)}
	tests := []struct {
		name                   string
		lines                  []string
		missing, doubled, torn int
	}{
		{"all", []string{`{"run":1,"n":1}`, `{"run":1,"n":2}`, `{"run":1,"n":3}`, `{"run":2,"n":1}`}, 0, 0, 0},
		{"the last one of each run, which a kill may have kept from it", []string{`{"run":1,"n":1}`, `{"run":1,"n":2}`}, 0, 0, 0},
		{"one in the middle", []string{`{"run":1,"n":1}`, `{"run":1,"n":3}`, `{"run":2,"n":1}`}, 1, 0, 0},
		{"two at the end", []string{`{"run":1,"n":1}`, `{"run":2,"n":1}`}, 1, 0, 0},
		{"some twice", []string{`{"run":1,"n":1}`, `{"run":1,"n":2}`, `{"run":1,"n":2}`, `{"run":1,"n":1}`, `{"run":1,"n":2}`, `{"run":1,"n":3}`}, 0, 3, 0},
		{"a torn line", []string{`{"run":1,"n":1}`, `{"run":1,"n`, `{"run":1,"n":2}`, `{"run":1,"n":3}`}, 0, 0, 1},
		{"nothing", nil, 2, 0, 1}, // an empty line is no message
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			one := &target{kind: kind{name: "one", promise: true}, got: tallied(t, tt.lines...)}
			targets := []*target{whole, one}
			sent := sentBy(targets)
			if sent.lines != 4 {
				t.Errorf("%d were sent, want 4", sent.lines)
			}
			if missing, doubled := one.got.missing(sent), one.got.doubled(); missing != tt.missing || doubled != tt.doubled || one.got.torn != tt.torn {
				t.Errorf("missing %d, doubled %d, torn %d; want %d, %d, %d", missing, doubled, one.got.torn, tt.missing, tt.doubled, tt.torn)
			}
			var out bytes.Buffer
			if bad := report(&out, sent, targets); bad != (tt.missing > 0) || bad != strings.Contains(out.String(), "BROKEN") {
				t.Errorf("the verdict is %v:\n%s", bad, out.String())
			}
		})
	}
}

func TestNothingSentIsNoSuccess(t *testing.T) {
	one := &target{got: tallied(t)}
	if !report(&bytes.Buffer{}, sentBy([]*target{one}), []*target{one}) {
		t.Error("a run without a message passes")
	}
}

// What a polite proxy has taken before it ends a connection arrives.
func TestAPoliteProxyLosesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lines")
	ctx, cancel := context.WithCancel(t.Context())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	go func() {
		served <- peers.Lines(ctx, ln, peers.Settings{Record: func(b []byte) error { _, err := f.Write(b); return err }})
	}()
	p, err := newProxy(ln.Addr().String(), true)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("{\"run\":1,\"n\":1}\n")); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = c.Read(make([]byte, 1)) // until the proxy ends the connection
		_, _ = c.Write([]byte("{\"run\":1,\"n\":2}\n"))
		c.Close()
	}()
	for over := false; !over; {
		p.misbehave(random)
		p.heal()
		select {
		case <-done:
			over = true
		case <-time.After(time.Millisecond):
		}
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		got, err := tallyFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got.lines == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of 2 lines came", got.lines)
		}
	}
	p.close()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestEachPeerHasItsTurnAtBeingKilled(t *testing.T) {
	file := &target{}
	a, b := &target{peer: &exec.Cmd{}}, &target{peer: &exec.Cmd{}}
	for i := range 6 {
		leastKilled([]*target{file, a, b}).kills++
		if a.kills+b.kills != i+1 || a.kills-b.kills < 0 || a.kills-b.kills > 1 {
			t.Fatalf("after %d kills: %d and %d", i+1, a.kills, b.kills)
		}
	}
	if got := leastKilled([]*target{file}); got != nil {
		t.Errorf("a peer where there is none: %+v", got)
	}
}
