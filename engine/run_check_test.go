package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"dumbprobe/internal/control"
)

func wantCode(t *testing.T, err error, code control.Code, text string) {
	t.Helper()
	var known *control.Error
	if !errors.As(err, &known) || known.Code != code || !strings.Contains(known.Message, text) {
		t.Errorf("error %v, want %s: %s", err, code, text)
	}
}

func TestRunCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, entry string // the check is named "it"
		outcome     string
		text        string // in the error
		messages    []string
	}{
		{"gives its messages", `dp.Function{name = "it", interval = 3600, first = "interval", call = function() return {{m = 1}, {m = 2}} end}`, "ok", "", []string{`{"m":1}`, `{"m":2}`}},
		{"gives none", `dp.Function{name = "it", interval = 3600, first = "interval", call = function() return {} end}`, "ok", "", nil},
		{"fails", `dp.Function{name = "it", interval = 3600, first = "interval", call = function() error("broken") end}`, "error", "a.lua:1: broken", nil},
		{"sends a part", `dp.Function{name = "it", interval = 3600, first = "interval", call = function() return {{m = 1}, 2} end}`, "dropped", "message 2 of the result was dropped", []string{`{"m":1}`}},
		{"takes too long", `dp.Function{name = "it", interval = 3600, first = "interval", timeout = 0.5, call = function() dp.sleep(60) end}`, "timeout", "the deadline of 500ms passed", nil},
		{"a command", `dp.ShellCommand{name = "it", interval = 3600, first = "interval", command = {"echo", '{"m":3}'}}`, "ok", "", []string{`{"m":3}`}},
		{"schedules itself", `{check_name = function() return "it" end, next_run = function() return dp.time() + 3600 end, run = function() return {m = 4} end}`, "ok", "", []string{`{"m":4}`}},
		{"is due once in four years", `dp.Function{name = "it", cron = "0 0 29 2 *", call = function() return {m = 5} end}`, "ok", "", []string{`{"m":5}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := launch(t, Options{Checks: []string{lua(t, "a.lua", "return {"+c.entry+"}")}})
			for i := range 2 {
				got, err := d.RunCheck(t.Context(), "it")
				if err != nil {
					t.Fatal(err)
				}
				var lines []string
				for _, m := range got.Messages {
					lines = append(lines, string(m))
				}
				if got.Check != "it" || got.Outcome != c.outcome || !strings.Contains(got.Error, c.text) || (c.text == "") != (got.Error == "") ||
					fmt.Sprint(lines) != fmt.Sprint(c.messages) || got.OK() != (c.outcome == "ok") || got.Started == 0 || got.Seconds < 0 {
					t.Errorf("got %+v %s", got, lines)
				}
				if c.outcome == "error" && got.Trace == "" {
					t.Error("no traceback")
				}
				// It counts, and is sent.
				if s := d.status("it"); s.Runs != uint64(i+1) || s.Outcome != c.outcome || s.Lateness > patience.Seconds() {
					t.Errorf("the status is %+v", s)
				}
				for _, line := range lines {
					d.messages(i+1, line, func(m msg) bool { return m.raw == line })
				}
			}
		})
	}
}

func TestRunCheckLeavesTheScheduleAlone(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `
local n = 0
return {
  dp.Function{name = "interval", interval = 3600, first = "interval", call = function() return {} end},
  dp.Function{name = "retry", interval = 3600, retry_interval = 1, first = "interval", call = function() error("x") end},
  dp.Function{name = "cron", cron = "0 0 1 1 *", call = function() return {} end},
  {check_name = function() return "own" end, next_run = function() n = n + 1 return dp.time() + 1000 * n end, run = function() return {} end},
}`)
	d := launch(t, Options{Checks: []string{path}})
	eventually(t, "the plans", func() bool { return d.status("own").NextRun != 0 })
	for _, name := range []string{"interval", "retry", "cron"} {
		before := d.status(name).NextRun
		if _, err := d.RunCheck(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		eventually(t, "its place in the queue", func() bool { return d.status(name).NextRun != 0 })
		// The wall clock of the machine may be slewed meanwhile.
		if after := d.status(name).NextRun; before == 0 || math.Abs(after-before) > 0.5 {
			t.Errorf("%s: planned for %v, and then for %v", name, before, after)
		}
	}
	before := d.status("own").NextRun
	if _, err := d.RunCheck(t.Context(), "own"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the answer of next_run", func() bool { return d.status("own").NextRun > before+500 })
}

func TestRunCheckErrors(t *testing.T) {
	t.Parallel()
	list := lua(t, "a.lua", `return {
  dp.ShellStream{name = "stream", command = {"cat"}},
  dp.Function{name = "here", interval = 3600, call = function() return {} end},
}`)
	object := lua(t, "o.lua", `return {run_next = function() dp.sleep(60) return {} end}`)
	d := prepare(t, Options{Checks: []string{list, object}})
	_, err := d.RunCheck(t.Context(), "here")
	wantCode(t, err, control.CodeStarting, "the daemon is starting")
	d = launch(t, Options{Checks: []string{list, object}})
	for _, c := range []struct {
		name string
		code control.Code
		text string
	}{
		{"her", control.CodeUnknownCheck, `no check is named "her"`},
		{"", control.CodeUnknownCheck, `no check is named ""`},
		{"stream", control.CodeNotACheck, `"stream" is a handle: a source that gives messages when data arrives`},
		{"o.lua#1 table", control.CodeNotACheck, "it schedules itself"},
	} {
		_, err := d.RunCheck(t.Context(), c.name)
		wantCode(t, err, c.code, c.text)
	}
	d.stop()
	_, err = d.RunCheck(t.Context(), "here")
	wantCode(t, err, control.CodeStopping, "the daemon is stopping")
}

// oneAtATime is a check that fails when it overlaps itself; while the file busy is there, it waits.
func oneAtATime(gate string) string {
	return fmt.Sprintf(`
local inside = false
return {dp.Function{name = "it", interval = 3600, timeout = 20, call = function()
  if inside then error("it overlaps itself") end
  inside = true
  dp.command{"cat", %q}
  inside = false
  return {m = 1}
end}}`, gate)
}

func TestRunCheckWaitsForTheChecksOwnRun(t *testing.T) {
	t.Parallel()
	gate := fifo(t)
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", oneAtATime(gate))}})
	eventually(t, "the own run", func() bool { return d.status("it").State == control.CheckRunning })
	const clients = 10
	results := make(chan *control.CheckRun, clients)
	for range clients {
		go func() {
			r, err := d.RunCheck(t.Context(), "it")
			if err != nil {
				t.Error(err)
			}
			results <- r
		}()
	}
	c := d.task("it").(*check)
	eventually(t, "the requests", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.wanted != nil && c.wanted.waiting == clients
	})
	if s := d.status("it"); s.Runs != 0 {
		t.Errorf("it has run: %+v", s)
	}
	feed(t, gate, "the own run ends")
	eventually(t, "its end", func() bool { return d.status("it").Runs == 1 })
	feed(t, gate, "and the one that was asked for")
	for range clients {
		if r := <-results; r == nil || !r.OK() || len(r.Messages) != 1 {
			t.Errorf("got %+v", r)
		}
	}
	if s := d.status("it"); s.Runs != 2 || s.Failures != 0 {
		t.Errorf("ten who ask for it while it runs share one run: %+v", s)
	}
}

func TestRunCheckDoesNotWaitLongerThanTheTimeout(t *testing.T) {
	t.Parallel()
	// The run outlives its timeout in the runner of commands: this one cannot be ended.
	path := lua(t, "a.lua", `return {dp.Function{name = "it", interval = 3600, timeout = 0.5, call = function() dp.log.info("hold the VM") return {} end}}`)
	d := launch(t, Options{Checks: []string{path}, Grace: time.Millisecond})
	eventually(t, "the own run", func() bool { return d.status("it").State == control.CheckRunning })
	_, err := d.RunCheck(t.Context(), "it")
	wantCode(t, err, control.CodeBusy, "has not ended within its timeout of 500ms")
	d.letGo()
}

func TestRunCheckThatIsStuckComesBack(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {dp.Function{name = "it", interval = 3600, first = "interval", timeout = 0.5, call = function() dp.log.info("hold the VM") return {} end}}`)
	d := launch(t, Options{Checks: []string{path}, Grace: time.Millisecond}, func(e *Engine) { e.stuckGrace = time.Millisecond })
	_, err := d.RunCheck(t.Context(), "it")
	wantCode(t, err, control.CodeStuck, "did not end within its timeout of 500ms")
	d.letGo()
}

func TestRunCheckOfAClientThatIsGone(t *testing.T) {
	t.Parallel()
	gate := fifo(t)
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", oneAtATime(gate))}})
	eventually(t, "the own run", func() bool { return d.status("it").State == control.CheckRunning })
	c := d.task("it").(*check)
	wanted := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.wanted != nil
	}
	// Before the run has begun: there is none.
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := d.RunCheck(ctx, "it"); done <- err }()
	eventually(t, "the request", wanted)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if wanted() {
		t.Error("the request is still there")
	}
	feed(t, gate, "the own run ends")
	eventually(t, "its end", func() bool { return d.status("it").NextRun != 0 })
	// When it has begun, it goes on.
	ctx, cancel = context.WithCancel(t.Context())
	go func() { _, err := d.RunCheck(ctx, "it"); done <- err }()
	eventually(t, "the run", func() bool { return d.status("it").State == control.CheckRunning })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	feed(t, gate, "it ends")
	d.messages(2, "of both runs", key("m"))
	if s := d.status("it"); s.Runs != 2 || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

