package engine

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestALongCommandDelaysNoOtherCheckOfItsFile(t *testing.T) {
	t.Parallel()
	raw, parsed := fifo(t), fifo(t)
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", fmt.Sprintf(`
local n = 0
return {
  dp.ShellCommand{command = "read line < %s; echo $line", interval = 3600},
  dp.ShellCommand{command = "read line < %s; echo $line", parse = function(out) return dp.json.decode(out) end, interval = 3600},
  dp.Function{call = function() return {quick = 1} end, interval = 3600},
  dp.Function{call = function() n = n + 1; return {n = n} end, interval = 0.05},
}`, raw, parsed))}})
	d.message("a check that is due now, behind two that wait", key("quick"))
	d.messages(10, "a check that goes on while two wait", key("n"))
	if len(d.sent(key("opened"))) > 0 {
		t.Error("a command ended before its time")
	}
	feed(t, raw, `{"opened": 1}`)
	feed(t, parsed, `{"opened": 2}`)
	d.messages(2, "what waited", key("opened"))
}

func TestACheckThatSleepsDelaysNoOtherCheckOfItsFile(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local waiting = 0
local function sleeper() waiting = waiting + 1; dp.sleep(3600); return {} end
local checks = {dp.Function{call = function() return {waiting = waiting} end, interval = 0.05}}
for i = 1, 200 do checks[#checks + 1] = dp.Function{call = sleeper, interval = 3600} end
return checks`)}, Grace: time.Millisecond})
	d.message("200 checks that wait at once", func(m msg) bool { return m.num("waiting") == 200 })
}

func TestAnEndlessLoopEndsAtItsDeadlineAndOtherFilesMissNothing(t *testing.T) {
	t.Parallel()
	const tick = `
local n = 0
local %s = function() n = n + 1; return {%s = n} end`
	a := lua(t, "a.lua", fmt.Sprintf(tick, "mine", "mine")+`
return {
  dp.Function{call = function() while true do end end, interval = 3600, timeout = 0.7, name = "loop"},
  dp.Function{call = function() while true do pcall(function() while true do end end) end end, interval = 3600, timeout = 0.7, name = "protected"},
  dp.Function{call = function() coroutine.wrap(function() while true do end end)() end, interval = 3600, timeout = 0.7, name = "coroutine"},
  dp.Function{call = mine, interval = 0.2, name = "mine"},
}`)
	b := lua(t, "b.lua", fmt.Sprintf(tick, "other", "other")+`
return {dp.Function{call = other, interval = 0.2, name = "other"}}`)
	d := launch(t, Options{Checks: []string{a, b}})
	for _, name := range []string{"loop", "protected", "coroutine"} {
		m := d.message("the timeout of "+name, self(name, OutcomeTimeout))
		if !strings.Contains(m.Event.Comment, "the deadline of 700ms passed") {
			t.Errorf("comment %q", m.Event.Comment)
		}
	}
	loopEnded := time.Now()
	d.messages(3, "runs of the other check of the file, after the loops", func(m msg) bool { return m.has("mine") && m.at.After(loopEnded) })
	others := d.sent(key("other"))
	for i, m := range others {
		if m.num("other") != float64(i+1) {
			t.Errorf("message %d of the other file is %s", i+1, m.raw)
		}
		if i > 0 && m.at.Sub(others[i-1].at) > 1500*time.Millisecond {
			t.Errorf("the other file waited for %s", m.at.Sub(others[i-1].at))
		}
	}
	if n := len(d.sent(self("other", OutcomeTimeout))); n > 0 {
		t.Errorf("%d runs of the other file failed", n)
	}
	// Three deadlines of 0.7 s one after another, and 0.2 s between runs: about ten are skipped, none overlaps.
	if m := d.sent(self("mine", OutcomeTimeout)); len(m) > 0 {
		t.Errorf("the other check of the file failed: %s", m[0].raw)
	}
}

// A deadline that passes in a command is not put down to the check that holds the VM when the command is dead.
func TestADeadlineThatPassesInACommandWhileTheVMIsHeld(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
return {
  dp.Function{call = function() dp.command("sleep 100") return {} end, interval = 3600, timeout = 1, name = "waiting"},
  dp.Function{call = function() dp.sleep(0.7) while true do end end, interval = 3600, timeout = 4, name = "loop"},
}`)}})
	m := d.message("the timeout", self("waiting", OutcomeTimeout))
	const want = "timeout: the deadline of 1s passed in what it waited for, or while it waited to go on in the script after that: another check had the VM"
	if m.Event.Comment != want {
		t.Errorf("comment %q", m.Event.Comment)
	}
}

func TestARunThatIsQueuedBehindALoopFailsAtItsOwnDeadline(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
return {
  dp.Function{call = function() while true do end end, interval = 3600, timeout = 2, name = "loop"},
  dp.Function{call = function() return {ran = 1} end, interval = 3600, timeout = 0.5, name = "queued"},
}`)}})
	m := d.message("the queued check's timeout", self("queued", OutcomeTimeout))
	if !strings.Contains(m.Event.Comment, "another check holds the VM") {
		t.Errorf("comment %q", m.Event.Comment)
	}
	if len(d.sent(self("loop", ""))) > 0 {
		t.Error("the loop ended first: the queued check was reported too late")
	}
	if len(d.sent(key("ran"))) > 0 {
		t.Error("the check ran all the same")
	}
	d.message("the loop's timeout", self("loop", OutcomeTimeout))
}

