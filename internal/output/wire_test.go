package output

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestWireKnowsAfterAResetWhatWasAcknowledged(t *testing.T) {
	ln := listen(t)
	w, err := dialWire(t.Context(), address(t, "tcp:"+ln.Addr().String()))
	must(t, err)
	defer w.Close()
	peer, err := ln.AcceptTCP()
	must(t, err)
	if _, err := w.Write([]byte("12345")); err != nil {
		t.Fatal(err)
	}
	within(t, "the acknowledgement", func() bool { return w.acknowledged() == 5 })
	must(t, peer.SetLinger(0))
	must(t, peer.Close())
	within(t, "the reset", func() bool { _, err := w.Write([]byte("x")); return err != nil })
	// Bytes written between the reset's arrival and its notice do not count.
	if got := w.acknowledged(); got != 5 {
		t.Errorf("%d bytes are acknowledged, want 5", got)
	}
}

func TestWireDoesNotCountItsOwnEnd(t *testing.T) {
	ln := listen(t)
	w, err := dialWire(t.Context(), address(t, "tcp:"+ln.Addr().String()))
	must(t, err)
	defer w.Close()
	peer, err := ln.Accept()
	must(t, err)
	defer peer.Close()
	must(t, w.CloseWrite())
	w.fin = true
	if got := w.acknowledged(); got != 0 {
		t.Errorf("%d bytes are acknowledged of none", got)
	}
}

// What is lost without a word between the two kernels is noticed within about the time of stall: what was sent by
// TCP_USER_TIMEOUT, an idle connection by its keepalives.
func TestTheKernelWatchesAWire(t *testing.T) {
	for options, stall := range map[string]time.Duration{"": tcpStall, "?stall=2s": 2 * time.Second, "?stall=1m": time.Minute} {
		ln := listen(t)
		w, err := dialWire(t.Context(), address(t, "tcp:"+ln.Addr().String()+options))
		must(t, err)
		defer w.Close()
		raw, err := w.SyscallConn()
		must(t, err)
		for _, o := range []struct {
			name               string
			level, which, want int
		}{
			{"TCP_USER_TIMEOUT, ms", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(stall.Milliseconds())},
			{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{"TCP_KEEPIDLE, s", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int((stall / 2).Seconds())},
			{"TCP_KEEPINTVL, s", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, max(int((stall / 6).Seconds()), 1)},
			{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
		} {
			var got int
			must(t, raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), o.level, o.which) }))
			if err != nil || got != o.want {
				t.Errorf("tcp%s: %s is %d, %v; want %d", options, o.name, got, err, o.want)
			}
		}
	}
}

func within(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s never comes", what)
		}
	}
}

// A line that ends on the wire behind what is acknowledged is in flight, whole or in part.
func TestLinesAreConfirmedWhenAllTheirBytesAre(t *testing.T) {
	ln := listen(t)
	w, err := dialWire(t.Context(), address(t, "tcp:"+ln.Addr().String()))
	must(t, err)
	peer, err := ln.Accept()
	must(t, err)
	defer peer.Close()
	c := newLineConn(w, nil)
	defer c.close()
	if n, err := c.send(t.Context(), [][]byte{[]byte("a"), []byte("bb"), []byte("")}); n != 3 || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	within(t, "the acknowledgement", func() bool { return c.confirm() == 3 })
	if c.marks != nil {
		t.Errorf("marks are kept: %v", c.marks)
	}
	c.marks = []mark{{end: 6, lines: 1}, {end: 7, lines: 1}}
	if got := c.confirm(); got != 4 {
		t.Errorf("%d lines are confirmed, want 4: 6 bytes are on the wire", got)
	}
}

func TestPollIsQuietWhenNothingIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll()
		defer p.stop()
		if p.after(0, 0) != nil {
			t.Error("it polls with nothing in flight")
		}
		began := time.Now()
		for range 10 {
			<-p.after(1, 0)
		}
		if took := time.Since(began); took < time.Second/2 || took > 2*time.Second {
			t.Errorf("ten polls took %v", took)
		}
		p.soon()
		began = time.Now()
		<-p.after(1, time.Minute)
		if took := time.Since(began); took != pollFirst {
			t.Errorf("after something happened, it waits %v", took)
		}
		began = time.Now()
		<-p.after(0, time.Second)
		if took := time.Since(began); took != time.Second {
			t.Errorf("asked to wait a second, it waits %v", took)
		}
	})
}

// slowToConfirm is a destination whose lines are acknowledged a while after they were sent.
type slowToConfirm struct {
	*fake
	after time.Duration
	at    []time.Time
}

func (d *slowToConfirm) Send(ctx context.Context, b Batch) (int, error) {
	n, err := d.fake.Send(ctx, b)
	for range n {
		d.at = append(d.at, time.Now())
	}
	return n, err
}

func (d *slowToConfirm) Confirmed() (n uint64) {
	for _, at := range d.at {
		if time.Since(at) >= d.after {
			n++
		}
	}
	return n
}

func (d *slowToConfirm) Connect(ctx context.Context) error {
	d.at = nil
	return d.fake.Connect(ctx)
}

func TestLinesStayInTheSpoolUntilTheyAreConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowToConfirm{fake: &fake{watched: true, lost: make(chan error)}, after: 3 * time.Second}
		b := newBench(d, 0)
		defer b.close()
		b.say(0, 5)
		synctest.Wait()
		if s := b.stats(); s.Sent != 5 || s.InFlight != 5 || s.Queued != 5 || s.Delivered != 0 {
			t.Errorf("sent, not confirmed: %+v", s)
		}
		time.Sleep(2 * time.Second)
		b.say(5, 10)
		synctest.Wait()
		d.lost <- errAway // nothing is confirmed yet
		began := time.Now()
		if err := b.fanout.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 3*time.Second {
			t.Errorf("the flush took %v: it did not wait for the confirmation", took)
		}
		expect(t, d.received(), append(numbered(0, 10), numbered(0, 10)...))
		s := b.stats()
		balanced(t, s)
		if s.Sent != 20 || s.SentAgain != 10 || s.Delivered != 10 || s.InFlight != 0 {
			t.Errorf("in the end: %+v", s)
		}
	})
}

// A peer that reads nothing for the time of stall loses its connection, and the lines wait for the next one.
func TestTCPGivesUpAPeerThatReadsNothing(t *testing.T) {
	ln := listen(t)
	events := newWatch(t)
	f := start(t, Options{Addresses: []Address{address(t, "tcp:"+ln.Addr().String()+"?stall=1s")}, OnEvent: events.on})
	first, err := ln.Accept()
	must(t, err)
	defer first.Close()
	line := make([]byte, 100_000)
	for range 150 { // more than the buffers of both kernels hold
		f.Send(line)
	}
	if e := events.wait(Lost); e.Err == nil {
		t.Error("lost without a reason")
	}
	if s := f.Stats()[0]; s.Queued == 0 || s.InFlight != 0 || s.Sent == 0 {
		t.Errorf("stats: %+v", s)
	}
}

var _ net.Conn = (*wire)(nil)
