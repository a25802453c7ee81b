package luaapi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"dumbprobe/internal/command"
	"dumbprobe/internal/state"
)

const (
	// shortTime is the deadline of a run that is to miss it.
	shortTime = 150 * time.Millisecond
	// longTime is far more than any run of these tests takes: one that misses it hangs.
	longTime = 30 * time.Second
	// lateTime is when a run with the deadline shortTime must have ended: the machine is shared, and the race
	// detector slow.
	lateTime = 20 * shortTime
)

// testScript is a script that was loaded, with the log of all that it did.
type testScript struct {
	*Script
	t    testing.TB
	vm   *VM
	logs *observer.ObservedLogs
	log  *zap.Logger
	path string
	kept *state.DB // for dumbprobe.state, in memory
}

// writeScript makes a script file of the source, in a folder of its own.
func writeScript(t testing.TB, source string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.lua")
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// newScriptVM makes a VM for the script at path, which is not loaded yet. It is closed with the test.
func newScriptVM(t testing.TB, path string, limits Limits) *testScript {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	s := &testScript{t: t, logs: logs, log: zap.New(core), path: path, kept: newState(t)}
	runner := command.NewRunner(command.Options{Grace: 200 * time.Millisecond, WaitDelay: 200 * time.Millisecond})
	s.vm = NewVM(path, Options{
		Commands: runner, Logger: s.log, Version: "1.2.3", Limits: limits,
		Hostname: func() string { return "web01.example.net" },
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), longTime)
		defer cancel()
		if err := s.vm.Close(ctx); err != nil {
			t.Errorf("the VM does not close: %v", err)
		}
		runner.Close()
	})
	return s
}

