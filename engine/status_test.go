package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"dumbprobe/internal/control"
)

// status is that of one check.
func (d *daemon) status(name string) control.Check {
	d.t.Helper()
	all := d.Status(control.Filter{Names: []string{control.Literal(name)}})
	if len(all.Checks) != 1 {
		d.t.Fatalf("%d checks are named %q", len(all.Checks), name)
	}
	return all.Checks[0]
}

func (d *daemon) handleStatus(name string) control.Handle {
	d.t.Helper()
	all := d.Status(control.Filter{Names: []string{control.Literal(name)}})
	if len(all.Handles) != 1 {
		d.t.Fatalf("%d handles are named %q", len(all.Handles), name)
	}
	return all.Handles[0]
}

// The status shows how many instructions of Lua the last run executed, also of one that failed, and of an object.
func TestStatusShowsInstructions(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local function loop(n) for i = 1, n do end end
return {
	dp.Function{name = "many", interval = 3600, call = function() loop(100000) return {} end},
	dp.Function{name = "over", interval = 3600, max_instructions = 50000, call = function() loop(1e9) return {} end},
	dp.Nagios{name = "none", interval = 3600, command = "echo OK"},
}`), lua(t, "object.lua", `
return {run_next = function() for i = 1, 100000 do end dp.sleep(0.01) return {} end}`)}})
	for name, want := range map[string]uint64{"many": 100_000, "over": 50_000, "none": 0, "object.lua#1 table": 100_000} {
		var s control.Check
		eventually(t, "the run of "+name, func() bool { s = d.status(name); return s.Runs > 0 })
		if got := s.Instructions; got < want || got > want+want/5 {
			t.Errorf("%s has %d instructions, want about %d", name, got, want)
		}
	}
}

// eventually waits for what nothing is sent or logged about.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestStatusOfAChecksLastRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, run string // the body of the check's function
		want      control.Check
	}{
		{"well", `return {m = 1}`, control.Check{Outcome: "ok", Runs: 1}},
		{"nothing to send", `return {}`, control.Check{Outcome: "ok", Runs: 1}},
		{"an error", `error("broken", 0)`, control.Check{Outcome: "error", Runs: 1, Failures: 1, Streak: 1, Failure: &control.Failure{Outcome: "error", Error: "broken"}}},
		{"a forgotten return", `local x = 1`, control.Check{Outcome: "nil_result", Runs: 1, Failures: 1, Streak: 1, Failure: &control.Failure{Outcome: "nil_result", Error: "the result is nil"}}},
		{"a message that is none", `return {{a = 1}, 3}`, control.Check{Outcome: "dropped", Runs: 1, Failures: 1, Streak: 1, Failure: &control.Failure{Outcome: "dropped", Error: "message 2"}}},
		{"a timeout", `dp.sleep(60)`, control.Check{Outcome: "timeout", Runs: 1, Failures: 1, Streak: 1, Failure: &control.Failure{Outcome: "timeout", Error: "the deadline of 50ms passed"}}},
		{"a long error", `error(("x"):rep(1500), 0)`, control.Check{Outcome: "error", Runs: 1, Failures: 1, Streak: 1, Failure: &control.Failure{Outcome: "error", Error: strings.Repeat("x", 500)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			timeout := "60"
			if c.want.Outcome == "timeout" {
				timeout = "0.05"
			}
			path := lua(t, "a.lua", `return {dp.Function{name = "it", interval = 3600, timeout = `+timeout+`, call = function() `+c.run+` end}}`)
			before := time.Now()
			d := launch(t, Options{Checks: []string{path}})
			var got control.Check
			eventually(t, "the run", func() bool { got = d.status("it"); return got.Outcome != "" })
			if got.Failure != nil && c.want.Failure != nil {
				if !strings.Contains(got.Failure.Error, c.want.Failure.Error) || got.Failure.Outcome != c.want.Failure.Outcome || got.Failure.Time < unixTime(before) ||
					len(got.Failure.Error) > maxErrorText+len("...") {
					t.Errorf("failure %+v", got.Failure)
				}
			} else if got.Failure != nil || c.want.Failure != nil {
				t.Errorf("failure %+v, want %+v", got.Failure, c.want.Failure)
			}
			if got.Outcome != c.want.Outcome || got.Runs != c.want.Runs || got.Failures != c.want.Failures || got.Streak != c.want.Streak {
				t.Errorf("got %+v", got)
			}
			if got.Name != "it" || got.Script != path || got.Position != 1 || got.Class != "Function" || got.Interval != 3600 {
				t.Errorf("it is %+v", got)
			}
			now := unixTime(time.Now())
			if got.LastRun < unixTime(before) || got.LastRun > now || got.Since < unixTime(before) || got.Since > now ||
				got.Duration <= 0 || got.Duration > patience.Seconds() || got.Lateness < 0 {
				t.Errorf("times %+v", got)
			}
			eventually(t, "the next run's plan", func() bool { got = d.status("it"); return got.NextRun != 0 })
			if got.State != control.CheckIdle || got.RunningSince != 0 || got.NextRun < unixTime(before.Add(time.Hour))-1 || got.NextRun > now+3600 {
				t.Errorf("idle %+v", got)
			}
		})
	}
}

func TestStatusCountsStreaksAndChangesOfTheOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, start := new(record), time.Now()
		run := func(o Outcome) control.Check {
			time.Sleep(time.Second)
			due := time.Now()
			n := r.begin(due)
			time.Sleep(time.Second)
			started := time.Now()
			time.Sleep(time.Second)
			r.end(n, due, started, o, nil, time.Now())
			var c control.Check
			r.fill(&c)
			return c
		}
		for i, want := range []struct {
			outcome       Outcome
			since, streak int
		}{{OutcomeOK, 3, 0}, {OutcomeOK, 3, 0}, {OutcomeError, 9, 1}, {OutcomeError, 9, 2}, {OutcomeTimeout, 15, 3}, {OutcomeOK, 18, 0}} {
			c := run(want.outcome)
			if c.Outcome != string(want.outcome) || c.Since != unixTime(start.Add(time.Duration(want.since)*time.Second)) ||
				c.Streak != uint64(want.streak) || c.Duration != 1 || c.Lateness != 1 || c.Runs != uint64(i+1) || c.Failing() != (want.outcome != OutcomeOK) {
				t.Errorf("run %d: %+v", i+1, c)
			}
		}
	})
}

func TestARunThatWasGivenUpIsNotCountedAgainWhenItEnds(t *testing.T) {
	t.Parallel()
	r := new(record)
	stuck := r.begin(time.Now())
	r.giveUp(stuck, OutcomeStuck, nil)
	r.end(stuck, time.Time{}, time.Now(), OutcomeOK, nil, time.Now())
	next := r.begin(time.Now())
	r.end(stuck, time.Time{}, time.Now(), OutcomeOK, nil, time.Now())
	r.leave(stuck)
	var c control.Check
	r.fill(&c)
	if c.Outcome != "stuck" || c.Runs != 1 || c.State != control.CheckRunning {
		t.Errorf("%+v", c)
	}
	r.end(next, time.Time{}, time.Now(), OutcomeOK, nil, time.Now())
	r.fill(&c)
	if c.Outcome != "ok" || c.Runs != 2 || c.State != control.CheckIdle {
		t.Errorf("%+v", c)
	}
}

func TestStatusOfARunUnderWay(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `
local function hold() dp.log.info("hold the VM") return {} end
return {
  dp.Function{name = "sleeps", interval = 3600, call = function() dp.sleep(3600) return {} end, timeout = 60},
  dp.Function{name = "holds", interval = 3600, first = "interval", call = hold},
  dp.Function{name = "queues", interval = 3600, first = "interval", call = hold},
}`)
	d := launch(t, Options{Checks: []string{path}, Grace: time.Millisecond})
	eventually(t, "the sleep", func() bool { return d.status("sleeps").State == control.CheckRunning })
	if s := d.status("sleeps"); s.RunningSince == 0 || s.NextRun != 0 || s.Outcome != "" {
		t.Errorf("%+v", s)
	}
	asked := make(chan struct{})
	for _, name := range []string{"holds", "queues"} {
		go func() {
			_, _ = d.RunCheck(t.Context(), name)
			asked <- struct{}{}
		}()
		want := map[string]string{"holds": control.CheckRunning, "queues": control.CheckQueued}[name]
		eventually(t, name, func() bool { return d.status(name).State == want })
	}
	d.letGo()
	<-asked
	<-asked
	if s := d.status("queues"); s.Runs != 1 || s.State != control.CheckIdle {
		t.Errorf("%+v", s)
	}
}

func TestARunOfTheVersionBeforeIsShownAsItIs(t *testing.T) {
	t.Parallel()
	source := func(version int) string {
		return fmt.Sprintf(`-- %d
local function hold() dp.log.info("hold the VM") return {} end
return {
  dp.Function{name = "holds", interval = 3600, timeout = 60, first = "now", call = hold},
  dp.Function{name = "queues", interval = 3600, timeout = 60, first = "interval", call = hold},
}`, version)
	}
	path := lua(t, "a.lua", source(0))
	d := launch(t, Options{Checks: []string{path}})
	d.log("the hold", says(holdVM))
	asked := make(chan struct{})
	go func() {
		_, _ = d.RunCheck(t.Context(), "queues")
		close(asked)
	}()
	eventually(t, "the queue", func() bool { return d.status("queues").State == control.CheckQueued })
	for version := 1; version <= 2; version++ {
		write(t, path, source(version))
		d.reload()
		for name, want := range map[string]string{"holds": control.CheckRunning, "queues": control.CheckQueued} {
			if s := d.status(name); s.State != want {
				t.Errorf("version %d: %+v", version, s)
			}
		}
	}
	d.letGo()
	<-asked
	for _, name := range []string{"holds", "queues"} {
		eventually(t, "its end", func() bool { return d.status(name).State == control.CheckIdle })
		if c := d.running()[0].task(name).(*check); c.before.Load() != nil {
			t.Errorf("%s keeps the version before", name)
		}
	}
}

func TestStatusOfNextRunAndObject(t *testing.T) {
	t.Parallel()
	list := lua(t, "list.lua", `return {
  {check_name = function() return "asks" end, next_run = function() error("no idea", 0) end, run = function() return {} end},
}`)
	object := lua(t, "object.lua", `return {run_next = function() dp.sleep(0.01) return {m = 1} end}`)
	d := launch(t, Options{Checks: []string{list, object}})
	eventually(t, "the failure", func() bool { return d.status("asks").PlanFailure != nil })
	if s := d.status("asks"); !s.Failing() || s.PlanFailure.Outcome != "next_run_failed" || !strings.Contains(s.PlanFailure.Error, "no idea") || s.Outcome != "" || s.Runs != 0 {
		t.Errorf("%+v", s)
	}
	eventually(t, "runs of the object", func() bool { return d.status("object.lua#1 table").Runs >= 2 })
	if s := d.status("object.lua#1 table"); s.Outcome != "ok" || s.Failures != 0 || s.Duration <= 0 {
		t.Errorf("%+v", s)
	}
}

func TestStatusOfHandles(t *testing.T) {
	t.Parallel()
	gate := fifo(t)
	path := lua(t, "a.lua", `return {
  dp.ShellStream{name = "lines", command = {"sh", "-c", "echo 1; echo 2; exec cat `+gate+`"}, reopen = 3600, parse = function(line) return {n = line} end},
  dp.ShellStream{name = "none", command = {"/does/not/exist"}, reopen = 3600},
  dp.ShellStream{name = "rubbish", command = {"sh", "-c", "echo '{'; exec sleep 3600"}, reopen = 3600},
}`)
	d := launch(t, Options{Checks: []string{path}})
	var s control.Handle
	eventually(t, "two messages", func() bool { s = d.handleStatus("lines"); return s.Messages == 2 })
	if s.State != control.HandleOpen || s.PID == 0 || !alive(s.PID) || s.Lines != 2 || s.Bytes != 2 || s.Opens != 1 || s.Reopens != 0 ||
		s.Failing() || s.Class != "ShellStream" || s.Position != 1 || s.Script != path || s.Since == 0 {
		t.Errorf("open %+v", s)
	}
	feed(t, gate, "3")
	eventually(t, "the end", func() bool { s = d.handleStatus("lines"); return s.State == control.HandleClosed && s.Reopens != 0 })
	if s.PID != 0 || s.Lines != 3 || s.Messages != 3 || s.Failure == nil || s.Failure.Outcome != "eof" || s.Reopens < unixTime(time.Now())+3000 {
		t.Errorf("closed %+v", s)
	}
	eventually(t, "the failure", func() bool { s = d.handleStatus("none"); return s.Reopens != 0 })
	if s.State != control.HandleClosed || s.Opens != 0 || s.Failures != 1 || s.Failure == nil || s.Failure.Outcome != "open_failed" || !strings.Contains(s.Failure.Error, "/does/not/exist") {
		t.Errorf("not opened %+v", s)
	}
	eventually(t, "the dropped record", func() bool { s = d.handleStatus("rubbish"); return s.Failures == 1 })
	if s.State != control.HandleOpen || s.Failure == nil || s.Failure.Outcome != "dropped" || s.Lines != 1 || s.Messages != 0 {
		t.Errorf("rubbish %+v", s)
	}
	failed := d.Status(control.Filter{Failed: true})
	if len(failed.Handles) != 3 || failed.Daemon.Failing != 3 || failed.Daemon.Handles != 3 {
		t.Errorf("failed: %+v", failed)
	}
}

func TestStatusOfADaemon(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	good, bad := filepath.Join(folder, "a.lua"), filepath.Join(folder, "b.lua")
	write(t, good, `return {
  dp.Function{name = "fn", interval = 3600, call = function() return {m = 1} end},
  dp.ShellCommand{name = "sh", interval = 3600, command = {"sleep", "3600"}},
  dp.ShellCommand{name = "waits", interval = 3600, command = {"sleep", "3600"}},
}`)
	write(t, bad, `return {`)
	d := prepare(t, Options{Checks: []string{folder}, Version: "v1.2.3", MaxCommands: 1, Grace: time.Millisecond})
	if s := d.Status(control.Filter{}); s.Daemon.State != "starting" || len(s.Checks) != 0 {
		t.Errorf("before the start: %+v", s)
	}
	d = launch(t, Options{Checks: []string{folder}, Version: "v1.2.3", MaxCommands: 1, Grace: time.Millisecond})
	<-d.Ready()
	// A command has its slot, and is running by that, before its process is started.
	eventually(t, "the commands", func() bool {
		c := d.Status(control.Filter{}).Commands
		return c.Running == 1 && c.Waiting == 1 && c.Started == 1
	})
	eventually(t, "both messages", func() bool {
		o := d.Status(control.Filter{}).Destinations[0]
		return o.Sent == 2 && o.Queued == 0
	})
	s := d.Status(control.Filter{})
	if g := s.Daemon; g.Version != "v1.2.3" || g.PID != os.Getpid() || g.State != "running" || g.Checks != 3 || g.Failing != 0 || g.Uptime <= 0 || g.Started > g.Now ||
		g.Messages != 1 || g.Outcomes["ok"] != 1 || g.Outcomes["load_failed"] != 1 {
		t.Errorf("daemon %+v", g)
	}
	if s.Commands.Limit != 1 || s.Commands.Started != 1 {
		t.Errorf("commands %+v", s.Commands)
	}
	if len(s.Scripts) != 2 || s.Scripts[0].Path != good || s.Scripts[0].State != "ok" || len(s.Scripts[0].SHA256) != 64 || s.Scripts[0].Checks != 3 ||
		s.Scripts[0].CommandsRunning != 1 || s.Scripts[0].Loaded == 0 {
		t.Errorf("scripts %+v", s.Scripts)
	}
	if b := s.Scripts[1]; b.Path != bad || b.State != "broken" || b.Loaded != 0 || len(b.Errors) != 1 || !strings.HasPrefix(b.Errors[0], bad+": ") {
		t.Errorf("broken %+v", b)
	}
	if o := s.Destinations[0]; o.Address != "stdout" || o.State != "connected" || o.Queued != 0 || o.Dropped != 0 {
		t.Errorf("destination %+v", o)
	}
	if text, err := json.Marshal(s); err != nil || strings.Contains(string(text), ":null") {
		t.Errorf("%s, %v", text, err)
	}
	for _, c := range []struct {
		filter  control.Filter
		checks  int
		scripts int
		failing int
	}{
		{control.Filter{}, 3, 2, 1}, {control.Filter{Failed: true}, 0, 1, 0},
		{control.Filter{Names: []string{"s*", "fn"}}, 2, 0, 0}, {control.Filter{Names: []string{"none"}}, 0, 0, 0},
	} {
		if s := d.Status(c.filter); len(s.Checks) != c.checks || len(s.Scripts) != c.scripts || s.Daemon.Checks != 3 {
			t.Errorf("%+v: %d checks, %d scripts", c.filter, len(s.Checks), len(s.Scripts))
		}
	}
}

func TestAReloadKeepsWhatIsKnownOfAChecksRuns(t *testing.T) {
	t.Parallel()
	gate := fifo(t)
	source := func(version int) string {
		return fmt.Sprintf(`-- %d
return {
  dp.Function{name = "fails", interval = 3600, call = function() error("always", 0) end},
  dp.ShellCommand{name = "long", interval = 3600, command = {"cat", %q}, parse = function() return {} end},
  dp.ShellStream{name = "stream", command = {"sh", "-c", "echo '{}'; exec sleep 3600"}},
}`, version, gate)
	}
	path := lua(t, "a.lua", source(1))
	d := launch(t, Options{Checks: []string{path}})
	eventually(t, "the runs", func() bool {
		return d.status("fails").NextRun != 0 && d.status("long").State == control.CheckRunning && d.handleStatus("stream").Lines == 1
	})
	before, long, stream := d.status("fails"), d.status("long"), d.handleStatus("stream")
	write(t, path, source(2))
	d.reload()
	after := d.status("fails")
	if after.Outcome != "error" || after.Since != before.Since || after.Runs != 1 || after.Streak != 1 || after.Failure == nil || after.LastRun != before.LastRun {
		t.Errorf("after the reload: %+v", after)
	}
	if got := d.status("long"); got.State != control.CheckRunning || got.RunningSince != long.RunningSince {
		t.Errorf("the run of the old version: %+v", got)
	}
	states := map[string]int{}
	for _, s := range d.Status(control.Filter{}).Scripts {
		states[s.State]++
	}
	if states["ok"] != 1 || states["replaced"] != 1 {
		t.Errorf("the scripts are %v", states)
	}
	feed(t, gate, "end")
	eventually(t, "its end", func() bool { return d.status("long").Outcome == "ok" })
	if got := d.handleStatus("stream"); got.PID != stream.PID || got.Lines != 1 || got.Opens != 1 || got.Since != stream.Since || got.State != control.HandleOpen {
		t.Errorf("the stream: %+v, before %+v", got, stream)
	}
	write(t, path, "return {")
	if err := d.Reload(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if s := d.Status(control.Filter{}).Scripts[0]; s.State != "broken" || s.Checks != 2 || s.Handles != 1 || len(s.Errors) != 1 {
		t.Errorf("broken: %+v", s)
	}
}

func TestStatusOfAStuckCheck(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {
  dp.Function{name = "stuck", interval = 3600, timeout = 0.5, call = function() dp.log.info("hold the VM") return {} end},
  dp.Function{name = "other", interval = 0.05, call = function() return {} end},
}`)
	d := launch(t, Options{Checks: []string{path}, Grace: time.Millisecond}, func(e *Engine) { e.stuckGrace = 20 * time.Millisecond })
	eventually(t, "the quarantine", func() bool { return d.status("stuck").State == control.CheckQuarantined })
	eventually(t, "the other check in the fresh VM", func() bool { return d.status("other").Outcome == "ok" })
	s := d.status("stuck")
	if s.Outcome != "stuck" || !s.Failing() || s.Failures != 1 || s.Failure == nil || !strings.Contains(s.Failure.Error, "is not run before") {
		t.Errorf("%+v", s)
	}
	_, err := d.RunCheck(t.Context(), "stuck")
	wantCode(t, err, control.CodeQuarantined, "is kept from running until")
	d.letGo()
}

