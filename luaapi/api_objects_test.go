package luaapi

import (
	"maps"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"
)

// These tests hold the classes and records of the table against the objects that a script gets.

// objects makes one object of each class whose objects are made by Go code, with as little as it takes.
var objects = map[string]string{
	"Function":     `dp.Function{call = print, interval = 1}`,
	"ShellCommand": `dp.ShellCommand{command = "true", interval = 1}`,
	"Nagios":       `dp.Nagios{command = "true", interval = 1}`,
	"ShellStream":  `dp.ShellStream{command = "true"}`,
	"Message":      `dp.Message{aspect = "a"}`,
	"Value":        `dp.Value(1)`,
	"State":        `dp.state`,
}

// extended makes one object of each class that scripts extend.
var extended = map[string]string{
	"BaseCheck":  `dp.BaseCheck:extend{}{interval = 1}`,
	"BaseHandle": `dp.BaseHandle:extend{}{}`,
}

func TestObjectsAreTheTable(t *testing.T) {
	for _, m := range Modules() {
		if m.Standard {
			continue
		}
		for i := range m.Classes {
			c := &m.Classes[i]
			t.Run(c.Name, func(t *testing.T) {
				switch {
				case c.construct != nil || objects[c.Name] != "":
					checkBuiltin(t, c)
				case c.OpenFields:
					checkExtended(t, c)
				case c.Name != "Reader":
					t.Error("this class has no constructor, and the tests do not know how objects of it are made")
				}
			})
		}
	}
}

// checkBuiltin reads every attribute and method of an object: what is not there raises an error.
func checkBuiltin(t *testing.T, c *Class) {
	expression := objects[c.Name]
	if expression == "" {
		t.Fatal("the tests do not know how to make an object of this class")
	}
	inVM(t, expression, func(L *lua.LState, vm *VM, v lua.LValue) {
		object, ok := v.(*lua.LUserData)
		if !ok {
			t.Fatalf("the constructor gives %s", describe(v))
		}
		checkHidden(t, "a "+c.Name, object.Metatable, "__index", "__newindex", "__tostring", "__metatable")
		index := object.Metatable.(*lua.LTable).RawGetString("__index")
		get := func(name string) (lua.LValue, error) {
			err := L.CallByParam(lua.P{Fn: index, NRet: 1, Protect: true}, object, lua.LString(name))
			if err != nil {
				return lua.LNil, err
			}
			v := L.Get(-1)
			L.Pop(1)
			return v, nil
		}
		listed := methodNames(c.Methods)
		for _, name := range listed {
			if v, err := get(name); err != nil || v.Type() != lua.LTFunction {
				t.Errorf("the method %s is %s (%v)", name, describe(v), err)
			}
		}
		for _, a := range c.Attributes {
			listed = append(listed, a.Name)
			v, err := get(a.Name)
			switch {
			case err != nil:
				t.Errorf("the attribute %s cannot be read: %v", a.Name, err)
			case v == lua.LNil && (a.Always || a.Required):
				t.Errorf("the attribute %s is nil, and the table says that it never is", a.Name)
			case v != lua.LNil && a.Type.mismatch(v) != "":
				t.Errorf("the attribute %s is %s, not %s", a.Name, describe(v), a.Type.want)
			}
		}
		// Whatever else is declared, or is a field of the Go type behind the object, must be out of reach.
		for _, name := range append(slices.Collect(maps.Keys(vm.classes[c.Name].fields.index)), "__index", "class", "Value", "gather", "handle") {
			if slices.Contains(listed, name) {
				continue
			}
			if v, err := get(name); err == nil {
				t.Errorf("%s can be reached, and gives %s", name, describe(v))
			}
		}
		checkSettable(t, L, object, c)
	})
}

func checkSettable(t *testing.T, L *lua.LState, object *lua.LUserData, c *Class) {
	t.Helper()
	set := object.Metatable.(*lua.LTable).RawGetString("__newindex")
	for _, a := range c.Attributes {
		v := L.GetField(object, a.Name)
		err := L.CallByParam(lua.P{Fn: set, Protect: true}, object, lua.LString(a.Name), v)
		switch {
		case c.ReadOnly && err == nil:
			t.Errorf("the attribute %s can be set", a.Name)
		case !c.ReadOnly && err != nil:
			t.Errorf("the attribute %s cannot be set to what it was: %v", a.Name, err)
		}
	}
	if err := L.CallByParam(lua.P{Fn: set, Protect: true}, object, lua.LString("no_such_field"), lua.LTrue); err == nil {
		t.Error("a field of any name can be set")
	}
}

// checkExtended looks at an object of a script's class: a table with what the script gave, the class of the
// script, and above it the base class.
func checkExtended(t *testing.T, c *Class) {
	expression := extended[c.Name]
	if expression == "" {
		t.Fatal("the tests do not know how to make an object of this class")
	}
	inVM(t, expression, func(L *lua.LState, vm *VM, v lua.LValue) {
		object, ok := v.(*lua.LTable)
		if !ok {
			t.Fatalf("the constructor gives %s", describe(v))
		}
		own := object.Metatable.(*lua.LTable)
		compareNames(t, "an empty class of a script", keysOf(own), []string{"__index"})
		above := own.Metatable.(*lua.LTable)
		compareNames(t, "the metatable of a class of a script", keysOf(above), []string{"__index", "__call"})
		if above.RawGetString("__index") != vm.classes[c.Name].table {
			t.Error("the class of a script does not inherit from the base class alone")
		}
		for _, f := range c.Fields {
			if v := L.GetField(object, f.Name); v != lua.LNil && f.Type.mismatch(v) != "" {
				t.Errorf("the field %s is %s, not %s", f.Name, describe(v), f.Type.want)
			}
		}
	})
}

