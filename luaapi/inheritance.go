package luaapi

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// tableClass is the class name of a check or handle that is a table.
func tableClass(t *lua.LTable) string {
	if meta, ok := t.Metatable.(*lua.LTable); ok {
		if s, ok := meta.RawGetString(classNameField).(lua.LString); ok && s != "" {
			return string(s)
		}
	}
	return "table"
}

// objectClass is tableClass for what may be a userdata as well.
func objectClass(v lua.LValue) string {
	if t, ok := v.(*lua.LTable); ok {
		return tableClass(t)
	}
	return "userdata"
}

// looksLikeClass tells a class from an object of it, where a script gives the one for the other.
func (r *Run) looksLikeClass(t *lua.LTable) bool {
	for _, c := range r.vm.classes {
		if c.table == t {
			return true
		}
	}
	return t.RawGetString("__index") == t
}

// extends tells whether a table's class was made by extending the base class: it inherits from its table.
func (r *Run) extends(t *lua.LTable, base *class) bool {
	for depth := 0; depth < 100; depth++ {
		meta, ok := t.Metatable.(*lua.LTable)
		if !ok {
			return false
		}
		parent, ok := meta.RawGetString("__index").(*lua.LTable)
		if !ok || parent == t {
			return false
		}
		if parent == base.table {
			return true
		}
		t = parent
	}
	return false
}

// undefined tells that a method, which a class has to define, is still the base class's.
func (r *Run) undefined(t *lua.LTable, base *class, name string) string {
	fn, err := r.method(t, name)
	if err != nil {
		return err.Error()
	}
	if fn == base.table.RawGetString(name) {
		return fmt.Sprintf("%s: the method %s is not defined", tableClass(t), name)
	}
	return ""
}
