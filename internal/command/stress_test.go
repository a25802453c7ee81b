package command

import (
	"errors"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// 10,000 commands take about 5 s on two cores; -short has 2,000.
func TestNothingIsLeftAfterTenThousandRuns(t *testing.T) {
	runs := 10_000
	if testing.Short() {
		runs = 2_000
	}
	r := newRunner(t, Options{MaxCommands: workers})
	run := func(n int) {
		todo := make(chan Spec)
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for s := range todo {
					_, err := r.Run(t.Context(), s)
					if _, unstarted := errors.AsType[*StartError](err); err != nil && !unstarted {
						t.Error(err)
					}
				}
			})
		}
		for i := range n {
			todo <- Spec{Argv: []string{"/bin/true"}}
			if i%10 == 0 {
				todo <- Spec{Argv: []string{"/bin/true"}, Stdin: []byte("x")}
				todo <- Spec{Argv: []string{"/no/such"}}
			}
		}
		close(todo)
		all.Wait()
	}

	run(100) // what stays open as long as the Runner: its cgroups
	before := openFiles(t)
	run(runs)
	if after := openFiles(t); after > before {
		t.Errorf("%d open files, %d before", after, before)
	}
	if pids := zombies(t); len(pids) > 0 {
		t.Errorf("zombies %v", pids)
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err != unix.ECHILD {
		t.Errorf("children are left: %v", err)
	}
	if len(r.children) > 0 {
		t.Errorf("children remembered: %v", r.children)
	}
	if leaves := folders(t, r.Isolation().Cgroup); len(leaves) > workers+1 {
		t.Errorf("cgroups %q", leaves)
	}
}
