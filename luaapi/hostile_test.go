package luaapi

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"dumbprobe/internal/loglimit"
)

// Nothing that a script can reach ends the process, or gets at what all checks of the file share.
func TestWhatAScriptCannotDo(t *testing.T) {
	for name, body := range map[string]string{
		"os.exit is an error": `
			local ok, why = pcall(os.exit)
			assert(not ok and why:find("a script cannot end the daemon", 1, true), why)
			assert(not pcall(os.exit, 0))
			assert(not pcall(os.exit, true, true))`,
		"a huge string is an error": `
			for _, make in ipairs{
				function() return ("x"):rep(1e12) end,
				function() return ("x"):rep(1e300) end,
				function() return ("x"):rep(1/0) end,
				function() return ("xyz"):rep(6e6) end,
				function() return string.format("%999999999d", 1) end,
				function() return (("x"):rep(1e6):gsub("x", ("y"):rep(1e4))) end,
				function() local t = {} for i = 1, 20 do t[i] = ("x"):rep(1e6) end return table.concat(t) end,
				function() local t = {} for i = 1, 20 do t[i] = "" end return table.concat(t, ("x"):rep(1e6)) end,
			} do
				local ok, why = pcall(make)
				assert(not ok and type(why) == "string", "made a string of " .. tostring(ok and #why))
			end`,
		"a text that is nested very deep is an error": `
			local f, why = loadstring("return " .. ("{"):rep(2e6) .. ("}"):rep(2e6))
			assert(f == nil and why:find("the limit is 262144", 1, true), why)
			f, why = load(function() return ("{"):rep(1e5) end)
			assert(f == nil and why:find("larger than 262144 bytes", 1, true), why)`,
		"what lets a script out of its box is not there": `
			for _, name in ipairs{"channel", "_printregs", "newproxy", "_GOPHER_LUA_VERSION", "luar"} do
				assert(_G[name] == nil, name)
				assert(package.loaded._G == nil or package.loaded._G[name] == nil, name)
				assert(not pcall(require, name), name)
			end
			local names = {}
			for name in pairs(debug) do names[#names + 1] = name end
			assert(#names == 1 and names[1] == "traceback", table.concat(names, " "))
			assert(require "debug" == debug and require "os" == os and require "io" == io)
			assert(os.setenv == nil and os.setlocale == nil and string.dump == nil)
			assert(package.loadlib == nil and package.path == nil and package.cpath == nil)
			assert(io.stdout ~= nil and rawget(io, "popen") ~= nil)`,
		"the metatable of strings cannot be reached or changed": `
			assert(getmetatable("") == false)
			assert(not pcall(setmetatable, "", {__index = function() return 1 end}))
			assert(not pcall(setmetatable, 5, {__index = {}}))
			assert(not pcall(setmetatable, print, {}))
			assert(not pcall(setmetatable, true, {}))
			assert(not pcall(setmetatable, nil, {}))
			assert(not pcall(setmetatable, coroutine.create(print), {}))
			assert(("x"):rep(2) == "xx")`,
		"neither can those of the daemon's objects": `
			local reader = dp.reader.command{command = "true"}
			for name, object in pairs{
				message = dp.Message{aspect = "a", value = 1}, value = dp.Value(1), check = dp.Function{interval = 1, call = print},
				class = dp.Function, base = dp.BaseCheck, null = dp.null, eof = dp.EOF, file = io.stdout, reader = reader,
			} do
				assert(type(getmetatable(object)) ~= "table", name)
				assert(not pcall(setmetatable, object, {}), name)
			end
			reader:close()`,
		"a protected metatable cannot be changed": `
			local t = setmetatable({}, {__metatable = "mine"})
			assert(getmetatable(t) == "mine")
			assert(not pcall(setmetatable, t, {}))
			assert(not pcall(setmetatable, t, nil))`,
		"closing the standard files does nothing": `
			local ok, why = io.stdout:close()
			assert(ok == nil and why:find("cannot be closed"), why)
			ok, why = io.close()
			assert(ok == nil and why:find("cannot be closed"), why)
			assert(io.stderr:close() == nil and io.stdin:close() == nil)
			assert(io.type(io.stdout) == "file")
			io.write("still there\n")
			assert(io.stdout:seek() == nil)
			assert(io.stdout:read() == nil and io.read() == nil and io.stdin:read("*a") ~= 5)`,
		"the environment of a thread is the run's own": `
			setfenv(0, {})
			assert(getfenv(print) ~= nil)
			assert(pcall(function() assert(getfenv(0) == _G) end))`,
		"collectgarbage collects nothing": `
			assert(collectgarbage() == 0 and collectgarbage("step", 1e9) == 0 and collectgarbage("setpause", 1) == 0)
			assert(collectgarbage("count") > 0)`,
		"math.random of an empty interval is an error of the script": `
			for _, args in ipairs{{0}, {-5}, {5, 1}, {0/0}, {1, 1/0}, {-1/0, 1}} do
				local ok, why = pcall(math.random, unpack(args))
				assert(not ok and why:find("interval is empty", 1, true), why)
			end
			for i = 1, 100 do
				local a, b, c = math.random(), math.random(3), math.random(-2, 2)
				assert(a >= 0 and a < 1 and b >= 1 and b <= 3 and b % 1 == 0 and c >= -2 and c <= 2 and c % 1 == 0)
			end
			assert(math.random(7, 7) == 7)
			local big = math.random(0, 2^53)
			assert(big >= 0 and big <= 2^53)`,
		"tables of any shape do no harm": `
			local t = {}
			t[1e300], t[-1], t[0], t[0.5], t[true], t[print] = 1, 2, 3, 4, 5, 6
			assert(t[1e300] == 1 and t[-1] == 2 and #t == 0)
			assert(not pcall(function() t[nil] = 1 end))
			assert(not pcall(function() t[0/0] = 1 end))
			assert(next({}) == nil and next({}, nil) == nil)
			t = {}
			t[2^53] = 1
			for k in pairs(t) do assert(k == 2^53) end
			t = {}
			t[5000000] = "far"
			t[1] = "near"
			local n = 0
			for _ in pairs(t) do n = n + 1 end
			assert(n == 2)
			assert(table.remove({}) == nil and #t == 1)`,
		"an error with a level names the caller": `
			local function f() error("x", 2) end
			local function g()
				f()
			end
			local _, why = pcall(g)
			assert(why:find(":6: x$"), why)
			local _, why = pcall(function() error("x", 0) end)
			assert(why == "x", why)
			local _, why = pcall(function() error("x", 100) end)
			assert(why == "x", why)
			local _, why = pcall(error, "x")
			assert(why == "x", why)`,
		"a function of the daemon that is called by pcall says where": `
			local _, why = pcall(dp.sleep, "x")
			assert(why:find("script.lua:%d+: bad argument #1 to dumbprobe.sleep"), why)`,
		"the heap is not filled by a coroutine for each of many calls": `
			for i = 1, 20000 do coroutine.wrap(function() end)() end`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			luaTest(t, body)
		})
	}
}

