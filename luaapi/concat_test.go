package luaapi

import (
	"strings"
	"testing"
)

// The operator .. is a function of ours in a compiled script. It does what Lua's does, and has a limit.
func TestConcat(t *testing.T) {
	for name, body := range map[string]string{
		"strings and numbers": `
			assert("a" .. "b" == "ab" and 1 .. 2 == "12" and "x" .. 0.5 .. "y" == "x0.5y" and "" .. "" == "")
			assert(2^53 .. "" == tostring(2^53) and -0.25 .. "" == "-0.25" and 1e300 .. "" == tostring(1e300) and 0/0 .. "" == tostring(0/0))
			local long = ("ab"):rep(50) .. 1 .. ("c"):rep(100) .. 2
			assert(#long == 202 and long:sub(-1) == "2" and long:sub(101, 102) == "1c")`,
		"it binds as in Lua": `
			assert("a" .. 1 + 2 == "a3" and "a" .. "b" == "a" .. "b" and ("a" .. "b") .. "c" == "a" .. ("b" .. "c"))
			assert(not ("a" .. "b" == "c") and #("a" .. "bc") == 3 and -("1" .. "2") == -12 and 2 .. 3 ^ 2 == "29")`,
		"each operand is one value, and so is the result": `
			local function two() return "x", "y" end
			local function none() end
			local function all(...) return "a" .. ... end
			assert("a" .. two() == "ax" and two() .. two() == "xx" and all("b", "c") == "ab")
			assert(select("#", "a" .. two()) == 1 and select("#", two() .. "a", two()) == 3)
			assert(not pcall(function() return "a" .. none() end) and not pcall(all))
			local function result() return "a" .. two() end
			assert(select("#", result()) == 1 and #{result(), result()} == 2 and #{"a" .. "b", "a" .. two()} == 2)
			local function last(...) return ... .. "z" end
			assert(select("#", last("p", "q")) == 1 and last("p", "q") == "pz")`,
		"operands are evaluated once, from the left": `
			local order = ""
			local function f(s) order = order .. s return s end
			assert(f("a") .. f("b") .. f("c") == "abc" and order == "abc")`,
		"it may be assigned to its own operand": `
			local function f(a) a = a .. "x" return a end
			local function g(a, b) b = a .. b a = a .. b .. a return a, b end
			local function h(a) local b = a .. a a = b .. a return a .. b end
			local function l(a, b) b, a = b .. "x", a .. "y" return a, b end
			local function m(a) local b a, b = a .. a, a .. "z" return a .. b end
			local a, b = l("1", "2")
			assert(a == "1y" and b == "2x" and m("1") == "111z")
			a, b = g("1", "2")
			assert(f("p") == "px" and a == "1121" and b == "12" and h("x") == "xxxxx")
			local s = ""
			for i = 1, 5 do s = s .. i end
			assert(s == "12345")
			local t = {x = "a"}
			t.x = t.x .. t.x
			t[t.x .. 1] = t.x .. 2
			assert(t.aa1 == "aa2")
			do local s = s .. s assert(#s == 10) end
			local up = "a"
			(function() up = up .. up end)()
			assert(up == "aa")`,
		"in every place of the syntax": `
			local t, n = {}, 0
			t["a" .. "b"] = 1
			t = {["k" .. 1] = "v" .. 1, "l" .. 1}
			assert(t.k1 == "v1" and t[1] == "l1")
			if "a" .. "b" == "ab" then n = n + 1 elseif "a" .. "b" then n = 100 end
			while n .. "" ~= "3" do n = n + 1 end
			repeat n = n + 1 local s = n .. "" until s .. "" == "5"
			for i = #(1 .. ""), #(2 .. "2"), #("" .. 1) do n = n + 1 end
			for _, v in pairs{"a" .. "b"} do assert(v == "ab") end
			assert(n == 7 and ("a" .. "b"):upper() == "AB" and ("%s"):format("a" .. 1) == "a1")
			function t.f(...) return "f" .. select("#", ...) end
			assert(t.f("a" .. 1, "b" .. 2) == "f2" and t["" .. "f"]() == "f0" and (t.x or "n" .. "o") == "no" and not ("a" .. "b" < "a"))
			assert(loadstring("return 'in ' .. ...")("chunk") == "in chunk")`,
		"the metamethod of the last two values": `
			local T = {}
			T.__concat = function(a, b) return (type(a) == "table" and "T" or a) .. "+" .. (type(b) == "table" and "T" or b) end
			local x = setmetatable({}, T)
			assert("a" .. x == "a+T" and x .. "a" == "T+a" and x .. x == "T+T" and "a" .. "b" .. x == "ab+T" and 1 .. x .. 2 == "1T+2" or true)
			assert("a" .. "b" .. x == "a" .. ("b" .. x) and x .. "a" .. "b" == "T+ab" and "a" .. x .. "b" == "aT+b")
			T.__concat = function() return nil, 2 end
			assert(x .. "a" == nil and select("#", x .. "a") == 1)
			T.__concat = function(a, b) dp.sleep(0.001) return "waited" end
			assert(x .. x == "waited")
			assert(("x" .. 1):rep(2) == "x1x1")`,
		"what cannot be joined is named": `
			for text, f in pairs{
				["nil and string"] = function() return nil .. "a" end,
				["string and nil"] = function() return "a" .. nil end,
				["string and table"] = function() return "a" .. {} end,
				["boolean and boolean"] = function() return true .. false end,
				["number and function"] = function() return "a" .. 1 .. print end,
			} do
				local ok, why = pcall(f)
				assert(not ok and why:find("script.lua:%d+: cannot perform concat operation between " .. text), why)
			end`,
		"it has a limit": `
			local s = ("x"):rep(16e6)
			for name, f in pairs{
				function() return s .. s end,
				function() return s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s end,
				function() local d = "x" while true do d = d .. d end end,
				function() return s .. 1 .. s end,
				function() return loadstring("local s = ... return s .. s")(s) end,
			} do
				local ok, why = pcall(f)
				assert(not ok and why:find("the operator ..: the result would have", 1, true) and why:find("the limit is 16777216", 1, true), why)
			end
			assert(#(s .. "x") == 16e6 + 1)`,
		"a yield in the metamethod is an error": `
			local x = setmetatable({}, {__concat = function() coroutine.yield(1) end})
			local ok, why = pcall(coroutine.wrap(function() return x .. x end))
			assert(not ok and why:find("attempt to yield across", 1, true), why)`,
		"the function of the operator cannot be got at": `
			setfenv(1, {assert = assert, print = print})
			assert("a" .. "b" == "ab")`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			luaTest(t, body)
		})
	}
}

