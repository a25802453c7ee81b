package engine

import (
	"testing"
	"time"
)

func TestAnObjectGivesItsMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, result string // of the n-th call
		perCall      int    // messages of one call
	}{
		{"as a list", "return {{n = n, i = 1}, {n = n, i = 2}}", 2},
		{"as one message", "return dp.Message{aspect = 'x', value = n}", 1},
		{"as one dict", "return {n = n}", 1},
		{"as an iterator", "local i = 0; return function() i = i + 1; if i <= 3 then return {n = n, i = i} end end", 3},
		{"as an iterator that waits", "local i = 0; return function() i = i + 1; dp.sleep(0.01); if i <= 3 then return {n = n, i = i} end end", 3},
		{"as a coroutine", "return coroutine.wrap(function() for i = 1, 3 do coroutine.yield({n = n, i = i}) end end)", 3},
		{"as {} in between", "if n % 2 == 0 then return {} end; return {{n = n}, {n = n}}", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local object, n = {}, 0
function object:run_next()
  dp.sleep(0.02)
  n = n + 1
  `+c.result+`
end
return object`)}})
			all := d.messages(3*c.perCall, "messages of three calls", func(msg) bool { return true })
			for i, m := range all {
				if m.has("i") && m.num("i") != float64(i%c.perCall+1) {
					t.Errorf("message %d is %s", i, m.raw)
				}
			}
			d.stop()
			if n := d.count(OutcomeError) + d.count(OutcomeDropped) + d.count(OutcomeNil); n > 0 {
				t.Errorf("%d failures", n)
			}
			if d.count(OutcomeOK) < 2 { // the third call may still be under way
				t.Errorf("%d calls were counted", d.count(OutcomeOK))
			}
		})
	}
}

func TestAnIteratorsMessagesAreSentAsTheyCome(t *testing.T) {
	t.Parallel()
	gate := fifo(t)
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local object = {}
function object:run_next()
  local i = 0
  return function()
    i = i + 1
    if i == 2 then dp.command("read line < `+gate+`") end
    if i <= 2 then return {i = i} end
    dp.sleep(3600)
  end
end
return object`)}})
	d.message("the first, before the second", func(m msg) bool { return m.num("i") == 1 })
	feed(t, gate, "")
	d.message("the second", func(m msg) bool { return m.num("i") == 2 })
}

func TestABrokenObjectIsReportedAndCalledAgainAfterABackOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bad     string
		outcome Outcome
	}{
		"an error":                {`error("broken")`, OutcomeError},
		"nil":                     {`return nil`, OutcomeNil},
		"a number":                {`return 5`, OutcomeError},
		"an iterator that raises": {`local i = 0; return function() i = i + 1; if i == 1 then return {first = 1} end; error("broken") end`, OutcomeError},
		"an endless loop":         {`while true do end`, OutcomeTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := launch(t, Options{Timeout: 300 * time.Millisecond, SelfMessages: SelfAll, Checks: []string{lua(t, "a.lua", `
local object, n = {}, 0
function object:run_next()
  n = n + 1
  if n <= 2 then `+c.bad+` end
  dp.sleep(0.05)
  return {n = n}
end
return object`)}})
			const self1 = "a.lua#1 table"
			failed := d.messages(2, "failures", self(self1, c.outcome))
			if gap := failed[1].Time - failed[0].Time; gap < 0.95 {
				t.Errorf("called again after %.3f s", gap)
			}
			m := d.message("the recovery", key("n"))
			if m.num("n") != 3 {
				t.Errorf("%s", m.raw)
			}
			if gap := m.at.Sub(failed[1].at); gap < 1900*time.Millisecond {
				t.Errorf("called again after %s, want the double", gap)
			}
			d.message("that it works again", self(self1, OutcomeOK))
			lines := d.logs.Filter(told(self1, c.outcome)).All()
			if len(lines) != 2 || lines[0].ContextMap()["position"] != int64(1) {
				t.Errorf("%d log lines", len(lines))
			}
			if n := len(d.sent(key("first"))); name == "an iterator that raises" && n != 2 {
				t.Errorf("%d messages before the error", n)
			}
		})
	}
}

func TestDroppedMessagesOfAnObjectKeepTheGoodOnes(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local object = {}
function object:run_next()
  dp.sleep(0.02)
  return {{good = 1}, {bad = 0/0}, {good = 2}}
end
return object`)}})
	d.messages(4, "the good ones", key("good"))
	d.message("the report", self("a.lua#1 table", OutcomeDropped))
}

func TestAnObjectThatReturnsAtOnceDoesNotSpin(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local object, n, first = {}, 0
function object:run_next()
  n = n + 1
  first = first or dp.time()
  if n < 30 then return {} end
  if n == 30 then return {took = dp.time() - first} end
  dp.sleep(3600)
end
return object`)}})
	if m := d.message("the count", key("took")); m.num("took") < 29*0.009 {
		t.Errorf("30 calls in %.3f s", m.num("took"))
	}
}

func TestAnObjectMayWaitLongerThanTheTimeout(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Timeout: 100 * time.Millisecond, Checks: []string{lua(t, "a.lua", `
local object, n = {}, 0
function object:run_next()
  n = n + 1
  dp.sleep(0.5)
  return {n = n}
end
return object`)}})
	d.messages(2, "calls", key("n"))
	if n := d.count(OutcomeTimeout); n > 0 {
		t.Errorf("%d timeouts", n)
	}
}

func TestTheStopInterruptsTheSleepOfAnObject(t *testing.T) {
	t.Parallel()
	for name, sleep := range map[string]string{
		"in run_next":    `dp.sleep(3600); return {}`,
		"in pcall":       `pcall(dp.sleep, 3600); pcall(dp.sleep, 3600); return {}`,
		"in a loop":      `while true do pcall(dp.sleep, 3600) end`,
		"in an iterator": `return function() dp.sleep(3600) end`,
		"in a coroutine": `return coroutine.wrap(function() dp.sleep(3600) end)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			grace := patience
			if name == "in a loop" {
				grace = 300 * time.Millisecond // it is cancelled: the script does not want to end
			}
			d := launch(t, Options{Grace: grace, Checks: []string{lua(t, "a.lua", `
local object = {}
function object:run_next()
  dp.log.info("called")
  `+sleep+`
end
return object`)}})
			d.log("the call", says("called"))
			if took := d.stop(); took > 5*time.Second {
				t.Errorf("the stop took %s", took)
			}
			if n := len(d.sent(aspect(selfAspect))); n > 0 {
				t.Error("the stop was reported as a failure")
			}
		})
	}
}

func TestWhatAnObjectGivesWhenItIsStoppedIsSent(t *testing.T) {
	t.Parallel()
	gate := fifo(t)
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local object = {}
function object:run_next()
  dp.log.info("called")
  dp.command("read line < `+gate+`")
  return {last = 1}
end
return object`)}})
	d.log("the call", says("called"))
	d.cancel()
	d.log("the stop", says("stopping"))
	feed(t, gate, "")
	d.stop()
	if n := len(d.sent(key("last"))); n != 1 {
		t.Errorf("%d messages", n)
	}
}
