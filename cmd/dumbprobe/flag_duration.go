package main

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// maxTime is the longest time a flag takes: what is longer is a mistake of units.
const maxTime = 10 * 365 * 24 * time.Hour

// durationFlag is a time as a flag gives it: seconds, or a Go duration.
type durationFlag struct {
	value  *time.Duration
	orZero bool // 0 is allowed
}

func (f durationFlag) Set(s string) error {
	d, err := parseDuration(s)
	switch {
	case err != nil:
		return err
	case d < 0:
		return fmt.Errorf("%q is negative", s)
	case d == 0 && !f.orZero:
		return fmt.Errorf("%q is not more than zero", s)
	case d > maxTime:
		return fmt.Errorf("%q is more than ten years", s)
	}
	*f.value = d
	return nil
}

// parseDuration reads seconds (60, 0.5) or a Go duration (90s, 1m30s).
func parseDuration(s string) (time.Duration, error) {
	seconds, err := strconv.ParseFloat(s, 64)
	if err == nil && !math.IsNaN(seconds) && !math.IsInf(seconds, 0) {
		if math.Abs(seconds) > maxTime.Seconds() {
			seconds = math.Copysign(2*maxTime.Seconds(), seconds) // what a Duration holds
		}
		return time.Duration(math.Round(seconds * float64(time.Second))), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time; write seconds (60, 0.5) or a duration (90s, 1m30s, 500ms)", s)
	}
	return d, nil
}

func (f durationFlag) String() string {
	if f.value == nil {
		return ""
	}
	return strconv.FormatFloat(f.value.Seconds(), 'f', -1, 64) + "s"
}

func (durationFlag) Type() string { return "time" }
