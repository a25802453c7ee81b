package output

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rig is a destination of one kind with its peer, and what may be expected of that kind.
type rig struct {
	make func(t *testing.T) peer

	// window is how many lines may be under way at once; a kind without flow control loses more than the
	// peer's receive buffer holds. 0 is no limit.
	window int
	// blocks: a peer that does not read holds lines back instead of losing them.
	blocks bool
	// noticed: that the peer went is seen while idle, not at the next line.
	noticed bool
	// acknowledged: a line counts as delivered when the peer itself has it, not only its kernel.
	acknowledged bool
	// deduplicates: lines follow one another before the first is acknowledged, so what is under way when the peer closes
	// is sent again; the peer drops what it has had.
	deduplicates bool
	// loses: the first line to a peer that has gone may be lost, and is counted as refused.
	loses bool
}

var rigs = map[string]rig{
	"stdout": {make: func(t *testing.T) peer { return newPipeReader(t) }, blocks: true},
	"tcp":    {make: func(t *testing.T) peer { return newLineServer(t) }, blocks: true, noticed: true},
	"tls":    {make: func(t *testing.T) peer { return newTLSServer(t) }, blocks: true, noticed: true},
	"file":   {make: func(t *testing.T) peer { return newFileReader(t) }},
	"udp":    {make: func(t *testing.T) peer { return newUDPServer(t) }, window: 50, loses: true},
	"unix":   {make: func(t *testing.T) peer { return newUnixServer(t) }, blocks: true},

	"fluent":               {make: func(t *testing.T) peer { return newFluentServer(t) }, blocks: true, noticed: true, acknowledged: true},
	"fluent+tls":           {make: func(t *testing.T) peer { return newFluentTLSServer(t) }, blocks: true, noticed: true, acknowledged: true},
	"http":                 {make: func(t *testing.T) peer { return newHTTPServer(t) }, blocks: true, acknowledged: true},
	"https":                {make: func(t *testing.T) peer { return newHTTPSServer(t) }, blocks: true, acknowledged: true},
	"otlp":                 {make: func(t *testing.T) peer { return newOTLPServer(t) }, blocks: true, acknowledged: true},
	"otlp+tls":             {make: func(t *testing.T) peer { return newOTLPTLSServer(t) }, blocks: true, acknowledged: true},
	"https over HTTP/2":    {make: func(t *testing.T) peer { return overHTTP2(newHTTPSServer(t)) }, blocks: true, acknowledged: true},
	"otlp+tls over HTTP/2": {make: func(t *testing.T) peer { return overHTTP2(newOTLPTLSServer(t)) }, blocks: true, acknowledged: true},
	"nats": {
		make: func(t *testing.T) peer { return newNATSServer(t) }, blocks: true, noticed: true, acknowledged: true, deduplicates: true,
	},
	"nats+tls": {
		make: func(t *testing.T) peer { return newNATSTLSServer(t) }, blocks: true, noticed: true, acknowledged: true, deduplicates: true,
	},
}

func TestEveryKindIsUnderConformance(t *testing.T) {
	for scheme := range kinds {
		if _, ok := rigs[scheme]; !ok {
			t.Errorf("kind %q does not take part in the conformance suite", scheme)
		}
	}
}

func TestConformance(t *testing.T) {
	cases := []struct {
		name string
		run  func(t *testing.T, r rig, p peer)
	}{
		{"a thousand lines arrive in order", conformOrder},
		{"lines wait for a peer that is away at the start", conformAwayAtStart},
		{"a peer that goes and comes back misses nothing", conformComesBack},
		{"a peer that flaps is caught up with every time", conformFlapping},
		{"a slow peer delays neither the caller nor another destination", conformSlow},
		{"a peer that closes after each line misses nothing", conformClosesAfterEach},
		{"a peer that comes and goes while lines flow misses nothing", conformFlapsInFlow},
		{"a peer that never reads and then resets has got all that counts as delivered", conformReset},
		{"a closing flushes the backlog", conformCloseFlushes},
		{"a closing without a peer tells what is left, in time", conformCloseAway},
		{"a closing while the peer does not read ends in time", conformCloseStuck},
		{"a full spool drops the oldest, and counts as many as are missing", conformOverflow},
	}
	for kind, r := range rigs {
		t.Run(kind, func(t *testing.T) {
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					p := r.make(t)
					// In this order: a peer that is stopped must not be waiting to read.
					t.Cleanup(func() { p.box().resume(); p.stop(t) })
					c.run(t, r, p)
				})
			}
		})
	}
}

