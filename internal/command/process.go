package command

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a started command. It is reaped by Runner.reap and nowhere else, after everything that
// relies on its numbers.
type process struct {
	argv    []string
	cmd     *exec.Cmd
	pid     int // also the number of its group
	started time.Time
	exited  chan struct{} // closed when the leader has ended; it is still to be reaped
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
	mark := markName + "=" + r.id + "." + strconv.FormatUint(r.serial.Add(1), 36)
	cmd := exec.Command(s.Argv[0], s.Argv[1:]...)
	cmd.Dir = s.Dir
	cmd.Env = append(append(cmd.Environ(), s.Env...), mark)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: deathSignal}
	p := &process{argv: s.Argv, cmd: cmd, exited: make(chan struct{})}

	var theirs []*os.File
	defer func() {
		for _, file := range theirs {
			file.Close()
		}
		if err != nil {
			p.closePipes()
			err = newStartError(s, err)
		}
	}()
	for _, out := range []struct {
		ours *(*outPipe)
		to   func(*os.File)
	}{
		{&p.stdout, func(f *os.File) { cmd.Stdout = f }},
		{&p.stderr, func(f *os.File) { cmd.Stderr = f }},
	} {
		ours, file, err := newOutPipe()
		if err != nil {
			return nil, err
		}
		*out.ours = ours
		out.to(file)
		theirs = append(theirs, file)
	}
	if s.Stdin != nil {
		reading, writing, err := pipe(1)
		if err != nil {
			return nil, err
		}
		p.stdin, cmd.Stdin = writing, reading
		theirs = append(theirs, reading)
	}

	if err := r.fork(p); err != nil {
		return nil, err
	}
	p.tree = tree{leader: p.pid, mark: []byte(mark)}
	go func() {
		defer close(p.exited)
		waitExit(p.pid)
	}()
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

// supervise returns when p has ended and its outputs are at their end, or when ctx has ended and it was
// killed. The outputs are then cut: what the pipes hold can still be read.
func (p *process) supervise(ctx context.Context, o Options) (leftovers bool, killed *KilledError) {
	exited, out, errs := p.exited, p.stdout.done, p.stderr.done
	var delayOver <-chan time.Time
	for exited != nil || out != nil || errs != nil {
		if exited == nil && delayOver == nil {
			delay := time.NewTimer(o.WaitDelay)
			defer delay.Stop()
			delayOver = delay.C
		}
		select {
		case <-exited:
			exited = nil
		case <-out:
			out = nil
		case <-errs:
			errs = nil
		case <-delayOver:
			return p.letGo(), nil
		case <-ctx.Done():
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

// letGo ends the wait for the outputs of a leader that has ended.
func (p *process) letGo() (leftovers bool) {
	// Without a holder it is only our reader that is late, as with a stream whose records nobody takes.
	leftovers = p.stdout.held() || p.stderr.held()
	if leftovers {
		unix.Kill(-p.pid, unix.SIGKILL)
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

// code is the exit code, or minus the signal number.
func code(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return -int(status.Signal())
	}
	return state.ExitCode()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
