package luaapi

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"dumbprobe/internal/command"
	"dumbprobe/internal/reader"
)

// crashing panics wherever a command is run, as a bug of the daemon would.
type crashing struct{}

func (crashing) Run(context.Context, command.Spec) (command.Result, error) { panic("a bug in Run") }

func (crashing) Start(context.Context, command.Spec) (*command.Stream, error) {
	panic("a bug in Start")
}

// reported fails the test unless the panic was logged, with the stack of where it came from.
func (s *testScript) reported(panicked, function string) {
	s.t.Helper()
	for _, l := range s.logs.FilterLevelExact(zapcore.ErrorLevel).All() {
		fields := l.ContextMap()
		stack, _ := fields["stack"].(string)
		if strings.Contains(l.Message, "report this as a bug") && fields["panic"] == panicked && strings.Contains(stack, function) {
			return
		}
	}
	s.t.Errorf("the panic %q was not logged with its stack: %v", panicked, s.logs.All())
}

func TestAPanicOfTheDaemonInALoadIsAnErrorOfTheLoad(t *testing.T) {
	s := newScriptVM(t, writeScript(t, `return {require("dumbprobe").Function{call = print, interval = 1}}`), Limits{})
	s.vm.schedule = func(CheckFields) error { panic("a bug in Schedule") }
	_, err := s.vm.Load(context.Background(), RunOptions{Timeout: longTime, Logger: s.log})
	var load *LoadError
	if !errors.As(err, &load) || !strings.Contains(err.Error(), "internal error: a bug in Schedule") {
		t.Errorf("Load gives %v", err)
	}
	s.reported("a bug in Schedule", "TestAPanicOfTheDaemonInALoadIsAnErrorOfTheLoad")
}

func TestAPanicOfTheDaemonInARunIsAnErrorOfTheRun(t *testing.T) {
	s := loadScript(t, `
local dp, n = require "dumbprobe", 0
return {
  dp.ShellCommand{command = "true", interval = 1},
  dp.ShellCommand{command = "true", interval = 1, parse = function() return {} end},
  dp.Function{call = function() n = n + 1; return {n = n} end, interval = 1},
}`)
	s.vm.commands = crashing{}
	for entry, name := range map[int]string{1: "without a parse function", 2: "with one"} {
		t.Run(name, func(t *testing.T) {
			s.logs.TakeAll()
			wantInternalError(t, s.wait(s.start(entry, RunOptions{Timeout: longTime})).err, "a bug in Run")
			s.reported("a bug in Run", "crashing.Run")
		})
	}
	t.Run("in the VM", func(t *testing.T) {
		s.logs.TakeAll()
		o := s.wait(s.goDo(RunOptions{Timeout: longTime}, func(opts RunOptions, _ *Batch) error {
			return s.vm.Do(context.Background(), opts, func(r *Run) error { panic("a bug in a run") })
		}))
		wantInternalError(t, o.err, "a bug in a run")
		s.reported("a bug in a run", "TestAPanicOfTheDaemonInARunIsAnErrorOfTheRun")
	})
	t.Run("the VM goes on", func(t *testing.T) {
		if o := s.wait(s.start(3, RunOptions{Timeout: longTime})); o.err != nil || o.lines()[0] != `{"n":1}` {
			t.Errorf("%v, %v", o.lines(), o.err)
		}
	})
}

// crashingSource panics when it is opened, crashingReader in all that it is asked.
type (
	crashingSource struct{}
	crashingReader struct{ reader.Reader }
)

func (crashingSource) open(context.Context, Commands, *ownedReader) (reader.Reader, error) {
	panic("a bug in open")
}

func (crashingReader) Take(int) ([]reader.Record, error) { panic("a bug in Take") }
func (crashingReader) PutBack([]reader.Record)           { panic("a bug in PutBack") }
func (crashingReader) End() error                        { panic("a bug in End") }
func (crashingReader) Stats() reader.Stats               { panic("a bug in Stats") }
func (crashingReader) Close() error                      { panic("a bug in Close") }

