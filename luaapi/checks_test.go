package luaapi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dumbprobe/internal/message"
)

func TestFunction(t *testing.T) {
	for name, test := range map[string]struct {
		fields string
		want   string // what select("#", ...) and the arguments are
	}{
		"without args":           {``, "0"},
		"empty args":             {`args = {},`, "0"},
		"args":                   {`args = {1, "two", true},`, "3 1 two true"},
		"a nil among args":       {`args = {1, nil, 3},`, "3 1 nil 3"},
		"false and null":         {`args = {false, dp.null},`, "2 false null"},
		"args that change later": {`args = CHANGING,`, "2 1 later"},
		"a table is the same":    {`args = {SHARED},`, "1 shared"},
	} {
		t.Run(name, func(t *testing.T) {
			s := loadScript(t, `
				local dp = require "dumbprobe"
				local CHANGING = {1}
				local SHARED = setmetatable({}, {__tostring = function() return "shared" end})
				local checks = {dp.Function{interval = 1, `+test.fields+` call = function(...)
					local text = tostring(select("#", ...))
					for i = 1, select("#", ...) do text = text .. " " .. tostring((select(i, ...))) end
					return {text = text}
				end}}
				CHANGING[2] = "later"
				return checks`)
			if got := s.mustRun(1).lines()[0]; got != `{"text":"`+test.want+`"}` {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// The commands of checks, as the daemon runs them and as a script does.
func TestShellCommand(t *testing.T) {
	for name, test := range map[string]struct {
		fields string
		lines  []string
		err    string
	}{
		"one object":                                {`command = "echo '{\"a\": 1}'"`, []string{`{"a":1}`}, ""},
		"a list runs without a shell":               {`command = {"echo", "{\"a\":", "\"$HOME\"", 5, "}"}`, nil, "not a sequence of JSON objects"},
		"several objects":                           {`command = "echo '{\"a\": 1}{\"b\": 2}'; echo; echo '{\"c\":'; echo '3}'"`, []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}, ""},
		"nothing":                                   {`command = "true"`, nil, ""},
		"only white space":                          {`command = "echo; echo ' '"`, nil, ""},
		"text after an object":                      {`command = "echo '{\"a\": 1} oops'"`, []string{`{"a":1}`}, "the output is not a sequence of JSON objects"},
		"a JSON list":                               {`command = "echo '[1]'"`, nil, "the output is not a sequence of JSON objects"},
		"empty tables are kept":                     {`command = "echo '{\"a\": {}, \"b\": []}'"`, []string{`{"a":{},"b":[]}`}, ""},
		"an exit code":                              {`command = "echo '{\"a\": 1}'; echo why >&2; echo more >&2; exit 3"`, nil, "the command ended with exit code 3; it wrote: why"},
		"an exit code without a word":               {`command = "exit 3"`, nil, "the command ended with exit code 3"},
		"a signal":                                  {`command = "kill -9 $$"`, nil, "the command was ended by signal 9"},
		"a command that is not there":               {`command = {"/no/such/command"}`, nil, "cannot start \"/no/such/command\": no such file or directory"},
		"parse gets the output":                     {`command = "echo out; echo err >&2; exit 3", parse = function(out, code, err) return {out = out, code = code, err = err} end`, []string{`{"out":"out\n","code":3,"err":"err\n"}`}, ""},
		"parse gets minus the signal":               {`command = "kill -9 $$", parse = function(out, code, err) return {code = code} end`, []string{`{"code":-9}`}, ""},
		"parse gets the whole result":               {`command = "echo out", parse = function(_, _, _, r) return {out = r.stdout, code = r.code, truncated = r.truncated, time = r.duration > 0} end`, []string{`{"out":"out\n","code":0,"truncated":false,"time":true}`}, ""},
		"parse that returns nothing":                {`command = "true", parse = function() end`, nil, nilError},
		"parse that returns {}":                     {`command = "true", parse = function() return {} end`, nil, ""},
		"parse that fails":                          {`command = "true", parse = function() error("broken") end`, nil, "broken"},
		"parse that fails on what a command left":   {`command = "no-such-command", parse = function(out) return {n = #out:match("%d+")} end`, nil, "(the command ended with exit code 127; it wrote: "},
		"parse that returns nothing after an error": {`command = "echo why >&2; exit 3", parse = function() end`, nil, nilError + " (the command ended with exit code 3; it wrote: why)"},
		"parse that waits":                          {`command = "true", parse = function() dp.sleep(0.001) return {a = 1} end`, []string{`{"a":1}`}, ""},
		"stdin":                                     {`command = "cat", stdin = "{\"a\": 1}"`, []string{`{"a":1}`}, ""},
		"no stdin":                                  {`command = "wc -c", parse = function(out) return {n = tonumber(out)} end`, []string{`{"n":0}`}, ""},
		"env":                                       {`command = "echo \"{\\\"a\\\": \\\"$NAME\\\"}\"", env = {NAME = "web01"}`, []string{`{"a":"web01"}`}, ""},
		"cwd":                                       {`command = "pwd", cwd = "/usr", parse = function(out) return {dir = out} end`, []string{`{"dir":"/usr\n"}`}, ""},
		"a cwd that is not there":                   {`command = "pwd", cwd = "/no/such"`, nil, "its directory cannot be used"},
		"aspect and location":                       {`command = "echo '{\"a\": 1}'", aspect = "x", location = {host = "h"}`, []string{`{"a":1,"event":{"name":"x"},"location":{"host":"h"}}`}, ""},
		"output that is not UTF-8":                  {`command = "printf '\\377'", parse = function(out) return {n = #out} end`, []string{`{"n":1}`}, ""},
		"a large output":                            {`command = "yes | head -c 3000000", parse = function(out, _, _, r) return {n = #out, truncated = r.truncated} end`, []string{`{"n":1048576,"truncated":true}`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, `
				local dp = require "dumbprobe"
				local check = dp.ShellCommand{interval = 5, `+test.fields+`}
				return {check, {next_run = print, run = function() return check:run() end}}`)
			for entry, who := range []string{"the daemon", "a script"} {
				o := s.run(entry + 1)
				lines := o.lines()
				if entry == 1 && test.err != "" {
					lines = test.lines // an error raised in Lua leaves nothing of the result
				}
				if !slices.Equal(lines, test.lines) {
					t.Errorf("run by %s it gives %v, want %v", who, lines, test.lines)
				}
				if got := fmt.Sprint(o.err); test.err == "" && o.err != nil || test.err != "" && !strings.Contains(got, test.err) {
					t.Errorf("run by %s it ends with %s, want %q", who, got, test.err)
				}
				if len(o.batch.Problems) > 0 {
					t.Errorf("run by %s it has problems: %v", who, o.problems())
				}
			}
		})
	}
}

// An object that the aspect and location cannot be set on is dropped alone, and so is one with a key twice.
func TestShellCommandDropsWhatCannotBeSentAlone(t *testing.T) {
	s := loadScript(t, `return {require "dumbprobe".ShellCommand{interval = 5, aspect = "x", command = "echo '{\"a\":1} {\"event\":5} {\"c\":3} {\"d\":{\"e\":1,\"e\":1}}'"}}`)
	o := s.run(1)
	if want := []string{`{"a":1,"event":{"name":"x"}}`, `{"c":3,"event":{"name":"x"}}`}; !slices.Equal(o.lines(), want) {
		t.Errorf("lines %v, want %v", o.lines(), want)
	}
	if want := []string{"message 2 of the result was dropped: event: is a number, not an object",
		`message 4 of the result was dropped: the key d.e a second time, at byte 12 of "{\"d\":{\"e\":1,\"e\":1}}"`}; !slices.Equal(o.problems(), want) {
		t.Errorf("problems %v, want %v", o.problems(), want)
	}
	if o.err != nil {
		t.Error(o.err)
	}
}

func TestNagios(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local location = {host = "web01", service = "load"}
		local checks = {
			dp.Nagios{command = "echo 'LOAD OK - fine | load1=0.5;5;10;0 load5=U;5;10 uptime=7c'", interval = 60, aspect = "load average", location = location},
			dp.Nagios{command = "echo 'LOAD WARNING | load1=7;5;10'; exit 1", interval = 60, aspect = "load average"},
			dp.Nagios{command = "echo 'CRITICAL: cannot connect'; exit 2", interval = 60, name = "http"},
			dp.Nagios{command = {"/bin/sh", "-c", "exit 77"}, interval = 60},
			dp.Nagios{command = "kill -9 $$", interval = 60, aspect = "x"},
			dp.Nagios{command = "echo 'OK | good=1 bad= worse=1x2 also=3'", interval = 60, aspect = "x"},
			dp.Nagios{command = {"/no/such/plugin"}, interval = 60},
			dp.Nagios{command = "sleep 100", interval = 60, timeout = 0.2},
		}
		for i = 1, 8 do
			local inner = checks[i]
			checks[i + 8] = {next_run = print, run = function() return inner:run() end}
		end
		return checks`)
	want := []string{
		`"location":{"host":"web01","service":"load"},"event":{"name":"load average","vset":{"load1":{"value":0.5,"threshold_high":[{"name":"warning","value":5,"severity":"warning"},{"name":"critical","value":10,"severity":"error"}],` +
			`"threshold_low":[{"name":"warning","value":0,"severity":"warning"},{"name":"critical","value":0,"severity":"error"}]},"load5":{"value":null,"threshold_high":[{"name":"warning","value":5,"severity":"warning"},{"name":"critical","value":10,"severity":"error"}],` +
			`"threshold_low":[{"name":"warning","value":0,"severity":"warning"},{"name":"critical","value":0,"severity":"error"}]},"uptime":{"value":7,"type":"accumulative"}},"comment":"LOAD OK - fine","interval":60}}`,
		`"location":{},"event":{"name":"load average","vset":{"load1":{"value":7,"threshold_high":[{"name":"warning","value":5,"severity":"warning"},{"name":"critical","value":10,"severity":"error"}],` +
			`"threshold_low":[{"name":"warning","value":0,"severity":"warning"},{"name":"critical","value":0,"severity":"error"}]}},"comment":"LOAD WARNING","interval":60}}`,
		`"location":{},"event":{"name":"http","state":{"value":"critical","severity":"error"},"comment":"CRITICAL: cannot connect","interval":60}}`,
		`"location":{},"event":{"name":"sh","state":{"value":"unknown","severity":"error"},"interval":60}}`,
		`"location":{},"event":{"name":"x","state":{"value":"unknown","severity":"error"},"comment":"the plugin was ended by signal 9","interval":60}}`,
		`"location":{},"event":{"name":"x","state":{"value":"ok","severity":"expected"},"vset":{"good":{"value":1},"also":{"value":3}},"comment":"OK","interval":60}}`,
	}
	worst := []message.Severity{"", message.Warning, message.Error, message.Error, message.Error, ""}
	for i, want := range want {
		for _, entry := range []int{i + 1, i + 9} {
			o := s.mustRun(entry)
			_, got, _ := strings.Cut(o.lines()[0], `,"location"`)
			if got = `"location"` + got; len(o.lines()) != 1 || got != want {
				t.Errorf("entry %d gives\n%s, want\n%s", entry, got, want)
			}
			if worst[i].Worse(o.batch.Worst) || o.batch.Worst.Worse(worst[i]) {
				t.Errorf("entry %d has the worst severity %q, want %q", entry, o.batch.Worst, worst[i])
			}
			dropped := 0
			for _, w := range o.batch.Warnings {
				var perfdata *PerfdataError
				if !errors.As(w, &perfdata) {
					t.Errorf("entry %d warns of %v", entry, w)
				}
				dropped++
			}
			if wantDropped := map[bool]int{true: 2}[i == 5]; dropped != wantDropped {
				t.Errorf("entry %d left out %v, want %d", entry, o.batch.Warnings, wantDropped)
			}
		}
	}
	for _, entry := range []int{7, 15} {
		if o := s.run(entry); o.err == nil || !strings.Contains(o.err.Error(), `cannot start "/no/such/plugin"`) {
			t.Errorf("entry %d ended with %v", entry, o.err)
		}
	}
	// The engine gives the check's timeout to the run; a script's call of run has it by itself.
	if o := s.runFor(8, shortTime); !isDeadline(o.err) || !strings.Contains(o.err.Error(), "sleep 100") {
		t.Errorf("a plugin that hangs ended with %v", o.err)
	}
	if o := s.run(16); o.err == nil || !strings.Contains(o.err.Error(), "timeout: the deadline of 200ms passed") || o.took > lateTime {
		t.Errorf("a plugin that hangs, called by a script, ended with %v", o.err)
	}
}

// What is left of a plugin's output that was cut says so, and holds no number that was cut short.
func TestNagiosOutputThatIsCut(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local checks = {
			dp.Nagios{command = "yes 'OK much' | head -c 3000000; echo '|a=1'", interval = 60, aspect = "x"},
			dp.Nagios{command = "echo 'OK | a=1 b=23456'", max_output = 12, interval = 60, aspect = "x"},
			dp.Nagios{command = "yes | head -c 3000000 >&2; echo OK", interval = 60, aspect = "x"},
		}
		for i = 1, 3 do
			local inner = checks[i]
			checks[i + 3] = {next_run = print, run = function() return inner:run() end}
		end
		return checks`)
	for i, test := range []struct{ want, warning string }{
		{`"comment":"OK much (the output was cut after 1048576 bytes)"`, "the output was cut after 1048576 bytes"},
		{`"vset":{"a":{"value":1}},"comment":"OK (the output was cut after 12 bytes)"`, "the output was cut after 12 bytes"},
		{`"comment":"OK"`, ""},
	} {
		for _, entry := range []int{i + 1, i + 4} {
			o := s.mustRun(entry)
			if got := o.lines()[0]; !strings.Contains(got, test.want) || strings.Contains(got, `"b"`) {
				t.Errorf("entry %d gives %s, want %s", entry, got, test.want)
			}
			var warnings []string
			for _, w := range o.batch.Warnings {
				warnings = append(warnings, w.Error())
			}
			if got := strings.Join(warnings, "; "); !strings.Contains(got, test.warning) || test.warning == "" && got != "" {
				t.Errorf("entry %d warns of %q, want %q", entry, got, test.warning)
			}
		}
	}
}