// luarEntries are what is left of gopher-luar's metatable for a pointer to a struct. Its operators that stand
// for Go's dereferencing, and setting fields, are taken out.
var luarEntries = []string{"__index", "__eq", "__tostring", "__metatable", "methods"}

// The reader reaches Lua through gopher-luar, which exposes every exported method and field of the Go type,
// each also with a capital letter.
func TestReaderIsTheTable(t *testing.T) {
	class := readerClass()
	inVM(t, `dp.reader.command{command = "true"}`, func(L *lua.LState, _ *VM, v lua.LValue) {
		object, ok := v.(*lua.LUserData)
		if !ok {
			t.Fatalf("the function gives %s", describe(v))
		}
		var allowed []string
		for _, name := range methodNames(class.Methods) {
			allowed = append(allowed, name, strings.ToUpper(name[:1])+name[1:])
		}
		meta := object.Metatable.(*lua.LTable)
		compareNames(t, "the methods of a Reader", keysOf(meta.RawGetString("methods").(*lua.LTable)), allowed)
		checkLuarMetatable(t, meta)
		// What luar would find behind the pointer: fields, and methods of the struct itself.
		behind := luar.MT(L, ScriptReader{})
		for _, part := range []string{"fields", "methods"} {
			if names := keysOf(behind.RawGetString(part).(*lua.LTable)); len(names) > 0 {
				t.Errorf("the Go type has %s that a script can reach: %s", part, strings.Join(names, ", "))
			}
		}
	})
}

func checkLuarMetatable(t *testing.T, meta *lua.LTable) {
	t.Helper()
	for _, name := range keysOf(meta) {
		if !slices.Contains(luarEntries, name) {
			t.Errorf("the metatable of a Reader has %q", name)
		}
	}
	if hidden := meta.RawGetString("__metatable"); hidden == lua.LNil || hidden.Type() == lua.LTTable {
		t.Error("getmetatable gives the metatable of a Reader away")
	}
}

// The files of the io library are objects too, of the library's own class.
func TestFilesAreTheTable(t *testing.T) {
	var class *Class
	for _, m := range Modules() {
		if m.Global == "io" {
			class = &m.Classes[0]
		}
	}
	inVM(t, "io.stdout", func(_ *lua.LState, _ *VM, v lua.LValue) {
		meta := v.(*lua.LUserData).Metatable
		checkHidden(t, "a file", meta, "__index", "__tostring", "__metatable")
		compareNames(t, "a file", keysOf(meta.(*lua.LTable).RawGetString("__index").(*lua.LTable)), methodNames(class.Methods))
	})
}

func TestMarksAreEmpty(t *testing.T) {
	for _, name := range []string{"null", "EOF"} {
		inVM(t, "dp."+name, func(_ *lua.LState, _ *VM, v lua.LValue) {
			checkHidden(t, "dumbprobe."+name, v.(*lua.LUserData).Metatable, "__tostring", "__metatable")
		})
	}
	inVM(t, "dp.array{}", func(_ *lua.LState, vm *VM, v lua.LValue) {
		meta := v.(*lua.LTable).Metatable
		if meta != vm.shared.arrayMeta {
			t.Fatal("dumbprobe.array does not mark the table")
		}
		compareNames(t, "the mark of a list", keysOf(meta.(*lua.LTable)), []string{"__name", arrayMarkKey})
	})
	inVM(t, "'a string'", func(L *lua.LState, vm *VM, v lua.LValue) {
		if L.GetMetatable(v) != lua.LFalse {
			t.Error("a script can reach the metatable of strings, which all threads of the VM share")
		}
		if L.GetField(v, "rep") != L.GetField(vm.state.GetGlobal("string"), "rep") {
			t.Error("the methods of strings are not the functions of the library")
		}
	})
}

// Tables that the daemon makes have the shape that is declared.
func TestRecordsAreTheTable(t *testing.T) {
	made := map[string]string{
		"CommandResult": `dp.command("true")`,
		"FileSystem":    `dp.statvfs("/")`,
	}
	for _, record := range records() {
		expression := made[record.Name]
		if expression == "" {
			continue // a script makes it
		}
		delete(made, record.Name)
		inVM(t, expression, func(_ *lua.LState, _ *VM, v lua.LValue) {
			table := v.(*lua.LTable)
			var names []string
			for _, f := range record.Fields {
				names = append(names, f.Name)
				if v := table.RawGetString(f.Name); f.Type.mismatch(v) != "" {
					t.Errorf("%s.%s is %s, not %s", record.Name, f.Name, describe(v), f.Type.want)
				}
			}
			compareNames(t, record.Name, keysOf(table), names)
		})
	}
	for name := range made {
		t.Errorf("there is no record %s", name)
	}
}
