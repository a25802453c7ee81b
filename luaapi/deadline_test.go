package luaapi

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Whatever a script does ends near its deadline, with an error that names the line, and the next run of the
// VM works.
func TestDeadlines(t *testing.T) {
	folder := t.TempDir()
	fifo := filepath.Join(folder, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	// With a writer that never writes, reading it waits.
	writer, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { writer.Close() })

	for name, body := range map[string]string{
		"an endless loop":               `while true do end`,
		"a loop around pcall":           `while true do pcall(function() while true do end end) end`,
		"a loop around a failing pcall": `while true do pcall(error, "x") end`,
		"a handler of xpcall":           `xpcall(function() error("x") end, function() while true do end end)`,
		"a handler of xpcall that calls itself again": `
			local function handler() return xpcall(error, handler) end
			while true do xpcall(function() while true do end end, handler) end`,
		"a sort comparator":              `table.sort({5, 2, 3, 1}, function() while true do end end)`,
		"a gsub callback":                `("abc"):gsub(".", function() while true do end end)`,
		"a gmatch iterator":              `while true do for _ in ("aaaa"):gmatch("a") do end end`,
		"a coroutine":                    `coroutine.wrap(function() while true do end end)()`,
		"a coroutine in a coroutine":     `coroutine.wrap(function() coroutine.wrap(function() while true do end end)() end)()`,
		"coroutines in turn":             `local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end`,
		"new coroutines":                 `while true do coroutine.resume(coroutine.create(function() while true do end end)) end`,
		"an __index function":            `return setmetatable({}, {__index = function() while true do end end}).x`,
		"a __tostring function":          `print(setmetatable({}, {__tostring = function() while true do end end}))`,
		"an iterator":                    `for _ in function() return 1 end do end`,
		"goto":                           `::again:: goto again`,
		"arguments that grow":            `local function f(...) return f(1, ...) end return f()`,
		"tail calls":                     `local function f() return f() end return f()`,
		"loaded code":                    `loadstring("while true do end")()`,
		"a load reader":                  `load(function() while true do end end)`,
		"a pathological pattern":         `string.find(("a"):rep(400), ".-.-.-b")`,
		"another one":                    `string.find(("a"):rep(400), "a*a*a*a*b")`,
		"one in gsub":                    `string.gsub(("a"):rep(400), "a*a*a*a*b", "")`,
		"one in gmatch":                  `for _ in string.gmatch(("a"):rep(400), "a*a*a*a*b") do end`,
		"one in a pcall":                 `pcall(string.find, ("a"):rep(400), "a*a*a*a*b")`,
		"long strings over and over":     `while true do local s = ("x"):rep(8000000) end`,
		"long table.concat":              `local t = {} for i = 1, 20000 do t[i] = "x" end while true do table.concat(t) end`,
		"long table.sort":                `local t = {} for i = 1, 20000 do t[i] = i % 7 end while true do table.sort(t) end`,
		"long unpack":                    `local t = {} for i = 1, 20000 do t[i] = i end while true do select("#", unpack(t)) end`,
		"table.insert at the front":      `local t = {} while true do table.insert(t, 1, 1) end`,
		"long json.encode":               `local t = {} for i = 1, 20000 do t[i] = i end while true do dp.json.encode(t) end`,
		"long json.decode":               `local s = "[" .. ("1,"):rep(20000) .. "1]" while true do dp.json.decode(s) end`,
		"one very long json.decode":      `dp.json.decode("[" .. ("1,"):rep(7000000) .. "1]")`,
		"one in a pcall with a loop":     `pcall(dp.json.decode, "[" .. ("{},"):rep(900000) .. "1]") while true do end`,
		"messages that are populated":    `local c = dp.BaseCheck:extend{run = function() end}{interval = 1, aspect = "x"} local t = {} for i = 1, 20000 do t[i] = {} end while true do c:populate(t) end`,
		"a sleep":                        `dp.sleep(100)`,
		"sleeps":                         `while true do dp.sleep(0.001) end`,
		"sleeps in pcall":                `while true do pcall(dp.sleep, 100) end`,
		"a sleep in a coroutine":         `coroutine.wrap(dp.sleep)(100)`,
		"a command":                      `dp.command("sleep 100")`,
		"a command with descendants":     `dp.command("(sleep 100; echo x) & (sleep 100) ; wait")`,
		"a command in a pcall":           `pcall(dp.command, "sleep 100") while true do end`,
		"a check that is run from Lua":   `return dp.ShellCommand{interval = 1, command = "sleep 100"}:run()`,
		"io.popen":                       `return io.popen("sleep 100"):read("*a")`,
		"closing io.popen":               `return io.popen("sleep 100"):close()`,
		"lines of io.popen":              `for _ in io.popen("sleep 100"):lines() do end`,
		"endless output of io.popen":     `for _ in io.popen("yes"):lines() do end`,
		"writing to io.popen":            `local f = io.popen("sleep 100", "w") f:write("x") f:close()`,
		"os.execute":                     `os.execute("sleep 100")`,
		"a FIFO":                         `return io.open("` + fifo + `"):read("*a")`,
		"the lines of a FIFO":            `for _ in io.lines("` + fifo + `") do end`,
		"a number from a FIFO":           `return io.open("` + fifo + `"):read("*n")`,
		"a FIFO as input":                `io.input("` + fifo + `") return io.read()`,
		"/dev/zero in pieces":            `local f = io.open("/dev/zero") while true do f:read(100) end`,
		"numbers of /dev/zero":           `local f = io.open("/dev/zero") while true do f:read("*n") end`,
		"the rest of /dev/zero":          `local f = io.open("/dev/zero") while true do pcall(f.read, f, "*a") end`,
		"a reader of a command":          `return dp.reader.command{command = "sleep 100"}:read()`,
		"a reader of a FIFO":             `return dp.reader.file{path = "` + fifo + `"}:read()`,
		"a reader that only times out":   `local r = dp.reader.command{command = "sleep 100"} while true do r:read(0.001) end`,
		"print":                          `while true do print("x") end`,
		"log":                            `while true do dp.log.info("x", {n = 1}) end`,
		"a file that grows":              `local f = io.tmpfile() while true do f:write(("x"):rep(1000)) f:seek("set") end`,
		"collectgarbage":                 `while true do collectgarbage() collectgarbage("count") end`,
		"an error in an error":           `while true do pcall(error, setmetatable({}, {__tostring = function() while true do end end})) end`,
		"statvfs":                        `while true do dp.statvfs("/") end`,
		"calling pcall with the wrapper": `pcall(pcall, pcall, pcall, function() while true do end end)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, "local dp = require \"dumbprobe\"\nreturn {dp.Function{interval = 1, call = function() "+
				strings.ReplaceAll(body, "\n", " ")+" end}, dp.Function{interval = 1, call = function() return {works = true} end}}\n")
			o := s.runFor(1, shortTime)
			var late *DeadlineError
			switch {
			case !errors.As(o.err, &late):
				t.Fatalf("it ended after %v with %v, %v", o.took, o.lines(), o.err)
			case late.Timeout != shortTime || late.Waited || late.Lost:
				t.Errorf("it ended with %+v", late)
			case o.took > lateTime:
				t.Errorf("it ended after %v", o.took)
			}
			t.Logf("it took %v", o.took)
			where := s.at(2)
			if name == "loaded code" {
				where = "<string>:1"
			}
			if want := where + ": timeout: the deadline of 150ms passed"; o.err.Error() != want {
				t.Errorf("the error is %q, want %q", o.err, want)
			}
			if got := s.mustRun(2).lines(); len(got) != 1 || got[0] != `{"works":true}` {
				t.Errorf("the next run gave %v", got)
			}
		})
	}
}

// What a run cannot be interrupted in must be short: then it is over, with an error or without.
func TestLongOperationsEnd(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"gsub of 100 KB":                    {`local s, n = ("a"):rep(100000):gsub("a", "bb") assert(#s == 200000 and n == 100000)`, ""},
		"gsub of 100 KB of spaces":          {`local s, n = (" "):rep(100000):gsub("%s+", " ") assert(s == " " and n == 1)`, ""},
		"a table with one far key":          {`local t = {} t[60000000] = 1 assert(t[60000000] == 1)`, ""},
		"table.insert at a far position":    {`local t = {} table.insert(t, 60000000, 1) assert(t[60000000] == 1)`, ""},
		"rawset of a far key":               {`local t = {} rawset(t, 60000000, 1) assert(rawget(t, 60000000) == 1)`, ""},
		"a message with a far key":          {`return {[60000000] = {a = 1}}`, "holes"},
		"table.concat of 100,000":           {`local t = {} for i = 1, 100000 do t[i] = "ab" end assert(#table.concat(t, ",") == 299999)`, ""},
		"unpack of 10,000":                  {`local t = {} for i = 1, 10000 do t[i] = i end assert(select("#", unpack(t)) == 10000) assert(#{unpack(t)} == 10000)`, ""},
		"unpack of very many":               {`unpack({}, 1, 1e7)`, "too many results to unpack"},
		"unpack of negative numbers":        {`assert(select("#", unpack({}, 1, -1e15)) == 0)`, ""},
		"unpack from far below":             {`unpack({}, -1e15, 1)`, "too many results to unpack"},
		"a list of 100,000":                 {`local t = {} for i = 1, 100000 do t[#t + 1] = i end assert(#t == 100000) for i, v in ipairs(t) do assert(i == v) end`, ""},
		"a very long string":                {`return ("x"):rep(1e12)`, "the limit is 16777216"},
		"a very long table.concat":          {`local t = {} for i = 1, 100 do t[i] = ("x"):rep(1000000) end return table.concat(t)`, "more than 16777216 bytes"},
		"a long string in a message":        {`return {s = ("x"):rep(2000000)}`, "larger than 1048576 bytes"},
		"a line of /dev/zero":               {`return io.open("/dev/zero"):read()`, "more than 16777216 bytes"},
		"all of /dev/zero":                  {`return io.open("/dev/zero"):read("*a")`, "more than 16777216 bytes"},
		"more bytes than a string can have": {`return io.open("/dev/zero"):read(1e9)`, "from 0 to 16777216"},
		"deep recursion":                    {`local function f(n) return 1 + f(n + 1) end f(1)`, "stack overflow"},
		"deep recursion through pcall":      {`local function f() local ok, e = pcall(f) if not ok then error(e, 0) end end f()`, "stack overflow"},
		"deep recursion through xpcall":     {`local function f() local ok, e = xpcall(f, function(e) return e end) if not ok then error(e, 0) end end f()`, "stack overflow"},
		"deep recursion through __index":    {`local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k .. "x"] end return t.x`, "stack overflow"},
		"deep recursion through tostring":   {`local t = setmetatable({}, {__tostring = function(t) return tostring(t) end}) return tostring(t)`, "stack overflow"},
		"deep recursion through gsub":       {`local function f() return (("x"):gsub("x", f)) end return f()`, "stack overflow"},
		"deep recursion through sort":       {`local function f() table.sort({2, 1}, f) end return f()`, "stack overflow"},
		"deep recursion through run":        {`local c c = dp.Function{interval = 1, call = function() return c:run() end} return c:run()`, "stack overflow"},
		"deep recursion through load":       {`local function f() return load(f) end return f()`, "stack overflow"},
		"a chain of __index tables":         {`local t = {} for i = 1, 200 do t = setmetatable({}, {__index = t}) end return t.x`, "too many recursions"},
		"a loop of __index tables":          {`local t = {} setmetatable(t, {__index = t}) return t.x`, "too many recursions"},
		"require in a loop":                 {`package.preload.a = function() return require("a") end require("a")`, "loop"},
		"table.maxn of a far key":           {`local t = {} t[60000000] = 1 table.maxn(t)`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, checkOf("do "+test.body+" end return {}"))
			o := s.run(1)
			text := strings.Join(o.problems(), "; ")
			if o.err != nil {
				text += o.err.Error()
			}
			if !strings.Contains(text, test.want) || test.want == "" && text != "" {
				t.Errorf("it ended with %q, want %q", text, test.want)
			}
			t.Logf("it took %v", o.took)
			if o.err != nil && !regexp.MustCompile(`script\.lua:\d+`).MatchString(text) && !strings.Contains(text, "the result is") {
				t.Errorf("the error has no line: %q", text)
			}
			if strings.Contains(text, "internal error") {
				t.Errorf("the error is not told in the author's words: %q", text)
			}
			if o.took > 10*time.Second {
				t.Errorf("it took %v", o.took)
			}
		})
	}
}