// options are those for a peer.
func options(t *testing.T, p peer) Options {
	o := Options{Addresses: []Address{address(t, fmt.Sprint(p))}}
	if p, ok := p.(*pipeReader); ok {
		o.Stdout = p.stdout()
	}
	return o
}

func numbered(from, to int) (lines []string) {
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprintf(`{"n":%d}`, i))
	}
	return lines
}

// send sends lines, and waits for them in between where the kind needs that.
func (r rig) send(t *testing.T, f *Fanout, p peer, lines []string) {
	t.Helper()
	had := len(p.box().received())
	for i, line := range lines {
		if r.window > 0 && i%r.window == r.window-1 {
			p.box().waitFor(t, had+i)
		}
		f.Send([]byte(line))
	}
}

func expect(t *testing.T, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}

// balanced checks that every line is accounted for.
func balanced(t *testing.T, s DestinationStats) {
	t.Helper()
	sum := s.Delivered + uint64(s.Queued)
	for _, n := range s.Dropped {
		sum += n
	}
	if sum != s.Enqueued {
		t.Errorf("enqueued %d, but delivered, dropped and queued make %d: %+v", s.Enqueued, sum, s)
	}
}

func conformOrder(t *testing.T, r rig, p peer) {
	p.start(t)
	w := newWatch(t)
	o := options(t, p)
	o.OnEvent = w.on
	f := start(t, o)
	w.wait(Connected)
	want := numbered(0, 1000)
	r.send(t, f, p, want)
	expect(t, p.box().waitFor(t, len(want)), want)
	flush(t, f)
	s := f.Stats()[0]
	balanced(t, s)
	if s.Sent != 1000 || s.Queued != 0 || s.SpoolBytes != 0 || s.State != Connected || len(s.Dropped) != 0 {
		t.Errorf("stats after all were sent: %+v", s)
	}
}

func conformAwayAtStart(t *testing.T, _ rig, p peer) {
	w := newWatch(t)
	o := options(t, p)
	o.OnEvent = w.on
	f := start(t, o)
	want := numbered(0, 40)
	for _, line := range want {
		f.Send([]byte(line))
	}
	lost := w.wait(Lost)
	if lost.Err == nil {
		t.Error("the event does not say why the destination is lost")
	}
	if s := f.Stats()[0]; s.Queued != 40 || s.LastError == nil || s.State == Connected {
		t.Errorf("stats while away: %+v", s)
	}
	p.start(t)
	expect(t, p.box().waitFor(t, len(want)), want)
	w.wait(Connected)
	balanced(t, f.Stats()[0])
}

func conformComesBack(t *testing.T, r rig, p peer) {
	p.start(t)
	w := newWatch(t)
	o := options(t, p)
	o.OnEvent = w.on
	f := start(t, o)
	w.wait(Connected)
	r.send(t, f, p, numbered(0, 20))
	p.box().waitFor(t, 20)
	flush(t, f) // what the peer has not confirmed when it goes comes twice

	p.stop(t)
	if r.noticed {
		w.wait(Lost)
	}
	for _, line := range numbered(20, 60) {
		f.Send([]byte(line))
	}
	if !r.noticed {
		w.wait(Lost)
	}
	p.start(t)
	w.wait(Connected)
	flush(t, f)

	want := numbered(0, 60)
	last := want[len(want)-1]
	got := p.box().wait(t, "waiting for the last line", func(lines []string) bool {
		return len(lines) > 0 && lines[len(lines)-1] == last
	})
	s := f.Stats()[0]
	if refused := int(s.Refused); r.loses && refused > 0 {
		want = append(numbered(0, 20), numbered(20+refused, 60)...)
	}
	expect(t, got, want)
	balanced(t, s)
	if s.Reconnects == 0 {
		t.Error("no reconnect was counted")
	}
}