// JSON that was cut between two objects is not all there is.
func TestObjectsThatAreCut(t *testing.T) {
	s := loadScript(t, `return {require "dumbprobe".ShellCommand{command = "echo '{\"a\":1}{\"b\":2}'", max_output = 7, interval = 60}}`)
	o := s.run(1)
	if lines := o.lines(); len(lines) != 1 || lines[0] != `{"a":1}` {
		t.Errorf("it gives %v", lines)
	}
	if o.err == nil || o.err.Error() != "the output was cut after 7 bytes" {
		t.Errorf("it ended with %v", o.err)
	}
}

// A check can be run by a script, and its messages changed.
func TestACheckInACheck(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local inner = dp.Nagios{command = "echo 'OK | load=7;5;10'; exit 1", interval = 60, aspect = "load", location = {host = "h"}}
		local function fails() error("broken") end
		local call = dp.Function{call = function() return {{a = 1}, {event = {}}, dp.Message{aspect = "m", value = 1, time = 5}} end, interval = 5, aspect = "over", location = {host = "h"}}
		local cycle = dp.Function{call = function() local t = {} t[1] = t return t end, interval = 5, aspect = "over"}
		local wrong = dp.Function{call = function() return {event = 5} end, interval = 5, aspect = "over"}
		return {
			{next_run = print, run = function()
				local msg = inner:run()
				assert(msg.aspect == "load" and msg.location.host == "h" and msg.state == nil and msg.interval == 60)
				local v = msg.values.load
				assert(v.value == 7)
				v.unit = "procs"
				msg.values.load_percent = v.value * 100
				msg.comment, msg.time = nil, 5
				v:set_above(6, "warning", "warning")
				return msg
			end},
			dp.Function{interval = 1, call = function() return call:run() end},
			dp.Function{interval = 1, call = function() return cycle:run() end},
			dp.Function{interval = 1, call = function() return wrong:run() end},
			dp.Function{interval = 1, call = function()
				local failing = dp.Function{call = fails, interval = 5}
				local ok, why = pcall(failing.run, failing)
				assert(not ok and why:find("broken"), why)
				local nothing = dp.Function{call = function() end, interval = 5}
				ok, why = pcall(nothing.run, nothing)
				assert(not ok and why:find("the result is nil"), why)
				local number = dp.Function{call = function() return 5 end, interval = 5}
				assert(number:run() == 5)
				return {}
			end},
			dp.Function{interval = 1, call = function()
				assert(inner:next_run() > dp.time() and inner:next_run() <= dp.time() + 60)
				assert(dp.Function{call = print, interval = 60}:next_run() == 60)
				assert(inner:check_name() == nil and dp.Function{call = print, interval = 60, name = "n"}:check_name() == "n")
				assert(inner.interval == 60 and inner.aspect == "load" and inner.location.host == "h" and inner.timeout == nil and inner.cron == nil)
				return {}
			end},
		}`)
	want := `{"v":3,"time":5,"location":{"host":"h"},"event":{"name":"load","vset":{"load":{"value":7,"unit":"procs",` +
		`"threshold_high":[{"name":"warning","value":6,"severity":"warning"},{"name":"critical","value":10,"severity":"error"}],` +
		`"threshold_low":[{"name":"warning","value":0,"severity":"warning"},{"name":"critical","value":0,"severity":"error"}]},"load_percent":{"value":700}},"interval":60}}`
	if got := s.mustRun(1).lines(); len(got) != 1 || got[0] != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if got, want := s.mustRun(2).lines(), []string{
		`{"a":1,"event":{"name":"over"},"location":{"host":"h"}}`, `{"event":{"name":"over"},"location":{"host":"h"}}`,
		`{"v":3,"time":5,"location":{"host":"h"},"event":{"name":"over","vset":{"value":{"value":1}}}}`,
	}; !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if o := s.run(3); o.err != nil || len(o.problems()) != 1 {
		t.Errorf("a list that contains itself ended with %v, %v", o.problems(), o.err)
	}
	if o := s.run(4); o.err == nil || !strings.Contains(o.err.Error(), "event of the message is the number 5, not a table") {
		t.Errorf("an event that is a number ended with %v", o.err)
	}
	s.mustRun(5)
	s.mustRun(6)
}

func TestExtendedChecks(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local Base = dp.BaseCheck:extend{class = "Base", interval = 30, limit = 5, location = {host = "h"}}
		function Base:init()
			self.started = (self.started or 0) + 1
			if self.path then self.location = {host = "h", path = self.path} end
		end
		function Base:run()
			assert(self.last_run and math.abs(self.last_run - dp.time()) < 10)
			return dp.Message{aspect = "base", time = 5, value = self.limit}
		end
		local Sub = Base:extend{class = "Sub", limit = 7}
		function Sub:run()
			local msg = Base.run(self)
			msg.aspect = "sub"
			return msg
		end
		local Own = dp.BaseCheck:extend{class = "Own"}
		function Own:next_run() return self.at end
		function Own:run()
			assert(self.last_run == nil)
			self:mark_run()
			assert(math.abs(self.last_run - dp.time()) < 10)
			return {n = 1}
		end
		local Populating = Base:extend{class = "Populating", aspect = "populated"}
		function Populating:run()
			local list = {dp.Message{aspect = "m", time = 5, value = 1}, {event = {name = "t"}}, {}}
			assert(self:populate(list) == list)
			assert(list[1].aspect == "populated" and list[1].location.host == "h" and list[2].event.name == "populated" and list[2].location.host == "h" and next(list[3]) == nil)
			local cycle = {}
			cycle[1] = cycle
			self:populate(cycle)
			assert(not pcall(self.populate, self, {event = 5}))
			assert(self:check_name() == "populating")
			return list
		end
		local fields = {path = "/", limit = 9}
		local base = Base(fields)
		assert(base ~= fields and fields.started == nil and base.started == 1)
		assert(base.class == "Base" and getmetatable(base) == Base)
		local plain = Base{}
		assert(plain:next_run() == 30)
		return {
			base,
			Sub{},
			Own{at = 12345.5},
			Populating{name = "populating"},
			Sub{limit = 1, path = "/home"},
			{next_run = function() return "5" end, run = print},
			{next_run = function() return 0/0 end, run = print},
			{next_run = function() end, run = print},
			{next_run = function() error("no time") end, run = print},
		}`)
	for entry, want := range []string{
		`{"v":3,"time":5,"location":{"host":"h","path":"/"},"event":{"name":"base","vset":{"value":{"value":9}}}}`,
		`{"v":3,"time":5,"location":{"host":"h"},"event":{"name":"sub","vset":{"value":{"value":7}}}}`,
		`{"n":1}`,
		`{"v":3,"time":5,"location":{"host":"h"},"event":{"name":"populated","vset":{"value":{"value":1}}}}`,
		`{"v":3,"time":5,"location":{"host":"h","path":"/home"},"event":{"name":"sub","vset":{"value":{"value":1}}}}`,
	} {
		if got := s.mustRun(entry + 1).lines()[0]; got != want {
			t.Errorf("entry %d gives %s, want %s", entry+1, got, want)
		}
	}
	next := func(entry int) (float64, error) {
		var at float64
		o := s.wait(s.goDo(RunOptions{Timeout: longTime}, func(opts RunOptions, _ *Batch) (err error) {
			at, err = s.Entries[entry-1].NextRun(context.Background(), opts)
			return err
		}))
		return at, o.err
	}
	if at, err := next(3); at != 12345.5 || err != nil {
		t.Errorf("next_run gives %v, %v", at, err)
	}
	if at, err := next(7); at == at || err != nil { // the scheduler says what is wrong with NaN
		t.Errorf("next_run of NaN gives %v, %v", at, err)
	}
	for entry, want := range map[int]string{
		6: `next_run returned the string "5"; expected is a unix time in seconds`,
		8: "next_run returned nil; expected is a unix time in seconds",
		9: "no time",
	} {
		if _, err := next(entry); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("next_run of entry %d gives %v, want %s", entry, err, want)
		}
	}
}

