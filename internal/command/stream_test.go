package command

import (
	"bufio"
	"context"
	"errors"
	"io"
	"runtime"
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
