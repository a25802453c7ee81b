package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CgroupMode says whether commands get cgroups of their own.
type CgroupMode int

const (
	CgroupAuto CgroupMode = iota // where the daemon may make them
	CgroupOff
)

// Isolation says how that is found which a command started.
type Isolation struct {
	Cgroup string // the folder of the commands' cgroups; "": there are none
	Reason error  // why there are none
}

func (i Isolation) String() string {
	if i.Cgroup != "" {
		return "commands are isolated by cgroups in " + i.Cgroup
	}
	return fmt.Sprintf("commands are isolated by process groups and /proc: no cgroups: %v", i.Reason)
}

var errNoCgroup2 = errors.New("no cgroup v2 is mounted here")

// ownCgroup finds the folder of the daemon's cgroup v2: self and mounts are /proc/self/cgroup and
// /proc/self/mountinfo. Beside v1 (hybrid layout) the mount is not /sys/fs/cgroup, but below it. One that is mounted
// read-only comes with an error.
func ownCgroup(self, mounts io.Reader) (string, error) {
	path := ""
	for line := bufio.NewScanner(self); line.Scan(); {
		if rest, ok := strings.CutPrefix(line.Text(), "0::"); ok {
			path = strings.TrimSuffix(rest, " (deleted)")
		}
	}
	if path == "" {
		return "", errNoCgroup2
	}
	readOnly, err := "", errNoCgroup2
	for line := bufio.NewScanner(mounts); line.Scan(); {
		// "36 35 98:0 /root /mount/point rw,noatime shared:1 - type source options" (proc_pid_mountinfo(5))
		before, after, ok := strings.Cut(line.Text(), " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 6 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		below, relErr := filepath.Rel(unescape(fields[3]), path)
		switch {
		case relErr != nil || strings.HasPrefix(below+"/", "../") || strings.HasPrefix(path+"/", "/../"):
			err = fmt.Errorf("the daemon's cgroup %s is not below what is mounted on %s", path, unescape(fields[4]))
		case slices.Contains(strings.Split(fields[5], ","), "ro"):
			err = fmt.Errorf("%s is mounted read-only", unescape(fields[4]))
			readOnly = filepath.Join(unescape(fields[4]), below)
		default:
			return filepath.Join(unescape(fields[4]), below), nil
		}
	}
	return readOnly, err
}

// unescape undoes mountinfo's "\040" for a space and the like.
func unescape(field string) string {
	var b strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+4 <= len(field) {
			if c, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(field[i])
	}
	return b.String()
}

// findOwnCgroup is ownCgroup for this process.
func findOwnCgroup() (string, error) {
	self, err := os.Open("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	defer self.Close()
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer mounts.Close()
	return ownCgroup(self, mounts)
}

// usableCgroup gives the daemon's cgroup v2 if cgroups can be made in it and commands started in them.
func usableCgroup() (string, error) {
	dir, err := findOwnCgroup()
	if err != nil {
		return "", err
	}
	// A process may be born into a cgroup by who may write to cgroup.procs there and in the common ancestor,
	// which is the daemon's own.
	for _, path := range []string{dir, filepath.Join(dir, "cgroup.procs")} {
		if err := unix.Access(path, unix.W_OK); err != nil {
			return "", &fs.PathError{Op: "write", Path: path, Err: err}
		}
	}
	pids, err := readPids(filepath.Join(dir, "cgroup.procs"))
	if err == nil && !slices.Contains(pids, os.Getpid()) {
		err = fmt.Errorf("%s is not the daemon's cgroup", dir)
	}
	return dir, err
}

// readPids reads a cgroup.procs. Processes outside the daemon's pid namespace, which are 0 there, are left out.
func readPids(path string) ([]int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var pids []int
	for line := range strings.Lines(string(text)) {
		if pid, err := strconv.Atoi(strings.TrimSuffix(line, "\n")); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