func TestCommandFunction(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	luaTest(t, `
		local folder = "`+folder+`"
		local r = dp.command("echo out; echo err >&2; exit 3")
		assert(r.stdout == "out\n" and r.stderr == "err\n" and r.code == 3 and not r.truncated and r.duration > 0)
		assert(dp.command({"echo", "$HOME", 5}).stdout == "$HOME 5\n")
		assert(dp.command("kill -15 $$").code == -15)
		assert(dp.command("cat", {stdin = "in"}).stdout == "in")
		assert(dp.command("cat").stdout == "")
		assert(dp.command("echo $A$B", {env = {A = "a", B = "b"}}).stdout == "ab\n")
		assert(dp.command("ls", {cwd = folder}).stdout == "file\n")
		local began = dp.time()
		local ok, why = pcall(dp.command, "sleep 100", {timeout = 0.1})
		assert(not ok and why:find("timeout: the deadline of 100ms passed", 1, true) and why:find("sleep 100", 1, true), why)
		assert(dp.time() - began < 5)
		for want, args in pairs{
			["QcommandQ must be a string for the shell, or a list"] = {5},
			["not the string \"\""] = {""},
			["QcommandQ must be"] = {{}},
			["QoptionsQ must be a table"] = {"true", 5},
			["unknown field QtimeoutsQ, did you mean QtimeoutQ?"] = {"true", {timeouts = 5}},
			["at least 0.001 and at most ten years, not the number 0"] = {"true", {timeout = 0}},
			["field QtimeoutQ must be a number of seconds, at least 0.001"] = {"true", {timeout = 1e-10}},
			["field QenvQ must be a table of strings by name"] = {"true", {env = {A = 1}}},
			["cannot start"] = {{"/no/such/command"}},
			["its directory cannot be used"] = {"true", {cwd = "/no/such"}},
		} do
			local ok, why = pcall(dp.command, unpack(args))
			assert(not ok and why:find(want:gsub("Q", "\96"), 1, true), want .. " is not in " .. tostring(why))
		end
		local fs = assert(dp.statvfs("/"))
		assert(fs.total > 0 and fs.free <= fs.total and fs.available <= fs.free and fs.block_size > 0 and type(fs.read_only) == "boolean" and fs.files_free <= fs.files)
		local none, why = dp.statvfs("/no/such")
		assert(none == nil and why == "/no/such: no such file or directory", why)
		assert(not pcall(dp.statvfs) and not pcall(dp.statvfs, "") and not pcall(dp.statvfs, 5))
		assert(dp.hostname() == "web01.example.net" and dp.version == "1.2.3")
		assert(math.abs(dp.time() - os.time()) < 3 and dp.time() % 1 ~= 0 or true)
		for _, wrong in ipairs{-1, 0/0, 1/0, 1e12, "1", {}} do assert(not pcall(dp.sleep, wrong)) end
		assert(not pcall(dp.sleep))
		dp.sleep(0)
		assert(tostring(dp.null) == "null" and tostring(dp.EOF) == "EOF" and dp.null == require "dumbprobe".null)
		assert(not pcall(dp.array, 5) and #dp.array{1, 2} == 2)`)
}

