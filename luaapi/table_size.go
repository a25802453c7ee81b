package luaapi

import (
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// A table of gopher-lua never gives back room that it once had. What was deleted stays in the order of its keys, and in
// the map from a key to its place there, since a traversal may go on from a key that it has deleted; a list keeps its
// room, and what was removed from its end. Nothing but the fields, which are not exported, shows that.

// tableFields are where the fields of a lua.LTable are, from its start.
type tableFields struct {
	array, dict, strdict, keys, k2i uintptr
}

// findTableFields panics where gopher-lua's tables are not as this file knows them: a test would have noticed.
func findTableFields() (f tableFields) {
	table := reflect.TypeFor[lua.LTable]()
	for _, field := range []struct {
		name   string
		kind   reflect.Type
		offset *uintptr
	}{
		{"array", reflect.TypeFor[[]lua.LValue](), &f.array},
		{"dict", reflect.TypeFor[map[lua.LValue]lua.LValue](), &f.dict},
		{"strdict", reflect.TypeFor[map[string]lua.LValue](), &f.strdict},
		{"keys", reflect.TypeFor[[]lua.LValue](), &f.keys},
		{"k2i", reflect.TypeFor[map[lua.LValue]int](), &f.k2i},
	} {
		found, there := table.FieldByName(field.name)
		if !there || found.Type != field.kind {
			panic("lua.LTable has no field " + field.name + " of the type " + field.kind.String())
		}
		*field.offset = found.Offset
	}
	return f
}

func field[T any](t *lua.LTable, offset uintptr) T {
	return *(*T)(unsafe.Add(unsafe.Pointer(t), offset))
}

// keysOf gives the keys that the table has, or had, but those of its list.
func (f tableFields) keysOf(t *lua.LTable) []lua.LValue { return field[[]lua.LValue](t, f.keys) }

// removed gives what was in the list behind its end, and is still there; nil where there was nothing.
func (f tableFields) removed(t *lua.LTable) []lua.LValue {
	list := field[[]lua.LValue](t, f.array)
	return list[len(list):cap(list)]
}

// bytes is what the table takes, without its keys and values. Of its maps only the number of entries is known, not that
// of those that were deleted: of a table that had many keys at once and has none it is about half.
func (f tableFields) bytes(t *lua.LTable) uint64 {
	const value, text, index = 16, 16, 8 // an interface, a string, an int
	return tableBytes +
		value*uint64(cap(field[[]lua.LValue](t, f.array))+cap(f.keysOf(t))) +
		mapBytes(len(field[map[lua.LValue]lua.LValue](t, f.dict)), 2*value) +
		mapBytes(len(field[map[string]lua.LValue](t, f.strdict)), text+value) +
		mapBytes(len(field[map[lua.LValue]int](t, f.k2i)), value+index)
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
