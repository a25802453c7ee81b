package scheduler

import (
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestFixedRate(t *testing.T) {
	const s = time.Second
	ten := Options{Interval: 10 * s}
	retry := Options{Interval: 60 * s, RetryInterval: 5 * s}
	tests := map[string]struct {
		options Options
		runs    []run
		want    []string
	}{
		"short runs do not move the points":           {ten, repeat(4, 3), []string{"0", "10", "20", "30"}},
		"a run that ends as the next is due":          {ten, repeat(3, 10), []string{"0", "10", "20"}},
		"a run that takes longer skips a point":       {ten, repeat(3, 10.001), []string{"0", "20 skipped 1", "40 skipped 1"}},
		"a long run skips many and makes up for none": {ten, []run{{95, false}, {1, false}, {1, false}}, []string{"0", "100 skipped 9", "110"}},
		"first interval waits for one":                {Options{Interval: 10 * s, First: FirstInterval}, repeat(2, 1), []string{"10", "20"}},
		"a failed run is repeated after the retry interval, then the points go on": {
			retry,
			[]run{{1, true}, {1, true}, {1, false}, {1, false}},
			[]string{"0", "5", "10", "60"},
		},
		"retries go on for longer than the interval": {
			retry,
			append(append([]run{}, failing(14)...), run{1, false}, run{1, false}),
			[]string{"0", "5", "10", "15", "20", "25", "30", "35", "40", "45", "50", "55", "60", "65", "70", "120"},
		},
		"retries that take longer are skipped too": {retry, []run{{12, true}, {1, false}, {1, false}}, []string{"0", "15 skipped 2", "60"}},
		"a retry that ends after a point skips it": {retry, []run{{1, true}, {70, false}, {1, false}}, []string{"0", "5", "120 skipped 1"}},
		"a retry at a point stands for it":         {Options{Interval: 10 * s, RetryInterval: 10 * s}, []run{{1, true}, {1, false}, {1, false}}, []string{"0", "10", "20"}},
		"without a retry interval a failure changes nothing": {
			ten, failing(3), []string{"0", "10", "20"},
		},
		"a retry interval may be longer": {Options{Interval: 10 * s, RetryInterval: 25 * s}, []run{{1, true}, {1, false}, {1, false}}, []string{"0", "25", "30"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := follow(mustNew(t, test.options), time.Now(), test.runs)
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
		})
	}
}

func failing(n int) []run {
	runs := repeat(n, 1)
	for i := range runs {
		runs[i].fails = true
	}
	return runs
}

func TestFixedRateIgnoresAStepOfTheWallClock(t *testing.T) {
	s := mustNew(t, Options{Interval: time.Minute})
	plan := s.First(time.Now())
	if got := s.Rebase(plan, time.Now()); got != plan {
		t.Errorf("Rebase = %+v, want %+v", got, plan)
	}
}

// check runs by a schedule and a loop as the engine does it.
type check struct {
	Entry
	loop     *Loop
	schedule Schedule
	takes    func() time.Duration // a run takes so long

	// Written by the run, of which there is one at a time, and read after the loop has ended.
	plan     Plan
	started  int
	skipped  int
	overlaps bool
	underWay bool
}

func newCheck(l *Loop, s Schedule, takes func() time.Duration) *check {
	c := &check{loop: l, schedule: s, takes: takes}
	c.Task = c
	c.plan = s.First(time.Now())
	l.Schedule(&c.Entry, c.plan.At)
	return c
}

func (c *check) Start(time.Time) {
	c.overlaps = c.overlaps || c.underWay
	c.underWay = true
	c.started++
	go func() {
		time.Sleep(c.takes())
		c.underWay = false
		c.plan = c.schedule.Next(c.plan, time.Now(), false)
		c.skipped += c.plan.Skipped
		c.loop.Schedule(&c.Entry, c.plan.At)
	}()
}

func TestACheckOfTenSecondsRuns8640TimesADayLessWhatIsSkipped(t *testing.T) {
	tests := map[string]struct {
		options Options
		takes   func() time.Duration
		skipped bool // some points are
	}{
		"runs that take no time":               {Options{}, func() time.Duration { return 0 }, false},
		"runs of up to the interval":           {Options{}, func() time.Duration { return randomBelow(10 * time.Second) }, false},
		"runs of up to six intervals":          {Options{}, func() time.Duration { return randomBelow(time.Minute) }, true},
		"jitter":                               {Options{Jitter: 9 * time.Second}, func() time.Duration { return time.Second }, false},
		"jitter, and runs of over an interval": {Options{Jitter: 9 * time.Second}, func() time.Duration { return randomBelow(30 * time.Second) }, true},
		"align":                                {Options{Align: true}, func() time.Duration { return randomBelow(10 * time.Second) }, false},
		"align, splay and jitter":              {Options{Align: true, Name: "disk", Splay: 10 * time.Second, Jitter: 5 * time.Second}, func() time.Duration { return time.Second }, false},
		"align, and runs of over an interval":  {Options{Align: true}, func() time.Duration { return randomBelow(30 * time.Second) }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.options.Interval = 10 * time.Second
				l := NewLoop(LoopOptions{MaxIdle: time.Minute})
				stop := running(t, l)
				c := newCheck(l, mustNew(t, test.options), test.takes)
				time.Sleep(24*time.Hour - time.Nanosecond)
				stop()
				time.Sleep(time.Hour) // the last run ends
				synctest.Wait()
				// The last run may have skipped points of the next day, and jitter may have moved it there.
				if n := c.started + c.skipped; n < 8640-1 || n > 8640+6 {
					t.Errorf("%d started and %d skipped, want 8640 in all", c.started, c.skipped)
				}
				if !test.skipped && (c.skipped != 0 || c.started < 8640-1 || c.started > 8640) {
					t.Errorf("%d started and %d skipped, want all started", c.started, c.skipped)
				}
				if test.skipped && c.skipped == 0 {
					t.Error("none skipped")
				}
				if c.overlaps {
					t.Error("the check overlaps itself")
				}
			})
		})
	}
}

func TestAProcessThatWasStoppedStartsEachCheckOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(LoopOptions{})
		stop := running(t, l)
		var checks []*check
		for range 1000 {
			checks = append(checks, newCheck(l, mustNew(t, Options{Interval: time.Second}), func() time.Duration { return 0 }))
		}
		time.Sleep(100 * time.Millisecond)
		stop() // to the checks, a process stopped for a minute is a loop that does not run
		time.Sleep(time.Minute)
		stop = running(t, l)
		synctest.Wait()
		for _, c := range checks {
			if c.started != 2 || c.skipped != 59 {
				t.Fatalf("%d started and %d skipped, want the first run, one after the stop, and 59 skipped", c.started, c.skipped)
			}
		}
		time.Sleep(2 * time.Second)
		stop()
		synctest.Wait()
		for _, c := range checks {
			if c.started != 4 {
				t.Fatalf("%d started, want the rate of before", c.started)
			}
		}
	})
}

func BenchmarkFixedRateNext(b *testing.B) {
	s := mustNew(b, Options{Interval: 10 * time.Second, Jitter: time.Second, Name: "x"})
	now := time.Now()
	plan := s.First(now)
	b.ReportAllocs()
	for b.Loop() {
		plan = s.Next(plan, plan.At, false)
	}
}
