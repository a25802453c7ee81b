package output

import "time"

// limiter lets through a burst, and then one each `every` (the generic cell rate algorithm).
type limiter struct {
	burst int
	every time.Duration
	full  time.Time // when the whole burst is available again
}

// allow returns 0 and takes one, or returns how long to wait for the next.
func (l *limiter) allow(now time.Time) time.Duration {
	if l.full.Before(now) {
		l.full = now
	}
	if wait := l.full.Sub(now) - time.Duration(l.burst-1)*l.every; wait > 0 {
		return wait
	}
	l.full = l.full.Add(l.every)
	return 0
}
