package command

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestStreamIsReadWhileItRuns(t *testing.T) {
	r := newRunner(t, quick())
	s, err := r.Start(t.Context(), Spec{Argv: Shell("echo one; echo err >&2; kill -STOP $$; echo two; exit 3")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lines := bufio.NewScanner(s.Stdout())
	if !lines.Scan() || lines.Text() != "one" {
		t.Fatalf("first line %q", lines.Text())
	}
	waitFor(t, "the command to stop itself", func() bool { p, _ := readProc(s.Pid()); return p.state == 'T' })
	syscall.Kill(s.Pid(), syscall.SIGCONT)
	if !lines.Scan() || lines.Text() != "two" || lines.Scan() {
		t.Errorf("last line %q", lines.Text())
	}
	if text, _ := io.ReadAll(s.Stderr()); string(text) != "err\n" {
		t.Errorf("stderr %q", text)
	}
	if result, err := s.Wait(); err != nil || result.Code != 3 || result.Leftovers {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestStreamKeepsWhatASlowReaderHasNotTaken(t *testing.T) {
	r := newRunner(t, quick())
	s, err := r.Start(t.Context(), Spec{Argv: Shell("seq 5000; sleep 100 & exit 0")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	go io.Copy(io.Discard, s.Stderr())
	result, err := s.Wait() // it has ended, its group is killed, nothing is read yet
	if err != nil || !result.Leftovers {
		t.Errorf("%+v, %v", result, err)
	}
	text, _ := io.ReadAll(s.Stdout())
	if got := strings.Count(string(text), "\n"); got != 5000 {
		t.Errorf("%d lines", got)
	}
	waitFor(t, "the rest to be reaped", func() bool { r.ReapOrphans(); return !hasChildren(t) })
}

func TestStreamCloseEndsTheGroup(t *testing.T) {
	r := newRunner(t, quick())
	file := newPidFile(t)
	s, err := r.Start(t.Context(), Spec{Argv: Shell("sleep 100 & echo $! >$F; wait"), Env: []string{"F=" + string(file)}})
	if err != nil {
		t.Fatal(err)
	}
	pid := file.pids(t, 1)[0]
	read := make(chan struct{})
	go func() { io.Copy(io.Discard, s.Stdout()); close(read) }()
	closed := make(chan struct{})
	for range 2 {
		go func() { s.Close(); closed <- struct{}{} }()
	}
	<-closed
	<-closed
	<-read
	if aliveNow(pid) || aliveNow(s.Pid()) {
		t.Error("something is alive")
	}
	if _, err := s.Wait(); !errors.Is(err, ErrStopped) {
		t.Errorf("error %v", err)
	}
}

func TestStreamsHaveALimitOfTheirOwn(t *testing.T) {
	r := newRunner(t, Options{MaxCommands: 1, MaxStreams: 1})
	s, err := r.Start(t.Context(), Spec{Argv: []string{"sleep", "100"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Start(t.Context(), Spec{Argv: []string{"true"}}); !errors.Is(err, ErrTooManyStreams) {
		t.Errorf("error %v", err)
	}
	mustRun(t, r, Spec{Argv: []string{"true"}})
	s.Close()
	if s, err = r.Start(t.Context(), Spec{Argv: []string{"true"}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if got := r.Stats(); got.Streams != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestRunnerCloseEndsEverything(t *testing.T) {
	r := newRunner(t, quick())
	s, err := r.Start(context.Background(), Spec{Argv: []string{"sleep", "100"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ran := make(chan error)
	go func() {
		_, err := r.Run(context.Background(), Spec{Argv: []string{"sleep", "100"}})
		ran <- err
	}()
	waitFor(t, "both to run", func() bool { return r.Stats().Started == 2 })
	r.Close()
	if err := <-ran; !errors.Is(err, ErrClosed) {
		t.Errorf("Run: %v", err)
	}
	if _, err := s.Wait(); !errors.Is(err, ErrClosed) {
		t.Errorf("Wait: %v", err)
	}
	if _, err := r.Run(t.Context(), Spec{Argv: []string{"true"}}); !errors.Is(err, ErrClosed) {
		t.Errorf("Run after Close: %v", err)
	}
	if _, err := r.Start(t.Context(), Spec{Argv: []string{"true"}}); !errors.Is(err, ErrClosed) {
		t.Errorf("Start after Close: %v", err)
	}
}

func TestStreamEndsWithAllItStartedWhenTheDaemonIsKilled(t *testing.T) {
	for _, mode := range []string{"with cgroups, where there are any", "without cgroups"} {
		t.Run(mode, func(t *testing.T) {
			daemon := exec.Command(os.Args[0])
			daemon.Env = append(os.Environ(), helperEnv+"="+mode)
			out, err := daemon.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := daemon.Start(); err != nil {
				t.Fatal(err)
			}
			var pids []int
			for lines := bufio.NewScanner(out); len(pids) < 4 && lines.Scan(); {
				pid, err := strconv.Atoi(lines.Text())
				if err != nil {
					t.Fatalf("the helper said %q", lines.Text())
				}
				pids = append(pids, pid)
			}
			for _, pid := range pids {
				if !aliveNow(pid) {
					t.Errorf("process %d of the stream does not run", pid)
				}
			}
			daemon.Process.Kill()
			daemon.Wait()
			for _, pid := range pids {
				waitFor(t, "the end of what the stream started", func() bool { return !aliveNow(pid) })
			}
			r := newRunner(t, Options{})
			waitFor(t, "all to be reaped, and the guardian", func() bool { r.ReapOrphans(); return !hasChildren(t) })
		})
	}
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
	pid := 0
	r.mu.Lock()
	for child, p := range r.children {
		if len(p.argv) == 2 && p.argv[1] == GuardianArgument {
			pid = child
		}
	}
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

func TestAGuardianThatIsGoneIsReportedAndStreamsGoOn(t *testing.T) {
	warned := make(chan error, 10)
	o := quick()
	o.Guardian, o.Warn = []string{os.Args[0], "-test.run=^$"}, func(err error) { warned <- err } // ends at once
	r := newRunner(t, o)
	waitFor(t, "the warning", func() bool {
		s, err := r.Start(t.Context(), Spec{Argv: []string{"true"}})
		if err != nil {
			t.Fatal(err)
		}
		drain(s)
		s.Close()
		return len(warned) > 0
	})
	if err := <-warned; !strings.Contains(err.Error(), "the guardian does not answer") {
		t.Error(err)
	}
}

// What golang/go#27505 is about.
func TestStreamOutlivesTheThreadsOfTheDaemon(t *testing.T) {
	r := newRunner(t, quick())
	started := make(chan *Stream)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		s, err := r.Start(t.Context(), Spec{Argv: []string{"cat", "/dev/zero"}})
		if err != nil {
			t.Error(err)
		}
		started <- s
	}()
	s := <-started
	if s == nil {
		return
	}
	defer s.Close()
	for range 20 {
		ended := make(chan struct{})
		go func() { runtime.LockOSThread(); close(ended) }()
		<-ended
	}
	if _, err := io.CopyN(io.Discard, s.Stdout(), 1<<20); err != nil {
		t.Error(err)
	}
}
