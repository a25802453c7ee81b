package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	gopherlua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/control"
)

// processCPU is the CPU time that this process has used, user and system.
func processCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// functionChecks is a script of n Function checks, each with a message of one value.
func functionChecks(b *testing.B, n int, interval float64, first string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "checks.lua")
	source := fmt.Sprintf(`local dp = require "dumbprobe"
local function call(i)
  return dp.Message{aspect = "bench", location = {host = "h"}, value = i}
end
CHECKS = {}
for i = 1, %d do
  CHECKS[i] = dp.Function{call = call, args = {i}, interval = %g, first = %q, name = "check " .. i}
end
`, n, interval, first)
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		b.Fatal(err)
	}
	return path
}

// benchmarkLateness runs n checks for a while and reports how late they started and what a run costs. One
// iteration is one such stretch: run it with -benchtime 1x.
func benchmarkLateness(b *testing.B, n int, interval float64, first string, stretch time.Duration) {
	path := functionChecks(b, n, interval, first)
	for b.Loop() {
		before := heapInUse()
		e, err := New(Options{Checks: []string{path}, Stdout: io.Discard, LoadTimeout: time.Minute})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		scripts, err := e.begin(ctx)
		if err != nil {
			b.Fatal(err)
		}
		idle := heapInUse() - before
		loopCtx, stopLoop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		start, began := processCPU(b), time.Now()
		go func() {
			_ = e.loop.Run(loopCtx)
			close(ended)
		}()
		var all lateness
		var each []time.Duration // the p99 of each second
		// To the middle of a second: the checks of an instant are due at the beginning of one.
		for wait := 500 * time.Millisecond; len(each) < int(stretch/time.Second); wait = time.Second {
			<-time.After(wait)
			each = append(each, moveLateness(&all, &e.late).quantile(0.99))
		}
		used, took := processCPU(b)-start, time.Since(began)
		runs := all.count.Load()
		reportLateness(b, &all, each)
		b.ReportMetric(float64(runs)/took.Seconds(), "runs/s")
		b.ReportMetric(float64(used.Nanoseconds())/float64(runs)/1000, "us-cpu/run")
		b.ReportMetric(used.Seconds()/took.Seconds(), "cores")
		b.ReportMetric(float64(idle)/float64(n), "B/check")
		cancel()
		if err := e.shutdown(); err != nil {
			b.Fatal(err)
		}
		stopLoop()
		<-ended
		e.Close()
		runtime.KeepAlive(scripts)
	}
}

// moveLateness empties from, adds what was in it to all, and gives that. Nobody else writes meanwhile, or it is off by
// some runs.
func moveLateness(all, from *lateness) *lateness {
	part := new(lateness)
	for i := range from.buckets {
		n := from.buckets[i].Swap(0)
		part.buckets[i].Store(n)
		all.buckets[i].Add(n)
	}
	n, longest := from.count.Swap(0), from.max.Swap(0)
	part.count.Store(n)
	part.max.Store(longest)
	all.count.Add(n)
	all.max.Store(max(all.max.Load(), longest))
	return part
}

// reportLateness reports that of all runs, and the median of the p99 of each second: what one instant takes, where a few
// are held up by what else the machine does.
func reportLateness(b *testing.B, all *lateness, each []time.Duration) {
	slices.Sort(each)
	for name, d := range map[string]time.Duration{
		"p50-ms-late": all.quantile(0.5), "p99-ms-late": all.quantile(0.99), "p99-ms-late-median": each[len(each)/2],
	} {
		b.ReportMetric(float64(d.Microseconds())/1000, name)
	}
}

// To reach on two cores: p99 below 5 ms, less than a third of a core.
func BenchmarkTenThousandChecksSpread(b *testing.B) {
	benchmarkLateness(b, 10_000, 1, "spread", 5*time.Second)
}

// instants is how many are measured, a second apart.
const instants = 10

// To reach: p99 below 60 ms.
func BenchmarkTenThousandChecksInOneInstant(b *testing.B) {
	benchmarkLateness(b, 10_000, 1, "now", instants*time.Second)
}

// To reach: p99 below 20 ms, below 2 KB of memory per idle check.
func BenchmarkHundredThousandChecksSpread(b *testing.B) {
	benchmarkLateness(b, 100_000, 60, "spread", 20*time.Second)
}

