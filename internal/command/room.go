package command

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// room is how many more processes and threads this process and its children may have, by the limit that leaves the
// fewest.
type room struct {
	left  int
	limit string // which one that is, for the log
}

var unlimited = room{left: math.MaxInt}

func (r room) least(other room) room {
	if other.left < r.left {
		return other
	}
	return r
}

// roomNow looks at the limits as they are now. One that cannot be read counts as none.
func roomNow() room {
	now := userRoom()
	if dir, _ := findOwnCgroup(); dir != "" { // also one that is mounted read-only
		now = now.least(cgroupRoom(dir))
	}
	return now
}

// userRoom is that of RLIMIT_NPROC, which counts the processes and threads of the real user, whoever started them.
// The kernel does not hold root to it, see getrlimit(2).
func userRoom() room {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &limit); err != nil || limit.Cur > math.MaxInt32 || isExempt() {
		return unlimited
	}
	taken, err := tasksOf(os.Getuid())
	if err != nil {
		return unlimited
	}
	return room{
		left:  max(0, int(limit.Cur)-taken),
		limit: fmt.Sprintf("the limit of processes and threads of this user (ulimit -u, LimitNPROC) is %d, and there are %d", limit.Cur, taken),
	}
}

// isExempt tells whether the kernel lets this process have more than RLIMIT_NPROC. Root of a user namespace is held to
// it.
func isExempt() bool {
	userMap, err := os.ReadFile("/proc/self/uid_map")
	if fields := strings.Fields(string(userMap)); err != nil || len(fields) != 3 || fields[0] != "0" || fields[1] != "0" {
		return false
	}
	if os.Getuid() == 0 {
		return true
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_SYS_RESOURCE|1<<unix.CAP_SYS_ADMIN) != 0
}

// tasksOf counts the threads of all processes of a user.
func tasksOf(uid int) (n int, err error) {
	procs, err := allProcs()
	if err != nil {
		return 0, err
	}
	for _, p := range procs {
		status, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/status")
		if err != nil {
			continue // it has ended
		}
		owner, threads := -1, 0
		for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
			key, value, _ := strings.Cut(lines.Text(), ":")
			fields := strings.Fields(value)
			switch {
			case key == "Uid" && len(fields) > 0: // real, effective, saved, of the file system
				owner, err = strconv.Atoi(fields[0])
			case key == "Threads" && len(fields) > 0:
				threads, err = strconv.Atoi(fields[0])
			}
			if err != nil {
				return 0, fmt.Errorf("/proc/%d/status: %w", p.pid, err)
			}
		}
		if owner == uid {
			n += threads
		}
	}
	return n, nil
}

// cgroupRoom is that of pids.max of a cgroup v2 and of all that it is in.
func cgroupRoom(dir string) room {
	least := unlimited
	for ; isCgroup(dir); dir = filepath.Dir(dir) {
		most, err := readNumber(filepath.Join(dir, "pids.max"))
		if err != nil {
			continue // there is none, or it is "max"
		}
		current, err := readNumber(filepath.Join(dir, "pids.current"))
		if err != nil {
			continue
		}
		least = least.least(room{
			left:  max(0, most-current),
			limit: fmt.Sprintf("the limit of processes and threads of the cgroup %s (pids.max, TasksMax) is %d, and there are %d", dir, most, current),
		})
	}
	return least
}

func isCgroup(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "cgroup.controllers"))
	return err == nil
}

func readNumber(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// tasksPerCommand is what a command counts for: many are a shell and a program.
const tasksPerCommand = 2

// guardianThreads are those of the guardian, see Options.Guardian.
const guardianThreads = 8

// fit lowers how many commands and streams there are at once to what there is room for, half of it for either if both
// want more. The error says so; nil if they fit.
func (o Options) fit(r room) (Options, error) {
	most := max(0, r.left-guardianThreads) / tasksPerCommand
	commands := max(1, min(o.MaxCommands, max(most/2, most-o.MaxStreams)))
	streams := max(1, min(o.MaxStreams, most-commands))
	if commands == o.MaxCommands && streams == o.MaxStreams {
		return o, nil
	}
	err := fmt.Errorf("%s: at most %d commands run at once, not %d, and %d streams, not %d",
		r.limit, commands, o.MaxCommands, streams, o.MaxStreams)
	o.MaxCommands, o.MaxStreams = commands, streams
	return o, err
}
