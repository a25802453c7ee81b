package luaapi

import (
	"runtime"
	"testing"
	"time"
)

func TestCoroutines(t *testing.T) {
	for name, body := range map[string]string{
		"values go both ways": `
			local co = coroutine.create(function(a, b)
				local c, d = coroutine.yield(a + b, nil)
				return c, d, nil
			end)
			assert(coroutine.status(co) == "suspended")
			assert(select("#", coroutine.resume(co, 1, 2)) == 3)
			local ok, c, d = coroutine.resume(co, "c", "d")
			assert(ok and c == "c" and d == "d")
			assert(coroutine.status(co) == "dead")
			local ok, why = coroutine.resume(co)
			assert(not ok and why:find("dead"), why)`,
		"wrap raises the errors of its coroutine, and stays dead after one": `
			local runs = 0
			local step = coroutine.wrap(function()
				runs = runs + 1
				coroutine.yield()
				error("broken")
			end)
			step()
			local ok, why = pcall(step)
			assert(not ok and why:find("broken"), why)
			for i = 1, 3 do
				ok, why = pcall(step)
				assert(not ok and why:find("dead"), why)
			end
			coroutine.wrap(function() end)()
			ok, why = pcall(step)
			assert(not ok and why:find("dead"), why)
			assert(runs == 1)`,
		"status tells where each one is": `
			local outer, inner
			outer = coroutine.create(function()
				inner = coroutine.create(function()
					assert(coroutine.status(inner) == "running")
					assert(coroutine.status(outer) == "normal")
					assert(coroutine.running() == inner)
					dp.sleep(0.001)
					assert(coroutine.status(inner) == "running")
					assert(coroutine.status(outer) == "normal")
					assert(coroutine.running() == inner)
				end)
				assert(coroutine.resume(inner))
				assert(coroutine.status(inner) == "dead")
				assert(coroutine.running() == outer)
			end)
			assert(coroutine.running() == nil)
			assert(coroutine.resume(outer))
			assert(coroutine.running() == nil)`,
		"the one that runs, and those around it, cannot be resumed": `
			local outer
			outer = coroutine.create(function()
				local ok, why = coroutine.resume(outer)
				assert(not ok and why:find("running"), why)
				dp.sleep(0.001)
				ok, why = coroutine.resume(outer)
				assert(not ok and why:find("running"), why)
				local inner = coroutine.wrap(function()
					local ok, why = coroutine.resume(outer)
					assert(not ok and why:find("normal"), why)
					coroutine.yield("inner")
				end)
				assert(inner() == "inner")
				return "outer"
			end)
			local ok, result = coroutine.resume(outer)
			assert(ok and result == "outer", result)
			local step
			step = coroutine.wrap(function() step() end)
			assert(not pcall(step))`,
		"several can be interleaved, with waits in each": `
			local seen = {}
			local function worker(name)
				return coroutine.wrap(function()
					for i = 1, 3 do
						dp.sleep(0.001)
						seen[#seen + 1] = name .. i
						coroutine.yield(i)
						dp.sleep(0.001)
					end
				end)
			end
			local a, b = worker("a"), worker("b")
			for i = 1, 3 do
				assert(a() == i and b() == i)
			end
			assert(table.concat(seen, " ") == "a1 b1 a2 b2 a3 b3", table.concat(seen, " "))`,
		"waits work in iterators, metamethods, sort and gsub": `
			local n = 0
			for v in coroutine.wrap(function() for i = 1, 3 do dp.sleep(0.001) coroutine.yield(i) end end) do n = n + v end
			assert(n == 6)
			for v in function(_, last) dp.sleep(0.001) last = (last or 0) + 1 if last <= 3 then return last end end do n = n + v end
			assert(n == 12)
			local t = setmetatable({}, {
				__index = function(_, key) dp.sleep(0.001) return key end,
				__newindex = function(t, key, v) dp.sleep(0.001) rawset(t, key, v) end,
				__call = function(_, v) dp.sleep(0.001) return v end,
				__add = function(_, v) dp.sleep(0.001) return v end,
				__tostring = function() dp.sleep(0.001) return "text" end,
				__lt = function() dp.sleep(0.001) return true end,
			})
			assert(t.x == "x" and t(5) == 5 and t + 6 == 6 and tostring(t) == "text" and t < t)
			t.y = 1
			assert(rawget(t, "y") == 1)
			local list = {3, 1, 2}
			table.sort(list, function(a, b) dp.sleep(0.001) return a < b end)
			assert(table.concat(list) == "123")
			assert(("abc"):gsub("%w", function(c) dp.sleep(0.001) return c:upper() end) == "ABC")
			local ok, v = pcall(function() dp.sleep(0.001) return pcall(function() dp.sleep(0.001) return 7 end) end)
			assert(ok and v == true)
			local ok, v = xpcall(function() dp.sleep(0.001) error("x") end, function(e) dp.sleep(0.001) return "handled" end)
			assert(not ok and v == "handled")`,
		"a yield outside of any is an error": `
			local ok, why = pcall(coroutine.yield)
			assert(not ok and why:find("outside a coroutine"), why)`,
		"a yield across pcall is an error, and the coroutine goes on": `
			local co = coroutine.create(function()
				local ok, why = pcall(coroutine.yield, 1)
				assert(not ok and why:find("across a pcall"), why)
				ok, why = pcall(function() coroutine.yield(1) end)
				assert(not ok and why:find("across a pcall"), why)
				ok, why = xpcall(function() coroutine.yield(1) end, function(e) return e end)
				assert(not ok and why:find("across a pcall"), why)
				coroutine.yield("between")
				return "end"
			end)
			local _, v = coroutine.resume(co)
			assert(v == "between", v)
			_, v = coroutine.resume(co)
			assert(v == "end", v)`,
		"a yield across a metamethod, an iterator or a callback is an error": `
			for name, across in pairs{
				index = function() return setmetatable({}, {__index = function() coroutine.yield(1) end}).x end,
				newindex = function() setmetatable({}, {__newindex = function() coroutine.yield(1) end}).x = 1 end,
				add = function() return setmetatable({}, {__add = function() coroutine.yield(1) end}) + 1 end,
				tostring = function() return tostring(setmetatable({}, {__tostring = function() coroutine.yield(1) end})) end,
				iterator = function() for _ in function() coroutine.yield(1) end do end end,
				gsub = function() return ("x"):gsub("x", function() coroutine.yield(1) end) end,
				sort = function() table.sort({3, 2, 1}, function() coroutine.yield(1) end) end,
				check = function() return dp.Function{interval = 1, call = function() coroutine.yield(1) end}:run() end,
			} do
				local co = coroutine.create(function() across() end)
				local ok, why = coroutine.resume(co)
				assert(not ok and why:find("attempt to yield across"), name .. ": " .. tostring(why))
				assert(coroutine.status(co) == "dead", name)
				local ok, why = pcall(coroutine.wrap(function() across() end))
				assert(not ok and why:find("attempt to yield across"), name .. ": " .. tostring(why))
			end
			assert(coroutine.wrap(function() return coroutine.yield(1) end)() == 1)`,
		"a tail call of yield works": `
			local function y(v) return coroutine.yield(v) end
			local co = coroutine.wrap(function() local a = y(1) return y(a) end)
			assert(co() == 1 and co(5) == 5)`,
		"yield can be the body": `
			local co = coroutine.create(coroutine.yield)
			local ok, a, b = coroutine.resume(co, 1, 2)
			assert(ok and a == 1 and b == 2)`,
		"coroutines inside of each other end at a clear limit": `
			local depth = 0
			local function deeper() depth = depth + 1; return coroutine.wrap(deeper)() end
			local ok, why = pcall(deeper)
			assert(not ok and why:find("stack overflow", 1, true), why)
			assert(depth > 100, depth)
			depth = 0
			local function resumed() depth = depth + 1; return coroutine.resume(coroutine.create(resumed)) end
			resumed()
			assert(depth > 100 and depth < 1000, depth)`,
		"arguments are checked": `
			for _, f in ipairs{coroutine.create, coroutine.wrap, coroutine.resume, coroutine.status} do
				assert(not pcall(f))
				assert(not pcall(f, 5))
				assert(not pcall(f, {}))
			end`,
		"an error object of any type comes through": `
			local object = {}
			local ok, e = coroutine.resume(coroutine.create(function() error(object) end))
			assert(not ok and e == object)
			ok, e = pcall(coroutine.wrap(function() error(object) end))
			assert(not ok and e == object)`,
		"a stack overflow in one is an error of it": `
			local function forever(n) return 1 + forever(n) end
			local ok, why = coroutine.resume(coroutine.create(forever), 1)
			assert(not ok and why:find("overflow"), why)
			ok, why = pcall(coroutine.wrap(forever), 1)
			assert(not ok and why:find("overflow"), why)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			luaTest(t, body)
		})
	}
}

// The coroutine of one run is looked at by another run of the file while the first one waits inside of it.
func TestCoroutineOfAnotherRun(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local co, go
		return {
			dp.Function{interval = 1, call = function()
				co = coroutine.create(function()
					while not go do dp.sleep(0.001) end
					coroutine.yield("first")
					return "second"
				end)
				local ok, v = coroutine.resume(co)
				assert(ok and v == "first", tostring(v))
				return {}
			end},
			dp.Function{interval = 1, call = function()
				while not co do dp.sleep(0.001) end
				assert(coroutine.status(co) == "normal", coroutine.status(co))
				local ok, why = coroutine.resume(co)
				assert(not ok and why == "cannot resume a coroutine that is normal", tostring(why))
				go = true
				while coroutine.status(co) ~= "suspended" do dp.sleep(0.001) end
				local ok, v = coroutine.resume(co)
				assert(ok and v == "second", tostring(v))
				return {}
			end},
		}`)
	first, second := s.start(1, RunOptions{Timeout: longTime}), s.start(2, RunOptions{Timeout: longTime})
	for _, o := range []outcome{s.wait(first), s.wait(second)} {
		if o.err != nil {
			t.Error(o.err)
		}
	}
}

