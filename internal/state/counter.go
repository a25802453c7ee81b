package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// sample is a counter's value, and when it was read.
type sample struct {
	value   float64
	wall    int64  // unix time in nanoseconds
	process uint64 // of the DB whose clock ticks is of; 0: wall was given by the script
	ticks   int64  // monotonic nanoseconds since that DB was opened
}

const sampleBytes = 4 * 8

func (s sample) encode() string {
	b := make([]byte, 0, sampleBytes)
	for _, v := range []uint64{math.Float64bits(s.value), uint64(s.wall), s.process, uint64(s.ticks)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return string(b)
}

func decodeSample(data string) (sample, error) {
	if len(data) != sampleBytes {
		return sample{}, fmt.Errorf("a counter has %d bytes, not %d", len(data), sampleBytes)
	}
	u := func(i int) uint64 { return binary.LittleEndian.Uint64([]byte(data[8*i : 8*i+8])) }
	s := sample{value: math.Float64frombits(u(0)), wall: int64(u(1)), process: u(2), ticks: int64(u(3))}
	if !countable(s.value) {
		return sample{}, errors.New("a counter is not a finite number, 0 or more")
	}
	return s, nil
}

func countable(f float64) bool { return f >= 0 && !math.IsInf(f, 0) }

// since is the time from an earlier sample to s. Within a process it is measured by the monotonic clock; over a
// restart, and where the script gives the times, by the wall clock, which can go backwards.
func (s sample) since(before sample) time.Duration {
	if s.process != 0 && s.process == before.process {
		return time.Duration(s.ticks - before.ticks)
	}
	d := time.Duration(s.wall - before.wall)
	if (d > 0) != (s.wall > before.wall) { // out of range
		return math.MaxInt64
	}
	return d
}

// growth is by how much a counter grew from one reading to the next. One that fell was reset: then it is what has
// been counted since, which is its value. With wrap, the number at which it begins again from 0, one that fell by
// more than half of that has wrapped.
func growth(before, value, wrap float64) float64 {
	switch {
	case value >= before:
		return value - before
	case wrap > 0 && before < wrap && before-value > wrap/2:
		return value + (wrap - before)
	}
	return value
}

// Counter is a reading of a counter.
type Counter struct {
	Value float64 // 0 or more
	Wrap  float64 // the number at which it begins again from 0, such as 2^32; 0: it does not
	Time  float64 // when it was read, unix seconds; used by Rate, if HasTime
	// HasTime is set where the script says when the counter was read. Otherwise it was read now.
	HasTime bool
}

func (c Counter) check() error {
	switch {
	case !countable(c.Value):
		return fmt.Errorf("the counter is %v; expected is a finite number, 0 or more", c.Value)
	case c.Wrap != 0 && c.Value >= c.Wrap:
		return fmt.Errorf("the counter is %v, and is said to begin again from 0 at %v", c.Value, c.Wrap)
	case c.HasTime && !(math.Abs(c.Time) < math.MaxInt64/1e9):
		return fmt.Errorf("the time %v is no unix time in seconds", c.Time)
	}
	return nil
}

func (db *DB) sample(c Counter) sample {
	if c.HasTime {
		return sample{value: c.Value, wall: int64(c.Time * 1e9)}
	}
	now := time.Now()
	return sample{value: c.Value, wall: now.UnixNano(), process: db.process, ticks: int64(now.Sub(db.opened))}
}

// Delta notes a counter's value, and gives by how much it grew since the last call with that name; known is false
// in the first.
func (t *Txn) Delta(name string, c Counter) (grown float64, known bool, err error) {
	if err := c.check(); err != nil {
		return 0, false, err
	}
	before, known := t.last(kindDelta, name)
	if err := t.put(kindDelta, name, t.db.sample(c).encode()); err != nil {
		return 0, false, err
	}
	if !known {
		return 0, false, nil
	}
	return growth(before.value, c.Value, c.Wrap), true, nil
}

// Rate notes a counter's value, and gives by how much it grew per second since the last call with that name. known
// is false in the first, and where no time has passed: when that is none at all, the earlier value stays, so that
// nothing is lost to the next call; when the clock was set back, counting begins anew.
func (t *Txn) Rate(name string, c Counter) (perSecond float64, known bool, err error) {
	if err := c.check(); err != nil {
		return 0, false, err
	}
	now := t.db.sample(c)
	before, known := t.last(kindRate, name)
	passed := now.since(before)
	if known && passed == 0 {
		return 0, false, nil
	}
	if err := t.put(kindRate, name, now.encode()); err != nil {
		return 0, false, err
	}
	if !known || passed < 0 {
		return 0, false, nil
	}
	perSecond = growth(before.value, c.Value, c.Wrap) / passed.Seconds()
	return perSecond, !math.IsInf(perSecond, 0), nil
}

// last is the sample of an earlier call.
func (t *Txn) last(kind byte, name string) (sample, bool) {
	data, ok := t.get(string(kind) + name)
	if !ok {
		return sample{}, false
	}
	s, err := decodeSample(data)
	return s, err == nil
}