func conformFlapping(t *testing.T, r rig, p peer) {
	p.start(t)
	f := start(t, options(t, p))
	const rounds = 5
	var want []string
	for i := range rounds {
		lines := numbered(10*i, 10*i+10)
		if r.loses && i > 0 {
			lines = lines[:0]
			f.Send([]byte(`{"lost":1}`)) // finds out that the peer had gone
			f.Send([]byte(`{"lost":2}`))
		}
		for _, line := range lines {
			f.Send([]byte(line))
		}
		want = append(want, lines...)
		p.box().wait(t, "waiting for a round", func(got []string) bool {
			return len(lines) == 0 || len(got) > 0 && got[len(got)-1] == lines[len(lines)-1]
		})
		flush(t, f)
		p.stop(t)
		if r.noticed {
			waitState(t, f, Lost)
		}
		p.start(t)
	}
	if !r.loses {
		expect(t, p.box().received(), want)
	}
	balanced(t, f.Stats()[0])
}

// waitState polls: an event of each change is not promised when changes follow one another fast.
func waitState(t *testing.T, f *Fanout, state EventKind) {
	t.Helper()
	within(t, "state "+string(state), func() bool { return f.Stats()[0].State == state })
}

func conformSlow(t *testing.T, r rig, p peer) {
	if !r.blocks {
		t.Skip("this kind has no flow control: what a peer does not read is lost in its kernel")
	}
	p.start(t)
	p.box().pause()
	o := options(t, p)
	var other peer
	if o.Stdout == nil {
		pipe := newPipeReader(t)
		pipe.start(t)
		t.Cleanup(func() { pipe.stop(t) })
		other, o.Stdout = pipe, pipe.stdout()
		o.Addresses = append(o.Addresses, address(t, "stdout"))
	} else {
		server := newLineServer(t)
		server.start(t)
		t.Cleanup(func() { server.stop(t) })
		other = server
		o.Addresses = append(o.Addresses, address(t, fmt.Sprint(server)))
	}
	f := start(t, o)
	// More than kernel buffers hold, less than a spool does.
	pad := strings.Repeat("x", 2000)
	var want []string
	for i := range 8000 {
		want = append(want, fmt.Sprintf(`{"n":%d,"pad":%q}`, i, pad))
	}
	began := time.Now()
	for _, line := range want {
		f.Send([]byte(line))
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the caller was held up for %v", took)
	}
	expect(t, other.box().waitFor(t, len(want)), want)
	if s := f.Stats()[0]; s.Queued == 0 {
		t.Error("nothing waits for the peer that does not read: the test proves nothing")
	}
	p.box().resume()
	expect(t, p.box().waitFor(t, len(want)), want)
	flush(t, f)
	balanced(t, f.Stats()[0])
}

