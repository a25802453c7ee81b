package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// helperEnv makes the test binary a daemon of its own: see TestStreamEndsWhenTheDaemonIsKilled.
const helperEnv = "COMMAND_TEST_HELPER"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == GuardianArgument {
		Guard(os.Stdin)
		return
	}
	if mode := os.Getenv(helperEnv); mode != "" {
		cgroups := CgroupAuto
		if mode == "without cgroups" {
			cgroups = CgroupOff
		}
		streamHolder(cgroups)
	}
	if err := BecomeSubreaper(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := CloseOnExec(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// streamHolder starts a stream of a shell that starts more, prints their pids and that of each guardian which is told
// of the stream, and waits to be killed.
func streamHolder(cgroup CgroupMode) {
	const line = "sleep 1000 & echo $!; setsid sleep 1000 & echo $!; echo $$; wait"
	r := NewRunner(Options{Guardian: guardian(), Cgroup: cgroup})
	s, err := r.Start(context.Background(), Spec{Argv: Shell(line)})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.Pid())
	go io.Copy(os.Stdout, s.Stdout())
	for told := 0; ; time.Sleep(time.Millisecond) {
		if now := r.guard.pid(); now != 0 && now != told {
			told = now
			fmt.Println("guardian", told)
		}
	}
}

// guardian makes the test binary a guardian.
func guardian() []string { return []string{os.Args[0], GuardianArgument} }

// quick has short waits, for tests that go through them.
func quick() Options {
	return Options{Grace: 200 * time.Millisecond, WaitDelay: 200 * time.Millisecond}
}

// long is far more than anything should take: a test that waits as long has failed.
const long = 20 * time.Second

func newRunner(t testing.TB, o Options) *Runner {
	t.Helper()
	r := NewRunner(o)
	t.Cleanup(r.Close)
	return r
}

func mustRun(t testing.TB, r *Runner, s Spec) Result {
	t.Helper()
	result, err := r.Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// runFor runs line with a deadline.
func runFor(t *testing.T, r *Runner, timeout time.Duration, line string) (Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return r.Run(ctx, Spec{Argv: Shell(line)})
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(long); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for: %s", long, what)
		}
	}
}

// pidFile is where a script of a test writes pids, one a line.
type pidFile string

func newPidFile(t *testing.T) pidFile { return pidFile(filepath.Join(t.TempDir(), "pids")) }

func (f pidFile) pids(t *testing.T, n int) []int {
	t.Helper()
	var pids []int
	waitFor(t, "pids in the file", func() bool {
		text, _ := os.ReadFile(string(f))
		pids = nil
		for line := range strings.Lines(string(text)) {
			if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && strings.HasSuffix(line, "\n") {
				pids = append(pids, pid)
			}
		}
		return len(pids) >= n
	})
	return pids
}

func aliveNow(pid int) bool {
	p, err := readProc(pid)
	return err == nil && !p.dead()
}

func zombies(t *testing.T) (pids []int) {
	t.Helper()
	procs, err := allProcs()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range procs {
		if p.ppid == os.Getpid() && p.dead() {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

func hasChildren(t *testing.T) bool {
	t.Helper()
	procs, err := allProcs()
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(procs, func(p procInfo) bool { return p.ppid == os.Getpid() })
}

func killedErr(t *testing.T, err error) *KilledError {
	t.Helper()
	killed, ok := errors.AsType[*KilledError](err)
	if !ok {
		t.Fatalf("error %v (%T), want a *KilledError", err, err)
	}
	return killed
}

func drain(s *Stream) {
	go io.Copy(io.Discard, s.Stdout())
	go io.Copy(io.Discard, s.Stderr())
}
