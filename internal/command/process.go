package command

import (
	"context"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a started command. It is reaped by Runner.reap and nowhere else, after everything that
// relies on its numbers.
type process struct {
	argv    []string
	pid     int // also the number of its group
	started time.Time
	exited  chan struct{} // closed when the leader has ended, once awaitExit was called; it is still to be reaped
	await   sync.Once     // awaitExit
	tree    tree

	stdout, stderr *outPipe
	stdin          *os.File      // nil if it has none
	stdinDone      chan struct{} // closed when nothing writes to stdin any more
}

// launch starts s. deathSignal is what the leader gets when the starting thread ends; 0: nothing.
func (r *Runner) launch(s Spec, deathSignal syscall.Signal) (_ *process, err error) {
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return nil, &StartError{Argv: s.Argv, Err: syscall.EINVAL, Hint: "the command is empty"}
	}
	p := &process{argv: s.Argv, exited: make(chan struct{})}
	var stdio [3]int            // the command's ends
	opened := make([]int, 0, 3) // those of them that are to be closed here
	defer func() {
		for _, fd := range opened {
			unix.Close(fd)
		}
		if err != nil {
			p.closePipes()
			err = newStartError(s, err)
		}
	}()
	path, err := program(s.Argv)
	if err != nil {
		return nil, err
	}
	if s.Stdin == nil {
		stdio[0], err = r.devNull.open()
	} else if p.stdin, stdio[0], err = pipe(1); err == nil {
		opened = append(opened, stdio[0])
	}
	if err != nil {
		return nil, err
	}
	for i, ours := range []**outPipe{&p.stdout, &p.stderr} {
		if *ours, stdio[1+i], err = newOutPipe(); err != nil {
			return nil, err
		}
		opened = append(opened, stdio[1+i])
	}

	mark := markName + "=" + r.id + "." + strconv.FormatUint(r.serial.Add(1), 36)
	p.tree.mark, p.tree.census = mark, &r.census
	if deathSignal != 0 {
		r.guard.add(mark)
		defer func() {
			if err != nil {
				r.guard.end(mark)
			} else {
				r.guard.inLeaf(mark, p.tree.leaf)
			}
		}()
	}
	if err := r.fork(p, path, &syscall.ProcAttr{
		Dir:   s.Dir,
		Env:   environment(s, mark),
		Files: []uintptr{uintptr(stdio[0]), uintptr(stdio[1]), uintptr(stdio[2])},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: deathSignal},
	}); err != nil {
		return nil, err
	}
	if p.stdin != nil {
		p.stdinDone = make(chan struct{})
		go func() {
			defer close(p.stdinDone)
			p.stdin.Write(s.Stdin) // a command need not read it all, so EPIPE is no error
			p.stdin.Close()
		}()
	}
	return p, nil
}

// awaitExit has exited closed when the leader ends. Nothing waits for that before: most commands end together with
// their outputs, and then to look costs less than to watch (BenchmarkCommands).
func (p *process) awaitExit() {
	p.await.Do(func() {
		if hasExited(p.pid) {
			close(p.exited)
			return
		}
		go func() {
			defer close(p.exited)
			waitExit(p.pid)
		}()
	})
}

// supervise returns when p has ended and its outputs are at their end, or when ctx has ended and it was
// killed. The outputs are then cut: what the pipes hold can still be read.
func (p *process) supervise(ctx context.Context, o Options) (leftovers bool, killed *KilledError) {
	const quick = 20 * time.Millisecond // in which most commands end that do not take long
	exited, out, errs := p.exited, p.stdout.done, p.stderr.done
	slow := time.NewTimer(quick)
	defer slow.Stop()
	var delayOver <-chan time.Time
	for exited != nil || out != nil || errs != nil {
		if out == nil && errs == nil {
			p.awaitExit()
		}
		if exited == nil && delayOver == nil {
			delay := time.NewTimer(o.WaitDelay)
			defer delay.Stop()
			delayOver = delay.C
		}
		select {
		case <-slow.C:
			p.awaitExit()
		case <-exited:
			exited = nil
		case <-out:
			out = nil
		case <-errs:
			errs = nil
		case <-delayOver:
			return p.letGo(o), nil
		case <-ctx.Done():
			p.awaitExit()
			if p.over() {
				return false, nil // at the same moment: the result is complete
			}
			report := p.tree.end(p.exited, o.Grace, o.WaitDelay)
			p.stdout.cut()
			p.stderr.cut()
			return false, killedError(ctx, p, report)
		}
	}
	return false, nil
}

// letGo ends the wait for the outputs of a leader that has ended, and what still holds them.
func (p *process) letGo(o Options) (leftovers bool) {
	// Without a holder it is only our reader that is late, as with a stream whose records nobody takes.
	leftovers = p.stdout.held() || p.stderr.held()
	if leftovers {
		p.tree.end(p.exited, 0, o.WaitDelay)
	}
	p.stdout.cut()
	p.stderr.cut()
	return leftovers
}

func (p *process) over() bool {
	return isClosed(p.exited) && isClosed(p.stdout.done) && isClosed(p.stderr.done)
}

// closePipes works after a partial start.
func (p *process) closePipes() {
	for _, out := range []*outPipe{p.stdout, p.stderr} {
		if out != nil {
			out.close()
		}
	}
	p.closeStdin()
}

func (p *process) closeStdin() {
	if p.stdin != nil {
		p.stdin.Close()
	}
	if p.stdinDone != nil {
		<-p.stdinDone
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
