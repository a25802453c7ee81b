package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Every script writes the pids of what must be dead afterwards to $F, and waits for them to be there.
func TestDeadlineEndsTheCommandAndAllItStarted(t *testing.T) {
	tests := []struct {
		name   string
		line   string
		pids   int
		signal syscall.Signal
		code   int
		output string
	}{
		{"the command itself", `echo out; echo $$ >$F; exec sleep 100`, 1, syscall.SIGTERM, -15, "out\n"},
		{"a child in the group that holds the pipe", `sleep 100 & echo $! >$F; wait`, 1, syscall.SIGTERM, -15, ""},
		{"TERM ignored", `trap "" TERM; echo $$ >$F; while :; do sleep 0.05; done`, 1, syscall.SIGKILL, -9, ""},
		{"TERM handled within the grace", `trap "echo bye; exit 7" TERM; echo $$ >$F; while :; do sleep 0.02; done`, 1, syscall.SIGTERM, 7, "bye\n"},
		{"a stopped command", `echo $$ >$F; kill -STOP $$`, 1, syscall.SIGTERM, -15, ""},
		{"setsid, with its parent alive", `setsid sh -c 'echo $$ >>$F; exec sleep 100' & wait`, 1, syscall.SIGTERM, -15, ""},
		{"setsid, TERM ignored", `setsid sh -c 'trap "" TERM; echo $$ >>$F; while :; do sleep 0.05; done' & wait`, 1, syscall.SIGKILL, -15, ""},
		{"a daemon: setsid, parents gone, pipes let go",
			`setsid sh -c '(sh -c "echo \$\$ >>$F; exec sleep 100" >/dev/null 2>&1 &)'; exec sleep 100`, 1, syscall.SIGTERM, -15, ""},
		{"the leader is gone and the pipe is held",
			`(until grep -q "^State:.Z" /proc/$$/status; do sleep 0.01; done; sh -c 'echo $PPID' >$F; exec sleep 100) & exit 0`, 1, syscall.SIGTERM, 0, ""},
		{"a pipeline", `(echo $(sh -c 'echo $PPID') >>$F; exec sleep 100) | (echo $(sh -c 'echo $PPID') >>$F; exec cat)`, 2, syscall.SIGTERM, -15, ""},
	}
	for name, mode := range map[string]CgroupMode{"": CgroupAuto, ", without cgroups": CgroupOff} {
		for _, test := range tests {
			t.Run(test.name+name, func(t *testing.T) {
				// Long waits: a command that ends only by them fails the test by its time.
				r := newRunner(t, Options{Grace: 300 * time.Millisecond, WaitDelay: long, Cgroup: mode})
				file := newPidFile(t)
				ctx, cancel := context.WithCancelCause(t.Context())
				var pids []int
				go func() {
					pids = file.pids(t, test.pids)
					cancel(context.DeadlineExceeded)
				}()
				start := time.Now()
				got, err := r.Run(ctx, Spec{Argv: Shell(`: >$F; ` + test.line), Env: []string{"F=" + string(file)}})
				if took := time.Since(start); took > long/2 {
					t.Errorf("took %v", took)
				}
				killed := killedErr(t, err)
				if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, context.Canceled) {
					t.Errorf("%v does not match the cause and the context's error", err)
				}
				if killed.Signal != test.signal || len(killed.Left) > 0 || killed.Count < 1 {
					t.Errorf("%+v, want signal %v", killed, test.signal)
				}
				if got.Code != test.code || string(got.Stdout) != test.output {
					t.Errorf("code %d, output %q; want %d, %q", got.Code, got.Stdout, test.code, test.output)
				}
				for _, pid := range pids {
					if aliveNow(pid) {
						t.Errorf("pid %d is alive", pid)
					}
				}
				r.ReapOrphans()
				if pids := zombies(t); len(pids) > 0 {
					t.Errorf("zombies %v", pids)
				}
				if got := r.Stats(); got.Killed != 1 || got.Timeouts != 1 || got.Running != 0 {
					t.Errorf("stats %+v", got)
				}
			})
		}
	}
}

