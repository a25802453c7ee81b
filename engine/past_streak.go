package engine

import (
	"fmt"
	"time"

	"dumbprobe/scheduler"
)

// pastStreak counts how often in a row next_run gives a time in the past, which means now: a check that always does so
// runs as often as the daemon lets it, and that may not be what its author wants.
type pastStreak int

const (
	// pastStreakTold is how many in a row are reported.
	pastStreakTold = 100
	// pastStreakGap is the longest time from the start of a run to the question when the next is, in a streak. A check
	// whose runs take longer waits for something, and may well go on at once.
	pastStreakGap = time.Second
)

// note takes one more answer of next_run, so long after the start of the last run. It tells whether that is to be
// reported: once for each streak.
func (p *pastStreak) note(past bool, sinceStart time.Duration) bool {
	if !past || sinceStart >= pastStreakGap {
		*p = 0
		return false
	}
	*p = min(*p+1, pastStreakTold+1)
	return *p == pastStreakTold
}

// lasts tells whether a streak that was reported goes on.
func (p *pastStreak) lasts() bool { return *p >= pastStreakTold }

func errPastStreak() error {
	return fmt.Errorf("next_run gave a time in the past %d times in a row: the check runs as often as it can, "+
		"at most every %s", pastStreakTold, scheduler.MinSpacing)
}
