package command

import (
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
// It finds them in /proc. Where the daemon has a delegated cgroup v2, a tree that makes a leaf for each
// command (SysProcAttr.UseCgroupFD), writes to its cgroup.kill and reads its cgroup.procs would do the
// same without a scan; members, signal and gone are all that ending uses.
type tree struct {
	leader int
	mark   []byte // "K=V", unique to this command
}

// members finds what is alive now, the leader included.
func (t tree) members() ([]procInfo, error) {
	procs, err := allProcs()
	if err != nil {
		return nil, err
	}
	self := os.Getpid()
	leader, _ := readProc(t.leader)             // there even if dead, since it is not reaped
	children := make(map[int][]int, len(procs)) // by parent: indexes of procs
	queue := make([]int, 0, 8)                  // indexes of procs
	for i, p := range procs {
		switch {
		case p.pid == self || p.pid == 1:
			continue
		case p.pid == t.leader || p.pgid == t.leader:
			queue = append(queue, i)
		// environ is a file more to read: only of what is young enough and alive
		case p.start >= leader.start && !p.dead() && p.environHas(t.mark):
			queue = append(queue, i)
		}
		children[p.ppid] = append(children[p.ppid], i)
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
		queue = append(queue, children[procs[i].pid]...)
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

	graceOver := time.NewTimer(grace)
	defer graceOver.Stop()
	select {
	case <-leaderGone:
		waitGone(members, graceOver.C)
	case <-graceOver.C:
	}

	delayOver := time.NewTimer(delay)
	defer delayOver.Stop()
	for again := true; again; {
		alive, err := t.members() // finds also what was forked while TERM was sent
		if err == nil && len(alive) == 0 {
			break
		}
		learn(alive)
		report.signal = unix.SIGKILL
		t.signal(unix.SIGKILL, alive)
		again = err == nil && waitGone(alive, delayOver.C)
	}
	select {
	case <-leaderGone:
	case <-delayOver.C:
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

// waitGone waits until none of them is alive; false if over came first.
func waitGone(members []procInfo, over <-chan time.Time) bool {
	const shortest, longest = time.Millisecond, 50 * time.Millisecond
	// Nothing announces the end of a process that is not a child, so it is looked for.
	pause := shortest
	for {
		members = slices.DeleteFunc(slices.Clone(members), func(p procInfo) bool { return !p.alive() })
		if len(members) == 0 {
			return true
		}
		select {
		case <-over:
			return false
		case <-time.After(pause):
			pause = min(2*pause, longest)
		}
	}
}
