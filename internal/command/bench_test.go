package command

import (
	"bytes"
	"context"
	"os/exec"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
			var ours, bare cost
			blocks := 0
			for b.Loop() {
				ours.add(inParallel(b, block, withRunner))
				bare.add(inParallel(b, block, osExec))
				blocks++
			}
			rate := func(c cost) float64 { return float64(blocks*block) / c.wall.Seconds() }
			b.ReportMetric(rate(ours), "commands/s")
			b.ReportMetric(rate(bare), "os-exec/s")
			b.ReportMetric(rate(ours)/rate(bare), "ratio")
			b.ReportMetric(ours.cpu.Seconds()/bare.cpu.Seconds(), "cpu-ratio")
			b.ReportMetric(float64(ours.cpu.Microseconds())/float64(blocks*block), "cpu-us/command")
		})
	}
}

func osExec(ctx context.Context) error {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "/bin/true")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return cmd.Run()
}

// cost is what commands took. cpu is that of this process and of the commands: what else the machine does weighs less
// on it than on wall.
type cost struct{ wall, cpu time.Duration }

func (c *cost) add(d cost) {
	c.wall += d.wall
	c.cpu += d.cpu
}

func cpuTime(b *testing.B) (all time.Duration) {
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var used unix.Rusage
		if err := unix.Getrusage(who, &used); err != nil {
			b.Fatal(err)
		}
		all += time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	return all
}

func inParallel(b *testing.B, n int, run func(context.Context) error) cost {
	start, cpu := time.Now(), cpuTime(b)
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
	return cost{time.Since(start), cpuTime(b) - cpu}
}
