package main

import (
	"testing"
	"time"
)

// What a size is written as in the help is the same size.
func FuzzSizeFlag(f *testing.F) {
	f.Add("20MiB")
	f.Add("1.5 kb")
	f.Fuzz(func(t *testing.T, s string) {
		var n, again int64
		flag := sizeFlag{&n}
		if flag.Set(s) != nil {
			return
		}
		if err := (sizeFlag{&again}).Set(flag.String()); err != nil || n < 1 || again != n {
			t.Errorf("%q is %d, which is written %q and read as %d, %v", s, n, flag, again, err)
		}
	})
}

// What a time is written as in the help is the same time, but for the last digits of years.
func FuzzDurationFlag(f *testing.F) {
	f.Add("0.5")
	f.Add("1m30s")
	f.Fuzz(func(t *testing.T, s string) {
		var d, again time.Duration
		flag := durationFlag{value: &d}
		if flag.Set(s) != nil {
			return
		}
		err := durationFlag{value: &again}.Set(flag.String())
		if err != nil || d <= 0 || d > maxTime || (d-again).Abs() > time.Microsecond {
			t.Errorf("%q is %v, which is written %q and read as %v, %v", s, d, flag, again, err)
		}
	})
}
