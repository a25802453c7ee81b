package output

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"dumbprobe/internal/spool"
)

// fake is a destination made of functions; nil ones succeed.
type fake struct {
	connect func() error
	send    func(ctx context.Context, lines [][]byte) (int, error)
	watched bool       // give it a lost
	lost    chan error // made within the bubble

	mu       sync.Mutex // protects the following
	connects []time.Duration
	began    time.Time
	got      []string
	closes   int
}

func (d *fake) Connect(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.began.IsZero() {
		d.began = time.Now()
	}
	d.connects = append(d.connects, time.Since(d.began))
	if d.connect != nil {
		return d.connect()
	}
	return nil
}

func (d *fake) Send(ctx context.Context, b Batch) (n int, err error) {
	lines := b.Lines
	n = len(lines)
	if d.send != nil {
		n, err = d.send(ctx, lines)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range lines[:n] {
		d.got = append(d.got, string(line))
	}
	return n, err
}

func (d *fake) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closes++
	return nil
}

func (d *fake) Lost() <-chan error { return d.lost }

func (d *fake) attempts() []time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]time.Duration(nil), d.connects...)
}

func (d *fake) received() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.got...)
}

// bench is a sender to a fake, within a synctest bubble.
type bench struct {
	*sender
	fanout *Fanout
	mu     sync.Mutex
	events []Event
	log    *observer.ObservedLogs
}

func newBench(d Destination, spoolBytes int64) *bench {
	core, logs := observer.New(zapcore.DebugLevel)
	b := &bench{log: logs}
	b.sender = newSender(senderOptions{name: "fake", dest: d, spool: spool.NewMemory(spoolBytes), log: zap.New(core), onEvent: func(e Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
	}})
	b.fanout = &Fanout{senders: []*sender{b.sender}}
	b.start()
	return b
}

func (b *bench) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = b.fanout.Close(ctx)
}

func (b *bench) kinds() (kinds []EventKind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func (b *bench) of(kind EventKind) (events []Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.Kind == kind {
			events = append(events, e)
		}
	}
	return events
}

func bubble(t *testing.T, name string, d *fake, spoolBytes int64, do func(t *testing.T, b *bench)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if d.watched {
				d.lost = make(chan error)
			}
			b := newBench(d, spoolBytes)
			defer b.close()
			do(t, b)
		})
	})
}

func (b *bench) say(from, to int) {
	for _, line := range numbered(from, to) {
		b.fanout.Send([]byte(line))
	}
}

var errAway = errors.New("away")