func TestRunCheckGoesToTheNextVersionOfTheScript(t *testing.T) {
	t.Parallel()
	gate := fifo(t)
	path := lua(t, "a.lua", oneAtATime(gate))
	d := launch(t, Options{Checks: []string{path}})
	eventually(t, "the own run", func() bool { return d.status("it").State == control.CheckRunning })
	old := d.task("it").(*check)
	result := make(chan *control.CheckRun, 1)
	go func() {
		r, err := d.RunCheck(t.Context(), "it")
		if err != nil {
			t.Error(err)
		}
		result <- r
	}()
	eventually(t, "the request", func() bool {
		old.mu.Lock()
		defer old.mu.Unlock()
		return old.wanted != nil
	})
	write(t, path, `return {dp.Function{name = "it", interval = 3600, call = function() return {version = 2} end}}`)
	d.reload()
	feed(t, gate, "the run of the old version ends")
	if r := <-result; r == nil || len(r.Messages) != 1 || string(r.Messages[0]) != `{"version":2}` {
		t.Errorf("got %+v", r)
	}
}

func TestRunCheckWhileTheDaemonStops(t *testing.T) {
	t.Parallel()
	gate := fifo(t)
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", oneAtATime(gate))}, Grace: time.Millisecond})
	eventually(t, "the own run", func() bool { return d.status("it").State == control.CheckRunning })
	done := make(chan error, 1)
	go func() { _, err := d.RunCheck(t.Context(), "it"); done <- err }()
	d.stop()
	wantCode(t, <-done, control.CodeStopping, "the daemon is stopping")
}

func TestRunCheckAgainAndAgainOfABusyCheck(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `
local inside = false
return {dp.Function{name = "it", interval = 0.002, call = function()
  if inside then error("it overlaps itself") end
  inside = true
  dp.sleep(0.001)
  inside = false
  return {m = 1}
end}}`)
	d := launch(t, Options{Checks: []string{path}})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 10 {
				if r, err := d.RunCheck(t.Context(), "it"); err != nil || !r.OK() || len(r.Messages) != 1 {
					t.Errorf("%+v, %v", r, err)
				}
			}
		})
	}
	wg.Wait()
	if s := d.status("it"); s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}
