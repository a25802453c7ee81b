package scheduler

import (
	"fmt"
	"math"
	"time"
)

const (
	// MaxAhead is how far ahead a script may ask to be run: a year.
	MaxAhead = 365 * 24 * time.Hour

	// MinSpacing is the shortest time from one start of a check to the next, where the check itself
	// asks for it.
	MinSpacing = 10 * time.Millisecond
)

// FromUnix converts a time that a script asked for, in seconds since 1970 with fractions, to one for
// [Loop.Schedule], with a monotonic reading. A time in the past means now. One more than MaxAhead ahead
// is clamped to that. NaN and infinities are errors.
func FromUnix(now time.Time, unix float64) (at time.Time, clamped bool, err error) {
	if math.IsNaN(unix) || math.IsInf(unix, 0) {
		return time.Time{}, false, fmt.Errorf("must be a finite unix time in seconds, got %v", unix)
	}
	// A difference of floats is exact enough for the bounds, which keep what follows from overflowing.
	ahead := unix - float64(now.UnixNano())/1e9
	switch {
	case ahead > MaxAhead.Seconds():
		return now.Add(MaxAhead), true, nil
	case ahead < -1:
		return now, false, nil
	}
	seconds, fraction := math.Modf(unix)
	wait := time.Unix(int64(seconds), int64(math.Round(fraction*1e9))).Sub(now.Round(0))
	return now.Add(min(max(0, wait), MaxAhead)), false, nil
}

// Reconvert looks at such a time again after the wall clock has stepped: planned is what FromUnix gave
// for it. The earlier of both readings counts: a clock set forward brings the run forward, and one set
// back does not hold up a check that asked for "ten seconds after my last run" by the old clock. At
// worst the check runs once too often, and is asked again.
func Reconvert(now time.Time, unix float64, planned time.Time) time.Time {
	at, _, err := FromUnix(now, unix)
	if err != nil || planned.Before(at) {
		return planned
	}
	return at
}

// Spaced returns at, or MinSpacing after the last start if that is later: a check that keeps asking for
// a time in the past runs again at once, but does not spin.
func Spaced(at, lastStart time.Time) time.Time {
	if earliest := lastStart.Add(MinSpacing); at.Before(earliest) {
		return earliest
	}
	return at
}
