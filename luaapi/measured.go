package luaapi

import (
	lua "github.com/yuin/gopher-lua"
)

// measured are the values of a message. Most messages have one, named value: the Lua table, which is dear,
// is made when a script asks for it, or gives one.
type measured struct {
	single lua.LValue // the value named value, while there is no table; nil: none
	table  *lua.LTable
}

// asTable gives the table, for a script to read and change.
func (m *measured) asTable(L *lua.LState) *lua.LTable {
	if m.table == nil {
		m.table = L.CreateTable(0, 1)
		if m.single != nil {
			m.table.RawSetString("value", m.single)
			m.single = nil
		}
	}
	return m.table
}

// set sets one value; nil takes it away.
func (m *measured) set(L *lua.LState, name string, v lua.LValue) {
	if m.table == nil && name == "value" {
		m.single = v
		if v == lua.LNil {
			m.single = nil
		}
		return
	}
	m.asTable(L).RawSetString(name, v)
}

func (m *measured) get(name string) lua.LValue {
	switch {
	case m.table != nil:
		return m.table.RawGetString(name)
	case m.single != nil && name == "value":
		return m.single
	}
	return lua.LNil
}

// each calls f with each value until it returns false.
func (m *measured) each(f func(name, v lua.LValue) bool) {
	if m.single != nil {
		f(lua.LString("value"), m.single)
		return
	}
	if m.table == nil {
		return
	}
	for it := entriesOf(m.table); it.next(); {
		if !f(it.key, it.value) {
			return
		}
	}
}