func TestSender(t *testing.T) {
	away := &fake{connect: func() error { return errAway }}
	bubble(t, "attempts to connect come ever less often", away, 0, func(t *testing.T, b *bench) {
		time.Sleep(10 * time.Minute)
		at := away.attempts()
		for i := 1; i < len(at); i++ {
			ceiling := min(time.Second<<min(i-1, 10), 30*time.Second)
			if wait := at[i] - at[i-1]; wait < ceiling/2 || wait > ceiling {
				t.Errorf("wait %d is %v, want %v to %v", i, wait, ceiling/2, ceiling)
			}
		}
		if len(at) < 20 {
			t.Errorf("only %d attempts in 10 minutes", len(at))
		}
	})

	flushed := &fake{connect: func() error { return errAway }}
	bubble(t, "a flush tries again at once, and gives up with its context", flushed, 0, func(t *testing.T, b *bench) {
		time.Sleep(10 * time.Minute)
		b.say(0, 3)
		before := len(flushed.attempts())
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := b.fanout.Flush(ctx)
		if got, want := fmt.Sprint(err), "not delivered: 3 lines for fake (away)"; got != want {
			t.Errorf("flush: %s, want %s", got, want)
		}
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("flush took %v", took)
		}
		if got := len(flushed.attempts()) - before; got != 1 {
			t.Errorf("%d attempts during the flush, want 1", got)
		}
	})

	dropping := &fake{send: func(_ context.Context, lines [][]byte) (int, error) {
		for i, line := range lines {
			if len(line) > 20 {
				return i, tooLarge("too large")
			}
		}
		return len(lines), nil
	}}
	bubble(t, "a line that can never be sent is dropped alone, on the same connection", dropping, 0, func(t *testing.T, b *bench) {
		b.say(0, 2)
		b.fanout.Send([]byte("a line that is much too long"))
		b.say(2, 4)
		if err := b.fanout.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		expect(t, dropping.received(), numbered(0, 4))
		s := b.stats()
		balanced(t, s)
		if s.Dropped[DropTooLarge] != 1 || s.Reconnects != 0 || s.State != Connected {
			t.Errorf("stats: %+v", s)
		}
		if e := b.of(Dropped); len(e) != 1 || e[0].Err == nil || e[0].Lines() != 1 {
			t.Errorf("events: %+v", e)
		}
	})

	refusing := &fake{}
	refusing.send = func(_ context.Context, lines [][]byte) (int, error) {
		if len(lines) >= 4 {
			return 1, &DropError{Reason: DropRefused, Lines: 2, Err: errors.New("400")}
		}
		return len(lines), nil
	}
	t.Run("a run of lines that the peer refuses is dropped, the others are sent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sp := spool.NewMemory(0)
			for _, line := range numbered(0, 4) {
				sp.Append([]byte(line))
			}
			s := newSender(senderOptions{name: "fake", dest: refusing, spool: sp, confirms: byPeer, log: zap.NewNop()})
			s.enqueued = 4
			b := &bench{sender: s, fanout: &Fanout{senders: []*sender{s}}}
			b.start()
			defer b.close()
			if err := b.fanout.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			expect(t, refusing.received(), []string{`{"n":0}`, `{"n":3}`})
			st := s.stats()
			balanced(t, st)
			if st.Dropped[DropRefused] != 2 || st.Acknowledged != 2 || st.SentAgain != 0 || st.Reconnects != 0 {
				t.Errorf("stats: %+v", st)
			}
		})
	})

	t.Run("what came several times without an answer is counted each time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var came []string
			attempts := 0
			silent := &fake{send: func(_ context.Context, lines [][]byte) (int, error) {
				attempts++
				for _, line := range lines {
					came = append(came, string(line))
				}
				if attempts <= 3 {
					return 0, errAway
				}
				return len(lines), nil
			}}
			sp := spool.NewMemory(0)
			for _, line := range numbered(0, 4) {
				sp.Append([]byte(line))
			}
			s := newSender(senderOptions{name: "fake", dest: silent, spool: sp, confirms: byPeer, log: zap.NewNop()})
			s.enqueued = 4
			b := &bench{sender: s, fanout: &Fanout{senders: []*sender{s}}}
			b.start()
			defer b.close()
			if err := b.fanout.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			if st := s.stats(); len(came) != 16 || st.Sent != 16 || st.SentAgain != 12 || st.Delivered != 4 {
				t.Errorf("%d lines came; stats: %+v", len(came), st)
			}
		})
	})

	busyTill := 0
	comeBack := &fake{}
	comeBack.send = func(_ context.Context, lines [][]byte) (int, error) {
		if busyTill++; busyTill <= 2 {
			return 0, fmt.Errorf("503: %w", &RetryAfterError{After: 2 * time.Minute, Err: errAway})
		}
		return len(lines), nil
	}
	bubble(t, "a peer that says when to come back is believed", comeBack, 0, func(t *testing.T, b *bench) {
		b.say(0, 1)
		time.Sleep(10 * time.Minute)
		if diff := cmp.Diff([]time.Duration{0, 2 * time.Minute, 4 * time.Minute}, comeBack.attempts()); diff != "" {
			t.Errorf("attempts to connect (-want +got):\n%s", diff)
		}
		if s := b.stats(); s.Delivered != 1 || s.SentAgain != 1 {
			t.Errorf("stats: %+v", s)
		}
	})

	endless := &fake{connect: func() error { return &RetryAfterError{After: 1000 * time.Hour, Err: errAway} }}
	bubble(t, "a peer that says to come back in a month is not believed", endless, 0, func(t *testing.T, b *bench) {
		time.Sleep(maxRetryAfter + time.Second)
		if n := len(endless.attempts()); n != 2 {
			t.Errorf("%d attempts to connect, want 2", n)
		}
	})

	never := 0
	unreached := &fake{}
	unreached.send = func(_ context.Context, lines [][]byte) (int, error) {
		if never++; never <= 3 {
			return 0, unsent(errAway)
		}
		return len(lines), nil
	}
	bubble(t, "what cannot have reached the peer is not sent again the next time", unreached, 0, func(t *testing.T, b *bench) {
		b.say(0, 1)
		if err := b.fanout.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if s := b.stats(); s.Sent != 1 || s.SentAgain != 0 || s.LastError.Error() != "away" {
			t.Errorf("stats: %+v", s)
		}
	})

	broken := 0
	breaking := &fake{}
	breaking.send = func(_ context.Context, lines [][]byte) (int, error) {
		if broken++; broken == 1 {
			return 2, errAway
		}
		return len(lines), nil
	}
	bubble(t, "a broken connection sends the rest on the next", breaking, 0, func(t *testing.T, b *bench) {
		b.say(0, 5)
		if err := b.fanout.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		expect(t, breaking.received(), numbered(0, 5))
		if s := b.stats(); s.Sent != 5 || s.SentAgain > 3 {
			t.Errorf("stats: %+v", s)
		}
		if breaking.closes != 1 {
			t.Errorf("the broken connection was closed %d times", breaking.closes)
		}
		synctest.Wait()
		if diff := cmp.Diff([]EventKind{Connected, Lost, Connected}, b.kinds()); diff != "" {
			t.Error(diff)
		}
	})

	barren := &fake{send: func(context.Context, [][]byte) (int, error) { return 0, errAway }}
	bubble(t, "a connection that takes nothing is not called connected again", barren, 0, func(t *testing.T, b *bench) {
		b.say(0, 1)
		time.Sleep(4 * time.Minute)
		if diff := cmp.Diff([]EventKind{Connected, Lost}, b.kinds()); diff != "" {
			t.Error(diff)
		}
		if at := barren.attempts(); len(at) > 30 {
			t.Errorf("%d attempts: the back-off does not grow", len(at))
		}
	})

	idle := &fake{watched: true}
	bubble(t, "a connection lost while idle is made again", idle, 0, func(t *testing.T, b *bench) {
		synctest.Wait()
		idle.lost <- errAway
		synctest.Wait()
		if s := b.stats(); s.State != Lost || !errors.Is(s.LastError, errAway) {
			t.Errorf("stats after the loss: %+v", s)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if s := b.stats(); s.State != Connected || s.Reconnects != 1 {
			t.Errorf("stats a second later: %+v", s)
		}
	})

	full := &fake{}
	free := make(chan struct{})
	full.send = func(ctx context.Context, lines [][]byte) (int, error) {
		select {
		case <-free:
			return len(lines), nil
		case <-time.After(10 * time.Second):
			return 0, fmt.Errorf("%w: full", ErrBusy)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	t.Run("a peer that takes nothing is waited for on the same connection", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			free = make(chan struct{})
			b := newBench(full, 0)
			defer b.close()
			b.say(0, 3)
			time.Sleep(time.Minute)
			if s := b.stats(); s.State != Slow || s.Reconnects != 0 || s.Queued != 3 || s.Oldest != time.Minute {
				t.Errorf("stats while full: %+v", s)
			}
			close(free)
			if err := b.fanout.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if diff := cmp.Diff([]EventKind{Connected, Slow, Connected}, b.kinds()); diff != "" {
				t.Error(diff)
			}
		})
	})
}