func TestRunReturnsWithinGraceAndWaitDelay(t *testing.T) {
	o := quick()
	o.Cgroup = CgroupOff
	r := newRunner(t, o)
	const timeout = 100 * time.Millisecond
	start := time.Now()
	file := newPidFile(t)
	// Ignores TERM, floods, and something that nothing can tell from a stranger holds the pipe: its mark is
	// wiped (env -i), its group left (setsid), its parents gone.
	_, err := runFor(t, r, timeout, `trap "" TERM; env -i setsid sh -c '(sleep 100 & echo $! >`+string(file)+`)'; yes`)
	took := time.Since(start)
	killedErr(t, err)
	const slack = 2 * time.Second // for a loaded machine
	if most := timeout + o.Grace + o.WaitDelay + slack; took > most {
		t.Errorf("took %v, want at most %v", took, most)
	}
	syscall.Kill(file.pids(t, 1)[0], syscall.SIGKILL)
	waitFor(t, "the holder to be reaped", func() bool { return r.ReapOrphans() > 0 })
}

// A frozen process of cgroup v1 is as deaf as one in an uninterruptible system call.
func TestWhatKILLDoesNotEndIsGivenUp(t *testing.T) {
	freezer := fmt.Sprintf("/sys/fs/cgroup/freezer/dumbprobe-test-%d", os.Getpid())
	if err := os.Mkdir(freezer, 0o755); err != nil {
		t.Skipf("this needs the freezer of cgroup v1: %v", err)
	}
	set := func(file, value string) {
		if err := os.WriteFile(filepath.Join(freezer, file), []byte(value), 0o600); err != nil {
			t.Error(err)
		}
	}
	defer os.Remove(freezer)
	defer set("freezer.state", "THAWED")
	o := quick()
	r := newRunner(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	file := newPidFile(t)
	ended := make(chan error)
	go func() {
		_, err := r.Run(ctx, Spec{Argv: Shell("echo $$ >$F; exec sleep 100"), Env: []string{"F=" + string(file)}})
		ended <- err
	}()
	pid := file.pids(t, 1)[0]
	set("cgroup.procs", strconv.Itoa(pid))
	set("freezer.state", "FROZEN")
	cancel()
	select {
	case err := <-ended:
		if killed := killedErr(t, err); !slices.Equal(killed.Left, []int{pid}) {
			t.Errorf("%+v, want %d left", killed, pid)
		}
	case <-time.After(long):
		t.Error("Run hangs")
		set("freezer.state", "THAWED")
		<-ended
	}
	if got := r.Stats(); got.Stuck != 1 || got.Running != 1 {
		t.Errorf("stats %+v", got)
	}
	set("freezer.state", "THAWED")
	waitFor(t, "its end", func() bool { got := r.Stats(); return got.Stuck == 0 && got.Running == 0 })
}

func TestKilledErrorReadsAsWhatHappened(t *testing.T) {
	_, err := runFor(t, newRunner(t, quick()), 50*time.Millisecond, `sleep 100 & sleep 100`)
	killed := killedErr(t, err)
	want := fmt.Sprintf(`"sleep 100 & sleep 100" (pid %d) was ended with SIGTERM after %v, with 2 processes it had started: context deadline exceeded`,
		killed.Pid, killed.After.Round(time.Millisecond))
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestCauseOfTheContextIsInTheError(t *testing.T) {
	reload := errors.New("reload")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reload)
	r := newRunner(t, quick())
	_, err := r.Run(ctx, Spec{Argv: []string{"true"}})
	if !errors.Is(err, reload) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got := r.Stats(); got.Started != 0 {
		t.Errorf("an ended context started something: %+v", got)
	}
}

func TestNormalEndLeavesTheBackgroundAlone(t *testing.T) {
	r := newRunner(t, quick())
	file := newPidFile(t)
	got := mustRun(t, r, Spec{Argv: Shell(`sleep 100 >/dev/null 2>&1 & echo $! >$F`), Env: []string{"F=" + string(file)}})
	pid := file.pids(t, 1)[0]
	if !aliveNow(pid) || got.Leftovers {
		t.Errorf("alive %v, %+v", aliveNow(pid), got)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	waitFor(t, "the orphan to be reaped", func() bool { return r.ReapOrphans() == 1 })
}

func TestNormalEndDoesNotWaitForAHolderOfThePipe(t *testing.T) {
	r := newRunner(t, quick())
	file := newPidFile(t)
	start := time.Now()
	got := mustRun(t, r, Spec{Argv: Shell(`sleep 100 & echo $! >$F; echo out; exit 5`), Env: []string{"F=" + string(file)}})
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	if got.Code != 5 || string(got.Stdout) != "out\n" || !got.Leftovers {
		t.Errorf("%+v", got)
	}
	pid := file.pids(t, 1)[0]
	waitFor(t, "the holder's end", func() bool { return !aliveNow(pid) })
	waitFor(t, "the holder to be reaped", func() bool { r.ReapOrphans(); _, err := readProc(pid); return err != nil })
	if r.Stats().Leftovers != 1 {
		t.Errorf("stats %+v", r.Stats())
	}
}

// A holder outside the group is not killed on a normal end; what it had written is read all the same.
func TestOutputWrittenBeforeTheCutIsKept(t *testing.T) {
	r := newRunner(t, quick())
	got := mustRun(t, r, Spec{Argv: Shell(`setsid sh -c 'echo late; sleep 1' & sleep 0.1`)})
	if string(got.Stdout) != "late\n" || !got.Leftovers {
		t.Errorf("%+v", got)
	}
	waitFor(t, "the holder to be reaped", func() bool { r.ReapOrphans(); return !hasChildren(t) })
}

func TestReapOrphansTakesNothingFromOsExec(t *testing.T) {
	r := newRunner(t, Options{MaxCommands: 8})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				r.ReapOrphans()
			}
		}
	}()
	done := make(chan error)
	const workers, each = 8, 40
	for range workers {
		go func() {
			var err error
			for i := 0; i < each && err == nil; i++ {
				_, err = r.Run(t.Context(), Spec{Argv: Shell("(setsid true >/dev/null 2>&1 &)")})
				if err == nil {
					_, err = r.Run(t.Context(), Spec{Argv: []string{"/no/such"}})
					if strings.Contains(err.Error(), "no such file") {
						err = nil
					}
				}
			}
			done <- err
		}()
	}
	for range workers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	close(stop)
	<-stopped
	waitFor(t, "all orphans to be reaped", func() bool { r.ReapOrphans(); return r.Stats().Reaped == workers*each })
}

