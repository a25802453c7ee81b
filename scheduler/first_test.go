package scheduler

import (
	"cmp"
	"fmt"
	"testing"
	"time"
)

func TestStableBelowDependsOnTheNameAlone(t *testing.T) {
	// A change of these moves the checks of everyone at their next update.
	tests := map[string]time.Duration{
		"":                    56_206_166_903,
		"disk":                14_177_111_449,
		"checks.lua#1 Nagios": 47_117_169_526,
	}
	for name, want := range tests {
		if got := stableBelow(name, time.Minute); got != want {
			t.Errorf("stableBelow(%q) = %d, want %d", name, got, want)
		}
	}
}

func TestStableBelowSpreadsNamesThatDifferALittle(t *testing.T) {
	for _, format := range []string{"check-%d", "%d", "scripts/disk.lua#%d Nagios", "host%05d.example.org"} {
		t.Run(format, func(t *testing.T) {
			const names, buckets = 10_000, 100
			var count [buckets]int
			for i := range names {
				d := stableBelow(fmt.Sprintf(format, i), time.Minute)
				if d < 0 || d >= time.Minute {
					t.Fatalf("%v is not in [0, 1m)", d)
				}
				count[d*buckets/time.Minute]++
			}
			var chi float64
			for _, n := range count {
				d := float64(n) - names/buckets
				chi += d * d / (names / buckets)
			}
			if chi > 160 { // of 99 degrees of freedom: less than one in 10,000
				t.Errorf("chi square %.0f: %v", chi, count)
			}
		})
	}
}

func TestStableBelowNothingIsNothing(t *testing.T) {
	if d := stableBelow("x", 0); d != 0 {
		t.Errorf("got %v", d)
	}
}

func TestFirstOfAFixedRate(t *testing.T) {
	const s = time.Second
	splay, spread := stableBelow("disk", 5*s), stableBelow("disk", 10*s)
	tests := map[string]struct {
		options Options
		want    time.Duration
	}{
		"is now by default":                      {Options{}, 0},
		"now is now":                             {Options{First: FirstNow}, 0},
		"interval is one interval later":         {Options{First: FirstInterval}, 10 * s},
		"spread is within the interval, by name": {Options{First: FirstSpread}, spread},
		"now waits for the splay":                {Options{First: FirstNow, Splay: 5 * s}, splay},
		"interval and splay add up":              {Options{First: FirstInterval, Splay: 5 * s}, 10*s + splay},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.options.Interval, test.options.Name = 10*s, "disk"
			now := time.Now()
			plan := mustNew(t, test.options).First(now)
			if got := plan.At.Sub(now); got != test.want {
				t.Errorf("first run after %v, want %v", got, test.want)
			}
		})
	}
}

func TestJitterIsAddedToThePointsAndMovesNone(t *testing.T) {
	const s = time.Second
	for name, o := range map[string]Options{
		"fixed": {Interval: 10 * s},
		"align": {Interval: 10 * s, Align: true},
		"cron":  mustCron(t, "*/10 * * * * *"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 0, func(t *testing.T, now time.Time) {
				o.Jitter = 9 * s
				schedule := mustNew(t, o)
				plan := schedule.First(now)
				var least, most time.Duration = o.Jitter, 0
				for i := range 1000 {
					point := now.Add(time.Duration(i) * 10 * s)
					if !plan.Grid.Equal(point) || plan.Skipped != 0 {
						t.Fatalf("point %d = %v skipped %d, want %v", i, plan.Grid, plan.Skipped, point)
					}
					jitter := plan.At.Sub(point)
					if jitter < 0 || jitter >= o.Jitter {
						t.Fatalf("jitter of %v", jitter)
					}
					least, most = min(least, jitter), max(most, jitter)
					plan = schedule.Next(plan, plan.At, false)
				}
				if least > s || most < 8*s {
					t.Errorf("1000 jitters from %v to %v, want them all over [0, 9s)", least, most)
				}
			})
		})
	}
}

func TestJitterDoesNotSkipAPointWhoseTimeHasNotPassed(t *testing.T) {
	const s = time.Second
	schedule := mustNew(t, Options{Interval: 10 * s, Jitter: 5 * s})
	base := time.Now()
	prev := Plan{At: base.Add(4 * s), Grid: base}
	for ended, want := range map[time.Duration]struct {
		point   time.Duration
		skipped int
	}{
		9 * s:       {10 * s, 0},
		11 * s:      {10 * s, 0}, // may start until 15 s
		15 * s:      {10 * s, 0},
		15*s + 1:    {20 * s, 1},
		20*s + s/10: {20 * s, 1}, // of two points whose time has not passed, the later
	} {
		now := base.Add(ended)
		plan := schedule.Next(prev, now, false)
		if got := plan.Grid.Sub(base); got != want.point || plan.Skipped != want.skipped || plan.At.Before(now) {
			t.Errorf("after a run that ended at %v: point %v skipped %d at %v, want point %v skipped %d", ended, got, plan.Skipped, plan.At.Sub(base), want.point, want.skipped)
		}
	}
}

func TestResume(t *testing.T) {
	const s = time.Second
	five, ten := mustCron(t, "*/5 * * * *"), mustCron(t, "*/10 * * * *")
	bare := Options{Cron: five.Cron}
	tests := map[string]struct {
		old, next Options
		kept      bool
	}{
		"the same interval keeps the next run": {Options{Interval: 10 * s}, Options{Interval: 10 * s}, true},
		"another interval starts anew":         {Options{Interval: 10 * s}, Options{Interval: 20 * s}, false},
		"another retry interval keeps it":      {Options{Interval: 10 * s}, Options{Interval: 10 * s, RetryInterval: s}, true},
		"another jitter keeps it":              {Options{Interval: 10 * s}, Options{Interval: 10 * s, Jitter: s}, true},
		"another first run keeps it":           {Options{Interval: 10 * s}, Options{Interval: 10 * s, First: FirstInterval}, true},
		"another splay starts anew":            {Options{Interval: 10 * s}, Options{Interval: 10 * s, Splay: s}, false},
		"align starts anew":                    {Options{Interval: 10 * s}, Options{Interval: 10 * s, Align: true}, false},
		"cron starts anew":                     {Options{Interval: 10 * s}, five, false},
		"the same cron keeps it":               {five, mustCron(t, "*/5 * * * *"), true},
		"another cron starts anew":             {five, ten, false},
		"a cron without its text starts anew":  {bare, bare, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 0, func(t *testing.T, now time.Time) {
				test.old.Name, test.next.Name = "disk", "disk"
				test.next.First = cmp.Or(test.next.First, FirstNow)
				prev := Plan{At: now.Add(3 * s), Grid: now.Add(3 * s)}
				plan := Resume(mustNew(t, test.next), mustNew(t, test.old), prev, now)
				if kept := plan == prev; kept != test.kept {
					t.Errorf("Resume = %+v, kept %v, want %v", plan, kept, test.kept)
				}
			})
		})
	}
}

func TestResumeAfterAScheduleOfAnotherKindStartsAnew(t *testing.T) {
	now := time.Now()
	next := mustNew(t, Options{Interval: time.Second})
	if plan := Resume(next, nil, Plan{At: now.Add(time.Hour)}, now); !plan.At.Equal(now) {
		t.Errorf("Resume = %+v, want a run now", plan)
	}
}
