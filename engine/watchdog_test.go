package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dumbprobe/internal/control"
	"dumbprobe/luaapi"
)

// soon has a stuck VM be found within two seconds or so, and given up as soon.
func soon(e *Engine) { e.stuckGrace, e.cancelGrace = 300*time.Millisecond, 500*time.Millisecond }

func TestAStuckVMIsReplacedAndOtherFilesNeverNotice(t *testing.T) {
	t.Parallel()
	a := lua(t, "a.lua", `
local n = 0
local Own = dp.BaseHandle:extend{}
function Own:open() self.reader = dp.reader.command{command = "echo '{\"pid\": '$$'}'; exec sleep 3600"} end
return {
  Own{name = "own stream"},
  dp.Function{name = "other", interval = 0.1, timeout = 30, call = function() n = n + 1; return {n = n} end},
  dp.Function{name = "sleeper", interval = 0.1, timeout = 3600, call = function() dp.log.info("asleep"); dp.sleep(3600) end},
  dp.ShellStream{name = "stream", command = "echo '{\"pid\": '$$'}'; exec sleep 3600"},
  dp.Function{name = "stuck", interval = 0.2, timeout = 0.2, first = "interval", call = function()
    dp.log.info("`+holdVM+`")
    return {stuck = 1}
  end},
}`)
	b := lua(t, "b.lua", `
local n = 0
return {dp.Function{name = "b", interval = 0.2, call = function() n = n + 1; return {b = n} end}}`)
	d := launch(t, Options{Checks: []string{a, b}, Grace: 300 * time.Millisecond}, soon)
	streams := d.messages(2, "the streams", key("pid"))
	d.log("the hold", says(holdVM))

	m := d.message("the report", self("stuck", OutcomeStuck))
	conforms(t, m)
	if !strings.Contains(m.Event.Comment, "in code that a deadline cannot interrupt") || !strings.Contains(m.Event.Comment, "stuck is not run before 20") {
		t.Errorf("comment %q", m.Event.Comment)
	}
	l := d.log("the report", told("stuck", OutcomeStuck))
	if fields := l.ContextMap(); fields["script"] != a || fields["position"] != int64(5) {
		t.Errorf("fields %v", fields)
	}
	d.log("the other check, which was queued in the stuck VM", told("other", OutcomeCancelled))
	d.messages(2, "the other check, in a fresh VM", func(m msg) bool { return m.num("n") == 1 })
	d.logged(2, "the sleeper, begun anew", says("asleep"))
	n := len(d.sent(key("b")))
	others := d.messages(n+5, "runs of the other file", key("b"))
	if n := len(d.logs.Filter(says(holdVM)).All()); n != 1 {
		t.Errorf("the stuck check was run %d times", n)
	}
	for i, m := range others {
		if m.num("b") != float64(i+1) || i > 0 && m.at.Sub(others[i-1].at) > time.Second {
			t.Errorf("the other file noticed: %s", m.raw)
		}
	}
	if n := len(d.sent(self("b", OutcomeTimeout))) + len(d.sent(self("b", OutcomeCancelled))); n > 0 {
		t.Errorf("%d runs of the other file failed", n)
	}
	var due time.Time
	d.until("the end of the quarantine in the run queue", func() (queued bool) {
		due, queued = d.loop.Due(&d.task("stuck").(*check).Entry)
		return queued
	})
	if wait := time.Until(due); wait < 50*time.Second || wait > time.Minute {
		t.Errorf("the stuck check is due in %s", wait)
	}

	for _, m := range streams {
		if !alive(int(m.num("pid"))) {
			t.Error("a stream's process has ended with the stuck VM")
		}
	}
	if n := len(d.sent(key("pid"))); n != 2 {
		t.Errorf("the streams were opened again: %d messages", n)
	}
	d.letGo() // what is left behind may end at last, and is not heard of
	d.messages(len(others)+3, "runs of the other file", key("b"))
	d.stop()
	if n := len(d.sent(key("stuck"))); n > 1 {
		t.Errorf("%d messages of the stuck run", n)
	}
}

