package output

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"dumbprobe/internal/spool"
)

// A backlog of an hour comes at the rate asked for, in order; what is fresh waits behind it, and no longer.
func TestABacklogDoesNotFloodThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		d := &fake{connect: func() error {
			if away.Load() {
				return errAway
			}
			return nil
		}}
		s := newSender(senderOptions{name: "fake", dest: d, spool: spool.NewMemory(0), catchUp: 100, log: zap.NewNop()})
		b := &bench{sender: s, fanout: &Fanout{senders: []*sender{s}}}
		b.start()
		defer b.close()
		b.say(0, 3000)
		time.Sleep(time.Hour)
		away.Store(false)
		for len(d.received()) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		back := time.Now()
		b.say(3000, 3010) // fresh
		last := len(d.received())
		for range 25 {
			time.Sleep(time.Second)
			synctest.Wait()
			now := len(d.received())
			if n := now - last; n < 90 || n > 110 {
				t.Errorf("%d lines came in a second, want about 100", n)
			}
			last = now
		}
		for len(d.received()) < 3010 {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(back); took < 29*time.Second || took > 31*time.Second {
			t.Errorf("the backlog took %v, want about 30 s", took)
		}
		expect(t, d.received(), numbered(0, 3010))
	})
}

func TestABacklogGetsShorterHoweverMuchComesIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		d := &fake{connect: func() error {
			if away.Load() {
				return errAway
			}
			return nil
		}}
		s := newSender(senderOptions{name: "fake", dest: d, spool: spool.NewMemory(0), catchUp: 10, log: zap.NewNop()})
		b := &bench{sender: s, fanout: &Fanout{senders: []*sender{s}}}
		b.start()
		defer b.close()
		n := 0
		for range 60 {
			b.say(n, n+200) // far more than the rate
			n += 200
			time.Sleep(time.Second)
		}
		away.Store(false)
		for s.stats().Oldest > catchUpAge || s.stats().Queued > 0 {
			b.say(n, n+200)
			n += 200
			time.Sleep(time.Second)
			if n > 60_000 {
				t.Fatalf("the backlog never ends: %+v", s.stats())
			}
			synctest.Wait()
		}
		expect(t, d.received(), numbered(0, n))
	})
}

func TestAFlushIsNotHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		d := &fake{connect: func() error {
			if away.Load() {
				return errAway
			}
			return nil
		}}
		s := newSender(senderOptions{name: "fake", dest: d, spool: spool.NewMemory(0), catchUp: 1, log: zap.NewNop()})
		b := &bench{sender: s, fanout: &Fanout{senders: []*sender{s}}}
		b.start()
		defer b.close()
		b.say(0, 1000)
		time.Sleep(time.Minute)
		away.Store(false)
		for len(d.received()) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		began := time.Now()
		if err := b.fanout.Flush(t.Context()); err != nil || time.Since(began) > 0 {
			t.Errorf("the flush took %v, %v", time.Since(began), err)
		}
		expect(t, d.received(), numbered(0, 1000))
	})
}

// kept outlives the process, so there is no hurry at its end.
func TestAFlushOfASpoolThatIsKeptDoesNotFloodThePeer(t *testing.T) {
	s := newSender(senderOptions{name: "fake", dest: &fake{}, spool: kept{spool.NewMemory(0)}, catchUp: 10, log: zap.NewNop()})
	s.flushes = 1
	s.catchUp.free = time.Now().Add(time.Hour)
	if n, _ := s.allowance(); n != s.limit.lines {
		t.Errorf("fresh lines: %d may go", n)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSender(senderOptions{name: "fake", dest: &fake{}, spool: kept{spool.NewMemory(0)}, catchUp: 10, log: zap.NewNop()})
		s.enqueue([]byte("a"))
		time.Sleep(time.Minute)
		s.flushes = 1
		if n, _ := s.allowance(); n != 1 {
			t.Errorf("of a backlog, %d lines may go at once, want 1: a tenth of a second's worth", n)
		}
	})
}

func TestFreshLinesAreNotHeldBack(t *testing.T) {
	c := catchUp{rate: 1}
	now := time.Now()
	for i := range 100 {
		if n, wait := c.allow(now, catchUpAge-1, uint64(i), 512); n != 512 || wait != 0 {
			t.Fatalf("%d lines, wait %v", n, wait)
		}
		c.took(now, 512)
	}
	off := catchUp{}
	if n, wait := off.allow(now, time.Hour, 0, 512); n != 512 || wait != 0 {
		t.Errorf("without a limit: %d lines, wait %v", n, wait)
	}
}
