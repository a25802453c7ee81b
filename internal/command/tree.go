package command

import (
	"context"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// markName is the variable that every command is started with. It is inherited, so it still tells whose
// a process is after setsid and after its parents ended, when neither group nor parent does.
const markName = "DUMBPROBE_COMMAND"

// tree is a command with all its descendants, for ending them. It is used before the leader is reaped.
//
// It finds them in /proc, and in the command's cgroup if it has one. Both are needed: what wipes its
// environment and leaves its group and its parents is only in the cgroup; and what root may move into
// another cgroup (su through pam_systemd) still has its parents.
type tree struct {
	leader int
	mark   string // "K=V", unique to this command
	leaf   *leaf  // nil where there are no cgroups
	census *census
}

// members finds what is alive now, the leader included.
func (t tree) members() ([]procInfo, error) {
	now := t.census.take()
	if now.err != nil {
		return nil, now.err
	}
	procs := now.procs
	// Read after the processes: a number that has passed to a stranger since is none of them, and one that
	// was a stranger's until now is not signalled, since start tells the two apart.
	inLeaf := t.leaf.pids()
	self := os.Getpid()
	queue := make([]int, 0, 8) // indexes of procs
	for i, p := range procs {
		switch {
		case p.pid == self || p.pid == 1:
		case p.pid == t.leader || p.pgid == t.leader || slices.Contains(inLeaf, p.pid) || now.marks[p.pid] == t.mark:
			queue = append(queue, i)
		}
	}
	seen := make(map[int]bool, len(queue))
	var alive []procInfo
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		if seen[i] {
			continue
		}
		seen[i] = true
		if !procs[i].dead() {
			alive = append(alive, procs[i])
		}
		queue = append(queue, now.children[procs[i].pid]...)
	}
	return alive, nil
}

// signal reaches the group at once, then one by one what left it.
func (t tree) signal(sig unix.Signal, members []procInfo) {
	unix.Kill(-t.leader, sig)
	for _, p := range members {
		if p.pgid != t.leader {
			p.signal(sig)
		}
	}
}

// ending is how the end of a tree went.
type ending struct {
	signal syscall.Signal
	count  int
	left   []int
}

// end stops the whole tree: TERM, up to grace of time, KILL, up to delay more. leaderGone is closed when the
// leader has ended.
func (t tree) end(leaderGone <-chan struct{}, grace, delay time.Duration) ending {
	report := ending{signal: unix.SIGTERM}
	known := map[procInfo]bool{} // by name: pid and start
	learn := func(members []procInfo) {
		for _, p := range members {
			known[procInfo{pid: p.pid, start: p.start}] = true
		}
	}

	members, _ := t.members() // without /proc: the group alone
	learn(members)
	t.signal(unix.SIGTERM, members)
	t.signal(unix.SIGCONT, members) // a stopped process could not act on TERM

	graceOver, stopGrace := context.WithTimeout(context.Background(), grace)
	defer stopGrace()
	select {
	case <-leaderGone:
		waitUntil(graceOver, t.gone(members))
	case <-graceOver.Done():
	}

	delayOver, stopDelay := context.WithTimeout(context.Background(), delay)
	defer stopDelay()
	for again := true; again; {
		alive, err := t.members()                                 // finds also what was forked while TERM was sent
		if err == nil && len(alive) == 0 && !t.leaf.populated() { // it may have what /proc hides (hidepid)
			break
		}
		learn(alive)
		report.signal = unix.SIGKILL
		t.signal(unix.SIGKILL, alive)
		t.leaf.kill()
		again = err == nil && waitUntil(delayOver, t.gone(alive))
	}
	select {
	case <-leaderGone:
	case <-delayOver.Done():
	}

	report.count = max(1, len(known))
	for p := range known {
		if p.alive() {
			report.left = append(report.left, p.pid)
		} else if p.pid != t.leader {
			reapAdopted(p)
		}
	}
	slices.Sort(report.left)
	return report
}

// gone tells whether none of members is alive, and nothing in the cgroup.
func (t tree) gone(members []procInfo) func() bool {
	members = slices.Clone(members)
	return func() bool {
		members = slices.DeleteFunc(members, func(p procInfo) bool { return !p.alive() })
		return len(members) == 0 && !t.leaf.populated()
	}
}

// waitUntil waits until ok; false if over ended first. Nothing announces the end of a process that is not a
// child, so it is looked for.
func waitUntil(over context.Context, ok func() bool) bool {
	const shortest, longest = time.Millisecond, 50 * time.Millisecond
	pause := shortest
	for !ok() {
		select {
		case <-over.Done():
			return false
		case <-time.After(pause):
			pause = min(2*pause, longest)
		}
	}
	return true
}
