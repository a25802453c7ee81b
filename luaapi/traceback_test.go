package luaapi

import (
	"slices"
	"strings"
	"testing"
)

// What failed in a coroutine shows where it was in there, and then who resumed the coroutine. Each want is the number of
// a line, and the function in it.
func TestTheTracebackGoesThroughCoroutines(t *testing.T) {
	const failing = `local function deep(what)
	if what then error(what) end
	return nil + 1
end
`
	tests := map[string]struct {
		body string // from line 7 on
		msg  string
		want []string
	}{
		"wrap": {`local step = coroutine.wrap(function()
				deep("broken")
			end)
			local function outer() step() end
			outer()`,
			"broken", []string{"4 deep", "8", "10 outer", "11"}},
		"wrap, after a yield": {`local step = coroutine.wrap(function()
				coroutine.yield()
				deep("broken")
			end)
			step()
			step()`,
			"broken", []string{"4 deep", "9", "12"}},
		"an error of the interpreter": {`coroutine.wrap(function() deep() end)()`,
			"cannot perform add operation between nil and number", []string{"5 deep", "7", "7"}},
		"coroutines in each other": {`local function wrapped(f)
				return coroutine.wrap(function() f() end)
			end
			local step = wrapped(wrapped(wrapped(function() deep("broken") end)))
			step()`,
			"broken", []string{"4 deep", "10 f", "8", "8", "8", "11"}},
		"a pcall in a coroutine": {`coroutine.wrap(function()
				local ok, why = pcall(deep, "broken")
				error(why, 0)
			end)()`,
			"broken", []string{"9", "7"}},
		"resume, and the error raised again": {`local co = coroutine.create(function() deep("broken") end)
			local ok, why = coroutine.resume(co)
			if not ok then
				error(why, 0)
			end`,
			"broken", []string{"4 deep", "7", "10"}},
		"resume, and assert": {`local co = coroutine.create(function() deep() end)
			assert(coroutine.resume(co))`,
			"cannot perform add operation between nil and number", []string{"5 deep", "7", "8"}},
		"resume, and an error that has another position, too": {`local co = coroutine.create(function() deep("broken") end)
			local ok, why = coroutine.resume(co)
			error(why)`,
			"broken", []string{"4 deep", "7", "9"}},
		"a table": {`local co = coroutine.create(function() deep({message = "broken"}) end)
			local ok, why = coroutine.resume(co)
			error(why)`,
			"broken", []string{"4 deep", "7", "9"}},
		"an error that has nothing to do with one before": {`pcall(coroutine.wrap(function() deep("other") end))
			deep("broken")`,
			"broken", []string{"4 deep", "8"}},
		"one coroutine fails, then another": {`local function try(what)
				return select(2, coroutine.resume(coroutine.create(function() deep(what) end)))
			end
			local first = try("broken")
			try("other")
			error(first, 0)`,
			"broken", []string{"12"}}, // only the last one is remembered
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := loadScript(t, checkOf(failing+test.body))
			err, ok := s.run(1).err.(*ScriptError)
			if !ok || !strings.HasSuffix(err.Msg, test.msg) || err.Script != s.path || err.Panic {
				t.Fatalf("the error is %+v", err)
			}
			var got []string
			for line := range strings.Lines(err.Traceback) {
				line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), s.path+":"), ": in coroutine")
				line = strings.TrimSuffix(line, ": in main chunk")
				number, function, _ := strings.Cut(line, ": in function ")
				function = strings.Trim(function, "'")
				if strings.HasPrefix(function, "<") || strings.HasPrefix(number, "[G]") {
					function = ""
				}
				if number = strings.TrimSuffix(number, ":"); !strings.HasPrefix(number, "[G]") {
					got = append(got, strings.TrimSpace(number+" "+function))
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("the traceback has %q, want %q:\n%s", got, test.want, err.Traceback)
			}
		})
	}
}

// A thousand frames are not all shown, wherever they are.
func TestTheTracebackThroughManyCoroutinesIsBounded(t *testing.T) {
	s := loadScript(t, checkOf(`
		local function nest(n)
			if n == 0 then error("broken") end
			coroutine.wrap(function() nest(n - 1) end)()
		end
		nest(150)`))
	err, ok := s.run(1).err.(*ScriptError)
	if !ok || err.Line != 5 {
		t.Fatalf("the error is %+v", err)
	}
	if n := strings.Count(err.Traceback, "\n"); n < 20 || n > 80 || !strings.HasPrefix(err.Traceback, s.at(5)) || !strings.HasSuffix(err.Traceback, "main chunk") {
		t.Errorf("the traceback has %d lines:\n%s", n, err.Traceback)
	}
}
