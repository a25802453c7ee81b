package luaapi

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What is known of gopher-lua and luar, and has no test where the function is tested that it is about. What ends a
// process, or holds it up, is in the engine's tests: there another check and another file go on.

// luar turns a float that is too large for an integer into some other one, and an error of Go into userdata.
func TestAReaderTakesNumbersAndGivesErrorsAsLuaDoes(t *testing.T) {
	luaTest(t, `
		local r = dp.reader.command{command = "echo 1; echo 2"}
		for _, n in ipairs{1e300, 2^31, 2^53, 2^63, 2^64 + 1, -2^63, -1, 1.5, 0/0, 1/0, -1/0} do
			local ok, why = pcall(r.take, r, n)
			if n == 2^31 then
				assert(ok and type(why) == "table")
			else
				assert(not ok and type(why) == "string" and why:find("must be a whole number", 1, true), tostring(n) .. ": " .. tostring(why))
			end
		end
		for _, n in ipairs{1e300, 2^63, -2^63, -1, 0/0, 1/0, -1/0} do
			local ok, why = pcall(r.read, r, n)
			assert(not ok and type(why) == "string" and why:find("must be a number of seconds", 1, true), tostring(n) .. ": " .. tostring(why))
		end
		for _, make in ipairs{
			function() dp.reader.command{command = {"/no/such/command"}} end,
			function() dp.reader.file{path = "/no/such/file"} end,
			function() dp.reader.socket{address = "tcp:127.0.0.1:1"} end,
			function() r.take(5) end,
		} do
			local ok, why = pcall(make)
			assert(not ok and type(why) == "string" and #why > 0, type(why))
		end
		r:close()`)
}

// The length of a list with holes is where it ends, and not where ipairs ends: such a list is no message.
func TestAListWithHolesIsNoMessage(t *testing.T) {
	luaTest(t, `
		local t, n = {1, 2, nil, 4}, 0
		for _ in ipairs(t) do n = n + 1 end
		assert(#t == 4 and n == 2)
		local ok, why = pcall(dp.json.encode, t)
		assert(not ok and why:find("a list with a hole: [3] is nil", 1, true), tostring(why))
		assert(dp.json.encode({1, 2, dp.null, 4}) == "[1,2,null,4]")`)
	o := runBody(t, `return {{x = {1, 2, nil, 4}}, {good = 1}}`)
	if o.err != nil || len(o.lines()) != 1 || len(o.problems()) != 1 || !strings.Contains(o.problems()[0], "x: a list with a hole: [3] is nil") {
		t.Errorf("it gives %v, %v, %v", o.lines(), o.problems(), o.err)
	}
}

// To close a Lua thread of gopher-lua closes the temporary files of the whole VM, and there is a thread for each run,
// each pcall and each coroutine.
func TestATemporaryFileOutlivesTheThreadsOfItsVM(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local file = io.tmpfile()
		local function check(call) return dp.Function{interval = 1, call = call} end
		return {
			check(function()
				file:write("x")
				file:seek("set")
				return {length = #file:read("*a")}
			end),
			check(function() error("broken") end),
			check(function() coroutine.wrap(error)("broken") end),
			check(function() coroutine.wrap(coroutine.yield)() return {} end),
			check(function() local function f(n) return 1 + f(n) end f(1) end),
			check(function() while true do end end),
			check(function() dp.sleep(100) end),
			check(function() io.tmpfile() return {} end),
		}`)
	look := func(length int) {
		t.Helper()
		if got, want := s.mustRun(1).lines()[0], fmt.Sprintf(`{"length":%d}`, length); got != want {
			t.Fatalf("it gives %s, want %s", got, want)
		}
	}
	look(1)
	for entry := 2; entry <= 8; entry++ {
		timeout, late := longTime, entry == 6 || entry == 7
		if late {
			timeout = 50 * time.Millisecond
		}
		if o := s.runFor(entry, timeout); late != isDeadline(o.err) {
			t.Errorf("check %d ended with %v", entry, o.err)
		}
		look(entry)
	}
}
