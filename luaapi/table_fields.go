package luaapi

import (
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// tableFields says where the fields of a lua.LTable are, from its start. They are not exported, and two things need
// them: what a table takes (table_size.go), and a walk over it that does not look each key up twice (table_entries.go).
var tableFields = struct {
	array, dict, strdict, keys, k2i tableField
}{
	array:   findTableField[[]lua.LValue]("array"),             // the list
	dict:    findTableField[map[lua.LValue]lua.LValue]("dict"), // what has other keys than strings
	strdict: findTableField[map[string]lua.LValue]("strdict"),  // what has strings
	keys:    findTableField[[]lua.LValue]("keys"),              // all that are or were in dict and strdict, in order
	k2i:     findTableField[map[lua.LValue]int]("k2i"),         // where in keys each is
}

type tableField uintptr

// findTableField panics where gopher-lua's tables are not as this file knows them: no test passes, and no binary starts.
func findTableField[T any](name string) tableField {
	found, there := reflect.TypeFor[lua.LTable]().FieldByName(name)
	if !there || found.Type != reflect.TypeFor[T]() {
		panic("lua.LTable has no field " + name + " of the type " + reflect.TypeFor[T]().String())
	}
	return tableField(found.Offset)
}

func field[T any](t *lua.LTable, f tableField) T {
	return *(*T)(unsafe.Add(unsafe.Pointer(t), uintptr(f)))
}
