package output

import (
	"math/rand/v2"
	"time"
)

// Backoff bounds the time between two attempts to connect. Each attempt that fails doubles the time; a
// random half of it is left off, so that many daemons do not come back to a restarted peer all at once.
type Backoff struct {
	Min time.Duration // 0.5 s if zero
	Max time.Duration // 30 s if zero
}

func (b Backoff) withDefaults() Backoff {
	if b.Min <= 0 {
		b.Min = 500 * time.Millisecond
	}
	if b.Max <= 0 {
		b.Max = 30 * time.Second
	}
	b.Max = max(b.Max, b.Min)
	return b
}

// backoff is the state of one destination's.
type backoff struct {
	Backoff
	ceiling time.Duration
}

// next returns how long to wait now: between Min and Max, and between half of the ceiling and all of it.
func (b *backoff) next() time.Duration {
	b.ceiling = min(max(2*b.ceiling, 2*b.Min), b.Max)
	half := max(b.ceiling/2, b.Min)
	return half + rand.N(b.ceiling-half+1)
}

func (b *backoff) reset() { b.ceiling = 0 }