// An error of any object is an error of the run with a text, and holds nothing of the VM.
func TestErrorObjects(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"a string":                     {`error("broken")`, "LINE: broken"},
		"a string without position":    {`error("broken", 0)`, "LINE: broken"},
		"a string with a colon":        {`error("a:b: c", 0)`, "LINE: a:b: c"},
		"a string like a position":     {`error("other.lua:7: broken", 0)`, "other.lua:7: broken"},
		"an empty string":              {`error("")`, "LINE: "},
		"a number":                     {`error(5)`, "LINE: (error object is a number: 5)"},
		"nil":                          {`error(nil)`, "LINE: (error object is a nil: nil)"},
		"nothing":                      {`error()`, "LINE: bad argument #1 to error (value expected)"},
		"false":                        {`error(false)`, "LINE: (error object is a boolean: false)"},
		"a table with a message":       {`error{code = 5, message = "broken"}`, "LINE: broken"},
		"a table with a first string":  {`error{"broken"}`, "LINE: broken"},
		"a table without one":          {`error{code = 5}`, `LINE: the error object {"code":5}`},
		"an empty table":               {`error{}`, "LINE: the error object {}"},
		"a table with __tostring":      {`error(setmetatable({}, {__tostring = function() return "broken" end}))`, "LINE: the error object {}"},
		"a table that contains itself": {`local t = {} t.message = t t[1] = t error(t)`, "LINE: (error object is a table without a message)"},
		"a function":                   {`error(print)`, "LINE: (error object is a function"},
		"a Message":                    {`error(dp.Message{aspect = "x", value = 1})`, "LINE: (error object is a Message)"},
		"null":                         {`error(dp.null)`, "LINE: (error object is dumbprobe.null)"},
		"a coroutine":                  {`error(coroutine.create(print))`, "LINE: (error object is a thread"},
		"assert":                       {`assert(false, "broken")`, "LINE: broken"},
		"assert without a text":        {`assert(nil)`, "LINE: assertion failed!"},
		"an index of nil":              {`local t = nil; return t.x`, "LINE: attempt to index a non-table object(nil) with key 'x'"},
		"a call of nil":                {`local f; f()`, "LINE: attempt to call a non-function object"},
		"arithmetic on nil":            {`return 1 + nil`, "LINE: cannot perform add operation between number and nil"},
		"one that went through pcall":  {`local _, e = pcall(error, {message = "broken"}) error(e)`, "LINE: broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, checkOf(test.body))
			o := s.run(1)
			want := strings.ReplaceAll(test.want, "LINE", s.at(3))
			if o.err == nil || !strings.HasPrefix(o.err.Error(), want) {
				t.Errorf("the error is %q, want %q", o.err, want)
			}
			if _, ok := o.err.(*ScriptError); !ok {
				t.Errorf("it is a %T", o.err)
			}
			if got := s.run(1); !strings.HasPrefix(fmt.Sprint(got.err), want) {
				t.Errorf("the second time it is %q", got.err)
			}
		})
	}
}

