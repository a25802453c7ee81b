package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// ErrNoSlot is in the error of a Run whose context ended while it waited for other commands to end.
var ErrNoSlot = errors.New("too many commands at once")

// ErrTooManyStreams is in the error of a Start over Options.MaxStreams, or over the share of a Group.
var ErrTooManyStreams = errors.New("too many streams at once")

// ErrClosed is in the error of what is asked of a closed Runner, and of what Close ended.
var ErrClosed = errors.New("the command runner is closed")

// ErrStopped is the cause of the end of a Stream that was closed.
var ErrStopped = errors.New("stopped")

// StartError is a command that could not be started. It matches fs.ErrNotExist, fs.ErrPermission and the
// syscall.Errno that the system gave.
type StartError struct {
	Argv []string
	Dir  string
	Err  error
	Hint string // what to look at; may be empty
}

func (e *StartError) Error() string {
	msg := fmt.Sprintf("cannot start %s: %v", quote(e.Argv), reason(e.Err))
	if e.Hint != "" {
		msg += ": " + e.Hint
	}
	return msg
}

func (e *StartError) Unwrap() []error {
	if errors.Is(e.Err, exec.ErrNotFound) { // which does not match fs.ErrNotExist by itself
		return []error{e.Err, fs.ErrNotExist}
	}
	return []error{e.Err}
}

// KilledError is a command that was ended because its context ended. It matches the context's error and
// its cause.
type KilledError struct {
	Argv   []string
	Pid    int
	After  time.Duration  // since its start
	Signal syscall.Signal // the strongest that was needed: SIGTERM or SIGKILL
	Count  int            // processes that were signalled, the command's own included
	Left   []int          // processes alive all the same when the wait for them was over
	Cause  error          // context.Cause

	ctxErr error
}

func (e *KilledError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (pid %d) was ended with %s after %v", quote(e.Argv), e.Pid,
		signalName(e.Signal), e.After.Round(time.Millisecond))
	switch {
	case e.Count == 2:
		b.WriteString(", with a process it had started")
	case e.Count > 2:
		fmt.Fprintf(&b, ", with %d processes it had started", e.Count-1)
	}
	fmt.Fprintf(&b, ": %v", e.Cause)
	if len(e.Left) > 0 {
		fmt.Fprintf(&b, "; still alive: pid %s: another user's, or stuck in the kernel",
			strings.Trim(fmt.Sprint(e.Left), "[]"))
	}
	return b.String()
}

func (e *KilledError) Unwrap() []error { return []error{e.Cause, e.ctxErr} }

// newStartError adds what the bare error of the system leaves out.
func newStartError(s Spec, err error) *StartError {
	return &StartError{Argv: s.Argv, Dir: s.Dir, Err: err, Hint: startHint(s, err)}
}

func startHint(s Spec, err error) string {
	if s.Dir != "" {
		if info, dirErr := os.Stat(s.Dir); dirErr != nil {
			return fmt.Sprintf("its directory cannot be used: %v", dirErr)
		} else if !info.IsDir() {
			return fmt.Sprintf("its directory %s is not a directory", s.Dir)
		}
	}
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "is it installed, is its folder in PATH?"
	case errors.Is(err, fs.ErrNotExist):
		if _, statErr := os.Stat(s.Argv[0]); statErr == nil {
			return "the file is there: does the interpreter in its #! line exist, has it CRLF line ends?"
		}
		return "is it installed, is the path right?"
	case errors.Is(err, fs.ErrPermission):
		if info, statErr := os.Stat(s.Argv[0]); statErr == nil && info.IsDir() {
			return "it is a directory"
		}
		return fmt.Sprintf("may uid %d execute it (chmod +x), or is its file system mounted noexec?", os.Getuid())
	case errors.Is(err, syscall.ENOEXEC):
		return "a script needs a #! line, a program must be built for this machine"
	case errors.Is(err, syscall.EINVAL):
		return "is there a NUL byte in an argument or in the environment?"
	case errors.Is(err, syscall.E2BIG):
		return "its arguments and environment are too large: give the data on stdin"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "raise the limit of open files (LimitNOFILE, ulimit -n)"
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM):
		return "the machine or the daemon's limits (TasksMax, ulimit -u, memory) allow no more processes"
	}
	return ""
}

// reason strips "exec: path:", which repeats what quote says.
func reason(err error) error {
	if execErr, ok := errors.AsType[*exec.Error](err); ok {
		return execErr.Err
	}
	return err
}

func killedError(ctx context.Context, p *process, report ending) *KilledError {
	return &KilledError{
		Argv: p.argv, Pid: p.pid, After: time.Since(p.started), Signal: report.signal,
		Count: report.count, Left: report.left, Cause: context.Cause(ctx), ctxErr: ctx.Err(),
	}
}

// quote writes argv short enough for a log line.
func quote(argv []string) string {
	const most = 120
	text := strings.Join(argv, " ")
	if len(argv) == 3 && argv[0] == "/bin/sh" && argv[1] == "-c" {
		text = argv[2]
	}
	if len(text) > most {
		text = text[:most] + "…"
	}
	return fmt.Sprintf("%q", text)
}

func signalName(s syscall.Signal) string {
	if s == syscall.SIGKILL {
		return "SIGKILL"
	}
	return "SIGTERM"
}