// A group leader that the Runner does not know may be a child that another package is about to wait for.
func TestReapOrphansTakesAGroupLeaderAtTheSecondLook(t *testing.T) {
	r := newRunner(t, quick())
	stranger := exec.Command("true")
	stranger.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	plain := exec.Command("true")
	for _, cmd := range []*exec.Cmd{stranger, plain} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "both to die", func() bool { return len(zombies(t)) == 2 })
	if first, second, third := r.ReapOrphans(), r.ReapOrphans(), r.ReapOrphans(); first != 0 || second != 1 || third != 0 {
		t.Errorf("reaped %d, %d, %d; want 0, 1, 0", first, second, third)
	}
	if err := plain.Wait(); err != nil {
		t.Errorf("a plain child was taken: %v", err)
	}
	if err := stranger.Wait(); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("Wait gave %v", err)
	}
}

// A kernel may go on killing what is started in a cgroup that was killed once.
func TestCommandsAfterOneThatWasKilledRun(t *testing.T) {
	r := newRunner(t, Options{Grace: 50 * time.Millisecond})
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := r.Run(ctx, Spec{Argv: Shell("trap '' TERM; while :; do sleep 100; done")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		cancel()
		for range 20 {
			if got := mustRun(t, r, Spec{Argv: []string{"true"}}); got.Code != 0 {
				t.Fatalf("a command after it: code %d", got.Code)
			}
		}
	}
}
