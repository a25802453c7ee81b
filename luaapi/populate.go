package luaapi

import (
	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

// populate sets aspect and location on Lua messages in place, one or a list of them: for scripts that handle
// the messages of a check themselves. What the daemon sends gets them while it is written, see
// message.Overlay.
func (vm *VM) populate(L *lua.LState, v lua.LValue, over message.Overlay) {
	if over.Empty() {
		return
	}
	if t, ok := v.(*lua.LTable); ok && isList(t) {
		runOf(L).charge(t.MaxN())
		for i := 1; i <= t.MaxN(); i++ {
			vm.populateMessage(L, t.RawGetInt(i), over)
		}
		return
	}
	vm.populateMessage(L, v, over)
}

func isList(t *lua.LTable) bool { return t.MaxN() > 0 || isArray(t) }

// populateMessage is populate for one message. What is none is left alone.
func (vm *VM) populateMessage(L *lua.LState, v lua.LValue, over message.Overlay) {
	switch x := v.(type) {
	case *lua.LUserData:
		if m, ok := x.Value.(*messageObject); ok {
			m.populate(L, over)
		}
	case *lua.LTable:
		if !isList(x) && !isEmpty(x) {
			vm.populateTable(L, x, over)
		}
	}
}

func (vm *VM) populateTable(L *lua.LState, t *lua.LTable, over message.Overlay) {
	if over.Aspect != "" {
		vm.childTable(L, t, "event").RawSetString("name", lua.LString(over.Aspect))
	}
	if len(over.Location) > 0 {
		location := vm.childTable(L, t, "location")
		for key, value := range over.Location {
			location.RawSetString(key, lua.LString(value))
		}
	}
}

// childTable is the table t[name], made where it is missing.
func (vm *VM) childTable(L *lua.LState, t *lua.LTable, name string) *lua.LTable {
	switch child := t.RawGetString(name).(type) {
	case *lua.LTable:
		return child
	case *lua.LNilType:
	case *lua.LUserData:
		if _, null := child.Value.(nullMark); !null {
			L.RaiseError("%s of the message is %s, not a table", name, describe(child))
		}
	default:
		L.RaiseError("%s of the message is %s, not a table", name, describe(child))
	}
	child := L.CreateTable(0, 2)
	t.RawSetString(name, child)
	return child
}
