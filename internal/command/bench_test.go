package command

import (
	"bytes"
	"os/exec"
	"sync"
	"testing"
)

// 8 workers, as many commands at once.
const workers = 8

func inParallel(b *testing.B, run func() error) {
	b.ReportAllocs()
	var all sync.WaitGroup
	todo := make(chan struct{})
	for range workers {
		all.Go(func() {
			for range todo {
				if err := run(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for b.Loop() {
		todo <- struct{}{}
	}
	close(todo)
	all.Wait()
}

func BenchmarkRun(b *testing.B) {
	r := newRunner(b, Options{MaxCommands: workers})
	inParallel(b, func() error {
		_, err := r.Run(b.Context(), Spec{Argv: []string{"/bin/true"}})
		return err
	})
}

func BenchmarkBareOsExec(b *testing.B) {
	inParallel(b, func() error {
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(b.Context(), "/bin/true")
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		return cmd.Run()
	})
}
