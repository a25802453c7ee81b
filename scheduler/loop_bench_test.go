package scheduler

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"
)

// ticker is a check that does nothing, every period, on a fixed grid.
type ticker struct {
	Entry
	loop   *Loop
	period time.Duration
	late   *[]time.Duration // only the loop's goroutine appends
}

func (c *ticker) Start(due time.Time) {
	*c.late = append(*c.late, time.Since(due))
	c.loop.Schedule(&c.Entry, due.Add(c.period))
}

// BenchmarkLoopTicks runs checks that do nothing for three seconds of real time and reports how late
// they start and what the scheduling of one start costs of a core.
func BenchmarkLoopTicks(b *testing.B) {
	for _, bench := range []struct {
		name   string
		checks int
		period time.Duration
		spread bool
	}{
		{"10000 per second spread", 10_000, time.Second, true},
		{"10000 in one instant", 10_000, time.Second, false},
		{"100000 over a minute", 100_000, time.Minute, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				var late []time.Duration
				l := NewLoop(LoopOptions{})
				base := time.Now().Add(500 * time.Millisecond) // after the loop has begun
				checks := make([]ticker, bench.checks)
				for i := range checks {
					c := &checks[i]
					*c = ticker{loop: l, period: bench.period, late: &late}
					c.Task = c
					at := base
					if bench.spread {
						at = at.Add(bench.period * time.Duration(i) / time.Duration(bench.checks))
					}
					l.Schedule(&c.Entry, at)
				}
				ctx, cancel := context.WithTimeout(b.Context(), 3*time.Second)
				before := cpuTime(b)
				_ = l.Run(ctx)
				used := cpuTime(b) - before
				cancel()
				slices.Sort(late)
				if n := len(late); n > 0 {
					b.ReportMetric(float64(late[n*99/100].Microseconds())/1000, "p99-late-ms")
					b.ReportMetric(float64(late[n/2].Microseconds())/1000, "p50-late-ms")
					b.ReportMetric(float64(used.Nanoseconds())/float64(n), "cpu-ns/start")
					b.ReportMetric(float64(n)/3, "starts/s")
				}
			}
		})
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkLoopSchedule(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("queued=%d", n), func(b *testing.B) {
			l := NewLoop(LoopOptions{})
			now := time.Now()
			checks := make([]ticker, n)
			for i := range checks {
				checks[i].Task = &checks[i]
				l.Schedule(&checks[i].Entry, now.Add(time.Duration(i)*time.Second))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i = (i + 7919) % n
				l.Schedule(&checks[i].Entry, now.Add(time.Duration(i)*time.Second))
			}
		})
	}
}
