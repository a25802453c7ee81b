package luaapi

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// class is a Class in one VM.
type class struct {
	name       string
	def        *Class
	fields     *fieldSet   // of the constructor's table
	attributes *fieldSet   // of an object
	table      *lua.LTable // what a script sees as dumbprobe.Name: callable, with the methods in it
	meta       *lua.LTable // of the objects
}

// classRegistry holds the classes of a VM by name.
type classRegistry map[string]*class

// object is what the userdata of a class holds: attributes by name. Set gets a value of the right type, or
// nil to take it away.
type object interface {
	get(vm *VM, name string) lua.LValue
	set(L *lua.LState, name string, v lua.LValue)
}

// readOnly is an object whose attributes cannot be set.
type readOnly interface{ readOnly() }

// installClass makes the class's table, with its methods, and the metatable of its objects.
func (vm *VM) installClass(def *Class) *class {
	L := vm.state
	c := &class{
		name:       def.Name,
		def:        def,
		fields:     newFieldSet(def.Name, def.Fields),
		attributes: newFieldSet(def.Name, def.Attributes),
		table:      L.CreateTable(0, len(def.Methods)+2),
	}
	methods := def.Methods
	for i := range methods {
		c.table.RawSetString(methods[i].Name, methods[i].install(vm, def.Name))
	}
	sets := optionSets(def.Name, def.Params)
	call := L.CreateTable(0, 3)
	call.RawSetString("__call", L.NewFunction(func(L *lua.LState) int {
		L.Remove(1) // the class
		if len(def.Params) > 0 {
			checkArguments(L, def.Name, def.Params, sets)
		} else if L.Get(1).Type() != lua.LTTable {
			L.RaiseError("%s takes one table of fields, %s{...}, not %s", def.Name, def.Name, describe(L.Get(1)))
		}
		return def.construct(vm, L, c)
	}))
	call.RawSetString("__tostring", constant(L, "class "+def.Name))
	call.RawSetString("__metatable", lua.LFalse)
	c.table.Metatable = call
	c.meta = vm.objectMeta(c)
	vm.classes[def.Name] = c
	return c
}

func constant(L *lua.LState, s string) *lua.LFunction {
	return L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LString(s))
		return 1
	})
}

func (vm *VM) objectMeta(c *class) *lua.LTable {
	L := vm.state
	meta := L.CreateTable(0, 4)
	meta.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		key, ok := L.Get(2).(lua.LString)
		if !ok {
			L.RaiseError("%s has no field %s", c.name, describe(L.Get(2)))
		}
		if method := c.table.RawGetString(string(key)); method != lua.LNil {
			L.Push(method)
			return 1
		}
		o, isObject := L.Get(1).(*lua.LUserData).Value.(object)
		if _, known := c.attributes.index[string(key)]; !known || !isObject {
			L.RaiseError("%s: %s", c.name, c.attributes.unknown(string(key)))
		}
		L.Push(o.get(vm, string(key)))
		return 1
	}))
	meta.RawSetString("__newindex", L.NewFunction(func(L *lua.LState) int {
		o, isObject := L.Get(1).(*lua.LUserData).Value.(object)
		key := L.CheckString(2)
		if _, fixed := L.Get(1).(*lua.LUserData).Value.(readOnly); fixed || !isObject {
			L.RaiseError("%s: the fields are given to the constructor, and cannot be set afterwards", c.name)
		}
		i, known := c.attributes.index[key]
		if !known {
			L.RaiseError("%s: %s", c.name, c.attributes.unknown(key))
		}
		v := L.Get(3)
		f := &c.attributes.fields[i]
		if v == lua.LNil && f.Required {
			L.RaiseError("%s: field `%s` cannot be taken away", c.name, key)
		}
		if wrong := f.Type.problem(v); wrong != "" && v != lua.LNil {
			L.RaiseError("%s: field `%s` %s", c.name, key, wrong)
		}
		o.set(L, key, v)
		return 0
	}))
	meta.RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int {
		ud := L.CheckUserData(1)
		if s, ok := ud.Value.(fmt.Stringer); ok {
			L.Push(lua.LString(s.String()))
		} else {
			L.Push(lua.LString(fmt.Sprintf("%s: %p", c.name, ud)))
		}
		return 1
	}))
	meta.RawSetString("__metatable", lua.LFalse)
	return meta
}

// objectType is the type of the objects of a class, which hold a T.
func objectType[T any](class string) Type {
	t := classType(class)
	t.ok = func(v lua.LValue) bool {
		ud, ok := v.(*lua.LUserData)
		if !ok {
			return false
		}
		_, ok = ud.Value.(T)
		return ok
	}
	return t
}

// classType names a class of the module dumbprobe in the documentation.
func classType(class string) Type {
	return Type{Lua: "dumbprobe." + class, want: "a " + class}
}

// checkObjectAt is the T that the userdata at position i holds; the declaration has checked that it does.
func checkObjectAt[T any](L *lua.LState, i int) T {
	object, ok := L.CheckUserData(i).Value.(T)
	if !ok {
		L.RaiseError("bad argument #%d: an object of another class", i)
	}
	return object
}

func joinProblems(problems []string) string { return strings.Join(problems, "; ") }

// problemObject is an object whose constructor was given wrong fields while the script was loading: all of
// them are reported at the end of the load, with their position in CHECKS where they have one.
type problemObject struct {
	object   lua.LValue
	class    string
	script   string
	line     int
	problems []string
	reported bool
}

func (p *problemObject) describe(position int) string {
	at := fmt.Sprintf("%s at %s:%d", p.class, p.script, p.line)
	if position > 0 {
		at += fmt.Sprintf(", entry %d", position)
	}
	return at + ": " + joinProblems(p.problems)
}

// reject raises what is wrong with a constructor's fields. While the script loads it only notes it, and the
// constructor goes on: the author gets to see all that is wrong in one go.
func (vm *VM) reject(L *lua.LState, o lua.LValue, class string, problems []string) {
	script, line := where(L)
	if !vm.loading {
		L.RaiseError("%s: %s", class, joinProblems(problems))
	}
	vm.invalid = append(vm.invalid, &problemObject{object: o, class: class, script: script, line: line, problems: problems})
}

// where is the innermost position in Lua code.
func where(L *lua.LState) (script string, line int) {
	for level := 0; ; level++ {
		dbg, ok := L.GetStack(level)
		if !ok {
			return "", 0
		}
		if _, err := L.GetInfo("Sl", dbg, lua.LNil); err == nil && dbg.CurrentLine > 0 {
			return dbg.Source, dbg.CurrentLine
		}
	}
}
