package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// leaves are the cgroups of the commands of one Runner: the folder "dumbprobe-commands-PID-ID" in the
// daemon's own cgroup has one for each. No controller is enabled: only a cgroup with controllers may not have both
// processes and cgroups in it, so the daemon may stay where it is.
//
// A leaf serves one command after the other: to make and remove one for each costs an eighth of what
// /bin/true does, to start it in one that is there next to nothing. One that was killed is never used again (there are kernels
// that go on killing what is started in it), any other one only when it is empty: what a
// command left in the background stays alone in its own.
//
// The folder is locked while its Runner lives. One that nobody has locked is what a killed daemon left: the
// next one removes it, but not what still runs there, which may have been left on purpose.
type leaves struct {
	id      string
	maxIdle int

	mu     sync.Mutex // protects following fields
	tried  bool       // open was called; nothing is made before
	reason error      // why there are no leaves (any more); nil while there are
	dir    string
	lock   *os.File // dir
	idle   []*leaf  // perhaps still populated; the first is the next to be used
	dead   []string // killed or too many, and to be removed when what lived in them is gone
	serial uint64
}

const leavesPrefix = "dumbprobe-commands-"

// isolation looks whether there can be leaves, if that was not done yet.
func (c *leaves) isolation() Isolation {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open(); c.reason != nil {
		return Isolation{Reason: c.reason}
	}
	return Isolation{Cgroup: c.dir}
}

// take gives an empty leaf, or nil if there is none to be had.
func (c *leaves) take() *leaf {
	const looks = 4 // at leaves that may be full of what was left in the background
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open(); c.reason != nil {
		return nil
	}
	for range min(looks, len(c.idle)) {
		first := c.idle[0]
		c.idle = append(c.idle[:0], c.idle[1:]...)
		if !first.populated() {
			return first
		}
		c.idle = append(c.idle, first)
	}
	c.serial++
	l, err := newLeaf(filepath.Join(c.dir, strconv.FormatUint(c.serial, 10)))
	if errors.Is(err, fs.ErrNotExist) {
		c.stop(fmt.Errorf("the daemon's was removed: %w", err))
	}
	return l // nil after any error: cgroup.max.descendants, say. This one command goes without
}

// give takes back the leaf of a command that was reaped. l may be nil.
func (c *leaves) give(l *leaf) {
	if l == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep()
	if !l.killed.Load() && c.reason == nil && len(c.idle) < c.maxIdle {
		c.idle = append(c.idle, l)
		return
	}
	if l.remove() != nil { // something was left in it
		c.dead = append(c.dead, l.path)
	}
	if c.reason != nil {
		unix.Rmdir(c.dir) // works for the last one
	}
}

// idlePids are the processes in the leaves that no command is in.
func (c *leaves) idlePids() (pids []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.idle {
		pids = append(pids, l.pids()...)
	}
	return pids
}

// killIdle kills what lives there.
func (c *leaves) killIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.idle {
		if l.populated() {
			l.kill()
		}
	}
}

// sweep removes the killed leaves that have become empty. It needs mu.
func (c *leaves) sweep() {
	c.dead = slices.DeleteFunc(c.dead, func(path string) bool { return removeCgroup(path) == nil })
}

// failed takes back a leaf in which no command can be started.
func (c *leaves) failed(l *leaf, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.remove()
	// A new leaf is as the machine makes them (seccomp may forbid clone3, say); a used one may have been
	// changed by a command.
	if !l.used {
		c.stop(fmt.Errorf("no command can be started in one: %w", err))
	}
}

// close removes what is empty.
func (c *leaves) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop(ErrClosed)
}

// forkExec starts p in a leaf, or without where that cannot be.
func (c *leaves) forkExec(p *process, path string, attr *syscall.ProcAttr) (pid int, err error) {
	l := c.take()
	if l == nil {
		return forkExec(path, p.argv, attr)
	}
	attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, l.dir
	pid, inLeaf := forkExec(path, p.argv, attr)
	if inLeaf == nil {
		l.used, p.tree.leaf = true, l
		return pid, nil
	}
	if inLeaf == syscall.EAGAIN || inLeaf == syscall.ENOMEM || // there are too many processes, wherever it is started
		inLeaf == syscall.ENOENT && !l.gone() { // it is the program
		c.give(l)
		return 0, inLeaf
	}
	attr.Sys.UseCgroupFD = false
	pid, err = forkExec(path, p.argv, attr)
	if err != nil {
		c.give(l) // not its fault
	} else {
		c.failed(l, inLeaf)
	}
	return pid, err
}

// open needs mu, as stop does.
func (c *leaves) open() {
	if c.tried {
		return
	}
	c.tried = true
	if c.reason == nil {
		c.reason = c.makeDir()
	}
}

func (c *leaves) makeDir() error {
	own, err := usableCgroup()
	if err != nil {
		return err
	}
	removeLeftovers(own)
	c.dir = filepath.Join(own, fmt.Sprintf("%s%d-%s", leavesPrefix, os.Getpid(), c.id))
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		return err
	}
	c.lock, err = lockDir(c.dir)
	var first *leaf
	if err == nil {
		first, err = newLeaf(filepath.Join(c.dir, "0")) // shows what is missing before the first command does
	}
	if err != nil {
		c.stop(err)
		return err
	}
	c.idle = append(c.idle, first)
	return nil
}

// stop makes the Runner go on without leaves.
func (c *leaves) stop(reason error) {
	const patience = 100 * time.Millisecond // for what was killed just now
	if c.tried = true; c.reason != nil {
		return
	}
	c.reason = reason
	if c.lock != nil {
		c.lock.Close()
	}
	over, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, l := range c.idle {
		waitUntil(over, func() bool { return !l.populated() })
		l.remove()
	}
	c.idle = nil
	waitUntil(over, func() bool { c.sweep(); return len(c.dead) == 0 })
	if c.dir != "" {
		unix.Rmdir(c.dir) // works unless commands are running: then give does it
	}
}

// removeLeftovers removes the folders in own whose daemon was killed.
func removeLeftovers(own string) {
	entries, _ := os.ReadDir(own)
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), leavesPrefix) {
			continue
		}
		dir := filepath.Join(own, entry.Name())
		if lock, err := lockDir(dir); err == nil {
			removeCgroup(dir)
			lock.Close()
		}
	}
}

// lockDir fails if another process has locked dir. The kernel unlocks it when that process ends.
func lockDir(dir string) (*os.File, error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, &fs.PathError{Op: "lock", Path: dir, Err: err}
	}
	return file, nil
}