func TestScriptErrorHasATraceback(t *testing.T) {
	s := loadScript(t, checkOf(`
		local function inner() error("broken") end
		local function outer() inner() end
		outer()`))
	err, ok := s.run(1).err.(*ScriptError)
	if !ok || err.Script != s.path || err.Line != 4 || err.Msg != "broken" || err.Panic {
		t.Fatalf("the error is %+v", err)
	}
	for _, want := range []string{s.at(4) + ": in function 'inner'", s.at(5) + ": in function 'outer'", s.at(6)} {
		if !strings.Contains(err.Traceback, want) {
			t.Errorf("the traceback has no %q:\n%s", want, err.Traceback)
		}
	}
}

// A Go panic in one of our functions is a bug of the daemon: it is an error of the check, and in the log,
// though a pcall of the script swallows it.
func TestPanics(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		return {
			dp.Function{interval = 1, call = function() PANIC() end},
			dp.Function{interval = 1, call = function() pcall(PANIC) return {} end},
			dp.Function{interval = 1, call = function() PANIC_OUTSIDE() end},
			dp.Function{interval = 1, call = function() pcall(PANIC_OUTSIDE) return {} end},
			dp.Function{interval = 1, call = function() coroutine.wrap(PANIC_OUTSIDE)() end},
			dp.Function{interval = 1, call = function() return {} end},
		}`)
	s.goFunction("PANIC", func(*Run) { panic("a bug") })
	s.goFunction("PANIC_OUTSIDE", func(r *Run) {
		_ = r.Wait(func(context.Context) error { panic("a bug") })
	})
	for entry, fails := range []bool{true, false, true, false, true, false} {
		before := s.logs.FilterMessageSnippet("please report this as a bug").Len()
		o := s.run(entry + 1)
		if fails != (o.err != nil) || fails && !strings.Contains(o.err.Error(), "a bug") {
			t.Errorf("entry %d ended with %v", entry+1, o.err)
		}
		if logged := s.logs.FilterMessageSnippet("please report this as a bug").Len() > before; !logged && entry < 5 {
			t.Errorf("the panic of entry %d is not in the log", entry+1)
		}
	}
}

// What a script prints goes to the log, with the fields of the check, never to the daemon's stdout.
func TestPrintedTextGoesToTheLog(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want []string // level and text
	}{
		"print":                 {`print("a", 1, nil, true)`, []string{"info a\t1\tnil\ttrue"}},
		"print of nothing":      {`print()`, []string{"info "}},
		"print with __tostring": {`print(setmetatable({}, {__tostring = function() return "mine" end}))`, []string{"info mine"}},
		"io.write in pieces":    {`io.write("one ", 2) io.write(" line\nand") io.write(" more")`, []string{"info one 2 line", "info and more"}},
		"io.stdout":             {`io.stdout:write("a\nb\n")`, []string{"info a", "info b"}},
		"io.stderr":             {`io.stderr:write("bad\n")`, []string{"warn bad"}},
		"io.output():write":     {`io.output():write("x\n")`, []string{"info x"}},
		"os.execute":            {`os.execute("echo out; echo err >&2")`, []string{"info out", "warn err"}},
		"a long line":           {`print(("x"):rep(100000))`, []string{"info " + strings.Repeat("x", 16<<10) + "... (83616 more bytes)"}},
		"not UTF-8":             {`print("\255")`, []string{"info \xff"}},
		"an error comes after":  {`io.write("half a line") error("x")`, []string{"info half a line"}},
		"a table with itself":   {`local t = {} t.t = t dp.log.warn("cycle", {t = t, list = {t}}) print(t ~= nil)`, []string{"warn cycle", "info true"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, checkOf("do "+test.body+" end return {}"))
			s.run(1)
			var got []string
			for _, e := range s.logs.All() {
				got = append(got, e.Level.String()+" "+e.Message)
			}
			if strings.Join(got, "|") != strings.Join(test.want, "|") {
				t.Errorf("the log has %.500q, want %.500q", got, test.want)
			}
		})
	}
}

// What a script logs in a loop does not fill the disk, and the log says how much is missing.
func TestWhatAScriptLogsIsLimited(t *testing.T) {
	for name, line := range map[string]string{
		"print":            `print("x")`,
		"dp.log":           `dp.log.error("x", {text = "y"})`,
		"io.write":         `io.write("x\n")`,
		"io.stderr":        `io.stderr:write("x\n")`,
		"os.execute":       `if i % 100 == 0 then os.execute("yes | head -n 100 >&2") end`,
		"an unknown field": `dp.BaseCheck:extend{run = function() end}{interval = 1, intervall = 1}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, checkOf("for i = 1, 5000 do "+line+" end return {}"))
			o := s.mustRun(1)
			s.vm.lines.Tell()
			all := s.logs.All()
			if most := loglimit.Burst + 1 + loglimit.PerSecond*int(o.took/time.Second+1); len(all) < 100 || len(all) > most {
				t.Errorf("the log has %d lines after %v, want at most %d", len(all), o.took, most)
			}
			last := all[len(all)-1]
			if left, ok := last.ContextMap()["left_out"].(uint64); !ok || int(left)+len(all)-1 != 5000 {
				t.Errorf("of 5000 lines %d are in the log, and it ends with %q", len(all)-1, last.Message)
			}
		})
	}
}

