package output

import (
	"testing"
	"time"
)

func TestBackoffDoublesWithJitter(t *testing.T) {
	ceilings := []time.Duration{1, 2, 4, 8, 16, 30, 30, 30}
	least, most := make([]time.Duration, len(ceilings)), make([]time.Duration, len(ceilings))
	for round := range 200 {
		b := backoff{Backoff: Backoff{}.withDefaults()}
		for i, c := range ceilings {
			c *= time.Second
			if got := b.next(); got < c/2 || got > c {
				t.Fatalf("wait %d is %v, want %v to %v", i, got, c/2, c)
			} else if round == 0 {
				least[i], most[i] = got, got
			} else {
				least[i], most[i] = min(least[i], got), max(most[i], got)
			}
		}
		b.reset()
		if got := b.next(); got < 500*time.Millisecond || got > time.Second {
			t.Fatalf("after a success the wait is %v, want 0.5 s to 1 s", got)
		}
	}
	for i, c := range ceilings {
		// Of 200 waits none comes by chance from the upper tenth, or from the lower, once in ten million times.
		c *= time.Second
		if least[i] > c/2+c/20 || most[i] < c-c/20 {
			t.Errorf("wait %d is between %v and %v, want it spread over %v to %v", i, least[i], most[i], c/2, c)
		}
	}
}

func TestBackoffKeepsToItsBounds(t *testing.T) {
	for _, bounds := range []Backoff{{Min: time.Second, Max: time.Second}, {Min: time.Minute}, {Max: 700 * time.Millisecond}} {
		b := backoff{Backoff: bounds.withDefaults()}
		for range 50 {
			if got := b.next(); got < b.Min || got > b.Max {
				t.Fatalf("%+v: the wait is %v", bounds, got)
			}
		}
	}
}

func TestLimiterLetsABurstThroughAndThenOneAtATime(t *testing.T) {
	l := limiter{burst: 3, every: 10 * time.Second}
	now := time.Unix(1000, 0)
	for i, want := range []time.Duration{0, 0, 0, 10 * time.Second} {
		if got := l.allow(now); got != want {
			t.Errorf("call %d waits %v, want %v", i, got, want)
		}
	}
	now = now.Add(9 * time.Second)
	if got := l.allow(now); got != time.Second {
		t.Errorf("a second early: wait %v, want 1s", got)
	}
	now = now.Add(time.Second)
	if got := l.allow(now); got != 0 {
		t.Errorf("in time: wait %v, want none", got)
	}
	now = now.Add(time.Hour)
	for i, want := range []time.Duration{0, 0, 0, 10 * time.Second} {
		if got := l.allow(now); got != want {
			t.Errorf("after an hour, call %d waits %v, want %v", i, got, want)
		}
	}
}
