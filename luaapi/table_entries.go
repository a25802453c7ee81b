package luaapi

import lua "github.com/yuin/gopher-lua"

// entries walks over what is in a table, in the order of Lua's next: the list, then the keys as they were first set.
//
//	for it := entriesOf(t); it.next(); {
//		it.key, it.value
//	}
//
// LTable.Next looks up each key, and where it is in the order, to go on from there; here the place is known. The table may
// change meanwhile, as for next: what is taken out is not given, what is added comes at its place.
type entries struct {
	key, value lua.LValue

	table   *lua.LTable
	inList  int // how far it is in the list
	inOrder int // how far it is in the keys
}

// entriesOf stands before the first entry. A nil table has none.
func entriesOf(t *lua.LTable) entries { return entries{table: t} }

// next goes on to the next entry; false if there is none.
func (e *entries) next() bool {
	if e.table == nil {
		return false
	}
	for list := field[[]lua.LValue](e.table, tableFields.array); e.inList < len(list); {
		e.value = list[e.inList]
		e.inList++
		if e.value != lua.LNil {
			e.key = lua.LNumber(e.inList)
			return true
		}
	}
	for keys := field[[]lua.LValue](e.table, tableFields.keys); e.inOrder < len(keys); {
		e.key = keys[e.inOrder]
		e.inOrder++
		if e.value = e.table.RawGetH(e.key); e.value != lua.LNil {
			return true
		}
	}
	e.key, e.value = lua.LNil, lua.LNil
	return false
}