func TestStatusDoesNotWaitForAVM(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {dp.Function{name = "holds", interval = 3600, call = function() dp.log.info("hold the VM") return {} end}}`)
	d := launch(t, Options{Checks: []string{path}, Grace: time.Millisecond})
	eventually(t, "the hold", func() bool { return d.status("holds").State == control.CheckRunning })
	d.letGo()
}

// TestStatusWhileEverythingChanges is for the race detector.
func TestStatusWhileEverythingChanges(t *testing.T) {
	t.Parallel()
	source := func(version int) string {
		return fmt.Sprintf(`-- %d
local checks = {}
for i = 1, 20 do
  checks[i] = dp.Function{name = "c" .. i, interval = 0.005, call = function() if i %% 3 == 0 then error("x") end return {m = i} end}
end
checks[21] = dp.ShellStream{name = "stream", command = "echo '{}'", reopen = 0.1}
checks[22] = dp.ShellCommand{name = "command", interval = 0.01, command = {"true"}, parse = function() return {} end}
return checks`, version)
	}
	path := lua(t, "a.lua", source(0))
	d := launch(t, Options{Checks: []string{path}})
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			switch i % 4 {
			case 0:
				_ = d.Reload(t.Context())
			case 1:
				if _, err := d.RunCheck(t.Context(), fmt.Sprint("c", i%20+1)); err != nil {
					t.Error(err)
				}
			default:
				if s := d.Status(control.Filter{}); s.Daemon.Checks != 21 || s.Daemon.Handles != 1 {
					t.Errorf("%d checks, %d handles", s.Daemon.Checks, s.Daemon.Handles)
				}
			}
		})
		if i%10 == 0 {
			if err := os.WriteFile(path+".new", []byte(`local dp = require "dumbprobe"; `+source(i)), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
}
