package scheduler

import (
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	// MinInterval is the shortest interval and retry interval.
	MinInterval = time.Millisecond
	// MaxInterval bounds every duration of a schedule: ten years.
	MaxInterval = 10 * 365 * 24 * time.Hour
	// maxCronJitter keeps the number of points within one jitter small.
	maxCronJitter = 24 * time.Hour
)

// First says when the first run of a check is.
type First string

const (
	// FirstDefault is FirstNow for a fixed rate, and the first point for align and cron.
	FirstDefault First = ""
	// FirstNow runs at once, after the splay.
	FirstNow First = "now"
	// FirstSpread runs within the first interval, where in it depending on the name. Fixed rate only.
	FirstSpread First = "spread"
	// FirstInterval runs an interval after the start, or with align at its first point. Not for cron.
	FirstInterval First = "interval"
)

// Options describe a [Schedule]; either Interval or Cron is required. Zero durations switch their
// option off. The errors of [New] call them by the names that scripts use.
type Options struct {
	Name          string        // of the check; splay and first = "spread" depend on it alone
	Interval      time.Duration // from one point to the next, MinInterval to MaxInterval
	Align         bool          // points at the multiples of Interval since 1970 UTC, by the wall clock
	Cron          Cron          // instead of Interval
	CronText      string        // what Cron was made from, time zone included; [Resume] compares it
	RetryInterval time.Duration // from one run to the next while runs fail, MinInterval to MaxInterval
	Splay         time.Duration // each point is later by a stable offset in [0, Splay); at most Interval
	Jitter        time.Duration // each run is later than its point by a random time in [0, Jitter); less than Interval
	First         First
}

// OptionError is an option that New refuses.
type OptionError struct {
	Option  string // as scripts name it
	Problem string
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Problem }

// New returns the schedule that the options describe, or all that is wrong with them: joined
// [OptionError]s.
func New(o Options) (Schedule, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	switch {
	case o.Cron != nil:
		return newCron(o), nil
	case o.Align:
		return newAligned(o), nil
	default:
		return newFixedRate(o), nil
	}
}

func newFixedRate(o Options) *fixedRate {
	s := &fixedRate{
		interval: o.Interval,
		retry:    o.RetryInterval,
		jitter:   o.Jitter,
		splay:    stableBelow(o.Name, o.Splay),
	}
	s.wait = s.splay
	switch o.First {
	case FirstSpread:
		s.wait += stableBelow(o.Name, o.Interval)
	case FirstInterval:
		s.wait += o.Interval
	}
	return s
}

func (o Options) validate() error {
	var errs []error
	refuse := func(option, format string, args ...any) {
		errs = append(errs, &OptionError{option, fmt.Sprintf(format, args...)})
	}
	within := func(option string, d, least time.Duration) bool {
		switch {
		case d < least:
			refuse(option, "must be at least %v, got %v", least, d)
		case d > MaxInterval:
			refuse(option, "must be at most ten years, got %v", d)
		default:
			return true
		}
		return false
	}

	hasInterval := false
	switch {
	case o.Cron == nil && o.Interval == 0:
		refuse("interval", "required, where there is no cron")
	case o.Cron != nil && o.Interval != 0:
		refuse("cron", "cannot be combined with interval")
	case o.Cron == nil:
		hasInterval = within("interval", o.Interval, MinInterval)
	}
	if o.Cron != nil && o.Align {
		refuse("cron", "cannot be combined with align")
	}
	if o.RetryInterval != 0 {
		within("retry_interval", o.RetryInterval, MinInterval)
	}
	if within("splay", o.Splay, 0) && hasInterval && o.Splay > o.Interval {
		refuse("splay", "must not be more than the interval of %v, got %v", o.Interval, o.Splay)
	}
	if within("jitter", o.Jitter, 0) {
		switch {
		case hasInterval && o.Jitter >= o.Interval:
			refuse("jitter", "must be less than the interval of %v, got %v", o.Interval, o.Jitter)
		case o.Cron != nil && o.Jitter > maxCronJitter:
			refuse("jitter", "must be at most %v with cron, got %v", maxCronJitter, o.Jitter)
		}
	}
	switch o.First {
	case FirstDefault, FirstNow:
	case FirstSpread:
		switch {
		case o.Cron != nil:
			refuse("first", "%q needs an interval; with cron, use splay", o.First)
		case o.Align:
			refuse("first", "%q cannot be combined with align; use splay", o.First)
		}
	case FirstInterval:
		if o.Cron != nil {
			refuse("first", "%q needs an interval", o.First)
		}
	default:
		refuse("first", "must be %q, %q or %q, got %q", FirstNow, FirstSpread, FirstInterval, o.First)
	}
	return errors.Join(errs...)
}

// Seconds converts a number of seconds, as scripts give them, to a duration rounded to the nanosecond, but
// not to zero, which would switch the option off. NaN, infinities, negative numbers and more than MaxInterval are errors.
func Seconds(seconds float64) (time.Duration, error) {
	switch {
	case math.IsNaN(seconds) || math.IsInf(seconds, 0):
		return 0, fmt.Errorf("must be a finite number of seconds, got %v", seconds)
	case seconds < 0:
		return 0, fmt.Errorf("must not be negative, got %v seconds", seconds)
	case seconds > MaxInterval.Seconds():
		return 0, fmt.Errorf("must be at most ten years, got %v seconds", seconds)
	}
	if seconds == 0 {
		return 0, nil
	}
	return max(1, time.Duration(math.Round(seconds*float64(time.Second)))), nil
}
