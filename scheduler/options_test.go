package scheduler

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestNewRefuses(t *testing.T) {
	c := cronFunc(func(time.Time) time.Time { return time.Time{} })
	const s, year = time.Second, 365 * 24 * time.Hour
	tests := map[string]struct {
		options Options
		want    string
	}{
		"neither interval nor cron":       {Options{}, "interval: required, where there is no cron"},
		"a negative interval":             {Options{Interval: -s}, "interval: must be at least 1ms, got -1s"},
		"an interval that would spin":     {Options{Interval: time.Microsecond}, "interval: must be at least 1ms, got 1µs"},
		"an interval of eleven years":     {Options{Interval: 11 * year}, "interval: must be at most ten years, got 96360h0m0s"},
		"cron with an interval":           {Options{Cron: c, Interval: s}, "cron: cannot be combined with interval"},
		"cron with align":                 {Options{Cron: c, Align: true}, "cron: cannot be combined with align"},
		"align without an interval":       {Options{Align: true}, "interval: required, where there is no cron"},
		"jitter as long as the interval":  {Options{Interval: 10 * s, Jitter: 10 * s}, "jitter: must be less than the interval of 10s, got 10s"},
		"jitter longer than the interval": {Options{Interval: 10 * s, Jitter: time.Minute}, "jitter: must be less than the interval of 10s, got 1m0s"},
		"negative jitter":                 {Options{Interval: 10 * s, Jitter: -s}, "jitter: must be at least 0s, got -1s"},
		"jitter of days with cron":        {Options{Cron: c, Jitter: 48 * time.Hour}, "jitter: must be at most 24h0m0s with cron, got 48h0m0s"},
		"splay longer than the interval":  {Options{Interval: 10 * s, Splay: 11 * s}, "splay: must not be more than the interval of 10s, got 11s"},
		"negative splay":                  {Options{Interval: 10 * s, Splay: -s}, "splay: must be at least 0s, got -1s"},
		"a negative retry interval":       {Options{Interval: 10 * s, RetryInterval: -s}, "retry_interval: must be at least 1ms, got -1s"},
		"an endless retry interval":       {Options{Interval: 10 * s, RetryInterval: math.MaxInt64}, "retry_interval: must be at most ten years, got 2562047h47m16.854775807s"},
		"an unknown first":                {Options{Interval: s, First: "later"}, `first: must be "now", "spread" or "interval", got "later"`},
		"first spread with cron":          {Options{Cron: c, First: FirstSpread}, `first: "spread" needs an interval; with cron, use splay`},
		"first interval with cron":        {Options{Cron: c, First: FirstInterval}, `first: "interval" needs an interval`},
		"first spread with align":         {Options{Interval: s, Align: true, First: FirstSpread}, `first: "spread" cannot be combined with align; use splay`},
		"everything wrong at once":        {Options{Interval: -s, Splay: -s, First: "x"}, "interval: must be at least 1ms, got -1s\nsplay: must be at least 0s, got -1s\nfirst: must be \"now\", \"spread\" or \"interval\", got \"x\""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := New(test.options)
			if err == nil || err.Error() != test.want {
				t.Errorf("New = %v, %v, want the error %q", got, err, test.want)
			}
			var option *OptionError
			if !errors.As(err, &option) || !strings.HasPrefix(test.want, option.Option+":") {
				t.Errorf("no OptionError in %v", err)
			}
		})
	}
}

func TestNewTakes(t *testing.T) {
	c := cronFunc(func(time.Time) time.Time { return time.Time{} })
	const s = time.Second
	tests := map[string]Options{
		"an interval":                       {Interval: s},
		"the shortest and the longest":      {Interval: MinInterval, RetryInterval: MaxInterval},
		"a retry longer than the interval":  {Interval: s, RetryInterval: time.Minute},
		"a splay of the whole interval":     {Interval: s, Splay: s},
		"a jitter just below the interval":  {Interval: s, Jitter: s - 1},
		"everything that goes with align":   {Interval: s, Align: true, Splay: s, Jitter: s / 2, RetryInterval: s, First: FirstInterval},
		"everything that goes with cron":    {Cron: c, Splay: time.Hour, Jitter: time.Hour, RetryInterval: s, First: FirstNow},
		"everything that goes with a fixed": {Interval: s, Splay: s, Jitter: s / 2, RetryInterval: s, First: FirstSpread},
	}
	for name, options := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := New(options); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSeconds(t *testing.T) {
	tests := map[string]struct {
		seconds float64
		want    time.Duration
		err     string
	}{
		"zero":                              {0, 0, ""},
		"a fraction":                        {0.25, 250 * time.Millisecond, ""},
		"rounded, not cut":                  {0.1 + 0.2, 300 * time.Millisecond, ""},
		"less than a nanosecond is no zero": {1e-10, 1, ""},
		"ten years":                         {MaxInterval.Seconds(), MaxInterval, ""},
		"more than ten years":               {MaxInterval.Seconds() + 1, 0, "must be at most ten years, got 3.15360001e+08 seconds"},
		"a huge number":                     {1e300, 0, "must be at most ten years, got 1e+300 seconds"},
		"a negative number":                 {-1, 0, "must not be negative, got -1 seconds"},
		"NaN":                               {math.NaN(), 0, "must be a finite number of seconds, got NaN"},
		"an infinity":                       {math.Inf(1), 0, "must be a finite number of seconds, got +Inf"},
		"a negative infinity":               {math.Inf(-1), 0, "must be a finite number of seconds, got -Inf"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Seconds(test.seconds)
			if got != test.want {
				t.Errorf("Seconds = %v, want %v", got, test.want)
			}
			if (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
				t.Errorf("error = %v, want %q", err, test.err)
			}
		})
	}
}