func TestTheDeadlineCountsFromWhenTheRunIsDue(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
return {
  dp.Function{call = function() while true do end end, interval = 3600, timeout = 0.6, name = "loop"},
  dp.Function{call = function() dp.sleep(0.7); return {ran = 1} end, interval = 3600, timeout = 1, name = "behind"},
}`)}})
	d.message("a deadline that passed while it slept, after it had queued", self("behind", OutcomeTimeout))
	if len(d.sent(key("ran"))) > 0 {
		t.Error("it ran all the same")
	}
}

func TestACheckNeverOverlapsItself(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local running, worst = 0, 0
local function run(self)
  running = running + 1
  worst = math.max(worst, running)
  dp.sleep(0.03)
  running = running - 1
  return {worst = worst}
end
return {dp.Function{call = run, interval = 0.01}}`), lua(t, "b.lua", `
local running, worst = 0, 0
return {{
  next_run = function() return 0 end,
  run = function()
    running = running + 1
    worst = math.max(worst, running)
    dp.sleep(0.03)
    running = running - 1
    return {own = worst}
  end,
}}`)}})
	for _, m := range d.messages(10, "runs", key("worst")) {
		if m.num("worst") != 1 {
			t.Fatalf("%s", m.raw)
		}
	}
	for _, m := range d.messages(10, "runs", key("own")) {
		if m.num("own") != 1 {
			t.Fatalf("%s", m.raw)
		}
	}
}

func TestRunsThatFallOutAreSkippedNotMadeUpFor(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{SelfMessages: SelfAll, Checks: []string{lua(t, "a.lua", `
local n = 0
return {dp.Function{name = "slow", interval = 0.2, call = function()
  n = n + 1
  if n == 1 then dp.sleep(0.9) end
  return {n = n, at = dp.time()}
end}}`)}})
	runs := d.messages(4, "runs", key("n"))
	if gap := runs[2].num("at") - runs[1].num("at"); gap < 0.1 {
		t.Errorf("the runs that fell out were made up for: %.3f s between two", gap)
	}
	l := d.log("the skipped runs", told("slow", OutcomeSkipped))
	if n := l.ContextMap()["skipped"].(int64); n < 3 || n > 5 {
		t.Errorf("%d runs were skipped, want about 4", n)
	}
	d.message("the message about it", self("slow", OutcomeSkipped))
	d.message("the message that it is well again", self("slow", OutcomeOK))
}

// badNextRuns are what next_run may give, and what is to be said about it.
var badNextRuns = map[string]string{
	"nil":                                  "next_run returned nil",
	"0/0":                                  "must be a finite unix time",
	"1/0":                                  "must be a finite unix time",
	"-1/0":                                 "must be a finite unix time",
	"'soon'":                               `next_run returned the string "soon"`,
	"'12'":                                 `next_run returned the string "12"`,
	"{}":                                   "next_run returned a table",
	"true":                                 "next_run returned the boolean true",
	"error('no idea')":                     "no idea",
	"error({code = 5})":                    `the error object {"code":5}`,
	"(function() while true do end end)()": "the deadline of 300ms passed",
}

func TestABadNextRunIsReportedAndAskedAgainAfterABackOff(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`
local function odd(name, bad)
  local asked, ran = 0, 0
  return {
    check_name = function() return name end,
    timeout = name:find("while") and 0.3 or nil, -- the others queue behind it
    next_run = function()
      asked = asked + 1
      if asked == 1 then return bad() end
      return dp.time() + (ran == 0 and 0 or 3600)
    end,
    run = function()
      ran = ran + 1
      return {name = name, asked = asked, ran = ran}
    end,
  }
end
return {
`)
	for bad := range badNextRuns {
		fmt.Fprintf(&b, "odd(%q, function() return %s end),\n", bad, bad)
	}
	b.WriteString("}")
	start := time.Now()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", b.String())}})
	for bad, want := range badNextRuns {
		m := d.message("the report on "+bad, self(bad, OutcomeNextRun))
		if !strings.Contains(m.Event.Comment, want) || m.Event.State.Severity != "error" {
			t.Errorf("%s: %s", bad, m.raw)
		}
		run := d.message("a run after "+bad, func(m msg) bool { return m.keys["name"] == bad })
		if run.num("asked") != 2 || run.num("ran") != 1 {
			t.Errorf("%s: it was run before it was asked again: %s", bad, run.raw)
		}
		if waited := run.at.Sub(start); waited < time.Second {
			t.Errorf("%s: it was asked again after %s", bad, waited)
		}
		d.message("the recovery from "+bad, self(bad, OutcomeOK))
		if n := len(d.logs.Filter(told(bad, OutcomeNextRun)).All()); n != 1 {
			t.Errorf("%s: %d log lines", bad, n)
		}
	}
}