// The state of a file's checks stays right when they run all at once.
func TestConcurrentRunsKeepTheStateOfTheScript(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local runs, sum, coroutines, caught = 0, 0, 0, 0
		local list = {}
		local Mine = dp.BaseCheck:extend{class = "Mine", interval = 1}
		function Mine:run()
			local n = math.random(0, 3)
			local before = runs
			local co = coroutine.wrap(function(a)
				dp.sleep(n * 0.001)
				local b = coroutine.yield(a + 1)
				dp.sleep(0.0005)
				coroutines = coroutines + 1
				return b * 2
			end)
			assert(co(1) == 2)
			local ok, why = pcall(function()
				local mine = {}
				for i = 1, 10 do mine[i] = i end
				dp.sleep(0.001)
				for i = 1, 10 do assert(mine[i] == i) end
				if n == 3 then
					assert(dp.command("echo x").stdout == "x\n")
				end
				error({n = n})
			end)
			assert(not ok and why.n == n)
			caught = caught + 1
			assert(co(21) == 42)
			for w in ("a b c"):gmatch("%a") do
				dp.sleep(0)
				sum = sum + #w
			end
			runs = runs + 1
			list[#list + 1] = runs
			return dp.Message{aspect = "mine", value = n, location = {before = tostring(before)}}
		end
		return {
			Mine{},
			dp.Function{interval = 1, call = function()
				for i, n in ipairs(list) do assert(i == n) end
				return {runs = runs, sum = sum, coroutines = coroutines, caught = caught, list = #list}
			end},
		}`)
	const runs = 500
	var done []<-chan outcome
	for range runs {
		done = append(done, s.start(1, RunOptions{Timeout: longTime}))
	}
	for _, d := range done {
		if o := s.wait(d); o.err != nil || len(o.batch.Lines) != 1 || len(o.batch.Problems) > 0 {
			t.Fatalf("a run ended with %v, %v, %v", o.lines(), o.problems(), o.err)
		}
	}
	if got, want := s.mustRun(2).lines()[0], fmt.Sprintf(`{"runs":%d,"sum":%d,"coroutines":%[1]d,"caught":%[1]d,"list":%[1]d}`, runs, 3*runs); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := len(s.vm.threads); n > maxIdleThreads {
		t.Errorf("%d threads are kept", n)
	}
}

// An object of a class of the script's own may have fields of its own; one that looks like a field of the daemon's is
// warned of, since it would be ignored in silence.
func TestAFieldOfAnExtendedClassThatLooksMisspelt(t *testing.T) {
	for fields, near := range map[string]string{
		`intervall = 5, interval = 5`:                          "`intervall`: is `interval` meant?",
		`interval = 5, timeot = 5`:                             "`timeot`: is `timeout` meant?",
		`interval = 5, retry_intervall = 5`:                    "`retry_intervall`: is `retry_interval` meant?",
		`interval = 5, loction = {host = "h"}`:                 "`loction`: is `location` meant?",
		`interval = 5, path = "/", disk = 1, [1] = 5`:          "",
		`interval = 5, names = {}, locations = {}`:             "",
		`interval = 5, tines = 5`:                              "",
		`interval = 5, align = true, first = "now"`:            "",
		`interval = 5, last_run = 5, class = "x"`:              "",
		`interval = 5, run = function() return {} end`:         "",
		`interval = 5, check_name = function() return "x" end`: "",
	} {
		s := loadScript(t, "local dp = require \"dumbprobe\"\nlocal Mine = dp.BaseCheck:extend{class = \"Mine\", tines = 3, run = function() return {} end}\nreturn {Mine{"+
			fields+"}}")
		var got []string
		for _, entry := range s.logs.All() {
			got = append(got, entry.Message)
		}
		if near == "" && len(got) > 0 || near != "" && (len(got) != 1 || !strings.HasPrefix(got[0], "Mine at "+s.at(3)+": the daemon knows no field "+near)) {
			t.Errorf("{%s}: the log has %q, want %q", fields, got, near)
		}
	}
	s := loadScript(t, `local dp = require "dumbprobe"
		local Mine = dp.BaseHandle:extend{class = "Mine", open = function() end}
		return {Mine{reopn = 5}}`)
	if !s.logged("is `reopen` meant?") {
		t.Error("a field of a handle is not warned of")
	}
}

// A plugin that is not there is unknown, as the contract says; the log says what that is.
func TestAPluginThatTheShellCannotRun(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for fields, want := range map[string]string{
		`command = "/no/such/check_x -w 5"`:       "the command ended with exit code 127; it wrote: ",
		`command = "no-such-plugin"`:              "the command ended with exit code 127; it wrote: ",
		`command = "` + plain + `"`:               "the command ended with exit code 126; it wrote: ",
		`command = "echo UNKNOWN; exit 127"`:      "",
		`command = "exit 3"`:                      "",
		`command = {"/bin/sh", "-c", "exit 127"}`: "",
	} {
		s := loadScript(t, `return {require "dumbprobe".Nagios{interval = 5, aspect = "x", `+fields+`}}`)
		o := s.mustRun(1)
		if len(o.lines()) != 1 || !strings.Contains(o.lines()[0], `"state":{"value":"unknown","severity":"error"}`) {
			t.Errorf("%s gives %v", fields, o.lines())
		}
		got := fmt.Sprint(o.batch.Warnings)
		if want == "" && len(o.batch.Warnings) > 0 || want != "" && (len(o.batch.Warnings) != 1 || !strings.HasPrefix(got, "["+want) || !strings.Contains(got, "the state is unknown")) {
			t.Errorf("%s warns of %s, want %q", fields, got, want)
		}
	}
}
