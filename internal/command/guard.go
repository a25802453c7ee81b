package command

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// guard is the daemon's end of a guardian: a process that outlives a daemon which is killed, and then ends what
// its streams have started. The kernel ends the leader of a stream by itself (Pdeathsig), but not, say, what a
// shell has started. It is told of each stream through a pipe, whose end is the end of the daemon. When a guardian
// ends before, there is a new one.
//
// The lines of the pipe are "add MARK", "leaf MARK CGROUP" and "end MARK".
type guard struct {
	runner  *Runner
	pause   time.Duration // from one new guardian to the next: guardianPause
	closing chan struct{} // closed by close
	keeper  sync.WaitGroup

	mu       sync.Mutex        // protects following fields
	kept     bool              // keep runs, or has
	streams  map[string]string // those there are: the cgroup of each mark; "": it has none, or none yet
	guardian *process          // nil: there is none now
	pipe     *os.File          // to the guardian; nil: it is not told any more
	unread   error             // why it is not
}

const (
	// guardPatience is for how long a guardian that does not read holds up the start of a stream.
	guardPatience = time.Second
	// guardianPause keeps a guardian that cannot live from being started over and over.
	guardianPause = time.Minute
)

func newGuard(r *Runner) guard {
	return guard{runner: r, pause: guardianPause, closing: make(chan struct{}), streams: map[string]string{}}
}

// add starts the guardian, if that was not done yet, and tells it of a stream that is about to be started.
func (g *guard) add(mark string) {
	if len(g.runner.options.Guardian) == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.streams[mark] = ""
	if g.kept {
		g.tell("add " + mark + "\n")
		return
	}
	g.kept = true
	err := g.start()
	g.keeper.Go(func() { g.keep(err) })
}

// inLeaf tells in which cgroup the stream lives.
func (g *guard) inLeaf(mark string, l *leaf) {
	if l == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.streams[mark] = l.path
	g.tell("leaf " + mark + " " + l.path + "\n")
}

// end tells of the end of a stream.
func (g *guard) end(mark string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.streams, mark)
	g.tell("end " + mark + "\n")
}

// tell kills a guardian that does not read; keep sees to the rest. It needs mu.
func (g *guard) tell(lines string) {
	if g.pipe == nil {
		return
	}
	err := g.pipe.SetWriteDeadline(time.Now().Add(guardPatience))
	if err == nil {
		_, err = g.pipe.WriteString(lines)
	}
	if err != nil {
		g.unread = err
		g.kill()
	}
}

// kill needs mu. The guardian is not reaped as long as it is g.guardian: the number is still its own.
func (g *guard) kill() {
	if g.guardian != nil {
		unix.Kill(g.guardian.pid, unix.SIGKILL) // first: the end of the pipe would have it end the streams
	}
	if g.pipe != nil {
		g.pipe.Close()
		g.pipe = nil
	}
}

// keep has a guardian there until close. err is why the first one was not started; nil: it was.
func (g *guard) keep(err error) {
	var last time.Time // when a new one was started, or could not be
	for {
		if err == nil {
			err = g.await()
		}
		wait := max(0, time.Until(last.Add(g.pause)))
		if isClosed(g.closing) {
			return
		}
		g.runner.warn(fmt.Errorf("what streams start would outlive a daemon that is killed: %w; a new guardian is started %s",
			err, soon(wait)))
		select {
		case <-g.closing:
			return
		case <-time.After(wait):
		}
		last = time.Now()
		g.mu.Lock()
		if !isClosed(g.closing) {
			err = g.start()
		}
		g.mu.Unlock()
	}
}

func soon(wait time.Duration) string {
	if wait <= 0 {
		return "now"
	}
	return "in " + wait.Round(time.Second).String()
}

// await waits for the end of the guardian, and says how it came.
func (g *guard) await() error {
	waitExit(g.guardian.pid) // only keep changes it
	g.mu.Lock()
	g.kill() // to close the pipe
	p, unread := g.guardian, g.unread
	g.guardian, g.unread = nil, nil
	g.mu.Unlock()
	code, err := g.runner.reap(p)
	switch {
	case unread != nil && !errors.Is(unread, syscall.EPIPE): // that one had ended by itself
		return fmt.Errorf("the guardian does not read, and was killed: %w", unread)
	case err != nil:
		return fmt.Errorf("the guardian has ended: %w", err)
	case code < 0:
		return fmt.Errorf("the guardian was killed by signal %d", -code)
	}
	return fmt.Errorf("the guardian has ended with exit code %d", code)
}

// start starts a guardian, and tells it of all streams there are. It needs mu.
func (g *guard) start() error {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("no guardian was started: %w", err)
	}
	defer theirs.Close()
	if err := g.fork(theirs); err != nil {
		ours.Close()
		return fmt.Errorf("no guardian was started: %w", err)
	}
	g.pipe = ours
	// With room for the list of some thousand streams the guardian need not read it at once. Where that is not allowed,
	// there is room for some hundred.
	_, _ = unix.FcntlInt(theirs.Fd(), unix.F_SETPIPE_SZ, 1<<20)
	var all strings.Builder
	for mark, path := range g.streams {
		all.WriteString("add " + mark + "\n")
		if path != "" {
			all.WriteString("leaf " + mark + " " + path + "\n")
		}
	}
	g.tell(all.String())
	return nil
}

// fork makes the daemon's own binary the guardian, which reads from. It needs mu.
func (g *guard) fork(from *os.File) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	r := g.runner
	r.forks.RLock()
	defer r.forks.RUnlock()
	pid, err := forkExec("/proc/self/exe", r.options.Guardian, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"GOMAXPROCS=1", "GOGC=20", "GORACE=" + os.Getenv("GORACE")},
		Files: []uintptr{from.Fd(), null.Fd(), null.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return &os.PathError{Op: "exec", Path: "/proc/self/exe", Err: err}
	}
	g.guardian = &process{argv: r.options.Guardian, pid: pid}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.children[pid] = g.guardian
	return nil
}

// close ends the guardian. No stream is left, so there is nothing that it has to do.
func (g *guard) close() {
	g.mu.Lock()
	if !isClosed(g.closing) {
		close(g.closing)
	}
	g.kill()
	g.mu.Unlock()
	g.keeper.Wait()
}

// warn hands a warning to Options.Warn.
func (r *Runner) warn(err error) {
	if r.options.Warn != nil {
		r.options.Warn(err)
	}
}