func TestANextRunThatAlwaysFailsDoesNotSpin(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{SelfMessages: SelfAll, Checks: []string{lua(t, "a.lua", `
return {{check_name = function() return "x" end, next_run = function() error("never") end, run = function() return {ran = 1} end}}`)}})
	failures := d.messages(2, "failures", self("x", OutcomeNextRun))
	if gap := failures[1].Time - failures[0].Time; gap < 0.9 {
		t.Errorf("asked again after %.3f s", gap)
	}
	if n := len(d.sent(key("ran"))); n > 0 {
		t.Errorf("a check that was never due ran %d times", n)
	}
}

func TestATimeInThePastMeansNowWithoutASpin(t *testing.T) {
	t.Parallel()
	for _, past := range []string{"0", "-1e300", "dp.time() - 1", "dp.time()"} {
		t.Run(past, func(t *testing.T) {
			t.Parallel()
			d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local n = 0
return {{next_run = function() return `+past+` end, run = function() n = n + 1; return {n = n, at = dp.time()} end}}`)}})
			runs := d.messages(20, "runs", key("n"))
			first, last := runs[0], runs[19]
			if took := last.num("at") - first.num("at"); took < 19*0.009 {
				t.Errorf("20 runs in %.3f s", took)
			}
			d.stop()
			if n := d.count(OutcomeNextRun) + d.count(OutcomeError); n > 0 {
				t.Errorf("%d failures", n)
			}
		})
	}
}

func TestATimeFarAheadIsClampedAndReported(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
return {{check_name = function() return "x" end, next_run = function() return 1e300 end, run = function() return {} end}}`)}})
	l := d.log("the warning", says("more than a year ahead"))
	if l.ContextMap()["check"] != "x" {
		t.Errorf("fields %v", l.ContextMap())
	}
	d.until("the plan", func() bool { d.news.beat(); _, queued := d.loop.Due(&d.task("x").(*check).Entry); return queued })
	due, _ := d.loop.Due(&d.task("x").(*check).Entry)
	if ahead := time.Until(due); math.Abs(ahead.Hours()-365*24) > 1 {
		t.Errorf("due in %s", ahead)
	}
}

func TestTheTimeoutOfTheEngineIsForChecksThatGiveNone(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Timeout: 200 * time.Millisecond, Checks: []string{lua(t, "a.lua", `
return {
  dp.Function{call = function() dp.sleep(3600) end, interval = 3600, name = "default"},
  dp.Function{call = function() dp.sleep(0.6); return {own = 1} end, interval = 3600, timeout = 30, name = "own"},
  {check_name = function() return "table" end, next_run = function() return dp.time() + 0.2 end, run = function() dp.sleep(3600) end},
}`)}})
	for _, name := range []string{"default", "table"} {
		m := d.message("a timeout", self(name, OutcomeTimeout))
		if !strings.Contains(m.Event.Comment, "200ms") {
			t.Errorf("comment %q", m.Event.Comment)
		}
	}
	d.message("the check that may take longer", key("own"))
}

func TestWhatARunLogsCarriesTheScriptTheCheckAndThePosition(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `
return {
  dp.Function{call = function() return {} end, interval = 3600},
  dp.Function{call = function() print("from print"); io.write("from io.write\n"); dp.log.warn("from log", {n = 5}); return {} end, interval = 3600, name = "x"},
}`)
	d := launch(t, Options{Checks: []string{path}})
	for _, text := range []string{"from print", "from io.write", "from log"} {
		fields := d.log(text, says(text)).ContextMap()
		if fields["script"] != path || fields["check"] != "x" || fields["position"] != int64(2) {
			t.Errorf("%s: fields %v", text, fields)
		}
	}
	if fields := d.log("the field", says("from log")).ContextMap(); fields["n"] != 5.0 {
		t.Errorf("fields %v", fields)
	}
	d.stop()
	if all := d.out.all(); len(all) > 0 {
		t.Errorf("sent %s", all[0].raw)
	}
}