func TestCoroutineOfARunThatWasAbandonedIsDead(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local co
		return {
			dp.Function{interval = 1, call = function()
				co = coroutine.create(function() pcall(dp.sleep, 100) end)
				coroutine.resume(co)
				return {}
			end},
			dp.Function{interval = 1, call = function()
				while not co do dp.sleep(0.001) end
				`+"BLOCK()"+`
				assert(coroutine.status(co) == "dead", coroutine.status(co))
				local ok, why = coroutine.resume(co)
				assert(not ok and why == "cannot resume a coroutine that is dead", tostring(why))
				return {}
			end},
		}`)
	hold := s.blocker()
	first := s.start(1, RunOptions{Timeout: shortTime})
	second := s.start(2, RunOptions{Timeout: longTime})
	<-hold.held
	if o := s.wait(first); !isDeadline(o.err) {
		t.Errorf("the first run ended with %v", o.err)
	}
	close(hold.release)
	if o := s.wait(second); o.err != nil {
		t.Error(o.err)
	}
}

func TestCoroutinesThatNobodyResumesAreCollected(t *testing.T) {
	s := loadScript(t, checkOf(`
		for i = 1, 2000 do
			local co = coroutine.wrap(function() local t = {} for i = 1, 100 do t[i] = i end coroutine.yield() end)
			co()
		end
		return {}`))
	s.mustRun(1)
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		return heapBytes()
	}
	before := heap()
	for range 5 {
		s.mustRun(1)
	}
	// 10,000 of them hold some 80 MB while they live.
	if grown := heap() - before; grown > 10<<20 {
		t.Errorf("%.0f MB are kept", grown/1e6)
	}
}

// A coroutine obeys the deadline of the run that is in it, whoever made it.
func TestCoroutineHasTheDeadlineOfTheRunThatResumesIt(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local made = coroutine.wrap(function() while true do coroutine.yield(1) end end)
		local loop = coroutine.create(function() while true do end end)
		local sleeper = coroutine.create(function() dp.sleep(100) end)
		local step = coroutine.wrap(function() local n = 0 while true do n = n + 1 coroutine.yield(n) end end)
		return {
			dp.Function{interval = 1, call = function() return {n = step(), m = made()} end},
			dp.Function{interval = 1, call = function() coroutine.resume(loop) return {} end},
			dp.Function{interval = 1, call = function() coroutine.resume(sleeper) return {} end},
			dp.Function{interval = 1, call = function()
				return coroutine.wrap(function() return coroutine.wrap(function() while true do end end)() end)()
			end},
		}`)
	// Made at the load, resumed in run after run.
	for range 3 {
		s.mustRun(1)
	}
	for entry := 2; entry <= 4; entry++ {
		o := s.runFor(entry, shortTime)
		if !isDeadline(o.err) || o.took > lateTime {
			t.Errorf("entry %d ended after %v with %v", entry, o.took.Round(time.Millisecond), o.err)
		}
	}
	if got := s.mustRun(1).lines()[0]; got != `{"n":4,"m":1}` {
		t.Errorf("the fourth run gave %s", got)
	}
}
