package scheduler

import (
	"testing"
	"time"
)

func at(wall, mono time.Duration) reading { return reading{wall: int64(wall), mono: mono} }

func TestClockStep(t *testing.T) {
	const tolerance = time.Second
	tests := map[string]struct {
		ref, now reading
		delta    time.Duration
		stepped  bool
	}{
		"both clocks going on is no step":              {at(0, 0), at(5*time.Second, 5*time.Second), 0, false},
		"a stopped process is no step":                 {at(0, 0), at(time.Minute, time.Minute), 0, false},
		"a suspended machine is a step forward":        {at(0, 0), at(time.Hour, time.Second), time.Hour - time.Second, true},
		"an hour forward is a step":                    {at(0, 0), at(time.Hour+5*time.Second, 5*time.Second), time.Hour, true},
		"an hour back is a step":                       {at(0, 0), at(5*time.Second-time.Hour, 5*time.Second), -time.Hour, true},
		"the tolerance itself is no step forward":      {at(0, 0), at(time.Second, 0), time.Second, false},
		"the tolerance itself is no step back":         {at(0, 0), at(0, time.Second), -time.Second, false},
		"just over the tolerance is a step":            {at(0, 0), at(time.Second+1, 0), time.Second + 1, true},
		"just over the tolerance back is a step":       {at(0, 0), at(-1, time.Second), -time.Second - 1, true},
		"readings may start anywhere":                  {at(1e18, 7e9), at(1e18+3e9, 10e9), 0, false},
		"a clock set from 1970 to now is a step":       {at(0, 0), at(56*365*24*time.Hour, time.Second), 56*365*24*time.Hour - time.Second, true},
		"a second reading of one instant is no step":   {at(5, 5), at(5, 5), 0, false},
		"a step that came with a long stop is the gap": {at(0, 0), at(time.Hour+time.Minute, time.Minute), time.Hour, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			delta, stepped := clockStep(test.ref, test.now, tolerance)
			if delta != test.delta || stepped != test.stepped {
				t.Errorf("clockStep = %v, %v, want %v, %v", delta, stepped, test.delta, test.stepped)
			}
		})
	}
}

func TestClockWatchReportsAStepOnce(t *testing.T) {
	w := clockWatch{tolerance: time.Second}
	var got []time.Duration
	for i, wall := range []time.Duration{0, 5, 3610, 3615, 3620, 25, 30} {
		if delta, stepped := w.observe(at(wall*time.Second, time.Duration(i)*5*time.Second)); stepped {
			got = append(got, delta)
		}
	}
	if len(got) != 2 || got[0] != 3600*time.Second || got[1] != -3600*time.Second {
		t.Errorf("steps = %v, want an hour forward and an hour back", got)
	}
}

func TestClockWatchFindsASlewThatAddsUp(t *testing.T) {
	w := clockWatch{tolerance: time.Second}
	var sum time.Duration
	var steps int
	const slew = 500 * time.Microsecond // per second, the most that the kernel slews
	for i := range time.Duration(10_000) {
		if delta, stepped := w.observe(at(i*(time.Second+slew), i*time.Second)); stepped {
			steps++
			sum += delta
		}
	}
	if steps != 4 || sum < 4*time.Second || sum > 5*time.Second {
		t.Errorf("%d steps of %v in all, want 4 that follow a slew of 5 s", steps, sum)
	}
}