func conformCloseFlushes(t *testing.T, r rig, p peer) {
	p.start(t)
	f := start(t, options(t, p))
	want := numbered(0, 3000)
	if r.window > 0 {
		want = numbered(0, r.window)
	}
	for _, line := range want {
		f.Send([]byte(line))
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
	expect(t, p.box().waitFor(t, len(want)), want)
	if err := f.Close(ctx); err != nil {
		t.Errorf("second close: %v", err)
	}
	f.Send([]byte(`{"too":"late"}`))
	s := f.Stats()[0]
	balanced(t, s)
	if diff := cmp.Diff(map[string]uint64{DropShutdown: 1}, s.Dropped); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
}

func conformCloseAway(t *testing.T, _ rig, p peer) {
	w := newWatch(t)
	o := options(t, p)
	o.OnEvent = w.on
	f := start(t, o)
	for _, line := range numbered(0, 7) {
		f.Send([]byte(line))
	}
	w.wait(Lost)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := f.Close(ctx)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("close took %v", took)
	}
	var nd *NotDeliveredError
	if !errors.As(err, &nd) || len(nd.Left) != 1 || nd.Left[0].Lines != 7 || nd.Left[0].LastError == nil {
		t.Fatalf("close: %v, want 7 lines left and why", err)
	}
	if want := "not delivered: 7 lines for " + address(t, fmt.Sprint(p)).Name() + " ("; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("the error is %q, want it to begin with %q", err, want)
	}
	s := f.Stats()[0]
	balanced(t, s)
	if s.Dropped[DropShutdown] != 7 {
		t.Errorf("stats after close: %+v", s)
	}
	if got := w.wait(Dropped).Drops; got[DropShutdown] != 7 {
		t.Errorf("reported drops: %v", got)
	}
}

func conformCloseStuck(t *testing.T, r rig, p peer) {
	if !r.blocks {
		t.Skip("this kind has no flow control: its peer cannot hold anything up")
	}
	p.start(t)
	p.box().pause()
	f := start(t, options(t, p))
	pad := strings.Repeat("x", 2000)
	const n = 8000
	for i := range n {
		f.Send(fmt.Appendf(nil, `{"n":%d,"pad":%q}`, i, pad))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := f.Close(ctx)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("close took %v", took)
	}
	s := f.Stats()[0]
	var nd *NotDeliveredError
	if !errors.As(err, &nd) {
		t.Fatalf("close: %v, want to hear of lines left", err)
	}
	balanced(t, s)
	if s.Queued != 0 || s.Dropped[DropShutdown] == 0 {
		t.Errorf("stats after close: %+v", s)
	}
}

func conformOverflow(t *testing.T, r rig, p peer) {
	w := newWatch(t)
	o := options(t, p)
	o.OnEvent = w.on
	o.SpoolBytes = 3000
	f := start(t, o)
	f.Send([]byte(`{"n":-1}`))
	w.wait(Lost)
	all := numbered(0, 1000)
	for _, line := range all {
		f.Send([]byte(line))
	}
	p.start(t)
	flush(t, f)
	last := all[len(all)-1]
	got := p.box().wait(t, "waiting for the last line", func(lines []string) bool {
		return len(lines) > 0 && lines[len(lines)-1] == last
	})
	expect(t, got, all[len(all)-len(got):])
	s := f.Stats()[0]
	balanced(t, s)
	if missing := uint64(len(all) + 1 - len(got)); s.Dropped[DropSpoolFull] != missing || missing == 0 {
		t.Errorf("%d lines are missing, %v were counted", missing, s.Dropped)
	}
	if e := w.wait(Dropped); e.Drops[DropSpoolFull] == 0 {
		t.Errorf("reported drops: %+v", e)
	}
}

// conformClosesAfterEach is the load balancer, or the inetd, that serves one line a connection.
func conformClosesAfterEach(t *testing.T, r rig, p peer) {
	c, ok := p.(curt)
	if !ok {
		t.Skip("this kind has no connection that its peer could close")
	}
	c.closeAfterEach()
	p.start(t)
	f := start(t, options(t, p))
	want := numbered(0, 30)
	for i, line := range want {
		f.Send([]byte(line))
		if i%3 == 0 {
			p.box().waitFor(t, i+1)
		}
	}
	flush(t, f)
	got := p.box().waitFor(t, len(want))
	s := f.Stats()[0]
	complete(t, s, got, want)
	if r.deduplicates {
		expect(t, got, want)
	} else if s.SentAgain > 0 {
		t.Errorf("%d lines were sent again, though the peer reads to the end", s.SentAgain)
	}
	closed := s.Reconnects
	if c, ok := p.(interface{ connections() uint64 }); ok {
		closed = c.connections() // of a kind that makes another within a session
	}
	if closed < 5 {
		t.Errorf("only %d reconnects: the peer did not close", closed)
	}
}