// To reach: below 16 KB for each of 5,000 checks of one file that wait at once.
func BenchmarkFiveThousandChecksWaiting(b *testing.B) {
	const n = 5000
	path := filepath.Join(b.TempDir(), "checks.lua")
	source := fmt.Sprintf(`local dp = require "dumbprobe"
CHECKS = {}
for i = 1, %d do
  CHECKS[i] = dp.Function{call = function() dp.sleep(30) return {} end, interval = 3600, name = "check " .. i}
end
`, n)
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		e, err := New(Options{Checks: []string{path}, Stdout: io.Discard, LoadTimeout: time.Minute, Grace: time.Nanosecond})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.begin(context.Background()); err != nil {
			b.Fatal(err)
		}
		heapBefore, stackBefore := memoryInUse()
		loopCtx, stopLoop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			_ = e.loop.Run(loopCtx)
			close(ended)
		}()
		for runtime.NumGoroutine() < n { // each waits on a goroutine of its own
			runtime.Gosched()
		}
		heap, stack := memoryInUse()
		b.ReportMetric(float64(heap+stack-heapBefore-stackBefore)/n, "B/waiting-check")
		b.ReportMetric(float64(stack-stackBefore)/n, "B-of-stack")
		if err := e.shutdown(); err != nil {
			b.Fatal(err)
		}
		stopLoop()
		<-ended
		e.Close()
	}
}

// BenchmarkHundredChecksBesideHarmfulOnes is to miss no run: of a hundred checks at 1 s in the file of a sleeper and of a
// command that ignores TERM, and of a hundred in a file beside one with endless loops and a pathological pattern.
func BenchmarkHundredChecksBesideHarmfulOnes(b *testing.B) {
	const checks, seconds = 100, 6
	dir := b.TempDir()
	var paths []string
	for name, source := range map[string]string{"same.lua": besideWaiters, "bad.lua": besideLoops, "other.lua": undisturbed} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("local dp = require \"dumbprobe\"\n"+source), 0o644); err != nil {
			b.Fatal(err)
		}
		paths = append(paths, path)
	}
	missed := map[string]uint64{}
	late := map[string]float64{}
	rounds := 0
	for b.Loop() {
		rounds++
		e, err := New(Options{Checks: paths, Stdout: io.Discard, Grace: 100 * time.Millisecond})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.begin(context.Background()); err != nil {
			b.Fatal(err)
		}
		loopCtx, stopLoop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			_ = e.loop.Run(loopCtx)
			close(ended)
		}()
		// To the middle of a second: the checks are due at its beginning, and none is in between.
		<-time.After(seconds*time.Second - 500*time.Millisecond)
		for _, c := range e.Status(control.Filter{}).Checks {
			for _, file := range []string{"same", "other"} {
				if strings.HasPrefix(c.Name, file+" ") {
					missed[file] += seconds - min(c.Runs-c.Failures, seconds) + c.Skipped
					late[file] = max(late[file], c.Lateness*1000)
				}
			}
		}
		_ = e.shutdown() // says that the harmful ones were cut off
		stopLoop()
		<-ended
		e.Close()
	}
	for _, file := range []string{"same", "other"} {
		b.ReportMetric(float64(missed[file])/float64(rounds), file+"-file-missed")
		b.ReportMetric(late[file], file+"-file-max-ms-late")
	}
}

// BenchmarkBareLuaInOneInstant is what gopher-lua itself takes for the ten thousand of
// BenchmarkTenThousandChecksInOneInstant, a second apart as there, and nothing else: compare the two of one run. A call is
// late by what those before it took.
func BenchmarkBareLuaInOneInstant(b *testing.B) {
	const n = 10_000
	state := gopherlua.NewState()
	defer state.Close()
	if err := state.DoString(`calls = {}
for i = 1, 10000 do
  calls[i] = function(i) return {aspect = "bench", location = {host = "h"}, value = i} end
end`); err != nil {
		b.Fatal(err)
	}
	calls := state.GetGlobal("calls").(*gopherlua.LTable)
	for b.Loop() {
		var all lateness
		var each []time.Duration
		for range instants {
			<-time.After(time.Second)
			var late lateness
			start := time.Now()
			for i := 1; i <= n; i++ {
				late.add(time.Since(start))
				if err := state.CallByParam(gopherlua.P{Fn: calls.RawGetInt(i), NRet: 1, Protect: true}, gopherlua.LNumber(i)); err != nil {
					b.Fatal(err)
				}
				state.Pop(1)
			}
			each = append(each, moveLateness(&all, &late).quantile(0.99))
		}
		reportLateness(b, &all, each)
	}
}

// memoryInUse is what live objects and the stacks of goroutines take.
func memoryInUse() (heap, stack uint64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.StackInuse
}

// To reach: below a second for a status of 100,000 checks, below 2 KB of memory per idle check.
func BenchmarkStatusOfHundredThousandChecks(b *testing.B) {
	const n = 100_000
	path := functionChecks(b, n, 3600, "spread")
	e, err := New(Options{Checks: []string{path}, Stdout: io.Discard, LoadTimeout: time.Minute, Grace: time.Nanosecond})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := e.begin(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if s := e.Status(control.Filter{}); len(s.Checks) != n {
			b.Fatalf("%d checks", len(s.Checks))
		}
	}
	if err := e.shutdown(); err != nil {
		b.Fatal(err)
	}
	e.Close()
}
