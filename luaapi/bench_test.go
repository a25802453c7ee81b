package luaapi

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"dumbprobe/internal/message"
)

func benchmarkRun(b *testing.B, body string) {
	s := loadScript(b, checkOf(body))
	e := s.Entries[0]
	opts := RunOptions{Timeout: time.Minute, Logger: s.log}
	b.ReportAllocs()
	for b.Loop() {
		var batch Batch
		if err := e.Run(context.Background(), opts, &batch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	for _, bench := range []struct{ name, body string }{
		{"Message2Values", `return dp.Message{aspect = "disk space", location = {host = "web01", filesystem = "/"}, values = {free = 12.5, total = 40}}`},
		{"Message1Value", `return dp.Message{aspect = "uptime", value = 5}`},
		{"MessageThresholds", `return dp.Message{aspect = "load", value = dp.Value(5, {unit = "procs"}):set_above(3, "high", "warning"):set_above(10, "critical")}`},
		{"PlainTable", `return {v = 3, time = 1376261660, location = {host = "web01"}, event = {name = "disk space", vset = {free = {value = 12.5}, total = {value = 40}}}}`},
		{"Nothing", `return {}`},
		{"List10", `local t = {} for i = 1, 10 do t[i] = {n = i} end return t`},
		{"Pcall", `pcall(tostring, 1) return {}`},
		{"PcallError", `pcall(error, "x") return {}`},
		{"Coroutine", `local co = coroutine.wrap(function() coroutine.yield(1) end) co() co() return {}`},
		{"Loop10000", `for i = 1, 10000 do end return {}`},
		{"Sleep0", `dp.sleep(0) return {}`},
	} {
		b.Run(bench.name, func(b *testing.B) { benchmarkRun(b, bench.body) })
	}
}

// BenchmarkYield is the cost of one resume and yield.
func BenchmarkYield(b *testing.B) {
	benchmarkRun(b, `STEP = STEP or coroutine.wrap(function() while true do coroutine.yield() end end) for i = 1, 100 do STEP() end return {}`)
}

// BenchmarkWaiting is a thousand runs of one VM that wait at once, and what each of them costs.
func BenchmarkWaiting(b *testing.B) {
	const runs = 1000
	for _, bench := range []struct{ name, body string }{
		{"Sleep", `WAITING() dp.sleep(LONG) return {}`},
		{"PcallSleep", `WAITING() pcall(dp.sleep, LONG) return {}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := loadScript(b, checkOf(bench.body))
			waiting := s.signal("WAITING")
			s.do(func(*Run) { s.vm.state.DoString("LONG = 1000") })
			b.ReportAllocs()
			var perRun float64
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				ctx, cancel := context.WithCancelCause(context.Background())
				done := make([]<-chan outcome, runs)
				for i := range done {
					done[i] = s.startIn(ctx, 1, RunOptions{Timeout: time.Hour})
				}
				for range runs {
					<-waiting
				}
				s.do(func(*Run) {}) // the last one waits too
				runtime.GC()
				runtime.ReadMemStats(&after)
				perRun = float64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse) / runs
				cancel(fmt.Errorf("the benchmark ends"))
				for _, d := range done {
					s.wait(d)
				}
			}
			b.ReportMetric(perRun, "bytes/waiting")
		})
	}
}

func BenchmarkJSON(b *testing.B) {
	s := loadScript(b, checkOf(`return {}`))
	text := `{"v":3,"time":1376261660.5,"location":{"host":"web01"},"event":{"name":"disk space","vset":{"free":{"value":12.5,"unit":"GB"},"total":{"value":40}}}}`
	b.Run("Decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		s.do(func(r *Run) {
			for b.Loop() {
				if _, err := r.decodeJSON(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	v := s.decode(text)
	b.Run("Encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		var out []byte
		for b.Loop() {
			e := encoder{maxBytes: 1 << 20, maxDepth: 64}
			var problem *message.PathError
			if out, problem = e.any(out[:0], v); problem != nil {
				b.Fatal(problem)
			}
		}
	})
}
