package luaapi

import lua "github.com/yuin/gopher-lua"

// A table of gopher-lua never gives back room that it once had. What was deleted stays in the order of its keys, and in
// the map from a key to its place there, since a traversal may go on from a key that it has deleted; a list keeps its
// room, and what was removed from its end. Nothing but the fields, which are not exported, shows that.

// tableKeys gives the keys that the table has, or had, but those of its list.
func tableKeys(t *lua.LTable) []lua.LValue { return field[[]lua.LValue](t, tableFields.keys) }

// tableRemoved gives what was in the list behind its end, and is still there; nil where there was nothing.
func tableRemoved(t *lua.LTable) []lua.LValue {
	list := field[[]lua.LValue](t, tableFields.array)
	return list[len(list):cap(list)]
}

// tableSize is what the table takes, in bytes, without its keys and values. Of its maps only the number of entries is
// known, not that of those that were deleted: of a table that had many keys at once and has none it is about half.
func tableSize(t *lua.LTable) uint64 {
	const value, text, index = 16, 16, 8 // an interface, a string, an int
	return tableBytes +
		value*uint64(cap(field[[]lua.LValue](t, tableFields.array))+cap(tableKeys(t))) +
		mapBytes(len(field[map[lua.LValue]lua.LValue](t, tableFields.dict)), 2*value) +
		mapBytes(len(field[map[string]lua.LValue](t, tableFields.strdict)), text+value) +
		mapBytes(len(field[map[lua.LValue]int](t, tableFields.k2i)), value+index)
}

// mapBytes is about what Go takes for a map of n entries of a size: eight at least, and two thirds are full.
func mapBytes(n int, entry uint64) uint64 {
	const header, group = 48, 8
	switch {
	case n == 0:
		return 0
	case n <= group:
		return header + group*(entry+1)
	}
	return header + uint64(n)*(entry+1)*3/2
}
