package command

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// guard is the daemon's end of a guardian: a process that outlives a daemon which is killed, and then ends what
// its streams have started. The kernel ends the leader of a stream by itself (Pdeathsig), but not, say, what a
// shell has started. It is told of each stream through a pipe, whose end is the end of the daemon.
//
// The lines of the pipe are "add MARK", "leaf MARK CGROUP" and "end MARK".
type guard struct {
	runner *Runner

	mu      sync.Mutex // protects following fields
	pipe    *os.File   // nil: there is no guardian (any more)
	tried   bool
	waiting sync.WaitGroup // for the end of the guardian
}

// guardPatience is for how long a guardian that does not read holds up the start of a stream.
const guardPatience = time.Second

// add starts the guardian, if that was not done yet, and tells it of a stream that is about to be started.
func (g *guard) add(mark string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.tried && len(g.runner.options.Guardian) > 0 {
		g.tried = true
		if err := g.start(); err != nil {
			g.runner.warn(fmt.Errorf("what streams start would outlive a daemon that is killed: no guardian was started: %w", err))
		}
	}
	g.tell("add " + mark)
}

// inLeaf tells in which cgroup the stream lives.
func (g *guard) inLeaf(mark string, l *leaf) {
	if l == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tell("leaf " + mark + " " + l.path)
}

// end tells of the end of a stream.
func (g *guard) end(mark string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tell("end " + mark)
}

// tell needs mu.
func (g *guard) tell(line string) {
	if g.pipe == nil {
		return
	}
	err := g.pipe.SetWriteDeadline(time.Now().Add(guardPatience))
	if err == nil {
		_, err = g.pipe.WriteString(line + "\n")
	}
	if err != nil {
		g.runner.warn(fmt.Errorf("what streams start would outlive a daemon that is killed: the guardian does not answer: %w", err))
		g.pipe.Close()
		g.pipe = nil
	}
}

// start needs mu.
func (g *guard) start() error {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirs.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		ours.Close()
		return err
	}
	defer null.Close()
	r := g.runner
	argv := r.options.Guardian
	r.forks.RLock()
	pid, err := forkExec("/proc/self/exe", argv, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"GOMAXPROCS=1", "GOGC=20", "GORACE=" + os.Getenv("GORACE")},
		Files: []uintptr{theirs.Fd(), null.Fd(), null.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err == nil {
		r.mu.Lock()
		r.children[pid] = &process{argv: argv, pid: pid}
		r.mu.Unlock()
	}
	r.forks.RUnlock()
	if err != nil {
		ours.Close()
		return &os.PathError{Op: "exec", Path: "/proc/self/exe", Err: err}
	}
	g.pipe = ours
	g.waiting.Go(func() {
		waitExit(pid)
		_, _ = reapChild(pid)
		r.mu.Lock()
		delete(r.children, pid)
		r.mu.Unlock()
	})
	return nil
}

// close ends the guardian. No stream is left.
func (g *guard) close() {
	g.mu.Lock()
	g.tried = true
	if g.pipe != nil {
		g.pipe.Close()
		g.pipe = nil
	}
	g.mu.Unlock()
	g.waiting.Wait()
}

// warn hands a warning to Options.Warn.
func (r *Runner) warn(err error) {
	if r.options.Warn != nil {
		r.options.Warn(err)
	}
}
