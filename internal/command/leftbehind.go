package command

import (
	"context"
	"strings"

	"golang.org/x/sys/unix"
)

// endLeftBehind ends what commands have put in the background: TERM, up to Grace of time, KILL. Nothing is running any
// more. What has no mark and no cgroup (see the package's documentation) is not found.
func (r *Runner) endLeftBehind() {
	over, cancel := context.WithTimeout(context.Background(), r.options.Grace)
	defer cancel()
	for signal := unix.SIGTERM; ; signal = unix.SIGKILL {
		left := r.leftBehind()
		if len(left) == 0 {
			return
		}
		for _, p := range left {
			p.signal(signal)
			if signal == unix.SIGTERM {
				p.signal(unix.SIGCONT) // a stopped process could not act on TERM
			}
		}
		if signal == unix.SIGKILL {
			r.leaves.killIdle()
			delay, cancel := context.WithTimeout(context.Background(), r.options.WaitDelay)
			defer cancel()
			waitUntil(delay, func() bool { return !anyAlive(left) })
			return
		}
		waitUntil(over, func() bool { return !anyAlive(left) })
	}
}

// leftBehind are the processes that bear a mark of r, or live in one of its cgroups.
func (r *Runner) leftBehind() (left []procInfo) {
	now := r.census.take()
	inLeaf := map[int]bool{}
	for _, pid := range r.leaves.idlePids() {
		inLeaf[pid] = true
	}
	for _, p := range now.procs {
		if !p.dead() && (inLeaf[p.pid] || strings.HasPrefix(now.marks[p.pid], markName+"="+r.id+".")) {
			left = append(left, p)
		}
	}
	return left
}
