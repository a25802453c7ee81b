package luaapi

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dumbprobe/internal/state"
)

// stateScript runs bodies as runs of one check, one after another; the last one gives what is to be seen.
func stateScript(t *testing.T, bodies ...string) []outcome {
	t.Helper()
	var source strings.Builder
	source.WriteString("local dp = require \"dumbprobe\"\nlocal state = dp.state\nlocal function see(...) local t = {...} for i = 1, select(\"#\", ...) do t[i] = tostring(t[i]) end return {seen = table.concat(t, \" \")} end\nreturn {\n")
	for i, body := range bodies {
		fmt.Fprintf(&source, "dp.Function{interval = 1, name = \"body %d\", call = function()\n%s\nend},\n", i, body)
	}
	source.WriteString("}\n")
	s := loadScript(t, source.String())
	var outcomes []outcome
	for i := range bodies {
		outcomes = append(outcomes, s.run(i+1))
	}
	return outcomes
}

func seen(t *testing.T, o outcome) string {
	t.Helper()
	if o.err != nil || len(o.batch.Lines) != 1 {
		t.Fatalf("%v: %q", o.err, o.lines())
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(o.batch.Lines[0]), `{"seen":"`), `"}`)
}

func TestWhatARunSetsIsThereForTheNext(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, set, get, want string }{
		{"a number", `state:set("n", 0.1)`, `see(state:get("n"), state:get("n") == 0.1)`, "0.1 true"},
		{"a large number, exactly", `state:set("n", 9007199254740993)`, `see(state:get("n") == 9007199254740993)`, "true"},
		{"a negative zero", `state:set("n", -0)`, `see(1 / state:get("n"))`, "-Inf"},
		{"bytes", `state:set("s", "\0\255\n")`, `see(#state:get("s"), state:get("s") == "\0\255\n")`, "3 true"},
		{"an empty string", `state:set("s", "")`, `see(state:get("s") == "")`, "true"},
		{"false", `state:set("b", false)`, `see(state:get("b", 5))`, "false"},
		{"null", `state:set("z", dp.null)`, `see(state:get("z") == dp.null)`, "true"},
		{"a list", `state:set("t", {1, "two", true})`, `see(unpack(state:get("t")))`, "1 two true"},
		{"a table with a list and keys", `state:set("t", {1, 2, a = 3, [7] = 4, [true] = 5, [0.5] = 6})`,
			`local t = state:get("t") return see(t[1], t[2], t.a, t[7], t[true], t[0.5])`, "1 2 3 4 5 6"},
		{"a list with a hole", `state:set("t", {1, nil, 3})`, `local t = state:get("t") return see(t[1], t[2], t[3])`, "1 nil 3"},
		{"tables in tables", `state:set("t", {a = {b = {{c = 1}}}})`, `see(state:get("t").a.b[1].c)`, "1"},
		{"the order of keys", `state:set("t", {z = 1, a = 2, m = 3})`,
			`local names = {} for k in pairs(state:get("t")) do names[#names + 1] = k end return see(unpack(names))`, "z a m"},
		{"what JSON had", `state:set("t", dp.json.decode('{"a":[],"b":{},"c":null}'))`,
			`see((dp.json.encode(state:get("t")):gsub('"', "'")))`, "{'a':[],'b':{},'c':null}"},
		{"one table in two places", `local x = {1} state:set("t", {x, x})`,
			`local t = state:get("t") return see(t[1][1], t[2][1], t[1] == t[2])`, "1 1 false"},
		{"a name of any bytes", `state:set("\0ü", 1)`, `see(state:get("\0ü"))`, "1"},
		{"nothing", ``, `see(state:get("n"), state:get("n", "default"))`, "nil default"},
		{"what was deleted", `state:set("n", 1) state:delete("n")`, `see(state:get("n"), state:delete("n"))`, "nil false"},
		{"names", `state:set("b", 1) state:set("a", 1) state:delta("c", 1) state:rate("d", 1)`, `see(unpack(state:keys()))`, "a b"},
		{"a sum", `state:incr("n") state:incr("n", 2.5)`, `see(state:incr("n", -1))`, "2.5"},
		{"a counter", `state:delta("n", 10) state:set("n", "other")`, `see(state:delta("n", 25), state:get("n"))`, "15 other"},
		{"a counter that was reset", `state:delta("n", 10)`, `see(state:delta("n", 4))`, "4"},
		{"a counter that has wrapped", `state:delta("n", 2^32 - 1)`, `see(state:delta("n", 4, {wrap = 2^32}))`, "5"},
		{"a rate", `state:rate("n", 10, {time = 100})`, `see(state:rate("n", 30, {time = 102}))`, "10"},
		{"a rate in no time", `state:rate("n", 10, {time = 100}) assert(not state:rate("n", 20, {time = 100}))`,
			`see(state:rate("n", 30, {time = 102}))`, "10"},
		{"a first rate and delta", ``, `see(state:rate("n", 1), state:delta("n", 1))`, "nil nil"},
		{"a deleted counter", `state:delta("n", 1) state:rate("n", 1) assert(state:delete("n"))`, `see(state:delta("n", 2), state:rate("n", 2))`, "nil nil"},
		{"what a coroutine sets", `coroutine.wrap(function() state:set("n", 1) end)()`, `see(state:get("n"))`, "1"},
		{"what is set before a wait", `state:set("n", 1) dp.sleep(0.001)`, `see(state:get("n"))`, "1"},
		{"what an error that was caught leaves", `pcall(function() state:set("n", 1) error("x") end)`, `see(state:get("n"))`, "1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(test.get, "return") {
				test.get = "return " + test.get
			}
			o := stateScript(t, test.set+"\nreturn {}", test.get)
			if o[0].err != nil {
				t.Fatal(o[0].err)
			}
			if got := seen(t, o[1]); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestARunSeesWhatItHasSet(t *testing.T) {
	t.Parallel()
	luaTest(t, `
local state = dp.state
state:set("t", {1})
local t = state:get("t")
t[1] = 2
assert(state:get("t")[1] == 1, "a table is a copy")
state:set("a", 1) state:delete("a")
assert(state:get("a") == nil and #state:keys() == 1 and state:keys()[1] == "t")
assert(state:incr("n") == 1 and state:incr("n") == 2)
assert(state:delta("c", 1) == nil and state:delta("c", 3) == 2)
assert(tostring(state) == "dumbprobe.state" and state == dp.state and require("dumbprobe").state == state)`)
}

func TestARunThatFailsChangesNoState(t *testing.T) {
	t.Parallel()
	before := `state:set("n", 1) state:delta("c", 10) return {}`
	after := `return see(state:get("n"), state:get("m"), state:delta("c", 30))`
	change := `state:set("n", 2) state:set("m", 2) state:delta("c", 20) state:delete("n") `
	for _, test := range []struct{ name, body, want string }{
		{"an error", change + `error("x")`, "1 nil 20"},
		{"no result", change, "1 nil 20"},
		{"a result that is none", change + `return 5`, "1 nil 20"},
		{"a timeout", change + `while true do end`, "1 nil 20"},
		{"a timeout in a wait", change + `dp.sleep(60) return {}`, "1 nil 20"},
		{"a message that is dropped is no failure of the run", change + `return {{x = 0/0}, {x = 1}}`, "nil 2 10"},
		{"nothing to send", change + `return {}`, "nil 2 10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, "local dp = require \"dumbprobe\"\nlocal state = dp.state\nlocal function see(...) local t = {...} for i = 1, select(\"#\", ...) do t[i] = tostring(t[i]) end return {seen = table.concat(t, \" \")} end\nreturn {\n"+
				"dp.Function{interval = 1, call = function() "+before+" end},\ndp.Function{interval = 1, call = function() "+test.body+" end},\ndp.Function{interval = 1, call = function() "+after+" end}}\n")
			s.mustRun(1)
			s.runFor(2, shortTime)
			if got := seen(t, s.run(3)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A run that cannot take the VM back ends in the middle of Lua: nothing of it is committed.
func TestARunThatIsGivenUpChangesNoState(t *testing.T) {
	t.Parallel()
	s := loadScript(t, `local dp = require "dumbprobe"
return {
  dp.Function{interval = 1, call = function() dp.state:set("n", 1) dp.sleep(0.01) dp.state:set("n", 2) return {} end},
  dp.Function{interval = 1, call = function() BLOCK() return {} end},
}`)
	b := s.blocker()
	asleep := make(chan struct{})
	first := s.start(1, RunOptions{Timeout: shortTime, OnWait: func() { close(asleep) }})
	<-asleep
	second := s.start(2, RunOptions{Timeout: longTime})
	<-b.held
	if o := s.wait(first); !isDeadline(o.err) {
		t.Errorf("the run gave %v", o.err)
	}
	close(b.release)
	s.wait(second)
	if v, ok := s.kept.Begin("check").Get("n"); ok {
		t.Errorf("it has set %q", v)
	}
}

func TestErrorsOfState(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ body, want string }{
		{`dp.state:set("n", nil)`, "bad argument #3 to State.set (`value` must be a number, a string, a boolean, a table or dumbprobe.null (`delete` takes a name away), not nil)"},
		{`dp.state:set("n", print)`, "not a function"},
		{`dp.state:set("n", dp.Value(1))`, "not a Value"},
		{`dp.state:set("n", 0/0)`, "State.set: NaN cannot be kept"},
		{`dp.state:set("n", {a = {1, -1/0}})`, "State.set: a[2]: -infinity cannot be kept"},
		{`dp.state:set("n", {a = print})`, "State.set: a: a function cannot be kept; numbers, strings, booleans, dumbprobe.null and tables of them can"},
		{`dp.state:set("n", {[print] = 1})`, "State.set: a function as a key; strings, numbers and booleans can be kept"},
		{`dp.state:set("n", {a = dp.Message{aspect = "x"}})`, "State.set: a: a Message cannot be kept"},
		{`dp.state:set("n", {a = setmetatable({}, {})})`, "State.set: a: a table with a metatable cannot be kept: it would come back without"},
		{`dp.state:set("n", {[2^20 + 1] = 1})`, "State.set: the number 1048577 as a key; whole numbers up to 1048576 can be kept as keys, greater ones as strings"},
		{`local t = {} t.t = {t} dp.state:set("n", t)`, "State.set: t[1]: the table contains itself (a cycle)"},
		{`local t = {} for i = 1, 100 do t = {t} end dp.state:set("n", t)`, "more than 64 levels of tables"},
		{`dp.state:set("n", ("x"):rep(70000))`, "State.set: the value takes more than the 65536 bytes that are kept"},
		{`local t = {} for i = 1, 10000 do t[i] = i end dp.state:set("n", t)`, "State.set: the value takes more than the 65536 bytes that are kept"},
		{`for i = 1, 10 do dp.state:set("n" .. i, ("x"):rep(60000)) end`, "the state of the check would take"},
		{`for i = 1, 1001 do dp.state:set("n" .. i, i) end`, `"n1001" would be one name too many: a check keeps at most 1000`},
		{`dp.state:set(("n"):rep(300), 1)`, "the name has 300 bytes; at most 256 are kept"},
		{`dp.state:set("", 1)`, "bad argument #2 to State.set (`name` must be a string that is not empty"},
		{`dp.state:get(1)`, "`name` must be a string that is not empty, not the number 1"},
		{`dp.state.get("n")`, "State.get: call it with a colon, object:get(...)"},
		{`dp.state:rate("n", 0/0)`, "`value` must be a finite number, 0 or more"},
		{`dp.state:rate("n", 1/0)`, "`value` must be a finite number, 0 or more"},
		{`dp.state:delta("n", -1)`, "`value` must be a finite number, 0 or more"},
		{`dp.state:delta("n", "1")`, "`value` must be a finite number, 0 or more, not the string"},
		{`dp.state:delta("n", 256, {wrap = 256})`, "the counter is 256, and is said to begin again from 0 at 256"},
		{`dp.state:delta("n", 1, {warp = 256})`, "unknown field `warp`; known are wrap"},
		{`dp.state:delta("n", 1, {time = 1})`, "unknown field `time`"},
		{`dp.state:rate("n", 1, {time = 1e300})`, "the time 1e+300 is no unix time in seconds"},
		{`dp.state:set("n", "1") dp.state:incr("n")`, `State.incr: "n" is the string "1", not a number`},
		{`dp.state:set("n", 1.7e308) dp.state:incr("n", 1.7e308)`, `State.incr: "n" would not be finite`},
		{`dp.state:inc("n")`, "dumbprobe.state has no method `inc`, did you mean `incr`?"},
		{`local x = dp.state.counter`, "dumbprobe.state has no field `counter`: a value is read by dumbprobe.state:get(name)"},
		{`dp.state.counter = 5`, "dumbprobe.state has no field `counter`: a value is set by dumbprobe.state:set(name, value)"},
		{`dp.sate:get("n")`, "the module dumbprobe has no `sate`, did you mean `state`?"},
	} {
		if o := runBody(t, test.body+"\ndo return {} end"); o.err == nil || !strings.Contains(o.err.Error(), test.want) {
			t.Errorf("%s\n gives %v\n want %s", test.body, o.err, test.want)
		}
	}
}

func TestThereIsNoStateOutsideOfARun(t *testing.T) {
	t.Parallel()
	s := newScriptVM(t, writeScript(t, "local dp = require \"dumbprobe\"\nlocal state = dp.state\nstate:get(\"n\")\nreturn {}\n"), Limits{})
	_, err := s.vm.Load(context.Background(), RunOptions{Timeout: longTime})
	if want := s.at(3) + ": " + errNoState.Error(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestStateOfTheMethodsThatTheDaemonCalls(t *testing.T) {
	t.Parallel()
	s := loadScript(t, `local dp = require "dumbprobe"
return {
  dp.ShellCommand{interval = 1, command = "echo 1", parse = function(out) return {n = dp.state:incr("n", tonumber(out))} end},
  {next_run = function() return dp.state:incr("n", 10) end, run = function() return {n = dp.state:incr("n", 100)} end},
}`)
	s.mustRun(1)
	var at float64
	s.wait(s.goDo(RunOptions{Timeout: longTime}, func(opts RunOptions, _ *Batch) (err error) {
		at, err = s.Entries[1].NextRun(context.Background(), opts)
		return err
	}))
	if got := s.mustRun(2).lines(); at != 11 || !slices.Equal(got, []string{`{"n":111}`}) {
		t.Errorf("next_run gave %v, run %q", at, got)
	}
}

// Each record of a stream is by itself: what its parse did stays if its messages are sent, and only then.
func TestStateOfTheRecordsOfAStream(t *testing.T) {
	t.Parallel()
	const parse = `function(line)
  dp.state:incr("lines")
  dp.state:set("last", line)
  if line == "raise" then error("x") elseif line == "nil" then return nil elseif line == "number" then return 5 end
  return {line = line, lines = dp.state:get("lines")}
end`
	for _, test := range []struct{ name, source string }{
		{"a built-in class", `dp.ShellStream{command = "for i in a raise b nil c; do echo $i; done", parse = ` + parse + `}`},
		{"a class of the script", `dp.BaseHandle:extend{
  open = function(self) self.reader = dp.reader.command{command = "for i in a raise b nil c; do echo $i; done"} end,
  parse = function(self, line) return (` + parse + `)(line) end}{}`},
		{"a built-in class that is called by a script", `(function()
  local inner = dp.ShellStream{command = "for i in a raise b nil c; do echo $i; done; sleep 60", parse = ` + parse + `}
  return {open = function() inner:open() end, close = function() inner:close() end, read_messages = function()
    local list = {}
    while #list < 3 do for _, m in ipairs(inner:read_messages()) do table.insert(list, m) end dp.sleep(0.001) end
    return list, dp.EOF
  end}
end)()`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, "local dp = require \"dumbprobe\"\nreturn {"+test.source+"}")
			h := s.handle(1)
			if err := h.open(); err != nil {
				t.Fatal(err)
			}
			if err := h.read(); err != nil {
				t.Fatal(err)
			}
			if err := h.close(); err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, line := range h.batch.Lines {
				lines = append(lines, string(line))
			}
			if want := []string{`{"line":"a","lines":1}`, `{"line":"b","lines":2}`, `{"line":"c","lines":3}`}; !slices.Equal(lines, want) {
				t.Errorf("got %q, want %q", lines, want)
			}
			txn := s.kept.Begin("check")
			if last, _ := txn.Get("last"); last != string(state.AppendString(nil, "c")) {
				t.Errorf("the last line is %q", last)
			}
		})
	}
}

// An object gives its messages one by one, for as long as it likes: what it did stays with each that is sent.
func TestStateOfAnObject(t *testing.T) {
	t.Parallel()
	s := loadScript(t, `local dp = require "dumbprobe"
return {run_next = function()
  local i = 0
  return function()
    i = i + 1
    dp.state:incr("n")
    if i == 3 then error("x") end
    return {n = dp.state:get("n")}
  end
end}`)
	for range 2 {
		o := s.wait(s.goDo(RunOptions{Timeout: longTime, Sliding: true}, func(opts RunOptions, b *Batch) error {
			return s.Object.RunNext(context.Background(), opts, b, func([][]byte) {})
		}))
		if o.err == nil {
			t.Error("there is no error")
		}
	}
	if got, _ := s.kept.Begin("check").Get("n"); got != string(state.AppendNumber(nil, 4)) {
		t.Errorf("n is %q", got)
	}
}

func TestChecksDoNotSeeEachOthersState(t *testing.T) {
	t.Parallel()
	s := loadScript(t, checkOf(`return {n = dp.state:incr("n")}`))
	for _, test := range []struct{ check, want string }{{"a", `{"n":1}`}, {"b", `{"n":1}`}, {"a", `{"n":2}`}} {
		o := s.wait(s.start(1, RunOptions{Timeout: longTime, Label: new(test.check)}))
		if got := o.lines(); !slices.Equal(got, []string{test.want}) {
			t.Errorf("%s: got %q (%v), want %s", test.check, got, o.err, test.want)
		}
	}
}

// A rate without a time is by the clock.
func TestARateIsPerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := loadScript(t, checkOf(`N = (N or 0) + 1000
return {rate = dp.state:rate("n", N) or dp.null}`))
		s.mustRun(1)
		time.Sleep(20 * time.Second)
		if got := s.mustRun(1).lines()[0]; got != `{"rate":50}` {
			t.Errorf("1000 in 20 s are %s", got)
		}
	})
}

func BenchmarkState(b *testing.B) {
	for _, bench := range []struct{ name, body string }{
		{"Without", `return dp.Message{aspect = "uptime", value = 5}`},
		{"Get", `local n = dp.state:get("n", 5) return dp.Message{aspect = "uptime", value = n}`},
		{"Rate", `N = (N or 0) + 1 local n = dp.state:rate("n", N) return dp.Message{aspect = "uptime", value = n or 5}`},
		{"Incr", `local n = dp.state:incr("n") return dp.Message{aspect = "uptime", value = n}`},
		{"Table10", `local t = dp.state:get("t", {}) for i = 1, 10 do t[i] = i end dp.state:set("t", t) return dp.Message{aspect = "uptime", value = 5}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := loadScript(b, checkOf(bench.body))
			opts := RunOptions{Timeout: time.Minute, Logger: s.log, Label: new("check"), State: s.kept}
			b.ReportAllocs()
			for b.Loop() {
				var batch Batch
				if err := s.Entries[0].Run(context.Background(), opts, &batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