func TestAPanicOfTheDaemonInAHandleIsAnErrorOfTheHandle(t *testing.T) {
	s := loadScript(t, `
local dp = require "dumbprobe"
return {
  dp.ShellStream{command = "echo '{}'"},
  dp.ShellStream{command = "echo '{}'", parse = function() return {} end},
}`)
	const noBatch = "runtime error: invalid memory address or nil pointer dereference"
	records := []reader.Record{{Text: "{}"}}
	for entry, name := range map[int]string{1: "without a parse function", 2: "with one"} {
		h := s.handle(entry)
		t.Run(name+", open", func(t *testing.T) {
			s.logs.TakeAll()
			right := h.entry.handle.source
			h.entry.handle.source = crashingSource{}
			wantInternalError(t, h.open(), "a bug in open")
			s.reported("a bug in open", "crashingSource.open")
			h.entry.handle.source = right
		})
		t.Run(name+", the command", func(t *testing.T) {
			s.logs.TakeAll()
			right := s.vm.commands
			s.vm.commands = crashing{}
			wantInternalError(t, h.open(), "a bug in Start")
			s.reported("a bug in Start", "crashing.Start")
			s.vm.commands = right
		})
		t.Run(name+", records", func(t *testing.T) {
			wantInternalError(t, h.call(func(opts RunOptions) error {
				return h.entry.Records(context.Background(), opts, records, nil)
			}), noBatch)
			if n := s.logs.FilterMessageSnippet("report this as a bug").Len(); n == 0 {
				t.Error("the panic was not logged")
			}
		})
		t.Run(name+", the handle goes on", func(t *testing.T) {
			if err := h.open(); err != nil {
				t.Fatal(err)
			}
			if err := h.read(); err != nil || len(h.batch.Problems) > 0 {
				t.Errorf("%v, %v", err, h.batch.Problems)
			}
		})
		t.Run(name+", close", func(t *testing.T) {
			s.logs.TakeAll()
			owned := h.source.(*ownedReader)
			right := owned.Reader
			owned.Reader = crashingReader{right}
			wantInternalError(t, h.close(), "a bug in Close")
			s.reported("a bug in Close", "crashingReader.Close")
			if err := right.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAPanicInAReaderIsTheEndOfTheReader(t *testing.T) {
	s := loadScript(t, `return {require "dumbprobe".ShellStream{command = "echo '{}'; exec sleep 3600"}}`)
	for name, call := range map[string]func(reader.Reader){
		"Take":    func(r reader.Reader) { _, _ = r.Take(0) },
		"PutBack": func(r reader.Reader) { r.PutBack([]reader.Record{{Text: "{}"}}) },
		"End":     func(r reader.Reader) { _ = r.End() },
		"Stats":   func(r reader.Reader) { _ = r.Stats() },
	} {
		t.Run(name, func(t *testing.T) {
			s.logs.TakeAll()
			h := s.handle(1)
			if err := h.open(); err != nil {
				t.Fatal(err)
			}
			owned := h.source.(*ownedReader)
			right := owned.Reader
			owned.Reader = crashingReader{right}
			call(h.source)
			s.reported("a bug in "+name, "crashingReader."+name)
			if records, err := h.source.Take(0); err != io.EOF || len(records) > 0 {
				t.Errorf("Take gives %v, %v", records, err)
			}
			if stats := h.source.Stats(); stats != (reader.Stats{}) {
				t.Errorf("Stats gives %v", stats)
			}
			wantInternalError(t, h.source.End(), "a bug in "+name)
			if n := s.logs.FilterMessageSnippet("report this as a bug").Len(); n != 1 {
				t.Errorf("%d panics were logged", n)
			}
			for err, end := error(nil), time.After(longTime); err == nil; _, err = right.Take(0) {
				select {
				case <-right.Ready():
				case <-end:
					t.Fatal("the source goes on")
				}
			}
			owned.Reader = right
			if err := h.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// crashingLogger panics with the lines that begin so.
func crashingLogger(logger *zap.Logger, line string) *zap.Logger {
	return logger.WithOptions(zap.Hooks(func(e zapcore.Entry) error {
		if strings.HasPrefix(e.Message, line) {
			panic("a bug in the log")
		}
		return nil
	}))
}

// A reader of a script's own that panics is at its end for the script, too.
func TestAPanicInAReaderOfAScriptIsItsReason(t *testing.T) {
	s := loadScript(t, `
local dp = require "dumbprobe"
return {dp.Function{interval = 1, call = function()
  local lines = dp.reader.command{command = "echo err >&2; exec sleep 3600"}
  local line, why = lines:read()
  return {line = line, why = why, reason = lines:reason()}
end}}`)
	s.vm.logger = crashingLogger(s.vm.logger, "a command wrote")
	o := s.mustRun(1)
	if got := o.lines(); len(got) != 1 || got[0] != `{"why":"eof","reason":"internal error: a bug in the log"}` {
		t.Errorf("the script sees %s", got)
	}
	s.reported("a bug in the log", "readStderr")
}

func wantInternalError(t *testing.T, err error, panicked string) {
	t.Helper()
	var script *ScriptError
	if !errors.As(err, &script) || !script.Panic || !strings.Contains(err.Error(), "internal error: "+panicked) {
		t.Errorf("the run gives %v, want an internal error %q", err, panicked)
	}
}

func TestAPanicBesideARunIsAnErrorOfTheRun(t *testing.T) {
	s := loadScript(t, `
return {require "dumbprobe".Function{interval = 1, call = function()
  local f = io.popen("echo oops >&2; exec sleep 3600")
  assert(f:read("*a") == "")
  f:close()
  return {}
end}}`)
	s.log = crashingLogger(s.log, "oops")
	o := s.wait(s.start(1, RunOptions{Timeout: longTime, Logger: s.log}))
	if o.err == nil || !strings.Contains(o.err.Error(), "internal error: a bug in the log") {
		t.Errorf("the run gives %v", o.err)
	}
	s.reported("a bug in the log", "ioPopen")
}
