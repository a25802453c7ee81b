package command

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// leaf is a cgroup for one command at a time.
type leaf struct {
	path   string
	dir    int  // of path, for clone3
	events int  // its cgroup.events
	used   bool // a command has been started in it
	killed atomic.Bool
}

func newLeaf(path string) (_ *leaf, err error) {
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil, err
	}
	l := &leaf{path: path, dir: -1, events: -1}
	defer func() {
		if err != nil {
			l.remove()
		}
	}()
	if l.dir, err = unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if l.events, err = unix.Openat(l.dir, "cgroup.events", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return nil, &fs.PathError{Op: "open", Path: path + "/cgroup.events", Err: err}
	}
	if err := unix.Faccessat(l.dir, "cgroup.kill", unix.W_OK, 0); err != nil { // before Linux 5.14
		return nil, &fs.PathError{Op: "write", Path: path + "/cgroup.kill", Err: err}
	}
	return l, nil
}

// gone tells whether somebody else has removed l.
func (l *leaf) gone() bool {
	var buf [1]byte
	_, err := unix.Pread(l.events, buf[:], 0)
	return err != nil // ENODEV
}

// populated tells whether something lives in l, or in a cgroup below it; zombies do not. nil never is.
func (l *leaf) populated() bool {
	if l == nil {
		return false
	}
	var buf [64]byte
	n, err := unix.Pread(l.events, buf[:], 0)
	return err == nil && bytes.HasPrefix(buf[:max(n, 0)], []byte("populated 1"))
}

// pids are those of the processes in l and in the cgroups that the command made below it. nil has none.
func (l *leaf) pids() (pids []int) {
	if l == nil {
		return nil
	}
	filepath.WalkDir(l.path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "cgroup.procs" {
			more, _ := readPids(path) // it may be gone, or of the threaded type; kill reaches that, too
			pids = append(pids, more...)
		}
		return nil
	})
	return pids
}

// kill sends KILL to all that lives in l and below it, and to what is being forked there. nil has nothing.
func (l *leaf) kill() {
	if l != nil {
		l.killed.Store(true)
		os.WriteFile(l.path+"/cgroup.kill", []byte("1"), 0)
	}
}

// remove closes l and removes it, if nothing lives in it.
func (l *leaf) remove() error {
	for _, fd := range []*int{&l.dir, &l.events} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
	return removeCgroup(l.path)
}

// removeCgroup removes a cgroup with those below it. The kernel refuses what is populated.
func removeCgroup(path string) error {
	var all []string
	filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			all = append(all, path)
		}
		return nil
	})
	for i := len(all) - 1; i > 0; i-- { // the deepest first
		unix.Rmdir(all[i])
	}
	if err := unix.Rmdir(path); err != nil && err != unix.ENOENT {
		return &fs.PathError{Op: "rmdir", Path: path, Err: err}
	}
	return nil
}
