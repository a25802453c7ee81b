package command

import (
	"bytes"
	"context"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// workers is how many commands the benchmarks and stress tests run at once.
const workers = 8

// BenchmarkCommands compares a Runner with os/exec and nothing else, eight /bin/true at a time. The two take
// turns, block by block: what else the machine does then weighs on both. One op is a block of each.
func BenchmarkCommands(b *testing.B) {
	for name, mode := range map[string]CgroupMode{"proc": CgroupOff, "cgroup": CgroupAuto} {
		b.Run(name, func(b *testing.B) {
			r := newRunner(b, Options{MaxCommands: workers, Cgroup: mode})
			if where := r.Isolation(); mode == CgroupAuto && where.Cgroup == "" {
				b.Skip(where)
			}
			withRunner := func(ctx context.Context) error {
				_, err := r.Run(ctx, Spec{Argv: []string{"/bin/true"}})
				return err
			}
			const block = 200
			var ours, bare time.Duration
			blocks := 0
			for b.Loop() {
				ours += inParallel(b, block, withRunner)
				bare += inParallel(b, block, osExec)
				blocks++
			}
			rate := func(took time.Duration) float64 { return float64(blocks*block) / took.Seconds() }
			b.ReportMetric(rate(ours), "commands/s")
			b.ReportMetric(rate(bare), "os-exec/s")
			b.ReportMetric(rate(ours)/rate(bare), "ratio")
		})
	}
}

func osExec(ctx context.Context) error {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "/bin/true")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return cmd.Run()
}

func inParallel(b *testing.B, n int, run func(context.Context) error) time.Duration {
	start := time.Now()
	todo := make(chan struct{}, n)
	for range n {
		todo <- struct{}{}
	}
	close(todo)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range todo {
				if err := run(b.Context()); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	return time.Since(start)
}
