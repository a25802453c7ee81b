package scheduler

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestFromUnix(t *testing.T) {
	const s, day = time.Second, 24 * time.Hour
	base := time.Now()
	unix := float64(base.UnixNano()) / 1e9
	tests := map[string]struct {
		unix    float64
		want    time.Duration // after now
		clamped bool
		err     string
	}{
		"ten seconds ahead":           {unix + 10, 10 * s, false, ""},
		"half a second ahead":         {unix + 0.5, s / 2, false, ""},
		"now":                         {unix, 0, false, ""},
		"just past":                   {unix - 0.001, 0, false, ""},
		"an hour past":                {unix - 3600, 0, false, ""},
		"zero":                        {0, 0, false, ""},
		"negative":                    {-1e9, 0, false, ""},
		"the farthest past":           {-math.MaxFloat64, 0, false, ""},
		"a day short of a year":       {unix + 364*86400, 364 * day, false, ""},
		"a day more than a year":      {unix + 366*86400, MaxAhead, true, ""},
		"milliseconds instead":        {unix * 1000, MaxAhead, true, ""},
		"the farthest future":         {math.MaxFloat64, MaxAhead, true, ""},
		"more than an integer can be": {1e19, MaxAhead, true, ""},
		"NaN":                         {math.NaN(), 0, false, "must be a finite unix time in seconds, got NaN"},
		"an infinity":                 {math.Inf(1), 0, false, "must be a finite unix time in seconds, got +Inf"},
		"a negative infinity":         {math.Inf(-1), 0, false, "must be a finite unix time in seconds, got -Inf"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			at, clamped, err := FromUnix(base, test.unix)
			if test.err != "" {
				if err == nil || err.Error() != test.err || !at.IsZero() {
					t.Errorf("FromUnix = %v, %v, want the error %q", at, err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			// A float of today's unix time is exact to a quarter of a microsecond.
			if d := at.Sub(base) - test.want; d.Abs() > time.Microsecond || clamped != test.clamped {
				t.Errorf("FromUnix = now + %v, %v, want now + %v, %v", at.Sub(base), clamped, test.want, test.clamped)
			}
			if at.Before(base) {
				t.Errorf("%v is before now", at)
			}
			if at == at.Round(0) {
				t.Errorf("%v has no monotonic reading", at)
			}
		})
	}
}

func FuzzFromUnixIsWithinAYear(f *testing.F) {
	for _, unix := range []float64{0, 1.7e9, -1, 1e300, math.NaN(), math.Inf(1), 9.3e18, math.SmallestNonzeroFloat64} {
		f.Add(unix)
	}
	f.Fuzz(func(t *testing.T, unix float64) {
		now := time.Now()
		at, clamped, err := FromUnix(now, unix)
		if err != nil {
			return
		}
		if d := at.Sub(now); d < 0 || d > MaxAhead || clamped && d != MaxAhead {
			t.Errorf("FromUnix(%v) = now + %v, %v", unix, d, clamped)
		}
	})
}

func TestReconvert(t *testing.T) {
	const s = time.Second
	now := time.Now()
	unix := float64(now.UnixNano()) / 1e9
	tests := map[string]struct {
		asked   float64       // from now, by the clock after the step
		planned time.Duration // from now
		want    time.Duration // from now
	}{
		"a clock set forward brings it forward":      {-3590, 10 * s, 0},
		"a clock set forward a little, too":          {4, 10 * s, 4 * s},
		"a clock set back does not hold it up":       {3610, 10 * s, 10 * s},
		"what is due already stays due":              {3600, -s, -s},
		"what was clamped is not brought forward":    {2 * MaxAhead.Seconds(), MaxAhead - time.Hour, MaxAhead - time.Hour},
		"what is not finite stays as it was planned": {math.Inf(1), 10 * s, 10 * s},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Reconvert(now, unix+test.asked, now.Add(test.planned))
			if d := got.Sub(now) - test.want; d.Abs() > time.Microsecond {
				t.Errorf("Reconvert = now + %v, want now + %v", got.Sub(now), test.want)
			}
		})
	}
}

func TestACheckThatAlwaysAsksForThePastDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(LoopOptions{})
		starts := 0
		e := &Entry{}
		e.Task = taskFunc(func(time.Time) {
			starts++
			now := time.Now()
			at, _, _ := FromUnix(now, 0)
			l.Schedule(e, Spaced(at, now))
		})
		l.Schedule(e, time.Now())
		stop := running(t, l)
		time.Sleep(time.Second - time.Nanosecond)
		stop()
		if starts != 100 {
			t.Errorf("%d starts in a second, want 100", starts)
		}
	})
}

func TestSpacedLeavesALaterTimeAlone(t *testing.T) {
	now := time.Now()
	if at := now.Add(MinSpacing + 1); Spaced(at, now) != at {
		t.Error("moved")
	}
}
