package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A program is started with syscall.ForkExec. os/exec is built on it, too, and what it adds is not used
// here: goroutines for the pipes, a handle to wait with, /dev/null as an os.File, the environment looked
// through twice. Without that a command costs less than one of os/exec (BenchmarkCommands).

// program finds the file that os/exec would run for argv[0].
func program(argv []string) (string, error) {
	if strings.Contains(argv[0], "/") {
		return argv[0], nil
	}
	return exec.LookPath(argv[0])
}

// environment is the daemon's, then PWD if there is a Dir, then s.Env, then mark. Of two variables with one
// name the later is kept: which one a program would see is anybody's guess.
func environment(s Spec, mark string) []string {
	added := make([]string, 0, 2+len(s.Env))
	if s.Dir != "" {
		if pwd, err := filepath.Abs(s.Dir); err == nil {
			added = append(added, "PWD="+pwd)
		}
	}
	added = append(append(added, s.Env...), mark)
	replaced := func(variable string, by []string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.ContainsFunc(by, func(other string) bool {
			return len(other) > len(name) && other[len(name)] == '=' && other[:len(name)] == name
		})
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return replaced(v, added) })
	for i, v := range added {
		if !replaced(v, added[i+1:]) {
			env = append(env, v)
		}
	}
	return env
}

// forkExec starts a program with no signal blocked. The mask is the thread's, handed down by fork and exec:
// what the daemon was started with blocked would otherwise be blocked in the commands, TERM for example. Go gives all
// its threads the mask of the first one, so where this one has nothing blocked, none has: then there is no need to
// keep the goroutine on it, which costs a few switches of threads for each command (BenchmarkCommands).
func forkExec(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	var blocked unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, nil, &blocked); err != nil || blocked != (unix.Sigset_t{}) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var before unix.Sigset_t
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, &before); err != nil {
			return 0, os.NewSyscallError("rt_sigprocmask", err)
		}
		defer unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) // or this thread would tell nothing of the others
	}
	return syscall.ForkExec(path, argv, attr)
}

// reapChild takes the dead child pid away.
func reapChild(pid int) (syscall.WaitStatus, error) {
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		if err != unix.EINTR {
			return syscall.WaitStatus(status), os.NewSyscallError("wait4", err)
		}
	}
}

// code is the exit code, or minus the signal number.
func code(status syscall.WaitStatus) int {
	if status.Signaled() {
		return -int(status.Signal())
	}
	return status.ExitStatus()
}
