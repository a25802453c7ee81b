package luaapi

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// walked are the entries as text, by entriesOf and by gopher-lua's own next.
func walked(table *lua.LTable) (ours, luas []string) {
	for it := entriesOf(table); it.next(); {
		ours = append(ours, fmt.Sprintf("%v=%v", it.key, it.value))
	}
	for key, v := table.Next(lua.LNil); key != lua.LNil; key, v = table.Next(key) {
		luas = append(luas, fmt.Sprintf("%v=%v", key, v))
	}
	return ours, luas
}

func TestAWalkOverATableGivesWhatLuasNextGives(t *testing.T) {
	t.Parallel()
	set := func(pairs ...lua.LValue) func(*lua.LTable) {
		return func(table *lua.LTable) {
			for i := 0; i < len(pairs); i += 2 {
				table.RawSet(pairs[i], pairs[i+1])
			}
		}
	}
	n, s := func(f float64) lua.LValue { return lua.LNumber(f) }, func(text string) lua.LValue { return lua.LString(text) }
	for name, fill := range map[string]func(*lua.LTable){
		"an empty table":                  set(),
		"a list":                          set(n(1), s("a"), n(2), s("b"), n(3), lua.LFalse),
		"a list with holes":               set(n(1), s("a"), n(2), s("b"), n(3), s("c"), n(2), lua.LNil),
		"names in the order they came in": set(s("z"), n(1), s("a"), n(2), s("m"), n(3)),
		"a list and names":                set(s("z"), n(1), n(1), n(2), s("m"), n(3)),
		"names that were taken away":      set(s("a"), n(1), s("b"), n(2), s("a"), lua.LNil),
		"all names taken away":            set(s("a"), n(1), s("a"), lua.LNil),
		"one that came again":             set(s("a"), n(1), s("b"), n(2), s("a"), lua.LNil, s("a"), n(3)),
		"fractions and booleans as keys":  set(n(1.5), s("x"), lua.LTrue, s("y"), n(-1), s("z")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := &lua.LTable{Metatable: lua.LNil}
			fill(table)
			if ours, luas := walked(table); !slices.Equal(ours, luas) {
				t.Errorf("got %v, Lua's next gives %v", ours, luas)
			}
		})
	}
	if ours := entriesOf(nil); ours.next() {
		t.Error("no table has an entry")
	}
}

func TestAWalkOverAnyTableGivesWhatLuasNextGives(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		table := &lua.LTable{Metatable: lua.LNil}
		for range random.IntN(30) {
			var key lua.LValue = lua.LNumber(1 + random.IntN(6))
			if random.IntN(2) == 0 {
				key = lua.LString(fmt.Sprint("k", random.IntN(8)))
			}
			var value lua.LValue = lua.LNumber(random.IntN(100))
			if random.IntN(3) == 0 {
				value = lua.LNil
			}
			table.RawSet(key, value)
		}
		if ours, luas := walked(table); !slices.Equal(ours, luas) {
			t.Fatalf("got %v, Lua's next gives %v", ours, luas)
		}
	}
}

// A walk may call the script, which changes the table: the load does, for check_name.
func TestAWalkOverATableThatChanges(t *testing.T) {
	t.Parallel()
	for change, want := range map[string][]string{
		"table.remove(L)":         {"c1", "c2"},
		"table.remove(L, 1)":      {"c1", "c3"},
		"table.insert(L, mk(9))":  {"c1", "c2", "c3", "c9"},
		"L[2], L[3] = nil, mk(8)": {"c1", "c8"},
	} {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			s := newScriptVM(t, writeScript(t, `
local L, mk
function mk(n)
  return setmetatable({interval = 60}, {__index = function(t, k)
    if k == "run" then return function() return {} end end
    if k == "next_run" then return function() return 0 end end
    if k == "check_name" then
      return function() if n == 1 then `+change+` end return "c" .. n end
    end
  end})
end
L = {mk(1), mk(2), mk(3)}
return L`), Limits{})
			script, err := s.vm.Load(context.Background(), RunOptions{Timeout: longTime})
			if strings.Contains(change, "nil") { // a hole is a problem of the list
				if err == nil || !strings.Contains(err.Error(), "entry 2: found nil") {
					t.Errorf("the load says %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, e := range script.Entries {
				names = append(names, e.Name)
			}
			if !slices.Equal(names, want) {
				t.Errorf("the entries are %v", names)
			}
		})
	}
}
