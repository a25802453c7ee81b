package state

import (
	"math"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeltaIsWhatWasCounted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                      string
		before, value, wrap, want float64
	}{
		{"growth", 10, 25, 0, 15},
		{"no growth", 10, 10, 0, 0},
		{"a fraction", 0.5, 0.75, 0, 0.25},
		{"a reset to 0", 10, 0, 0, 0},
		{"a reset, and growth since", 10, 4, 0, 4},
		{"a wrap of 32 bits", 1<<32 - 10, 5, 1 << 32, 15},
		{"a wrap of 32 bits that nobody told of is a reset", 1<<32 - 10, 5, 0, 5},
		{"a fall by less than half of the range is a reset", 1 << 31, 5, 1 << 32, 5},
		{"a fall by more than half of the range is a wrap", 1<<31 + 10, 5, 1 << 32, 1<<32 - (1<<31 + 10) + 5},
		{"growth, with a wrap", 10, 1<<32 - 1, 1 << 32, 1<<32 - 11},
		{"a value from before the wrap was given", 1 << 40, 5, 1 << 32, 5},
		{"the largest numbers", math.MaxFloat64, 0, 0, 0},
	} {
		db, _ := open(t, Options{})
		txn := db.Begin("check")
		if _, known, err := txn.Delta("n", Counter{Value: test.before}); known || err != nil {
			t.Errorf("%s: the first call gives %v, %v", test.name, known, err)
		}
		txn.End(true)
		txn = db.Begin("check")
		if got, known, err := txn.Delta("n", Counter{Value: test.value, Wrap: test.wrap}); got != test.want || !known || err != nil {
			t.Errorf("%s: got %v, %v, %v, want %v", test.name, got, known, err, test.want)
		}
	}
}

// reading is a value of a counter at a time.
type reading struct{ value, time float64 }

func TestRateIsPerSecondOfTheTimesThatAreGiven(t *testing.T) {
	t.Parallel()
	const none = -1
	for _, test := range []struct {
		name     string
		readings []reading
		want     []float64
	}{
		{"growth", []reading{{10, 100}, {30, 102}, {30, 103}}, []float64{none, 10, 0}},
		{"a reset", []reading{{1000, 100}, {30, 103}}, []float64{none, 10}},
		{"no time: what was counted is in the next rate", []reading{{10, 100}, {20, 100}, {30, 102}}, []float64{none, none, 10}},
		{"a clock that was set back: counting begins anew", []reading{{10, 100}, {20, 50}, {30, 51}}, []float64{none, none, 10}},
		{"before 1970", []reading{{10, -10}, {20, -5}}, []float64{none, 2}},
		{"the longest time", []reading{{0, -9e9}, {9223372036.854776, 9e9}}, []float64{none, 1}},
		{"a rate that is no number any more", []reading{{0, 0}, {math.MaxFloat64, 1e-9}}, []float64{none, none}},
	} {
		db, _ := open(t, Options{})
		for i, r := range test.readings {
			txn := db.Begin("check")
			got, known, err := txn.Rate("n", Counter{Value: r.value, Time: r.time, HasTime: true})
			txn.End(true)
			if !known {
				got = none
			}
			if math.Abs(got-test.want[i]) > 1e-6 || err != nil {
				t.Errorf("%s: reading %d gives %v, %v, want %v", test.name, i+1, got, err, test.want[i])
			}
		}
	}
}

func TestCountersThatAreNone(t *testing.T) {
	t.Parallel()
	db, _ := open(t, Options{})
	for _, c := range []Counter{
		{Value: math.NaN()}, {Value: math.Inf(1)}, {Value: math.Inf(-1)}, {Value: -1}, {Value: 5, Wrap: 5},
		{Value: 1, Time: math.NaN(), HasTime: true}, {Value: 1, Time: 1e300, HasTime: true},
	} {
		txn := db.Begin("check")
		if _, _, err := txn.Delta("n", c); err == nil {
			t.Errorf("Delta takes %+v", c)
		}
		if _, _, err := txn.Rate("n", c); err == nil {
			t.Errorf("Rate takes %+v", c)
		}
		if len(txn.changes) > 0 {
			t.Errorf("%+v is kept", c)
		}
	}
}

// Within a process the monotonic clock counts: whatever happens to the wall clock.
func TestRateWithinAProcessIsByTheMonotonicClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(Options{})
		if err != nil {
			t.Fatal(err)
		}
		rate := func(value float64) (float64, bool) {
			txn := db.Begin("check")
			got, known, err := txn.Rate("n", Counter{Value: value})
			if err != nil {
				t.Fatal(err)
			}
			txn.End(true)
			return got, known
		}
		rate(100)
		// As if the wall clock had been set back by an hour in between.
		r := db.records["check"]
		s, _ := decodeSample(r.entries["rn"])
		s.wall += int64(time.Hour)
		r.entries["rn"] = s.encode()
		time.Sleep(4 * time.Second)
		if got, known := rate(140); got != 10 || !known {
			t.Errorf("got %v, %v, want 10", got, known)
		}
		if got, known := rate(150); known {
			t.Errorf("in no time the rate is %v", got)
		}
		time.Sleep(2 * time.Second)
		if got, _ := rate(160); got != 10 {
			t.Errorf("got %v, want 10: what was counted in no time belongs to the next rate", got)
		}
	})
}

// Over a restart there is only the wall clock.
func TestRateOverARestartIsByTheWallClock(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		since time.Duration // that the sample was taken before the restart
		want  bool
	}{
		{"a restart", 100 * time.Second, true},
		{"a clock that was set back", -100 * time.Second, false},
	} {
		dir := filepath.Join(t.TempDir(), "state")
		db, _ := open(t, Options{Dir: dir})
		txn := db.Begin("check")
		s := db.sample(Counter{Value: 1000})
		s.wall -= int64(test.since)
		if err := txn.put(kindRate, "n", s.encode()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := txn.Delta("n", Counter{Value: 1000}); err != nil {
			t.Fatal(err)
		}
		txn.End(true)
		closed(t, db)

		db, _ = open(t, Options{Dir: dir})
		txn = db.Begin("check")
		got, known, err := txn.Rate("n", Counter{Value: 2000})
		if err != nil || known != test.want || known && (got > 10 || got < 1000/(100+patience.Seconds())) {
			t.Errorf("%s: the rate is %v, %v, %v", test.name, got, known, err)
		}
		if got, known, err := txn.Delta("n", Counter{Value: 400}); got != 400 || !known || err != nil {
			t.Errorf("%s: a counter that was reset meanwhile has grown by %v, %v, %v", test.name, got, known, err)
		}
		txn.End(true)
		txn = db.Begin("check")
		if s, ok := txn.last(kindRate, "n"); !ok || s.value != 2000 {
			t.Errorf("%s: the next rate would count from %v", test.name, s.value)
		}
	}
}