// newState is a store in memory.
func newState(t testing.TB) *state.DB {
	t.Helper()
	db, err := state.Open(state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// loadScript loads a script of this source.
func loadScript(t testing.TB, source string) *testScript {
	t.Helper()
	return loadScriptWith(t, source, Limits{})
}

func loadScriptWith(t testing.TB, source string, limits Limits) *testScript {
	t.Helper()
	s := newScriptVM(t, writeScript(t, source), limits)
	s.load()
	return s
}

func (s *testScript) load() {
	s.t.Helper()
	script, err := s.vm.Load(context.Background(), RunOptions{Timeout: longTime})
	if err != nil {
		s.t.Fatal(err)
	}
	s.Script = script
}

// outcome is what a run gave.
type outcome struct {
	batch Batch
	err   error
	took  time.Duration
}

func (o outcome) lines() []string {
	lines := make([]string, len(o.batch.Lines))
	for i, line := range o.batch.Lines {
		lines[i] = string(line)
	}
	return lines
}

// problems are the texts of what was dropped.
func (o outcome) problems() []string {
	texts := make([]string, len(o.batch.Problems))
	for i, p := range o.batch.Problems {
		texts[i] = p.Error()
	}
	return texts
}

// start runs an entry, counted from 1, as the engine does: on a goroutine that may end early.
func (s *testScript) start(entry int, opts RunOptions) <-chan outcome {
	return s.startIn(context.Background(), entry, opts)
}

func (s *testScript) startIn(ctx context.Context, entry int, opts RunOptions) <-chan outcome {
	e := s.Entries[entry-1]
	return s.goDo(opts, func(opts RunOptions, b *Batch) error { return e.Run(ctx, opts, b) })
}

// goDo calls f, which calls VM.Do, on a goroutine that may end early.
func (s *testScript) goDo(opts RunOptions, f func(opts RunOptions, b *Batch) error) <-chan outcome {
	if opts.Logger == nil {
		opts.Logger = s.log
	}
	if opts.State = s.kept; opts.Label == nil {
		opts.Label = new("check")
	}
	done := make(chan outcome, 1)
	var o outcome
	began := time.Now()
	go Finally(context.Background(), opts.Timeout, func() error { return f(opts, &o.batch) }, func(err error) {
		o.err, o.took = err, time.Since(began)
		done <- o
	})
	return done
}

// wait gives the outcome of a run that was started, and fails the test if there is none.
func (s *testScript) wait(done <-chan outcome) outcome {
	s.t.Helper()
	select {
	case o := <-done:
		return o
	case <-time.After(longTime + 10*time.Second):
		s.t.Fatal("the run does not end")
		return outcome{}
	}
}

// run runs an entry to its end, with a deadline that it does not need.
func (s *testScript) run(entry int) outcome {
	s.t.Helper()
	return s.wait(s.start(entry, RunOptions{Timeout: longTime}))
}

// runFor runs an entry with this deadline.
func (s *testScript) runFor(entry int, timeout time.Duration) outcome {
	s.t.Helper()
	return s.wait(s.start(entry, RunOptions{Timeout: timeout}))
}

// mustRun runs an entry that must not fail or drop anything.
func (s *testScript) mustRun(entry int) outcome {
	s.t.Helper()
	o := s.run(entry)
	if o.err != nil {
		s.t.Fatalf("entry %d failed: %v", entry, o.err)
	}
	for _, p := range o.batch.Problems {
		s.t.Fatalf("entry %d: %v", entry, p)
	}
	return o
}

// logged is whether a line of the log contains the text.
func (s *testScript) logged(text string) bool {
	for _, entry := range s.logs.All() {
		if strings.Contains(entry.Message, text) {
			return true
		}
	}
	return false
}

// checkOf is a script with one check, whose body is the Lua code.
func checkOf(body string) string {
	return "local dp = require \"dumbprobe\"\nreturn {dp.Function{interval = 1, call = function()\n" + body + "\nend}}\n"
}

// runBody runs Lua code as the body of a check.
func runBody(t testing.TB, body string) outcome {
	t.Helper()
	return loadScript(t, checkOf(body)).run(1)
}

// lua runs Lua code that checks itself by assert.
func luaTest(t *testing.T, body string) *testScript {
	t.Helper()
	s := loadScript(t, checkOf(body+"\ndo return {} end"))
	if o := s.run(1); o.err != nil {
		t.Errorf("%v", o.err)
	}
	return s
}

// at names a line of the script.
func (s *testScript) at(line int) string { return fmt.Sprintf("%s:%d", s.path, line) }

// isDeadline is how a run looks whose deadline passed.
func isDeadline(err error) bool {
	var late *DeadlineError
	return errors.Is(err, context.DeadlineExceeded) && errors.As(err, &late)
}

// blocker is a function of Go, BLOCK in the script, that holds the VM until the test releases it: no deadline
// interrupts it.
type blocker struct{ held, release chan struct{} }

func (s *testScript) blocker() blocker {
	s.t.Helper()
	b := blocker{held: make(chan struct{}), release: make(chan struct{})}
	s.do(func(r *Run) {
		s.vm.state.G.Global.RawSetString("BLOCK", s.vm.state.NewFunction(func(*lua.LState) int {
			b.held <- struct{}{}
			<-b.release
			return 0
		}))
	})
	return b
}

// do calls f with the VM.
func (s *testScript) do(f func(r *Run)) {
	s.t.Helper()
	o := s.wait(s.goDo(RunOptions{Timeout: longTime}, func(opts RunOptions, _ *Batch) error {
		return s.vm.Do(context.Background(), opts, func(r *Run) error {
			f(r)
			return nil
		})
	}))
	if o.err != nil {
		s.t.Fatal(o.err)
	}
}

// signal gives a channel that receives when the script calls the function of this name.
func (s *testScript) signal(name string) <-chan struct{} {
	s.t.Helper()
	c := make(chan struct{}, 1000)
	s.do(func(r *Run) {
		s.vm.state.G.Global.RawSetString(name, s.vm.state.NewFunction(func(*lua.LState) int {
			c <- struct{}{}
			return 0
		}))
	})
	return c
}

// goFunction makes a function of Go a global of the script.
func (s *testScript) goFunction(name string, f func(r *Run)) {
	s.t.Helper()
	s.do(func(r *Run) {
		s.vm.state.G.Global.RawSetString(name, s.vm.state.NewFunction(func(L *lua.LState) int {
			f(runOf(L))
			return 0
		}))
	})
}