func TestWhateverIsStuckIsReportedByNameAndKeptFromRunning(t *testing.T) {
	t.Parallel()
	const hold = `dp.log.info("` + holdVM + `")`
	for name, c := range map[string]struct{ entry, source string }{
		"a next_run":           {`{check_name = function() return "x" end, next_run = function() ` + hold + `; return 0 end, run = function() return {} end}`, ""},
		"a run of a table":     {`{check_name = function() return "x" end, next_run = function() return 0 end, run = function() ` + hold + `; return {} end}`, ""},
		"a parse of a command": {`dp.ShellCommand{name = "x", interval = 0.2, command = "true", parse = function() ` + hold + `; return {} end}`, ""},
		"a parse of a stream":  {`dp.ShellStream{name = "x", command = "echo x; exec sleep 3600", reopen = 0.1, parse = function() ` + hold + `; return {} end}`, ""},
		"an open":              {`(dp.BaseHandle:extend{open = function() ` + hold + ` end}){name = "x", reopen = 0.1}`, ""},
		"a read_messages":      {`(dp.BaseHandle:extend{open = function() end, read_messages = function() ` + hold + ` return {} end}){name = "x", reopen = 0.1, poll = 0.1}`, ""},
		"an object":            {"", `return {run_next = function() ` + hold + `; return {} end}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check, source := "x", `
local n = 0
return {dp.Function{interval = 0.1, name = "other", call = function() n = n + 1; return {n = n} end}, `+c.entry+`}`
			if c.source != "" {
				check, source = "a.lua#1 table", c.source
			}
			other := lua(t, "b.lua", `return {dp.Function{interval = 0.1, name = "b", call = function() return {b = 1} end}}`)
			d := launch(t, Options{Checks: []string{lua(t, "a.lua", source), other}, Timeout: 200 * time.Millisecond}, soon)
			d.log("the hold", says(holdVM))
			stuck := d.running()[0]
			d.message("the report", self(check, OutcomeStuck))
			if fields := d.log("the report", told(check, OutcomeStuck)).ContextMap(); fields["position"] == nil {
				t.Errorf("fields %v", fields)
			}
			if c.source == "" {
				at := len(d.sent(key("n")))
				d.messages(at+10, "the other check", key("n"))
			} else {
				d.messages(len(d.sent(key("b")))+10, "the other file", key("b"))
			}
			if n := len(d.logs.Filter(says(holdVM)).All()); n != 1 {
				t.Errorf("it was called %d times", n)
			}
			d.letGo()
			d.hasOneOutcome(check, stuck)
		})
	}
}

// hasOneOutcome fails the test unless all that is heard of a check is that it was stuck, also after the end of the
// version of its script that was given up.
func (d *daemon) hasOneOutcome(check string, stuck *script) {
	d.t.Helper()
	ended := make(chan struct{})
	go func() {
		stuck.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		d.t.Fatal("what was stuck did not end")
	}
	if lines := d.logs.Filter(told(check, "")).All(); len(lines) != 1 {
		d.t.Errorf("the log has %d outcomes: %v", len(lines), lines)
	}
	if messages := d.sent(self(check, "")); len(messages) != 1 {
		d.t.Errorf("%d messages of the daemon's own: %v", len(messages), messages)
	}
	if n := d.count(OutcomeStuck); n != 1 {
		d.t.Errorf("stuck was counted %d times", n)
	}
	for _, c := range d.Status(control.Filter{}).Checks {
		if c.Name == check && (c.Outcome != string(OutcomeStuck) || c.Runs != 1) {
			d.t.Errorf("the status has %+v", c)
		}
	}
}

func TestARunThatWasStuckHasOneOutcomeHoweverItEnds(t *testing.T) {
	t.Parallel()
	for name, rest := range map[string]string{
		"well":                       `return {late = 1}`,
		"cancelled":                  `while true do end`,
		"by an error":                `error("late")`,
		"with a wrong message":       `return {{late = print}}`,
		"after the next were due":    `dp.sleep(0) return {late = 1}`,
		"with nothing to say":        `return {}`,
		"while it waits for a while": `dp.sleep(3600)`,
	} {
		for _, broken := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, the file is broken: %v", name, broken), func(t *testing.T) {
				t.Parallel()
				path := lua(t, "a.lua", `return {dp.Function{name = "x", interval = 0.1, timeout = 0.1, call = function() dp.log.info("`+holdVM+`"); `+rest+` end}}`)
				d := launch(t, Options{Checks: []string{path}}, soon)
				d.log("the hold", says(holdVM))
				stuck := d.running()[0]
				if broken {
					write(t, path, "return {")
				}
				d.message("the report", self("x", OutcomeStuck))
				if broken {
					d.message("the failure to load", self("", OutcomeLoadFailed))
				}
				d.letGo()
				d.hasOneOutcome("x", stuck)
			})
		}
	}
}

func TestAStuckScriptThatCannotBeLoadedAgainIsReported(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {dp.Function{name = "x", interval = 3600, timeout = 0.2, call = function() dp.log.info("`+holdVM+`"); return {} end}}`)
	d := launch(t, Options{Checks: []string{path}}, soon)
	d.log("the hold", says(holdVM))
	write(t, path, "return {")
	d.message("the report", self("x", OutcomeStuck))
	d.message("the failure to load", self("", OutcomeLoadFailed))
	write(t, path, `return {dp.Function{interval = 3600, call = function() return {fixed = 1} end}}`)
	d.reload() // a person need not wait for the next try
	d.message("the fixed script", key("fixed"))
	d.letGo()
}

func TestAReloadReplacesAStuckVMAndEndsTheQuarantine(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {dp.Function{name = "x", interval = 3600, timeout = 0.2, call = function() dp.log.info("`+holdVM+`"); return {} end}}`)
	d := launch(t, Options{Checks: []string{path}}, soon)
	d.message("the report", self("x", OutcomeStuck))
	write(t, path, `return {dp.Function{name = "x", interval = 0.1, call = function() return {fixed = 1} end}}`)
	d.reload()
	d.message("the fixed check", key("fixed"))
	d.message("that it works again", self("x", OutcomeOK))
}

func TestAnOldVersionThatIsStuckHoldsUpTheNewOneOnlyUntilThatIsFound(t *testing.T) {
	t.Parallel()
	const source = `
return {
  dp.Function{name = "x", interval = 3600, timeout = 0.8, call = function() dp.log.info("%s"); return {} end},
  dp.Function{name = "y", interval = 0.1, timeout = 60, call = function() return {version = %d} end},
}`
	path := lua(t, "a.lua", fmt.Sprintf(source, holdVM, 1))
	d := launch(t, Options{Checks: []string{path}}, soon)
	d.log("the hold", says(holdVM))
	write(t, path, fmt.Sprintf(source, "no hold", 2))
	d.reload()
	m := d.message("the report", self("x", OutcomeStuck))
	if !strings.Contains(m.Event.Comment, "the old version") {
		t.Errorf("comment %q", m.Event.Comment)
	}
	if l := d.logs.Filter(told("x", "")).All(); len(l) != 1 {
		t.Errorf("outcomes %v", l)
	}
	d.messages(3, "a check that had queued behind it", func(m msg) bool { return m.num("version") == 2 })
	d.message("that it works again", self("x", OutcomeOK))
}

func TestAReloadThatIsFasterThanTheWatchLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {dp.Function{name = "x", interval = 3600, timeout = 3600, call = function() dp.log.info("`+holdVM+`"); return {} end}}`)
	d := launch(t, Options{Checks: []string{path}}, soon)
	d.log("the hold", says(holdVM))
	stuck := d.running()[0]
	write(t, path, `return {dp.Function{name = "x", interval = 0.1, call = function() return {fixed = 1} end}}`)
	d.reload()
	d.replaceStuck(stuck, "x", time.Second) // the watch found it just before, and comes to it now
	d.message("the new version", key("fixed"))
}

func TestALoadThatIsStuckIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {dp.Function{interval = 0.1, call = function() return {n = 1} end}}`)
	other := lua(t, "b.lua", `return {dp.Function{interval = 0.1, call = function() return {b = 1} end}}`)
	d := launch(t, Options{Checks: []string{path, other}, LoadTimeout: 200 * time.Millisecond}, soon)
	d.message("a run", key("n"))
	write(t, path, `dp.log.info("`+holdVM+`"); return {}`)
	write(t, other, `return {dp.Function{interval = 0.1, call = function() return {b = 2} end}}`)
	reloaded := make(chan error, 1)
	go func() { reloaded <- d.Reload(t.Context()) }()
	select {
	case err := <-reloaded:
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "stuck for ") {
			t.Errorf("error %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the reload did not end")
	}
	d.messages(len(d.sent(key("n")))+2, "the old version goes on", key("n"))
	d.message("the new version of the other file", func(m msg) bool { return m.num("b") == 2 })
	d.letGo()
}

func TestTheQuarantineDoublesEachTime(t *testing.T) {
	t.Parallel()
	s := mustLoad(t, `return {dp.Function{name = "x", interval = 1, call = print}}`)
	for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
		who, until := s.quarantine("x")
		if who != (source{script: s.path, check: "x", position: 1}) {
			t.Errorf("it is %+v", who)
		}
		if wait := time.Until(until); wait < want-time.Second || wait > want {
			t.Errorf("for %s, want %s", wait, want)
		}
		if _, again := s.quarantine("x"); again != until {
			t.Error("finding it once more while it is in quarantine makes it longer")
		}
		if s.quarantinedUntil("x") != until || !s.quarantinedUntil("y").IsZero() {
			t.Error("it is not for that check alone")
		}
		s.mu.Lock()
		q := s.quarantined["x"]
		q.until = time.Now().Add(-time.Second)
		s.quarantined["x"] = q
		s.mu.Unlock()
		if !s.quarantinedUntil("x").IsZero() {
			t.Error("it does not end")
		}
	}
}

func TestAScriptThatHoldsTooMuchMemoryIsReportedAndLoadedAgain(t *testing.T) {
	const strings = `leak[n] = ("x"):rep(2 * 1024 * 1024) .. n`
	for name, leaking := range map[string]struct{ where, what string }{
		"in a global":                   {"leak", strings},
		"in a local of the file":        {"local leak", strings},
		"in a local that a method uses": {"local object, leak", strings},
		// A table never lets go of the keys that it had.
		"by keys that come and go": {"local leak", `for i = 1, 2000 do local key = ("x"):rep(1000) .. n .. "/" .. i leak[key] = i leak[key] = nil end`},
	} {
		t.Run(name, func(t *testing.T) {
			const limit = 48 << 20
			path := lua(t, "a.lua", `
