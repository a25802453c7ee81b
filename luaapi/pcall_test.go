package luaapi

import "testing"

// gopher-lua's pcall detaches the variables of the functions around it from the closures that use them
// (github.com/yuin/gopher-lua/issues/448).
func TestPcall(t *testing.T) {
	for name, body := range map[string]string{
		"an error that is caught leaves the variables around it shared with closures": `
			local n = 0
			local function increment() n = n + 1 end
			assert(not pcall(error, "x"))
			increment()
			assert(n == 1, n)
			n = 5
			increment()
			assert(n == 6, n)`,
		"so does one in a nested pcall": `
			local n = 0
			local function increment() n = n + 1 end
			pcall(function()
				local m = 0
				local function both() m, n = m + 1, n + 1 end
				pcall(error)
				both()
				assert(m == 1)
				error("x")
			end)
			increment()
			assert(n == 2, n)`,
		"so does xpcall": `
			local n = 0
			local function increment() n = n + 1 end
			xpcall(function() error("x") end, function(e) return e end)
			increment()
			assert(n == 1, n)`,
		"so does a coroutine that fails": `
			local n = 0
			local function increment() n = n + 1 end
			coroutine.resume(coroutine.create(function() error("x") end))
			assert(not pcall(coroutine.wrap(function() error("x") end)))
			increment()
			assert(n == 1, n)`,
		"so does a check that is called from Lua and fails": `
			local n = 0
			local function increment() n = n + 1 end
			local inner = dp.Function{interval = 1, call = function() error("x") end}
			assert(not pcall(inner.run, inner))
			increment()
			assert(n == 1, n)`,
		"closures of a function that failed keep its variables": `
			local get
			pcall(function()
				local x = 42
				get = function() return x end
				error("x")
			end)
			local function many(...) return select("#", ...) end
			many(7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7)
			assert(get() == 42, get())`,
		"also with xpcall": `
			local get, set
			xpcall(function()
				local x = 42
				get = function() return x end
				set = function(v) x = v end
				error("x")
			end, function(e) set(43) return e end)
			local function many(...) return select("#", ...) end
			many(7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7)
			assert(get() == 43, get())`,
		"results and arguments pass through": `
			local function all(...) return select("#", ...), ... end
			local ok, n, a, b, c = pcall(all, 1, nil, nil)
			assert(ok and n == 3 and a == 1 and b == nil and c == nil)
			assert(select("#", pcall(all, nil, nil)) == 4)
			assert(select("#", pcall(function() end)) == 1)
			local ok, n = xpcall(function() return 1, 2 end, print)
			assert(ok and n == 1)
			assert(select("#", xpcall(function() return nil, nil end, print)) == 3)`,
		"error objects of any type pass through": `
			local object = {}
			local ok, e = pcall(error, object)
			assert(not ok and e == object)
			ok, e = pcall(error, nil)
			assert(not ok and e == nil)
			ok, e = pcall(error, dp.null)
			assert(not ok and e == dp.null)
			ok, e = pcall(error, "text", 0)
			assert(not ok and e == "text", e)
			ok, e = pcall(function() error("text") end)
			assert(e:find(":%d+: text$"), e)`,
		"what is no function is an error that is caught": `
			local ok, e = pcall(5)
			assert(not ok and e:find("attempt to call a number value"), e)
			ok, e = pcall(nil)
			assert(not ok and e:find("attempt to call a nil value"), e)
			ok, e = pcall(pcall)
			assert(not ok and e:find("bad argument"), e)
			ok, e = pcall(xpcall, print)
			assert(not ok and e:find("bad argument"), e)`,
		"a callable table is called": `
			local t = setmetatable({}, {__call = function(self, a) return a + 1 end})
			local ok, v = pcall(t, 1)
			assert(ok and v == 2)`,
		"the handler of xpcall sees the calls that led to the error": `
			local function failing() error("x") end
			local ok, trace = xpcall(function() failing() end, debug.traceback)
			assert(not ok and trace:find("failing", 1, true), trace)`,
		"an error in the handler of xpcall is caught": `
			local ok, e = xpcall(function() error("x") end, function() error("y") end)
			assert(not ok and tostring(e):find("y", 1, true), e)`,
		"it can be nested, to a clear limit": `
			local depth = 0
			local function deeper() depth = depth + 1; local ok, e = pcall(deeper); if not ok then error(e, 0) end end
			local ok, e = pcall(deeper)
			assert(not ok and depth >= 100, depth)
			assert(e:find("nested") or e:find("stack overflow"), e)`,
		"coroutine.running is the coroutine also inside of pcall": `
			local co
			co = coroutine.create(function()
				assert(coroutine.running() == co)
				pcall(function()
					assert(coroutine.running() == co)
					assert(coroutine.status(co) == "running")
				end)
				return pcall(coroutine.running)
			end)
			local ok, inner, running = coroutine.resume(co)
			assert(ok and inner and running == co, tostring(inner))
			assert(pcall(function() assert(coroutine.running() == nil) end))`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			luaTest(t, body)
		})
	}
}
