package scheduler

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// inBubble runs the test at midnight UTC of 2000-01-01 plus the given time.
func inBubble(t *testing.T, after time.Duration, test func(t *testing.T, now time.Time)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(after)
		test(t, time.Now())
	})
}

func TestAligned(t *testing.T) {
	const s = time.Second
	ten := Options{Interval: 10 * s, Align: true}
	splay := Options{Interval: 10 * s, Align: true, Splay: 10 * s, Name: "a"}
	offset := stableBelow("a", 10*s).Seconds()
	tests := map[string]struct {
		start   time.Duration // after midnight
		options Options
		runs    []run
		want    []string // seconds after midnight
	}{
		"runs are at the multiples of the interval": {3 * s, ten, repeat(3, 1), []string{"10", "20", "30"}},
		"a start at a multiple runs now":            {20 * s, ten, repeat(2, 1), []string{"20", "30"}},
		"first now runs now, then at the multiples": {3 * s, Options{Interval: 10 * s, Align: true, First: FirstNow}, repeat(3, 1), []string{"3", "10", "20"}},
		"first interval is the first multiple":      {3 * s, Options{Interval: 10 * s, Align: true, First: FirstInterval}, repeat(2, 1), []string{"10", "20"}},
		"the splay moves the multiples":             {3 * s, splay, repeat(2, 1), []string{fmt.Sprint(offset), fmt.Sprint(10 + offset)}},
		"a run that takes longer skips a multiple":  {3 * s, ten, repeat(3, 10.5), []string{"10", "30 skipped 1", "50 skipped 1"}},
		"a run that ends at a multiple does not":    {3 * s, ten, repeat(3, 10), []string{"10", "20", "30"}},
		"retries leave the multiples and come back": {3 * s, Options{Interval: 60 * s, Align: true, RetryInterval: 7 * s}, []run{{1, true}, {1, true}, {1, false}, {1, false}}, []string{"60", "67", "74", "120"}},
		"an interval of a day is at midnight":       {3 * s, Options{Interval: 24 * time.Hour, Align: true}, repeat(2, 1), []string{"86400", "172800"}},
		"an interval that does not divide a day":    {0, Options{Interval: 7 * s, Align: true}, repeat(2, 1), []string{"2", "9"}}, // midnight is 946684800, 5 more than a multiple of 7
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, test.start, func(t *testing.T, now time.Time) {
				midnight := now.Add(-test.start)
				got := followFrom(mustNew(t, test.options), now, midnight, test.runs)
				if diff := gocmp.Diff(test.want, got); diff != "" {
					t.Errorf("runs (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestCron(t *testing.T) {
	const s = time.Second
	tests := map[string]struct {
		start   time.Duration // after midnight
		cron    string
		options Options
		runs    []run
		want    []string // minutes after midnight
	}{
		"runs are at the points":                  {time.Hour, "*/5 8-18 * * *", Options{}, repeat(3, 1), []string{"480", "485", "490"}},
		"a start at a point runs now":             {8 * time.Hour, "0 8 * * *", Options{}, repeat(2, 1), []string{"480", "1920"}},
		"first now runs now, then at the points":  {time.Hour, "0 8 * * *", Options{First: FirstNow}, repeat(2, 1), []string{"60", "480"}},
		"points missed by a long run are skipped": {time.Hour, "*/5 * * * *", Options{}, []run{{1000, false}, {1, false}, {1, false}}, []string{"60", "80 skipped 3", "85"}},
		"weekdays only":                           {12 * time.Hour, "0 8 * * mon-fri", Options{}, repeat(2, 1), []string{"3360", "4800"}}, // 2000-01-01 is a Saturday
		"a failed run is repeated at the retry interval": {
			time.Hour, "0 * * * *", Options{RetryInterval: 120 * s},
			[]run{{1, true}, {1, true}, {1, false}, {1, false}}, []string{"60", "62", "64", "120"},
		},
		"a day that never comes is never": {time.Hour, "0 0 30 2 *", Options{}, repeat(2, 1), []string{"never"}},
		"an interval as cron":             {time.Hour + s/2, "@every 90s", Options{}, repeat(3, 1), []string{"61.5", "63", "64.5"}}, // in whole seconds
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, test.start, func(t *testing.T, now time.Time) {
				o := mustCron(t, test.cron)
				test.options.Cron, test.options.CronText = o.Cron, o.CronText
				got := followFrom(mustNew(t, test.options), now, now.Add(-test.start), test.runs)
				if diff := gocmp.Diff(inSeconds(test.want), got); diff != "" {
					t.Errorf("runs (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// inSeconds converts wanted minutes to seconds.
func inSeconds(want []string) []string {
	var out []string
	for _, w := range want {
		var minutes float64
		rest := ""
		if n, _ := fmt.Sscan(w, &minutes); n == 0 {
			out = append(out, w)
			continue
		}
		var skipped int
		if n, _ := fmt.Sscanf(w, "%g skipped %d", &minutes, &skipped); n == 2 {
			rest = fmt.Sprintf(" skipped %d", skipped)
		}
		out = append(out, fmt.Sprint(minutes*60)+rest)
	}
	return out
}

func TestCronFollowsItsTimeZoneOverDaylightSaving(t *testing.T) {
	// 2000-03-26 02:00 became 03:00 in Berlin: 08:00 is 07:00 UTC before and 06:00 UTC from then on.
	start := 84*24*time.Hour + 12*time.Hour // 2000-03-25 12:00 UTC
	inBubble(t, start, func(t *testing.T, now time.Time) {
		c, _ := inZone(t, "0 8 * * *", "Europe/Berlin", true)
		s := mustNew(t, Options{Cron: c})
		plan := s.First(now)
		var got []string
		for range 2 {
			got = append(got, plan.At.UTC().Format(time.DateTime))
			plan = s.Next(plan, plan.At, false)
		}
		if diff := gocmp.Diff([]string{"2000-03-26 06:00:00", "2000-03-27 06:00:00"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCronSplayMovesEachPointByTheSame(t *testing.T) {
	inBubble(t, time.Hour+time.Minute, func(t *testing.T, now time.Time) {
		o := mustCron(t, "0 * * * *")
		o.Splay, o.Name = 30*time.Minute, "disk"
		offset := stableBelow("disk", 30*time.Minute)
		midnight := now.Add(-time.Hour - time.Minute)
		var want []string
		for hour := range 3 {
			point := time.Duration(hour+1)*time.Hour + offset
			want = append(want, fmt.Sprint(point.Seconds()))
		}
		got := followFrom(mustNew(t, o), now, midnight, repeat(3, 1))
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("the point of one o'clock is still to come (-want +got):\n%s", diff)
		}
	})
}

func TestCronThatDoesNotAdvanceIsNever(t *testing.T) {
	for name, c := range map[string]cronFunc{
		"the same time":  func(t time.Time) time.Time { return t },
		"an earlier one": func(t time.Time) time.Time { return t.Add(-time.Hour) },
		"the zero time":  func(time.Time) time.Time { return time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			s := mustNew(t, Options{Cron: c, Jitter: time.Second})
			if plan := s.First(time.Now()); !plan.Never() {
				t.Errorf("First = %+v", plan)
			}
			if plan := s.Next(Plan{}, time.Now(), false); !plan.Never() {
				t.Errorf("Next = %+v", plan)
			}
			if plan := s.Rebase(Plan{}, time.Now()); !plan.Never() {
				t.Errorf("Rebase = %+v", plan)
			}
		})
	}
}

func TestPlansOfTheWallClockCarryAMonotonicReading(t *testing.T) {
	for name, o := range map[string]Options{"align": {Interval: time.Hour, Align: true}, "cron": mustCron(t, "0 * * * *")} {
		t.Run(name, func(t *testing.T) {
			plan := mustNew(t, o).First(time.Now())
			if plan.At == plan.At.Round(0) || plan.Grid == plan.Grid.Round(0) {
				t.Errorf("%+v has none", plan)
			}
		})
	}
}

// After a step of the wall clock, a time planned before it is at two distances: by its wall reading and
// by its monotonic reading. The tests give both, since no clock here can be stepped.

func TestWallClockNextAfterAStep(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	hourly, minutely := mustCron(t, "0 * * * *"), mustCron(t, "* * * * *")
	ten := Options{Interval: 10 * s, Align: true}
	tests := map[string]struct {
		options Options
		now     time.Duration // after midnight, by the clock after the step
		base    offset        // the last point, from now
		want    string        // after midnight
		skipped int
	}{
		"no step": {minutely, 12*h + 5*s, offset{-5 * s, -5 * s}, "12h1m0s", 0},
		"an hour forward counts nothing as missed":                        {minutely, 13*h + 5*s, offset{-h - 5*s, -5 * s}, "13h1m0s", 0},
		"an hour back does not stall":                                     {minutely, 11*h + 5*s, offset{h - 5*s, -5 * s}, "11h1m0s", 0},
		"an hour back runs the hour again":                                {hourly, 11*h + 5*s, offset{h - 5*s, -5 * s}, "12h0m0s", 0},
		"a point is not repeated when the clock was slewed back":          {hourly, 12*h - s/2, offset{s / 2, -s}, "13h0m0s", 0},
		"nor when it was slewed forward":                                  {hourly, 12*h + 2*s, offset{-2 * s, -s}, "13h0m0s", 0},
		"align: an hour forward":                                          {ten, 13*h + 3*s, offset{-h - 3*s, -3 * s}, "13h0m10s", 0},
		"align: an hour back":                                             {ten, 11*h + 3*s, offset{h - 3*s, -3 * s}, "11h0m10s", 0},
		"align: points missed by the run count, those jumped over do not": {ten, 13*h + 3*s, offset{-h - 33*s, -33 * s}, "13h0m10s", 3},
		"a suspended machine":                                             {minutely, 20*h + 30*s, offset{-8 * h, -2 * s}, "20h1m0s", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, test.now, func(t *testing.T, now time.Time) {
				w := mustNew(t, test.options).(*wallClock)
				plan := w.next(now, test.base)
				if got := plan.At.Sub(now) + test.now; got.String() != test.want || plan.Skipped != test.skipped {
					t.Errorf("next = %v skipped %d, want %v skipped %d", got, plan.Skipped, test.want, test.skipped)
				}
			})
		})
	}
}

func TestWallClockRebase(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	hourly, minutely := mustCron(t, "0 * * * *"), mustCron(t, "* * * * *")
	ten := Options{Interval: 10 * s, Align: true}
	splay := Options{Interval: 60 * s, Align: true, Splay: 60 * s, Name: "a"}
	offsetOfA := stableBelow("a", 60*s)
	tests := map[string]struct {
		options Options
		now     time.Duration // after midnight, by the clock after the step
		at      offset        // of the queued plan, from now
		want    string        // after midnight; "kept" if the plan is returned as it was
		offGrid bool
	}{
		"forward, the point is still to come":       {hourly, 12*h + 30*m, offset{30 * m, 50 * m}, "13h0m0s", false},
		"forward over the point runs it once, now":  {hourly, 13*h + 30*m, offset{-30 * m, 30 * m}, "13h30m0s", true},
		"forward over many points runs once, now":   {minutely, 13*h + 30*s, offset{-h, 10 * s}, "13h0m30s", true},
		"back plans the next point by the new time": {minutely, 11*h + 30*s, offset{h + 30*s, 30 * s}, "11h1m0s", false},
		"back before the same point keeps it":       {hourly, 12*h + 10*m, offset{50 * m, 20 * m}, "13h0m0s", false},
		"a run that is due already is left alone":   {hourly, 11 * h, offset{h, -s}, "kept", false},
		"slewed: the point keeps its wall time":     {hourly, 12*h - 10*s, offset{10 * s, 9 * s}, "12h0m0s", false},
		"slewed over the point: due now":            {hourly, 12*h + s/2, offset{-s / 2, s / 2}, "12h0m0s", false},
		"slewed back after a run: not run again":    {minutely, 12*h - s/2, offset{m + s/2, m - s}, "12h1m0s", false},
		"align: forward runs once, now":             {ten, 13*h + 4*s, offset{-h, 5 * s}, "13h0m4s", true},
		"align: back takes the next point":          {ten, 11*h + 4*s, offset{h + 6*s, 6 * s}, "11h0m10s", false},
		"align: forward waits for the splay, so that many checks are not started in one instant": {
			splay, 13*h + offsetOfA + s, offset{-h, 5 * s}, (13*h + 2*offsetOfA + s).String(), true,
		},
		"align: forward waits for the next point if that comes first": {
			splay, 13*h + offsetOfA - s, offset{-h, 5 * s}, (13*h + offsetOfA).String(), false,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, test.now, func(t *testing.T, now time.Time) {
				w := mustNew(t, test.options).(*wallClock)
				prev := Plan{At: now.Add(test.at.mono), Grid: now.Add(test.at.mono), Skipped: 7}
				plan := w.rebase(prev, now, test.at, test.at)
				if test.want == "kept" {
					if plan != prev {
						t.Errorf("rebase = %+v, want %+v", plan, prev)
					}
					return
				}
				if got := plan.At.Sub(now) + test.now; got.String() != test.want || plan.OffGrid != test.offGrid {
					t.Errorf("rebase = %v, off the grid %v, want %v, %v", got, plan.OffGrid, test.want, test.offGrid)
				}
			})
		})
	}
}

func TestRebaseLeavesARetryAlone(t *testing.T) {
	inBubble(t, time.Hour, func(t *testing.T, now time.Time) {
		o := mustCron(t, "0 * * * *")
		o.RetryInterval = time.Minute
		s := mustNew(t, o)
		retry := s.Next(s.First(now), now.Add(time.Second), true)
		if !retry.OffGrid {
			t.Fatalf("%+v is no retry", retry)
		}
		if got := s.Rebase(retry, now.Add(2*time.Second)); got != retry {
			t.Errorf("Rebase = %+v, want %+v", got, retry)
		}
	})
}

func TestRebaseWithoutAStepKeepsThePlan(t *testing.T) {
	for name, o := range map[string]Options{
		"align":  {Interval: 10 * time.Second, Align: true, Splay: 10 * time.Second, Jitter: 9 * time.Second, Name: "x"},
		"cron":   mustCron(t, "*/5 * * * *"),
		"fixed":  {Interval: 10 * time.Second},
		"spread": {Interval: 10 * time.Second, First: FirstSpread, Name: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1234*time.Millisecond, func(t *testing.T, now time.Time) {
				s := mustNew(t, o)
				plan := s.First(now)
				for wait := plan.At.Sub(now); wait >= 0; wait -= 100 * time.Millisecond {
					got := s.Rebase(plan, plan.At.Add(-wait))
					if !got.At.Equal(plan.At) || !got.Grid.Equal(plan.Grid) || got.OffGrid != plan.OffGrid {
						t.Fatalf("Rebase %v before the run = %+v, want %+v", wait, got, plan)
					}
				}
			})
		})
	}
}

func TestRebaseAsksAgainForASchedulethatHasNoPoint(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, now time.Time) {
		s := mustNew(t, mustCron(t, "0 * * * *"))
		if plan := s.Rebase(Plan{}, now); plan.Never() {
			t.Error("still never")
		}
	})
}

// Whatever the clock does, the next run is neither in the past nor farther away than one point.
func TestNoStepStallsOrBursts(t *testing.T) {
	hourly := mustCron(t, "0 * * * *")
	const gap = time.Hour
	align := Options{Interval: gap, Align: true, Splay: gap, Name: "x", Jitter: gap / 2}
	for name, o := range map[string]Options{"cron": hourly, "align": align} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1000*time.Hour, func(t *testing.T, now time.Time) {
				w := mustNew(t, o).(*wallClock)
				r := rand.New(rand.NewPCG(1, 2))
				for range 20_000 {
					now := now.Add(time.Duration(r.Int64N(int64(gap))))
					wait := time.Duration(1 + r.Int64N(int64(gap)))
					step := time.Duration(r.Int64N(int64(200*gap))) - 100*gap
					at := offset{wall: wait - step, mono: wait}
					prev := Plan{At: now.Add(wait), Grid: now.Add(wait)}
					for what, plan := range map[string]Plan{
						"rebase": w.rebase(prev, now, at, at),
						"next":   w.next(now, offset{wall: -wait - step, mono: -wait}),
					} {
						until := plan.At.Sub(now)
						if until < -maxSlack || until > gap+o.Jitter+maxSlack {
							t.Fatalf("%s with %v to wait and a step of %v: the next run is in %v", what, wait, step, until)
						}
					}
				}
			})
		})
	}
}

func BenchmarkCronNext(b *testing.B) {
	c, s := mustCron(b, "*/5 8-18 * * mon-fri"), time.Now()
	schedule := mustNew(b, c)
	plan := schedule.First(s)
	b.ReportAllocs()
	for b.Loop() {
		plan = schedule.Next(plan, plan.At, false)
	}
}

func BenchmarkAlignedNext(b *testing.B) {
	schedule := mustNew(b, Options{Interval: 10 * time.Second, Align: true, Jitter: time.Second, Name: "x"})
	plan := schedule.First(time.Now())
	b.ReportAllocs()
	for b.Loop() {
		plan = schedule.Next(plan, plan.At, false)
	}
}