local n = 0
`+leaking.where+` = {}, {}
leak = leak or object
local function grow()
  n = n + 1
  `+leaking.what+`
  return {n = n}
end
return {dp.Function{name = "leak", interval = 0.03, call = grow}}`)
			other := lua(t, "b.lua", `
local n = 0
return {dp.Function{name = "b", interval = 0.2, call = function() n = n + 1; return {b = n} end}}`)
			d := launch(t, Options{Checks: []string{path, other}, MaxScriptMemory: limit})
			l := d.log("the report", func(l logEntry) bool { return l.ContextMap()["outcome"] == string(OutcomeMemory) })
			if l.ContextMap()["script"] != path {
				t.Errorf("fields %v", l.ContextMap())
			}
			m := d.message("the report", func(m msg) bool { return m.state() == string(OutcomeMemory) })
			conforms(t, m)
			d.messages(2, "the fresh version", func(m msg) bool { return m.num("n") == 1 })
			d.stop()
			for i, m := range d.sent(key("b")) {
				if m.num("b") != float64(i+1) {
					t.Errorf("the other file noticed: %s", m.raw)
				}
			}
		})
	}
}

// The usual end of a leak: the fresh version holds little, and so does the whole daemon. There is nothing to measure.
func TestAScriptIsSaidToBeWellWhenTheWholeHeapIsSmallerThanItMayBe(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {dp.Function{interval = 3600, call = function() return {n = 1} end}}`)
	d := launch(t, Options{Checks: []string{path}, MaxScriptMemory: 1 << 40})
	d.voice.tell(source{script: path}, "memory", OutcomeMemory, &luaapi.MemoryError{Limit: 1 << 40})
	if m := d.message("that all is well", self("", OutcomeOK)); m.Location["script"] != path {
		t.Errorf("it is %s", m.raw)
	}
}

// A script whose VM is held cannot be measured: nobody knows that it is well.
func TestAScriptThatCannotBeMeasuredIsNotSaidToBeWell(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {dp.Function{interval = 3600, timeout = 3600, call = function() dp.log.info("`+holdVM+`"); return {n = 1} end}}`)
	d := prepare(t, Options{Checks: []string{path}, MaxScriptMemory: 1})
	s, err := d.load(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close(patience)
	if err := s.adopt(nil); err != nil {
		t.Fatal(err)
	}
	d.scripts = []*script{s}
	d.voice.tell(source{script: path}, "memory", OutcomeMemory, &luaapi.MemoryError{Limit: 1})
	c := s.tasks[0].(*check)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.entry.Run(s.life, c.options(c.logger), new(luaapi.Batch))
	}()
	d.log("the hold", says(holdVM))
	if over := d.watchMemory(new(memoryWatch), time.Now()); len(over) > 0 {
		t.Errorf("%d scripts hold too much", len(over))
	}
	d.letGo()
	<-ended
	if d.logs.Filter(told("", OutcomeOK)).Len() > 0 {
		t.Error("it is said to be well")
	}
}

func TestARunThatWasGivenUpIsForgottenWhenItIsOver(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {dp.Function{name = "x", interval = 3600, call = function() return {} end}}`)
	d := prepare(t, Options{Checks: []string{path}})
	s := d.script()
	c := s.tasks[0].(*check)
	c.begin()
	x := newExecution(nil)
	now := time.Now()
	x.turn = turn{check: c, queued: now, number: c.present.begin(c.record.Load().begin(now))}
	x.batch = luaapi.Batch{Started: now}
	explain := func(source, time.Time) error { return errors.New("it is stuck") }
	for i := range 2 {
		if !d.reportStuck(s, "x", explain) {
			t.Errorf("report %d says that nothing is stuck", i)
		}
	}
	x.conclude()
	if d.reportStuck(s, "x", explain) {
		t.Error("the run is over, and the VM is free")
	}
	if n := len(d.logs.Filter(told("x", OutcomeStuck)).All()); n != 1 {
		t.Errorf("it was told %d times", n)
	}
}
