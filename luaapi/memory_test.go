package luaapi

import (
	"errors"
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
