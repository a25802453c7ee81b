package scheduler

import (
	"fmt"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

// mustNew returns the schedule of options that must be valid.
func mustNew(t testing.TB, o Options) Schedule {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustCron(t testing.TB, text string) Options {
	t.Helper()
	// In UTC, since the tests' machine may be anywhere.
	text = "CRON_TZ=UTC " + text
	c, err := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Cron: c, CronText: text}
}

// cronFunc is a Cron made of a function.
type cronFunc func(time.Time) time.Time

func (f cronFunc) Next(t time.Time) time.Time { return f(t) }

func sec(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// run is what a run of a check does.
type run struct {
	takes float64 // seconds
	fails bool
}

// follow runs the schedule without a loop: each run starts exactly when it is due and takes as long as
// runs says. It returns when the runs started, in seconds after base, with the points skipped before
// each of them.
func follow(s Schedule, base time.Time, runs []run) []string { return followFrom(s, base, base, runs) }

// followFrom is follow with a start at another time than base.
func followFrom(s Schedule, start, base time.Time, runs []run) []string {
	plan := s.First(start)
	var got []string
	for _, r := range runs {
		if plan.Never() {
			return append(got, "never")
		}
		text := fmt.Sprint(plan.At.Sub(base).Seconds())
		if plan.Skipped > 0 {
			text += fmt.Sprintf(" skipped %d", plan.Skipped)
		}
		got = append(got, text)
		plan = s.Next(plan, plan.At.Add(sec(r.takes)), r.fails)
	}
	return got
}

// repeat returns n runs that take so many seconds each.
func repeat(n int, takes float64) []run {
	runs := make([]run, n)
	for i := range runs {
		runs[i].takes = takes
	}
	return runs
}
