package command

import (
	"bufio"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// GuardianArgument is the argument with which main becomes a guardian: see Options.Guardian.
const GuardianArgument = "guard-streams"

// Guard is the whole of a guardian process. It reads which streams there are from the daemon that has started
// it, and at the end of that, which is the end of the daemon, kills what is left of them.
func Guard(from io.Reader) {
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT)
	for left := readStreams(from); len(left) > 0; {
		if !killStreams(left) {
			return
		}
	}
}

// guarded are streams, each by its mark ("K=V" in the environment of all that it has started).
type guarded map[string]*leaf // with the cgroup; nil: it has none

// readStreams gives the streams that had not ended when from ended.
func readStreams(from io.Reader) guarded {
	streams := guarded{}
	for lines := bufio.NewScanner(from); lines.Scan(); {
		what, rest, _ := strings.Cut(lines.Text(), " ")
		mark, path, _ := strings.Cut(rest, " ")
		switch what {
		case "add":
			streams[mark] = nil
		case "leaf":
			streams[mark] = &leaf{path: path}
		case "end":
			delete(streams, mark)
		}
	}
	return streams
}

// killStreams kills all that it finds of the streams, and waits for their end. It is false when there was nothing
// more to be found, or nothing that could be killed.
func killStreams(streams guarded) (found bool) {
	const patience = 5 * time.Second // for what was killed; what is in an uninterruptible system call ends later
	procs, err := allProcs()
	if err != nil {
		return false
	}
	var members []procInfo
	for _, p := range procs {
		if p.pid != os.Getpid() && !p.dead() && streams.has(p) {
			members = append(members, p)
		}
	}
	for _, l := range streams {
		l.kill()
	}
	for _, p := range members {
		p.signal(unix.SIGKILL)
	}
	for over := time.Now().Add(patience); time.Now().Before(over); time.Sleep(10 * time.Millisecond) {
		if !anyAlive(members) {
			return len(members) > 0 // what was forked meanwhile is found by the next look
		}
	}
	return false
}

func anyAlive(procs []procInfo) bool {
	for _, p := range procs {
		if p.alive() {
			return true
		}
	}
	return false
}

func (g guarded) has(p procInfo) bool {
	mark, _ := p.mark()
	_, ok := g[mark]
	return ok
}
