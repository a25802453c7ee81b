package luaapi

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/command"
)

// These tests hold the table of Modules against what a fresh VM offers, in both directions.

// newTableVM makes a VM with a script; it is closed with the test.
func newTableVM(t *testing.T, script string) *VM {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.lua")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	runner := command.NewRunner(command.Options{})
	vm := NewVM(path, Options{Commands: runner, Version: "1.2.3"})
	t.Cleanup(func() {
		if err := vm.Close(context.Background()); err != nil {
			t.Error(err)
		}
		runner.Close()
	})
	return vm
}

// inVM runs an expression in a fresh VM and hands its value to look, under the VM's lock.
func inVM(t *testing.T, expression string, look func(L *lua.LState, vm *VM, v lua.LValue)) {
	t.Helper()
	vm := newTableVM(t, "local dp = require \"dumbprobe\"\nRESULT = "+expression+"\nreturn {}\n")
	if _, err := vm.Load(context.Background(), RunOptions{Timeout: 10 * time.Second}); err != nil {
		t.Fatal(err)
	}
	do(t, vm, func(r *Run) {
		look(r.thread, vm, vm.state.GetGlobal("RESULT"))
	})
}

// do calls f with the VM, on a goroutine of its own.
func do(t *testing.T, vm *VM, f func(r *Run)) {
	t.Helper()
	done := make(chan error, 1)
	go Finally(context.Background(), 0, func() error {
		return vm.Do(context.Background(), RunOptions{Timeout: 10 * time.Second}, func(r *Run) error {
			f(r)
			return nil
		})
	}, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func keysOf(t *lua.LTable) []string {
	var keys []string
	for key, _ := t.Next(lua.LNil); key != lua.LNil; key, _ = t.Next(key) {
		keys = append(keys, key.String())
	}
	return keys
}

// compareNames reports what is in one list only.
func compareNames(t *testing.T, what string, inVM, inTable []string) {
	t.Helper()
	for _, name := range inVM {
		if !slices.Contains(inTable, name) {
			t.Errorf("%s: a script can reach %q, and the table does not list it", what, name)
		}
	}
	for _, name := range inTable {
		if !slices.Contains(inVM, name) {
			t.Errorf("%s: the table lists %q, and a script cannot reach it", what, name)
		}
	}
}

// namesOf are all the names that a module's table holds, by the table of Modules.
func namesOf(m *Module) []string {
	names := methodNames(m.Functions)
	for i := range m.Classes {
		if callable(&m.Classes[i]) {
			names = append(names, m.Classes[i].Name)
		}
	}
	for _, c := range m.Constants {
		names = append(names, c.Name)
	}
	return names
}

func methodNames(functions []Function) []string {
	var names []string
	for _, f := range functions {
		names = append(names, f.Name)
	}
	return names
}

func TestGlobalsAreTheTable(t *testing.T) {
	vm := newTableVM(t, "return {}")
	globals := vm.state.G.Global
	var want []string
	for _, m := range Modules() {
		if !m.Standard {
			continue
		}
		if m.Global == "" {
			want = append(want, namesOf(&m)...)
			continue
		}
		want = append(want, m.Global)
		library, ok := globals.RawGetString(m.Global).(*lua.LTable)
		if !ok {
			t.Errorf("the global %s is no table", m.Global)
			continue
		}
		if library.Metatable != lua.LNil {
			t.Errorf("the global %s has a metatable", m.Global)
		}
		compareNames(t, m.Global, keysOf(library), namesOf(&m))
		checkKinds(t, library, &m)
	}
	compareNames(t, "the globals", keysOf(globals), want)
	if globals.Metatable != lua.LNil {
		t.Error("the table of globals has a metatable")
	}
	if globals.RawGetString("_G") != globals {
		t.Error("_G is not the table of globals")
	}
}

// checkKinds tells whether functions are functions, and constants of their type.
func checkKinds(t *testing.T, table *lua.LTable, m *Module) {
	t.Helper()
	for _, f := range m.Functions {
		if v := table.RawGetString(f.Name); v.Type() != lua.LTFunction {
			t.Errorf("%s.%s is %s, not a function", m.Name, f.Name, describe(v))
		}
	}
	for _, c := range m.Constants {
		v := table.RawGetString(c.Name)
		if want := c.Type.mismatch(v); want != "" || v == lua.LNil {
			t.Errorf("%s.%s is %s, not %s", m.Name, c.Name, describe(v), c.Type.want)
		}
	}
}

// What package holds grows with what a script requires: it must lead to nothing but the tables that the
// other tests go through.
func TestPackageHoldsNothingElse(t *testing.T) {
	vm := newTableVM(t, "return {}")
	globals := vm.state.G.Global
	pkg := globals.RawGetString("package").(*lua.LTable)
	known := map[lua.LValue]bool{globals: true}
	var names []string
	for _, m := range Modules() {
		if m.Standard {
			known[globals.RawGetString(m.Global)] = true
		} else {
			names = append(names, m.Name)
		}
	}
	loaded := pkg.RawGetString("loaded").(*lua.LTable)
	for key, v := loaded.Next(lua.LNil); key != lua.LNil; key, v = loaded.Next(key) {
		if !known[v] {
			t.Errorf("package.loaded[%q] is not one of the tables that are listed", key.String())
		}
	}
	compareNames(t, "package.preload", keysOf(pkg.RawGetString("preload").(*lua.LTable)), names)
	if n := pkg.RawGetString("loaders").(*lua.LTable).Len(); n != 2 {
		t.Errorf("package.loaders has %d functions; expected are the one for package.preload and the one for files", n)
	}
}

func TestModulesAreTheTable(t *testing.T) {
	modules := Modules()
	for _, m := range modules {
		if m.Standard {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			inVM(t, "require \""+m.Name+"\"", func(_ *lua.LState, vm *VM, v lua.LValue) {
				table, ok := v.(*lua.LTable)
				if !ok {
					t.Fatalf("require gives %s", describe(v))
				}
				parts := submodules(modules, m.Name)
				compareNames(t, m.Name, keysOf(table), append(namesOf(&m), parts...))
				checkKinds(t, table, &m)
				for _, part := range parts {
					if table.RawGetString(part) != vm.modules[m.Name+"."+part] {
						t.Errorf("%s.%s is not the module", m.Name, part)
					}
				}
				checkHidden(t, "a module", table.Metatable, "__index", "__metatable") // for misspelt names
				for i := range m.Classes {
					if c := &m.Classes[i]; callable(c) {
						checkClassTable(t, table.RawGetString(c.Name), c)
					}
				}
			})
		})
	}
}

func checkClassTable(t *testing.T, v lua.LValue, c *Class) {
	t.Helper()
	table, ok := v.(*lua.LTable)
	if !ok {
		t.Errorf("the class %s is %s", c.Name, describe(v))
		return
	}
	names := methodNames(c.Methods)
	if c.OpenFields {
		names = append(names, "__index") // how Lua inherits; to be seen since a script's class inherits from it
	}
	compareNames(t, "class "+c.Name, keysOf(table), names)
	checkHidden(t, "class "+c.Name, table.Metatable, "__call", "__tostring", "__metatable")
}

// checkHidden tells whether a metatable is hidden from getmetatable, and has the entries and no others.
func checkHidden(t *testing.T, what string, v lua.LValue, entries ...string) {
	t.Helper()
	meta, ok := v.(*lua.LTable)
	if !ok {
		t.Errorf("%s has no metatable", what)
		return
	}
	compareNames(t, "the metatable of "+what, keysOf(meta), entries)
	if hidden := meta.RawGetString("__metatable"); hidden == lua.LNil || hidden.Type() == lua.LTTable {
		t.Errorf("%s: getmetatable gives the metatable away", what)
	}
}