func conformFlapsInFlow(t *testing.T, r rig, p peer) {
	leaver, ok := p.(polite)
	if !ok {
		t.Skip("what is on its way to a peer of this kind when it ends is lost")
	}
	p.start(t)
	f := start(t, options(t, p))
	want := numbered(0, 3000)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for i := 0; i < len(want); i += 10 {
			for _, line := range want[i : i+10] {
				f.Send([]byte(line))
			}
			<-tick.C
		}
	}()
	for range 8 {
		had := len(p.box().received())
		p.box().waitFor(t, min(had+100, len(want)))
		leaver.leave(t)
		p.start(t)
	}
	<-sent
	flush(t, f)
	got := p.box().wait(t, "waiting for the last line", func(lines []string) bool {
		return len(lines) > 0 && lines[len(lines)-1] == want[len(want)-1]
	})
	complete(t, f.Stats()[0], got, want)
	if r.deduplicates {
		expect(t, got, want)
	}
}

// complete checks that all lines came in order, with those that came twice in their place, and that as many were
// counted as sent again, at least.
func complete(t *testing.T, s DestinationStats, got, want []string) {
	t.Helper()
	seen := map[string]bool{}
	var once []string
	for _, line := range got {
		if !seen[line] {
			once = append(once, line)
		}
		seen[line] = true
	}
	expect(t, once, want)
	if doubled := len(got) - len(once); uint64(doubled) > s.SentAgain {
		t.Errorf("%d lines came twice, and only %d were counted as sent again", doubled, s.SentAgain)
	}
	balanced(t, s)
	if s.Delivered != uint64(len(want)) || s.Acknowledged != s.Delivered || s.InFlight != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func conformReset(t *testing.T, r rig, p peer) {
	rst, ok := p.(resetter)
	if !ok {
		t.Skip("this kind has no connection that its peer could reset")
	}
	p.start(t)
	p.box().pause()
	f := start(t, options(t, p))
	pad := strings.Repeat("x", 2000)
	var want []string
	for i := range 8000 {
		want = append(want, fmt.Sprintf(`{"n":%d,"pad":%q}`, i, pad))
		f.Send([]byte(want[i]))
	}
	// When all buffers are full, nothing moves any more.
	steady(t, func() string {
		s := f.Stats()[0]
		return fmt.Sprint(s.Sent, s.Acknowledged, s.InFlight, s.Sent > 0)
	})
	s := f.Stats()[0]
	if s.Queued < s.InFlight || s.Queued == 0 {
		t.Fatalf("stats while the peer does not read: %+v", s)
	}
	had := rst.reset(t)
	p.box().resume()
	flush(t, f)
	got := p.box().wait(t, "waiting for the last line", func(lines []string) bool {
		return len(lines) > 0 && lines[len(lines)-1] == want[len(want)-1]
	})
	// What was acknowledged on the first connection may be lost with it; it is no more than the peer's kernel had.
	lost := 0
	for lost < len(want) && got[0] != want[lost] {
		lost++
	}
	if r.acknowledged && lost > 0 {
		t.Errorf("%d lines are lost", lost)
	}
	bytes := 0
	for _, line := range want[:lost] {
		bytes += len(line) + 1
	}
	if bytes > had {
		t.Errorf("%d lines of %d bytes are lost, and the peer's kernel had %d bytes", lost, bytes, had)
	}
	expect(t, got, want[lost:])
	s = f.Stats()[0]
	balanced(t, s)
	if s.Acknowledged != uint64(len(want)) {
		t.Errorf("stats: %+v", s)
	}
}

// steady waits until what state returns has not changed for a while.
func steady(t *testing.T, state func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	last, same := "", 0
	for same < 30 {
		if time.Now().After(deadline) {
			t.Fatalf("it never gets steady: %s", last)
		}
		<-tick.C
		if now := state(); now != last {
			last, same = now, 0
		} else {
			same++
		}
	}
}
