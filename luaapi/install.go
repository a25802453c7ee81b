package luaapi

import (
	lua "github.com/yuin/gopher-lua"
)

// moduleName is the module that scripts require.
const moduleName = "dumbprobe"

// install makes the Lua state as the table of Modules says: Lua's own library reduced to what is listed and
// with what is replaced, and the daemon's modules for require.
func (vm *VM) install() {
	L := vm.state
	for _, open := range []lua.LGFunction{
		lua.OpenBase, lua.OpenPackage, lua.OpenTable, lua.OpenMath, lua.OpenOs, lua.OpenDebug, lua.OpenCoroutine,
	} {
		L.Push(L.NewFunction(open))
		L.Call(0, 0)
	}
	vm.makeShared()
	modules := Modules()
	preload := L.GetField(L.GetGlobal("package"), "preload").(*lua.LTable)
	for i := range modules {
		m := &modules[i]
		if m.Standard {
			vm.installStandard(m)
			continue
		}
		t := vm.installModule(m)
		preload.RawSetString(m.Name, L.NewFunction(func(L *lua.LState) int {
			L.Push(t)
			return 1
		}))
	}
	vm.linkModules(modules)
	vm.installRequire()
	vm.hardenReaders()
	string_ := L.CreateTable(0, 1)
	string_.RawSetString("__index", L.GetGlobal("string"))
	string_.RawSetString("__metatable", lua.LFalse) // all threads of the VM share it
	L.SetMetatable(lua.LString(""), string_)
}

// installStandard reduces a table of Lua's own library to what is listed, and puts in what is replaced.
func (vm *VM) installStandard(m *Module) {
	L := vm.state
	t := L.G.Global
	if m.Global != "" {
		var ok bool
		if t, ok = L.GetGlobal(m.Global).(*lua.LTable); !ok {
			t = L.CreateTable(0, len(m.Functions))
			L.SetGlobal(m.Global, t)
			L.SetField(L.GetField(L.Get(lua.RegistryIndex), "_LOADED"), m.Global, t) // for require "string"
		}
	}
	listed := map[string]bool{}
	for i := range m.Functions {
		f := &m.Functions[i]
		listed[f.Name] = true
		if f.call != nil {
			t.RawSetString(f.Name, vm.wrap(f.call))
		}
	}
	for _, c := range m.Constants {
		listed[c.Name] = true
		if c.value != nil {
			t.RawSetString(c.Name, c.value(vm))
		}
	}
	var extra []string
	for it := entriesOf(t); it.next(); {
		key, v := it.key, it.value
		// The tables of the other libraries are globals themselves, and listed as modules.
		if _, isTable := v.(*lua.LTable); isTable && m.Global == "" {
			continue
		}
		if !listed[key.String()] {
			extra = append(extra, key.String())
		}
	}
	for _, name := range extra {
		t.RawSetString(name, lua.LNil)
	}
}

func (vm *VM) wrap(call func(vm *VM, L *lua.LState) int) *lua.LFunction {
	return vm.state.NewFunction(func(L *lua.LState) int { return call(vm, L) })
}

// installModule makes the table that require returns.
func (vm *VM) installModule(m *Module) *lua.LTable {
	L := vm.state
	t := L.CreateTable(0, len(m.Functions)+len(m.Classes)+len(m.Constants))
	for i := range m.Functions {
		t.RawSetString(m.Functions[i].Name, m.Functions[i].install(vm, m.Name))
	}
	for i := range m.Classes {
		def := &m.Classes[i]
		switch {
		case def.OpenFields:
			t.RawSetString(def.Name, vm.installBase(def))
		case def.construct != nil:
			t.RawSetString(def.Name, vm.installClass(def).table)
		}
	}
	for _, c := range m.Constants {
		t.RawSetString(c.Name, c.value(vm))
	}
	vm.modules[m.Name] = t
	t.Metatable = vm.misspelt(m.Name, t)
	return t
}

// misspelt is a metatable that raises an error for a name that is nearly one of the module's. Any other
// name is nil, as in every table: a script may ask whether a version has it.
func (vm *VM) misspelt(module string, t *lua.LTable) *lua.LTable {
	L := vm.state
	var names []Field
	for it := entriesOf(t); it.next(); {
		key := it.key
		names = append(names, Field{Name: key.String()})
	}
	known := newFieldSet(module, names)
	meta := L.CreateTable(0, 2)
	meta.RawSetString("__metatable", lua.LFalse)
	meta.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		if name, ok := L.Get(2).(lua.LString); ok {
			if near := known.nearest(string(name)); near != "" {
				L.RaiseError("the module %s has no `%s`, did you mean `%s`?", module, string(name), near)
			}
		}
		L.Push(lua.LNil)
		return 1
	}))
	return meta
}

// installBase makes a base class's table: it is not called itself, only extended.
func (vm *VM) installBase(def *Class) *lua.LTable {
	c := vm.installClass(def)
	c.table.RawSetString("__index", c.table)
	meta := c.table.Metatable.(*lua.LTable)
	meta.RawSetString("__call", vm.state.NewFunction(func(L *lua.LState) int {
		L.RaiseError("%s is extended, not called: local Mine = dumbprobe.%s:extend{...}, and then Mine{...}", def.Name, def.Name)
		return 0
	}))
	return c.table
}

// linkModules makes dumbprobe.json of the module that is required as dumbprobe.json.
func (vm *VM) linkModules(modules []Module) {
	for _, m := range modules {
		if len(m.Name) > len(moduleName) && m.Name[:len(moduleName)+1] == moduleName+"." {
			vm.modules[moduleName].RawSetString(m.Name[len(moduleName)+1:], vm.modules[m.Name])
		}
	}
}
