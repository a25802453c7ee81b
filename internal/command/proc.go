package command

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// procInfo is one line of /proc/PID/stat (proc(5)). pid and start together name a process for ever; pid
// alone may pass to another one.
type procInfo struct {
	pid, ppid, pgid, sid int
	state                byte
	start                uint64 // clock ticks since boot
}

func (p procInfo) dead() bool { return p.state == 'Z' || p.state == 'X' }

// now looks at the process again; ok is false if it is gone.
func (p procInfo) now() (again procInfo, ok bool) {
	again, err := readProc(p.pid)
	return again, err == nil && again.start == p.start
}

// alive is false for a zombie.
func (p procInfo) alive() bool {
	again, ok := p.now()
	return ok && !again.dead()
}

// signal sends sig, unless the number has passed to another process.
func (p procInfo) signal(sig unix.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err == nil {
		defer unix.Close(fd)
	}
	if _, ok := p.now(); !ok { // looked at after the pidfd holds it
		return
	}
	if err == nil {
		unix.PidfdSendSignal(fd, sig, nil, 0)
	} else { // before Linux 5.3
		unix.Kill(p.pid, sig)
	}
}

func readProc(pid int) (procInfo, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return procInfo{}, err
	}
	defer unix.Close(fd)
	var buf [1024]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return procInfo{}, err // ESRCH: it ended between the two calls
	}
	return parseStat(buf[:n])
}

// parseStat reads "pid (comm) state ppid pgrp session ...". comm may hold spaces and parentheses.
func parseStat(line []byte) (procInfo, error) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 1 || end < open {
		return procInfo{}, unix.EINVAL
	}
	fields := bytes.Fields(line[end+1:])
	if len(fields) < 20 {
		return procInfo{}, unix.EINVAL
	}
	p := procInfo{state: fields[0][0]}
	var err error
	number := func(text []byte) (n int) {
		n, parseErr := strconv.Atoi(string(text))
		if parseErr != nil {
			err = parseErr
		}
		return n
	}
	p.pid = number(bytes.TrimSpace(line[:open]))
	p.ppid, p.pgid, p.sid = number(fields[1]), number(fields[2]), number(fields[3])
	p.start = uint64(number(fields[19])) // field 22 of the page
	return p, err
}

// allProcs reads every process that /proc shows. It misses some that start or end meanwhile.
func allProcs() ([]procInfo, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	procs := make([]procInfo, 0, len(names))
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, err := readProc(pid); err == nil {
			procs = append(procs, p)
		}
	}
	return procs, nil
}
