package scheduler

import (
	"math"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestBackoff(t *testing.T) {
	const s = time.Second
	tests := map[string]struct {
		backoff Backoff
		want    []time.Duration
	}{
		"doubles from a second to 16 by default": {Backoff{}, []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 16 * s}},
		"starts at the base, ends at the cap":    {Backoff{Base: 60 * s, Max: 150 * s}, []time.Duration{60 * s, 120 * s, 150 * s, 150 * s}},
		"grows by the factor":                    {Backoff{Base: s, Max: time.Hour, Factor: 1.5}, []time.Duration{s, 1500 * time.Millisecond, 2250 * time.Millisecond}},
		"a cap below the base is the base":       {Backoff{Base: 60 * s, Max: s}, []time.Duration{60 * s, 60 * s}},
		"negative fields are defaults":           {Backoff{Base: -1, Max: -1, Factor: -1, Jitter: -1}, []time.Duration{s, 2 * s}},
		"a factor of NaN is the default":         {Backoff{Factor: math.NaN()}, []time.Duration{s, 2 * s}},
		"an infinite factor ends at the cap":     {Backoff{Factor: math.Inf(1)}, []time.Duration{s, 16 * s}},
		"the longest wait does not overflow":     {Backoff{Base: math.MaxInt64, Max: math.MaxInt64}, []time.Duration{math.MaxInt64, math.MaxInt64}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []time.Duration
			for range test.want {
				got = append(got, test.backoff.Next())
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
			if n := test.backoff.Failures(); n != len(test.want) {
				t.Errorf("Failures = %d, want %d", n, len(test.want))
			}
			test.backoff.Reset()
			if d, n := test.backoff.Next(), test.backoff.Failures(); d != test.want[0] || n != 1 {
				t.Errorf("after Reset: %v after %d failures, want %v after 1", d, n, test.want[0])
			}
		})
	}
}

func TestBackoffIsResetByAGoodPeriod(t *testing.T) {
	const s = time.Second
	b := Backoff{Good: 30 * s}
	var got []time.Duration
	for _, well := range []time.Duration{s, s, 29 * s, 30 * s, s} {
		got = append(got, b.NextAfter(well))
	}
	if diff := gocmp.Diff([]time.Duration{s, 2 * s, 4 * s, s, 2 * s}, got); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	never := Backoff{}
	never.Next()
	if d := never.NextAfter(time.Hour); d != 2*s {
		t.Errorf("without Good: %v, want no reset", d)
	}
}

func TestBackoffJitterShortensTheWait(t *testing.T) {
	for _, jitter := range []float64{0.25, 1, 7} {
		b := Backoff{Base: 10 * time.Second, Max: 10 * time.Second, Jitter: jitter}
		least, most := 10*time.Second, time.Duration(0)
		for range 10_000 {
			d := b.Next()
			least, most = min(least, d), max(most, d)
		}
		floor := time.Duration(10e9 * (1 - min(jitter, 1)))
		if least <= floor || most > 10*time.Second || most-least < 2*time.Second {
			t.Errorf("jitter %v: waits from %v to %v, want them all over (%v, 10s]", jitter, least, most, floor)
		}
	}
}
