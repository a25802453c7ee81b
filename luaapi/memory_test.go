package luaapi

import (
	"errors"
	"math"
	"runtime"
	"testing"
)

// What a script holds is found wherever it is: in globals, upvalues, and the variables of what runs, through
// pcalls and coroutines.
func TestMemoryIsMeasuredWhereverItIs(t *testing.T) {
	const limit = 1 << 20
	for name, body := range map[string]string{
		"a global":                   `BIG = make() ASK() for i = 1, 3000 do end`,
		"a local":                    `local big = make() ASK() for i = 1, 3000 do end return big and {}`,
		"a local of a caller":        `local big = make() local function f() ASK() for i = 1, 3000 do end end f() return big and {}`,
		"a local around pcalls":      `local big = make() pcall(function() pcall(function() ASK() for i = 1, 3000 do end end) end) return big and {}`,
		"a local between pcalls":     `pcall(function() local big = make() pcall(function() ASK() for i = 1, 3000 do end end) return big end)`,
		"a local around a coroutine": `local big = make() coroutine.wrap(function() ASK() for i = 1, 3000 do end end)() return big and {}`,
		"an upvalue":                 `do local big = make() F = function() return big end end ASK() for i = 1, 3000 do end`,
		"a key":                      `local t = {} for i = 1, 10000 do t["a long key that is long enough " .. i] = true end T = t ASK() for i = 1, 3000 do end`,
		"a suspended coroutine":      `CO = coroutine.wrap(function() local big = make() coroutine.yield() return big end) CO() ASK() for i = 1, 3000 do end`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, "local function make() local t = {} for i = 1, 100000 do t[i] = i end return t end\n"+checkOf("do "+body+" end return {}"))
			s.goFunction("ASK", func(*Run) { s.vm.AskMemory(limit) })
			var over *MemoryError
			if o := s.run(1); !errors.As(o.err, &over) || over.Limit != limit {
				t.Errorf("the run ended with %v", o.err)
			}
		})
	}
	s := loadScript(t, "local function make() return {} end\n"+checkOf(`local small = make() ASK() for i = 1, 3000 do end return {}`))
	s.goFunction("ASK", func(*Run) { s.vm.AskMemory(limit) })
	s.mustRun(1)
	var bytes uint64
	s.do(func(r *Run) { bytes = r.Memory(1 << 30) })
	if bytes < 10_000 || bytes > 1<<20 {
		t.Errorf("an idle VM has %d bytes", bytes)
	}
}

// What is measured is near to what the heap has: also for tables that keep room for what they do not hold any more.
func TestMemoryOfTablesIsNearToWhatTheyTake(t *testing.T) {
	for name, body := range map[string]string{
		"a list":                               `for i = 1, n do t[i] = i end`,
		"a list that was emptied":              `for i = 1, n do t[i] = i end for i = 1, n do t[i] = nil end`,
		"a list that was emptied from its end": `for i = 1, n do t[i] = i end for i = n, 1, -1 do table.remove(t) end`,
		"a far key":                            `t[4 * n] = 1`,
		"keys":                                 `for i = 1, n do t["key " .. i] = i end`,
		"keys that come and go":                `for i = 1, n do t["key " .. i] = i t["key " .. i] = nil end`,
		"keys that come, and then go":          `for i = 1, n do t["key " .. i] = i end for i = 1, n do t["key " .. i] = nil end`,
		"long keys that come and go":           `for i = 1, n do local k = ("a long key "):rep(10) .. i t[k] = i t[k] = nil end`,
		"numbers as keys that come and go":     `for i = 1, n do t[-i] = i t[-i] = nil end`,
		"tables as keys that come and go":      `for i = 1, n do local k = {} t[k] = i t[k] = nil end`,
		"tables":                               `for i = 1, n do t[i] = {} end`,
		"tables with a key":                    `for i = 1, n / 10 do t[i] = {key = i} end`,
		"tables with an item":                  `for i = 1, n / 10 do t[i] = {i} end`,
		"strings":                              `for i = 1, n do t[i] = ("x"):rep(100) .. i end`,
		"functions":                            `for i = 1, n do t[i] = function() return i end end`,
	} {
		t.Run(name, func(t *testing.T) {
			s := loadScript(t, checkOf(`local t, n = {}, 50000 T = t `+body+` return {}`))
			measured := func() (counted, heap float64) {
				s.do(func(r *Run) { counted = float64(r.Memory(1 << 40)) })
				return counted, settledHeap()
			}
			countedBefore, heapBefore := measured()
			s.mustRun(1)
			counted, heap := measured()
			counted, heap = counted-countedBefore, heap-heapBefore
			t.Logf("%.1f MB were counted, the heap has grown by %.1f MB: %.2f", counted/1e6, heap/1e6, counted/heap)
			if counted < 0.5*heap || counted > 1.6*heap {
				t.Error("that is too far apart")
			}
		})
	}
}

// settledHeap is the size of the heap when no more goes: what tests before have left may take some collections.
func settledHeap() float64 {
	least := math.Inf(1)
	for unchanged := 0; unchanged < 2; unchanged++ {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		if size := float64(stats.HeapAlloc); size < 0.999*least {
			least, unchanged = size, 0
		}
	}
	return least
}