// A batch that is under way while the spool overflows is neither lost nor sent twice.
func TestSenderOverflowDuringASend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		d := &fake{send: func(_ context.Context, lines [][]byte) (int, error) {
			<-gate
			return len(lines), nil
		}}
		b := newBench(d, 10*(spool.LineOverhead+int64(len(`{"n":0}`))))
		defer b.close()
		b.say(0, 5)
		synctest.Wait() // the first batch is under way, with one line or more
		b.say(5, 30)
		close(gate)
		if err := b.fanout.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		s := b.stats()
		balanced(t, s)
		got := d.received()
		if missing := uint64(30 - len(got)); missing != s.Dropped[DropSpoolFull] || missing == 0 {
			t.Errorf("%d missing, counted %v", missing, s.Dropped)
		}
		if got[0] != `{"n":0}` || got[len(got)-1] != `{"n":29}` {
			t.Errorf("received %q", got)
		}
	})
}

func TestReports(t *testing.T) {
	away := &fake{connect: func() error { return errAway }}
	bubble(t, "that it is still away is said every five minutes", away, 0, func(t *testing.T, b *bench) {
		time.Sleep(16 * time.Minute)
		if diff := cmp.Diff([]EventKind{Lost, Away, Away, Away}, b.kinds()); diff != "" {
			t.Error(diff)
		}
		if got := b.log.FilterMessageSnippet("still away").Len(); got != 3 {
			t.Errorf("%d log lines, want 3", got)
		}
	})

	dropping := &fake{connect: func() error { return errAway }}
	bubble(t, "drops are reported at most every ten seconds, and none is left out", dropping, 800, func(t *testing.T, b *bench) {
		for i := range 60 {
			b.say(10*i, 10*i+10)
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Second)
		var sum uint64
		events := b.of(Dropped)
		for i, e := range events {
			sum += e.Lines()
			if i > 0 && e.Time.Sub(events[i-1].Time) < 10*time.Second {
				t.Errorf("drops reported at %v and %v", events[i-1].Time, e.Time)
			}
		}
		if want := b.stats().Dropped[DropSpoolFull]; sum != want || want == 0 {
			t.Errorf("%d drops reported, %d counted", sum, want)
		}
		if len(events) < 6 {
			t.Errorf("only %d reports in a minute", len(events))
		}
	})

	flapping := &fake{watched: true}
	bubble(t, "a destination that flaps does not flood, and its present state is said", flapping, 0, func(t *testing.T, b *bench) {
		began := time.Now()
		for range 60 {
			b.say(0, 1) // one line a connection, so that the back-off stays short
			flapping.lost <- errAway
			time.Sleep(time.Second)
		}
		lasted := time.Since(began)
		time.Sleep(time.Minute)
		kinds := b.kinds()
		if most := stateReportBurst + int(lasted/stateReportEvery) + 1; len(kinds) > most {
			t.Errorf("%d events within %v: %v", len(kinds), lasted, kinds)
		}
		if r := b.stats().Reconnects; r < 50 {
			t.Errorf("only %d reconnects: the test proves little", r)
		}
		if kinds[len(kinds)-1] != Connected {
			t.Errorf("the last event is %v", kinds[len(kinds)-1])
		}
	})

	t.Run("what is not yet reported at the end is reported then", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(&fake{connect: func() error { return errAway }}, 0)
			b.say(0, 4)
			synctest.Wait()
			b.close()
			e := b.of(Dropped)
			if len(e) != 1 || e[0].Drops[DropShutdown] != 4 {
				t.Errorf("events: %+v", e)
			}
			entries := b.log.FilterMessage("lines dropped for a destination").All()
			if len(entries) != 1 || entries[0].ContextMap()["dropped"] != uint64(4) {
				t.Errorf("log: %+v", entries)
			}
		})
	})

	t.Run("who hears of an event may send a line about it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := &fake{}
			var f *Fanout
			ready := make(chan struct{})
			s := newSender(senderOptions{name: "fake", dest: d, spool: spool.NewMemory(0), log: zap.NewNop(), onEvent: func(e Event) {
				<-ready
				f.Send([]byte(e.Kind))
			}})
			f = &Fanout{senders: []*sender{s}}
			close(ready)
			s.start()
			synctest.Wait()
			expect(t, d.received(), []string{"connected"})
			if err := f.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})

	t.Run("who hears of an event and hangs delays neither lines nor the closing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			hang := make(chan struct{})
			d := &fake{}
			s := newSender(senderOptions{name: "fake", dest: d, spool: spool.NewMemory(0), log: zap.NewNop(), onEvent: func(Event) { <-hang }})
			f := &Fanout{senders: []*sender{s}}
			s.start()
			f.Send([]byte("a"))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			began := time.Now()
			if err := f.Close(ctx); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took != 2*time.Second {
				t.Errorf("close took %v", took)
			}
			expect(t, d.received(), []string{"a"})
			close(hang)
		})
	})
}
