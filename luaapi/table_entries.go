package luaapi

import lua "github.com/yuin/gopher-lua"

// entries walks over what is in a table, in the order of Lua's next: the list, then the keys as they were first set.
//
//	for it := entriesOf(t); it.next(); {
//		it.key, it.value
//	}
//
// LTable.Next looks up each key, and where it is in the order, to go on from there; here the place is known. What is
// set while the walk goes on may be missed.
type entries struct {
	key, value lua.LValue

	table *lua.LTable
	list  []lua.LValue // what is left of it
	keys  []lua.LValue // what is left of them
	n     int          // of the list, so far
}

// entriesOf stands before the first entry. A nil table has none.
func entriesOf(t *lua.LTable) entries {
	if t == nil {
		return entries{}
	}
	return entries{table: t, list: field[[]lua.LValue](t, tableFields.array), keys: field[[]lua.LValue](t, tableFields.keys)}
}

// next goes on to the next entry; false if there is none.
func (e *entries) next() bool {
	for len(e.list) > 0 {
		e.value, e.list = e.list[0], e.list[1:]
		e.n++
		if e.value != lua.LNil {
			e.key = lua.LNumber(e.n)
			return true
		}
	}
	for len(e.keys) > 0 {
		e.key, e.keys = e.keys[0], e.keys[1:]
		if e.value = e.table.RawGetH(e.key); e.value != lua.LNil {
			return true
		}
	}
	e.key, e.value = lua.LNil, lua.LNil
	return false
}