// The error of `..` names its line, and the traceback shows the script's functions only.
func TestConcatErrorsNameTheLine(t *testing.T) {
	s := loadScript(t, checkOf("local function f(x)\nlocal y = 'a' ..\n x\nend\nf(nil)"))
	err, ok := s.run(1).err.(*ScriptError)
	if !ok || err.Line != 4 || err.Msg != "cannot perform concat operation between string and nil" {
		t.Fatalf("the error is %+v", err)
	}
	if want := s.at(4) + ": in function 'f'"; !strings.HasPrefix(err.Traceback, want) || strings.Contains(err.Traceback, "[G]") {
		t.Errorf("the traceback is %q, want %q first, and no functions of Go", err.Traceback, want)
	}
}

func BenchmarkConcat(b *testing.B) {
	for name, body := range map[string]string{
		"two":     `local a = "host" for i = 1, 1000 do local s = a .. "x" end return {}`,
		"five":    `local a = "host" for i = 1, 1000 do local s = a .. "." .. a .. ":" .. a end return {}`,
		"numbers": `for i = 1, 1000 do local s = "n" .. i end return {}`,
	} {
		b.Run(name, func(b *testing.B) {
			s := loadScript(b, checkOf(body))
			for b.Loop() {
				s.mustRun(1)
			}
		})
	}
}
