package luaapi

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func tableLibrary() Module {
	return Module{Name: "table", Global: "table", Standard: true, Doc: "Tables.", Functions: []Function{
		{Name: "concat", Signature: "list [, separator [, i [, j]]]", Doc: "Joins strings and numbers.", call: tableConcat},
		{Name: "getn", Signature: "list", Doc: "The length of a list."},
		{Name: "insert", Signature: "list, [position,] value", Doc: "Inserts an element."},
		{Name: "maxn", Signature: "t", Doc: "The largest positive number that is a key."},
		{Name: "remove", Signature: "list [, position]", Doc: "Removes an element and returns it."},
		{Name: "sort", Signature: "list [, less]", Doc: "Sorts a list in place."},
	}}
}

// tableConcat joins in one buffer; gopher-lua's goes over the Lua stack, which ends at a million values.
func tableConcat(vm *VM, L *lua.LState) int {
	t := L.CheckTable(1)
	separator := L.OptString(2, "")
	first, last := L.OptInt(3, 1), L.OptInt(4, t.Len())
	var b strings.Builder
	for i := first; i <= last; i++ {
		v := t.RawGetInt(i)
		if !lua.LVCanConvToString(v) {
			L.RaiseError("invalid value (%s) at index %d in table for 'concat'", v.Type(), i)
		}
		b.WriteString(v.String())
		if i < last {
			b.WriteString(separator)
		}
		if b.Len() > vm.limits.StringBytes {
			L.RaiseError("table.concat: the result would have more than %d bytes", vm.limits.StringBytes)
		}
	}
	L.Push(lua.LString(b.String()))
	return 1
}
