package command

import (
	"os"

	"golang.org/x/sys/unix"
)

// BecomeSubreaper makes the processes that commands leave behind children of the daemon, instead of the
// machine's init, so that none escapes the daemon. main calls it once; Runner.ReapOrphans is then called
// every few seconds.
func BecomeSubreaper() error {
	return os.NewSyscallError("prctl(PR_SET_CHILD_SUBREAPER)", unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
}

// ReapOrphans takes away the dead among the processes that a subreaper was given, and says how many. It
// never touches a child that os/exec waits for, whoever started it: that wait would fail with ECHILD.
func (r *Runner) ReapOrphans() int {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err != nil || info.Signo == 0 {
		return 0 // no dead child: the usual case, without a scan
	}
	procs, err := allProcs()
	if err != nil {
		return 0
	}
	self, err := readProc(os.Getpid())
	if err != nil {
		return 0
	}

	r.forks.Lock() // no fork is between its birth and its place in r.children
	defer r.forks.Unlock()
	suspects := map[procInfo]bool{}
	reaped := 0
	for _, p := range procs {
		if p.ppid != self.pid || !p.dead() || r.isChild(p.pid) {
			continue
		}
		switch {
		case p.sid == self.sid && p.pgid == self.pgid:
			continue // a child as plain os/exec makes them: some other package waits for it
		case p.sid == self.sid && p.pgid == p.pid && !r.suspects[p]:
			// A leader of a group that this Runner does not know: an orphan of a shell with job control,
			// or a child of somebody who set Setpgid, and will reap it before the next call.
			suspects[p] = true
			continue
		}
		if reapAdopted(p) {
			reaped++
		}
	}
	r.suspects = suspects
	r.reaped.Add(uint64(reaped))
	return reaped
}

// reapAdopted reaps p, known not to be os/exec's, if it is dead and ours.
func reapAdopted(p procInfo) bool {
	again, ok := p.now()
	if !ok || !again.dead() || again.ppid != os.Getpid() {
		return false
	}
	// A zombie of ours stays until we reap it: the number cannot have passed on since.
	pid, err := unix.Wait4(p.pid, nil, unix.WNOHANG, nil)
	return err == nil && pid == p.pid
}
