package engine

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// lateness counts how late runs started: from when they were due to when they had their turn in the VM, or a
// slot for their command. It is a histogram of microseconds with eight buckets to each power of two, so that
// a quantile is right to an eighth, and mostly to much less: inside of a bucket it is interpolated.
type lateness struct {
	count   atomic.Uint64
	max     atomic.Int64 // microseconds
	buckets [latenessBuckets]atomic.Uint64
}

const latenessBuckets = 8 * 40 // up to 2^42 us, seven weeks

func latenessBucket(us int64) int {
	if us < 8 {
		return int(max(us, 0))
	}
	n := bits.Len64(uint64(us)) - 4 // of 3 bits below the first
	return min(8*(n+1)+int(us>>n)-8, latenessBuckets-1)
}

// latenessBound is the upper end of a bucket.
func latenessBound(bucket int) time.Duration {
	if bucket < 8 {
		return time.Duration(bucket+1) * time.Microsecond
	}
	n := bucket/8 - 1
	return time.Duration(bucket%8+9) << n * time.Microsecond
}

func (l *lateness) add(d time.Duration) {
	us := d.Microseconds()
	l.count.Add(1)
	l.buckets[latenessBucket(us)].Add(1)
	for {
		old := l.max.Load()
		if us <= old || l.max.CompareAndSwap(old, us) {
			return
		}
	}
}

// quantile is what the share q of the runs were not later than, 0 if there was no run.
func (l *lateness) quantile(q float64) time.Duration {
	want := q * float64(l.count.Load())
	longest := time.Duration(l.max.Load()) * time.Microsecond
	var below time.Duration // the lower end of the bucket
	for i := range l.buckets {
		upper, in := min(latenessBound(i), longest), float64(l.buckets[i].Load())
		if in > want {
			return below + time.Duration(float64(upper-below)*want/in)
		}
		want -= in
		below = upper
	}
	return longest
}