func TestLogModule(t *testing.T) {
	s := luaTest(t, `
		dp.log.debug("a debug line")
		dp.log.info("text", {n = 5, half = 0.5, yes = true, no = false, text = "t", null = dp.null, list = {1}, [1] = "first"})
		dp.log.warn(5)
		dp.log.error(setmetatable({}, {__tostring = function() return "mine" end}), {})
		dp.log.info("nan", {nan = 0/0, inf = 1/0})
		for _, wrong in ipairs{{}, {nil}, {"x", 5}, {"x", "y"}} do
			assert(not pcall(dp.log.info, unpack(wrong)))
		end
		assert(require "dumbprobe.log" == dp.log)`)
	var got []string
	for _, e := range s.logs.All() {
		got = append(got, e.Level.String()+" "+e.Message)
	}
	if want := "debug a debug line|info text|warn 5|error mine|info nan"; strings.Join(got, "|") != want {
		t.Fatalf("the log has %q", got)
	}
	fields := s.logs.FilterMessage("text").All()[0].ContextMap()
	for name, want := range map[string]any{"n": 5.0, "half": 0.5, "yes": true, "no": false, "text": "t", "null": "dumbprobe.null", "1": "first"} {
		if fields[name] != want {
			t.Errorf("the field %s is %v, want %v", name, fields[name], want)
		}
	}
	if _, err := zapcore.NewJSONEncoder(zapcore.EncoderConfig{}).EncodeEntry(zapcore.Entry{}, s.logs.FilterMessage("nan").All()[0].Context); err != nil {
		t.Error(err)
	}
}

// Two VMs on two goroutines share nothing: this test is for the race detector.
func TestTwoVMsAtOnce(t *testing.T) {
	source := `
		local dp = require "dumbprobe"
		local n = 0
		return {
			dp.Function{interval = 1, call = function()
				for i = 1, 50 do
					local reader = dp.reader.command{command = "true"}
					reader:take()
					reader:close()
					n = n + #("x"):rep(10):gsub("x", "yy") + #dp.json.encode(dp.json.decode('{"a": [1, 2]}'))
					coroutine.wrap(function() pcall(error, dp.Message{aspect = "x", value = dp.Value(i):set_above(1, "high")}) end)()
					dp.sleep(0.0001)
				end
				return dp.Message{aspect = "n", value = n}
			end},
		}`
	var all sync.WaitGroup
	for range 2 {
		s := loadScript(t, source)
		all.Go(func() {
			if o := <-s.start(1, RunOptions{Timeout: longTime}); o.err != nil {
				t.Error(o.err)
			}
		})
	}
	all.Wait()
}
