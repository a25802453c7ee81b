package engine

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Each thing that is known to end the whole process, to hold it up, or to spoil the VM for others when plain
// gopher-lua or os/exec is left to it: here the check fails, with an error that says where and why, while
// another check of its file and one of another file go on. If one of them ends the process, it ends the tests.
func TestPitfallsFailTheCheckAndNothingElse(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	held := filepath.Join(folder, "fifo")
	if err := syscall.Mkfifo(held, 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(held, os.O_RDWR, 0) // there, and silent
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { writer.Close() })
	const (
		failed  = OutcomeError
		late    = OutcomeTimeout
		dropped = OutcomeDropped
		// passed is for what must do no harm, and be no error either: the check sends its message.
		passed = OutcomeOK
	)
	type pitfall struct {
		body    string // of the function of the check
		outcome Outcome
		says    string // in the comment, after the position
	}
	pitfalls := map[string]pitfall{
		// What ends the process.
		"os.exit":                {`os.exit(0)`, failed, "os.exit: a script cannot end the daemon"},
		"os.exit in pcall":       {`local _, why = pcall(os.exit, 3) error(why, 0)`, failed, "os.exit: a script cannot end the daemon"},
		"os.exit in a coroutine": {`coroutine.wrap(os.exit)()`, failed, "os.exit: a script cannot end the daemon"},
		"os.exit in a metamethod": {`return setmetatable({}, {__index = function() os.exit() end}).x`, failed,
			"os.exit: a script cannot end the daemon"},
		"a string of 1e12 bytes":          {`return {s = ("x"):rep(1e12)}`, failed, "the limit is 16777216"},
		"a string of 1e12 bytes in pcall": {`local _, why = pcall(string.rep, "x", 1e12) error(why, 0)`, failed, "the limit is 16777216"},
		"gsub that makes 10 GB":           {`return {s = (("x"):rep(1e6):gsub("x", ("y"):rep(1e4)))}`, failed, "16777216"},
		"format that makes a gigabyte":    {`return {s = ("%999999999d"):format(1)}`, failed, "format"},
		"concat that makes 20 MB":         {`local t = {} for i = 1, 20 do t[i] = ("x"):rep(1e6) end return {s = table.concat(t)}`, failed, "16777216 bytes"},
		"strings doubled by ..":           {`local s = "x" while true do s = s .. s end`, failed, "the operator ..: the result would have 33554432 bytes"},
		"one large string joined a hundred times": {"local s = (\"x\"):rep(16e6) local t = s" + strings.Repeat(" .. s", 100) + " local u = t" + strings.Repeat(" .. t", 100),
			failed, "the operator ..: the result would have 1616000000 bytes"},
		"loadstring of two million braces": {`assert(loadstring("return " .. ("{"):rep(2e6) .. ("}"):rep(2e6)))`, failed,
			"the limit is 262144"},
		"loadstring of 20,000 braces": {`assert(loadstring("return " .. ("{"):rep(2e4) .. ("}"):rep(2e4)))`, failed,
			"nested more than 1000 levels deep"},
		"loadstring of braces that are not closed": {`assert(loadstring("return " .. ("{"):rep(2e4)))`, failed, "something is not closed"},
		"load that gives text for ever":            {`assert(load(function() return ("{"):rep(1e5) end))`, failed, "larger than 262144 bytes"},
		"a table that contains itself":             {`local t = {} t.t = t return t`, dropped, "contains itself"},
		"a table that contains itself, printed": {`local t = {} t.t, t[1] = t, t print(t) dp.log.warn("x", {t = t})
			return {ok = true}`, passed, ""},
		"a table that contains itself, raised":           {`local t = {} t.t = t error(t)`, failed, "error object is a table"},
		"a table that contains itself, given to a class": {`local t = {} t.t = t dp.Message(t)`, failed, "unknown field"},
		"a table that contains itself, given to a reader": {`local t = {} t.t = t
			dp.reader.command{command = "true"}:take(t)`, failed, "must be"},
		"a table that contains itself, given to a command": {`local t = {} t.t = t dp.command(t)`, failed, "must be"},
		"a table that contains itself, as JSON":            {`local t = {} t.t = t dp.json.encode(t)`, failed, "contains itself"},
		"a channel":                                        {`channel.make():send(1)`, failed, "attempt to index a non-table object(nil)"},
		"a channel by require":                             {`require "channel"`, failed, "channel"},
		"the registry printed":                             {`_printregs()`, failed, "attempt to call a non-function object"},
		"a hook":                                           {`debug.sethook(function() end, "l")`, failed, "attempt to call a non-function object"},
		"the limits of the memory":                         {`collectgarbage("setmemorylimit", 1) collectgarbage("stop") return {ok = true}`, passed, ""},
		"recursion without end":                            {`local function f(n) return 1 + f(n) end f(1)`, failed, "stack overflow"},
		"recursion through pcall":                          {`local function f() local ok, e = pcall(f) if not ok then error(e, 0) end end f()`, failed, "stack overflow"},
		"recursion of coroutines":                          {`local function f() return coroutine.wrap(f)() end f()`, failed, "stack overflow"},
		"too many results":                                 {`return {unpack({}, 1, 1e9)}`, failed, "too many results to unpack"},
		"a yield across pcall":                             {`coroutine.wrap(function() assert(pcall(coroutine.yield, 1)) end)()`, failed, "attempt to yield across a pcall"},
		"a yield across a metamethod": {`coroutine.wrap(function() return setmetatable({}, {__index = function() coroutine.yield() end}).x end)()`,
			failed, "attempt to yield across a metamethod"},
		"a yield across an iterator": {`coroutine.wrap(function() for _ in function() coroutine.yield() end do end end)()`, failed,
			"attempt to yield across"},
		"a yield outside of a coroutine": {`coroutine.yield(1)`, failed, "attempt to yield from outside a coroutine"},

		// What holds up the VM.
		"an endless loop":                         {`while true do end`, late, "the deadline of 1s passed"},
		"an endless loop of pcalls":               {`while true do pcall(function() while true do end end) end`, late, "the deadline of 1s passed"},
		"a handler that loops":                    {`xpcall(error, function() while true do end end)`, late, "the deadline of 1s passed"},
		"a comparator that loops":                 {`table.sort({3, 1, 2}, function() while true do end end)`, late, "the deadline of 1s passed"},
		"new coroutines that loop":                {`while true do coroutine.resume(coroutine.create(function() while true do end end)) end`, late, "the deadline of 1s passed"},
		"a coroutine made at the load":            {`LOOP()`, late, "the deadline of 1s passed"},
		"a pattern of lazy items":                 {`string.find(("a"):rep(400), ".-.-.-b")`, late, "the deadline of 1s passed"},
		"a pattern of greedy items":               {`string.find(("a"):rep(150), "a*a*a*a*b")`, late, "the deadline of 1s passed"},
		"gsub of 100 KB":                          {`return {n = #(("a"):rep(1e5):gsub("a", "bb"))}`, passed, ""},
		"gsub of 100 KB of spaces":                {`return {n = #((" "):rep(1e5):gsub("%s+", " "))}`, passed, ""},
		"a far key":                               {`local t = {} t[60000000] = 1 return {n = t[60000000]}`, passed, ""},
		"a far key, sent":                         {`local t = {} t[60000000] = {a = 1} return t`, failed, "holes"},
		"io.popen that gives nothing":             {`return {s = io.popen("sleep 1000"):read("*a")}`, late, "the deadline of 1s passed"},
		"io.popen that gives for ever":            {`for _ in io.popen("yes"):lines() do end`, late, "the deadline of 1s passed"},
		"io.popen that is closed":                 {`io.popen("sleep 1000"):close()`, late, "the deadline of 1s passed"},
		"os.execute":                              {`os.execute("sleep 1000")`, late, "the deadline of 1s passed"},
		"os.execute that ignores TERM":            {`os.execute("trap '' TERM; while :; do sleep 1000; done")`, late, "the deadline of 1s passed"},
		"a command with a daemon of its own":      {`dp.command("setsid sh -c 'trap \"\" TERM; sleep 1000' & sleep 1000")`, late, "the deadline of 1s passed"},
		"a FIFO that nobody writes to":            {`return {s = io.open("` + held + `"):read()}`, late, "the deadline of 1s passed"},
		"a device without an end":                 {`return {s = io.open("/dev/zero"):read("*a")}`, failed, "16777216 bytes"},
		"a reader that gives nothing":             {`return {s = dp.reader.command{command = "sleep 1000"}:read()}`, late, "the deadline of 1s passed"},
		"a sleep without an end":                  {`pcall(dp.sleep, 1e5)`, late, "the deadline of 1s passed"},
		"strings of megabytes, one after another": {`while true do local s = ("x"):rep(8000000) end`, late, "the deadline of 1s passed"},

		// What cannot be sent.
		"NaN":              {`return {n = 0/0}`, dropped, "n: NaN cannot be written as JSON"},
		"an infinity":      {`return {list = {1, -1/0}}`, dropped, "list[2]: -infinity cannot be written as JSON"},
		"bytes not UTF-8":  {`return {s = "\255"}`, dropped, "s: "},
		"a function":       {`return {f = print}`, dropped, "f: "},
		"a list with keys": {`return {x = {1, a = 2}}`, dropped, "x: "},
		"a deep table":     {`local t = {} for i = 1, 10000 do t = {t} end return {t = t}`, dropped, "more than 64 levels of tables"},
		"a large message":  {`return {s = ("x"):rep(2e6)}`, dropped, "larger than 1048576 bytes"},
		"a nil result":     {`local t = nil return t`, OutcomeNil, "the result is nil"},

		// What belongs to all checks of the file, or to the daemon.
		"io.stdout closed":                {`io.stdout:close() io.close() io.stderr:close() print("x") return {ok = true}`, passed, ""},
		"the metatable of strings":        {`getmetatable("").__index = nil`, failed, "attempt to index a non-table object(boolean)"},
		"the table of string functions":   {`string.rep = nil ("x"):rep(2)`, failed, ""},
		"a standard function taken away":  {`pairs = nil for _ in pairs({}) do end`, failed, "attempt to call a non-function object"},
		"a file closed twice":             {`local f = io.tmpfile() f:close() f:close()`, failed, "the file is closed"},
		"a file used after it was closed": {`local f = io.tmpfile() f:close() f:read()`, failed, "the file is closed"},
		"an error that is a table":        {`error{code = 5}`, failed, `the error object {"code":5}`},
		"an error that is nil":            {`error(nil)`, failed, "error object is a nil"},
		"an error whose __tostring loops": {`error(setmetatable({}, {__tostring = function() while true do end end}))`, failed, "the error object {}"},
		"an upvalue of pcall":             {`local n = 0 local function f() n = n + 1 end pcall(error) f() assert(n == 1) return {ok = true}`, passed, ""},
		"a number too large for %d":       {`return {s = ("%d"):format(1e300)}`, failed, "%d"},
		"the Go object behind a reader":   {`return -dp.reader.file{path = "/dev/null"}`, failed, ""},
	}
	for name, p := range pitfalls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := "1"
			if p.outcome != late {
				timeout = "60" // it fails by itself, also on a machine that is busy with others
			}
			path := lua(t, "bad.lua", `
local loop = coroutine.wrap(function() while true do end end)
function LOOP() loop() end
return {
  dp.Function{interval = 3600, timeout = `+timeout+`, name = "bad", call = function()
`+strings.ReplaceAll(p.body, "\n", " ")+`
  end},
  dp.Function{interval = 0.1, name = "same file", call = function() return {same = 1} end},
}`)
			d := launch(t, Options{Checks: []string{path, lua(t, "other.lua", `
local n = 0
return {dp.Function{interval = 0.1, name = "other file", call = function() n = n + 1 return {other = n} end}}`)}})
			if p.outcome == passed {
				d.message("the check's own message", func(m msg) bool { return m.Event.Name == "" && !m.has("same") && !m.has("other") })
			} else {
				m := d.message("the failure", self("bad", p.outcome))
				position := path + ":"
				if p.outcome == dropped || p.outcome == OutcomeNil || strings.Contains(p.says, "holes") {
					position = "" // it is the result that is wrong, and the check is named
				}
				if !strings.HasPrefix(m.Event.Comment, position) || !strings.Contains(m.Event.Comment, p.says) ||
					strings.Contains(m.Event.Comment, "internal error") || m.Location["script"] != path {
					t.Errorf("it says %q of %q, want %q and %q", m.Event.Comment, m.Location["script"], position, p.says)
				}
				logged := d.log("the failure", told("bad", p.outcome))
				if logged.Message != m.Event.Comment && !strings.HasPrefix(m.Event.Comment, logged.Message[:min(len(logged.Message), 1000)]) {
					t.Errorf("the log says %q, the message %q", logged.Message, m.Event.Comment)
				}
			}
			same, other := len(d.sent(key("same"))), len(d.sent(key("other")))
			d.messages(same+2, "runs of the other check of the file", key("same"))
			d.messages(other+2, "runs of the check of the other file", key("other"))
			d.stop()
			for _, o := range []Outcome{OutcomeError, OutcomeTimeout, OutcomeStuck} {
				if bad := d.sent(self("other file", o)); len(bad) > 0 {
					t.Errorf("the other file failed: %s", bad[0].raw)
				}
				if bad := d.sent(self("same file", o)); len(bad) > 0 {
					t.Errorf("the other check of the file failed: %s", bad[0].raw)
				}
			}
			for i, m := range d.sent(key("other")) {
				if m.num("other") != float64(i+1) {
					t.Errorf("message %d of the other file is %s", i+1, m.raw)
				}
			}
			if n := d.count(OutcomeStuck); n > 0 {
				t.Errorf("the VM was stuck %d times", n)
			}
		})
	}
}
