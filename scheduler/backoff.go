package scheduler

import "time"

// Backoff says how long to wait after each failure: Base after the first, then Factor times as long each
// time, up to Max. It is for what must go on trying and must not spin: a next_run that fails, a handle
// to reopen, a broken object. Not safe for concurrent use.
type Backoff struct {
	Base   time.Duration // 1 s if not positive
	Max    time.Duration // 16 times Base if not positive; never less than Base
	Factor float64       // 2 if not more than 1
	Jitter float64       // share of each wait that is random, 0 to 1: the wait is in (wait*(1-Jitter), wait]

	// Good is how long something must have gone well for its next failure to be a first one again;
	// see [Backoff.NextAfter]. Zero: only Reset makes it so.
	Good time.Duration

	failures int
	wait     time.Duration
}

// Next counts a failure and returns how long to wait, which is always positive.
func (b *Backoff) Next() time.Duration {
	base := b.Base
	if base <= 0 {
		base = time.Second
	}
	most := b.Max
	if most <= 0 {
		most = 16 * base
	}
	most = max(most, base)
	factor := b.Factor
	if !(factor > 1) { // also NaN
		factor = 2
	}

	if b.failures == 0 {
		b.wait = base
	} else if longer := float64(b.wait) * factor; longer < float64(most) {
		b.wait = time.Duration(longer)
	} else {
		b.wait = most
	}
	b.failures++
	return b.wait - randomBelow(time.Duration(float64(b.wait)*min(max(0, b.Jitter), 1)))
}

// NextAfter is Next for something that failed after it had gone well for a while, such as a handle that
// was open.
func (b *Backoff) NextAfter(well time.Duration) time.Duration {
	if b.Good > 0 && well >= b.Good {
		b.Reset()
	}
	return b.Next()
}

// Reset makes the next failure a first one.
func (b *Backoff) Reset() { b.failures, b.wait = 0, 0 }

// Failures returns the number of failures since the last reset.
func (b *Backoff) Failures() int { return b.failures }
