package command

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pid is that of a guardian which has been told of all streams; 0: there is none.
func (g *guard) pid() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.guardian == nil || g.pipe == nil {
		return 0
	}
	return g.guardian.pid
}

func TestStreamEndsWithAllItStartedWhenTheDaemonIsKilled(t *testing.T) {
	for _, mode := range []string{"with cgroups, where there are any", "without cgroups"} {
		for name, replaced := range map[string]bool{"its first guardian": false, "a new guardian": true} {
			t.Run(mode+"/"+name, func(t *testing.T) {
				daemon := startStreamHolder(t, mode)
				if guardian := daemon.nextGuardian(); replaced {
					syscall.Kill(guardian, syscall.SIGKILL)
					daemon.nextGuardian()
					waitFor(t, "the guardian to be reaped", func() bool { _, err := readProc(guardian); return err != nil })
				}
				for _, pid := range daemon.stream {
					if !aliveNow(pid) {
						t.Errorf("process %d of the stream does not run", pid)
					}
				}
				daemon.kill()
				for _, pid := range daemon.stream {
					waitFor(t, "the end of what the stream started", func() bool { return !aliveNow(pid) })
				}
				r := newRunner(t, Options{})
				waitFor(t, "all to be reaped, and the guardian", func() bool { r.ReapOrphans(); return !hasChildren(t) })
			})
		}
	}
}

// holder is a daemon that streamHolder is.
type holder struct {
	t         *testing.T
	cmd       *exec.Cmd
	lines     *bufio.Scanner
	stream    []int // the processes of its stream
	guardians []int // that it has named, and nextGuardian has not given
}

func startStreamHolder(t *testing.T, mode string) *holder {
	t.Helper()
	h := &holder{t: t, cmd: exec.Command(os.Args[0])}
	h.cmd.Env = append(os.Environ(), helperEnv+"="+mode)
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	h.lines = bufio.NewScanner(out)
	for len(h.stream) < 4 {
		h.read()
	}
	return h
}

func (h *holder) read() {
	h.t.Helper()
	if !h.lines.Scan() {
		h.t.Fatal("the helper has ended")
	}
	number, isGuardian := strings.CutPrefix(h.lines.Text(), "guardian ")
	pid, err := strconv.Atoi(number)
	switch {
	case err != nil:
		h.t.Fatalf("the helper said %q", h.lines.Text())
	case isGuardian:
		h.guardians = append(h.guardians, pid)
	default:
		h.stream = append(h.stream, pid)
	}
}

func (h *holder) nextGuardian() (pid int) {
	h.t.Helper()
	for len(h.guardians) == 0 {
		h.read()
	}
	pid, h.guardians = h.guardians[0], h.guardians[1:]
	return pid
}

func (h *holder) kill() {
	h.cmd.Process.Kill()
	h.cmd.Wait()
}

func TestTheGuardianEndsWithItsRunnerAndNoSignalBefore(t *testing.T) {
	warned := make(chan error, 10)
	o := quick()
	o.Guardian, o.Warn = guardian(), func(err error) { warned <- err }
	r := newRunner(t, o)
	var streams []*Stream
	for range 2 {
		s, err := r.Start(t.Context(), Spec{Argv: []string{"sleep", "1000"}})
		if err != nil {
			t.Fatal(err)
		}
		drain(s)
		streams = append(streams, s)
	}
	pid := r.guard.pid()
	r.mu.Lock()
	children := len(r.children)
	r.mu.Unlock()
	if pid == 0 || children != 3 {
		t.Fatalf("guardian %d among %d children", pid, children)
	}
	waitFor(t, "the guardian to ignore what ends a daemon", func() bool {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		_, after, _ := strings.Cut(string(text), "SigIgn:\t")
		mask, _ := strconv.ParseUint(strings.TrimSpace(after[:min(16, len(after))]), 16, 64)
		return mask&(1<<(syscall.SIGTERM-1)) != 0 && mask&(1<<(syscall.SIGHUP-1)) != 0
	})
	streams[0].Close()
	r.ReapOrphans()
	if !aliveNow(pid) || !aliveNow(streams[1].Pid()) {
		t.Error("the end of one stream ended more")
	}
	r.Close()
	if aliveNow(pid) {
		t.Error("the guardian outlives the runner")
	}
	if len(warned) > 0 {
		t.Error(<-warned)
	}
}

// guardedRunner has a guardian, and one stream.
func guardedRunner(t *testing.T, pause time.Duration) (*Runner, <-chan error) {
	t.Helper()
	warned := make(chan error, 100)
	o := quick()
	o.Guardian, o.Warn = guardian(), func(err error) { warned <- err }
	r := newRunner(t, o)
	r.guard.pause = pause
	s, err := r.Start(t.Context(), Spec{Argv: []string{"sleep", "1000"}})
	if err != nil {
		t.Fatal(err)
	}
	drain(s)
	return r, warned
}

// nextGuardian waits for one other than the one before.
func (r *Runner) nextGuardian(t *testing.T, before int) (pid int) {
	t.Helper()
	waitFor(t, "a new guardian", func() bool { pid = r.guard.pid(); return pid != 0 && pid != before })
	return pid
}

func wantWarning(t *testing.T, warned <-chan error, parts ...string) {
	t.Helper()
	select {
	case err := <-warned:
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("warning %q, want %q in it", err, part)
			}
		}
	case <-time.After(long):
		t.Fatalf("no warning %q", parts)
	}
}

func TestAGuardianIsReplacedAtMostOnceAPause(t *testing.T) {
	r, warned := guardedRunner(t, time.Hour)
	first := r.nextGuardian(t, 0)
	syscall.Kill(first, syscall.SIGKILL)
	wantWarning(t, warned, "would outlive a daemon that is killed", "was killed by signal 9", "is started now")
	second := r.nextGuardian(t, first)
	syscall.Kill(second, syscall.SIGKILL)
	wantWarning(t, warned, "was killed by signal 9", "is started in ") // and keep waits for that
	s, err := r.Start(t.Context(), Spec{Argv: []string{"true"}})
	if err != nil {
		t.Fatal("a stream without a guardian:", err)
	}
	drain(s)
	if result, err := s.Wait(); err != nil || result.Code != 0 {
		t.Errorf("a stream without a guardian: %+v, %v", result, err)
	}
	s.Close()
	if pid := r.guard.pid(); pid != 0 {
		t.Errorf("guardian %d was started within the pause", pid)
	}
	r.Close() // does not wait for the end of the pause
	if len(warned) > 0 {
		t.Error("one more warning:", <-warned)
	}
}

func TestAGuardianIsReplacedByItselfAfterThePause(t *testing.T) {
	const pause = 300 * time.Millisecond
	r, warned := guardedRunner(t, pause)
	pid := r.nextGuardian(t, 0)
	before := time.Now()
	for range 2 { // the first new one comes at once
		syscall.Kill(pid, syscall.SIGKILL)
		wantWarning(t, warned, "was killed by signal 9", "is started")
		pid = r.nextGuardian(t, pid)
	}
	if took := time.Since(before); took < pause {
		t.Errorf("two new ones came within %v", took)
	}
}

func TestAGuardianThatDoesNotReadIsReplaced(t *testing.T) {
	r, warned := guardedRunner(t, time.Hour)
	first := r.nextGuardian(t, 0)
	r.guard.mu.Lock()
	conn, err := r.guard.pipe.SyscallConn()
	if err == nil {
		conn.Control(func(fd uintptr) { _, err = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, os.Getpagesize()) })
	}
	r.guard.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	syscall.Kill(first, syscall.SIGSTOP)
	for line := 0; r.guard.pid() == first; line++ {
		r.guard.end("no such stream " + strconv.Itoa(line))
	}
	wantWarning(t, warned, "does not read, and was killed", "is started now")
	r.nextGuardian(t, first)
	if aliveNow(first) {
		t.Error("the one that did not read is alive")
	}
}

func TestCloseDoesNotWaitForAGuardianThatIsStopped(t *testing.T) {
	r, warned := guardedRunner(t, time.Hour)
	pid := r.nextGuardian(t, 0)
	syscall.Kill(pid, syscall.SIGSTOP)
	r.Close()
	if aliveNow(pid) {
		t.Error("the guardian outlives the runner")
	}
	if len(warned) > 0 {
		t.Error(<-warned)
	}
}

func TestAGuardianThatEndsAtOnceIsReportedAndStreamsGoOn(t *testing.T) {
	warned := make(chan error, 100)
	o := quick()
	o.Guardian, o.Warn = []string{os.Args[0], "-test.run=^$"}, func(err error) { warned <- err }
	r := newRunner(t, o)
	s, err := r.Start(t.Context(), Spec{Argv: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	drain(s)
	if result, err := s.Wait(); err != nil || result.Code != 0 {
		t.Errorf("%+v, %v", result, err)
	}
	s.Close()
	wantWarning(t, warned, "the guardian has ended with exit code 0", "is started now")
	wantWarning(t, warned, "the guardian has ended with exit code 0", "is started in")
}

func TestAGuardianThatCannotBeStartedIsReportedAndStreamsGoOn(t *testing.T) {
	warned := make(chan error, 100)
	o := quick()
	o.Guardian, o.Warn = []string{"a\x00b"}, func(err error) { warned <- err }
	r := newRunner(t, o)
	s, err := r.Start(t.Context(), Spec{Argv: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	drain(s)
	s.Close()
	wantWarning(t, warned, "no guardian was started: exec /proc/self/exe", "is started now")
	wantWarning(t, warned, "no guardian was started: exec /proc/self/exe", "is started in")
}
