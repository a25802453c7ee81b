package luaapi

import (
	"math/bits"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func tableLibrary() Module {
	return Module{Name: "table", Global: "table", Standard: true, Doc: "Tables.", Functions: []Function{
		{Name: "concat", Signature: "list [, separator [, i [, j]]]", Doc: "Joins strings and numbers.", call: tableConcat},
		{Name: "getn", Signature: "list", Doc: "The length of a list."},
		{Name: "insert", Signature: "list, [position,] value", Doc: "Inserts an element.", call: tableInsert},
		{Name: "maxn", Signature: "t", Doc: "The largest positive number that is a key."},
		{Name: "remove", Signature: "list [, position]", Doc: "Removes an element and returns it.", call: tableRemove},
		{Name: "sort", Signature: "list [, less]", Doc: "Sorts a list in place.", call: tableSort},
	}}
}

// maxListIndex is the largest index that a list keeps in its array. gopher-lua fills up the array to a far
// index with nils: t[60000000] = 1 took 17 s and 5 GB, now the worst takes 0.2 s and 0.3 GB. A larger index is
// a key like any other, which # and ipairs do not see: a list of a script ends at four million elements.
const maxListIndex = 1<<22 - 1

// The limit is gopher-lua's, for the whole process. It is set once, before there is any VM.
func init() { lua.MaxArrayIndex = maxListIndex + 1 }

func tableInsert(vm *VM, L *lua.LState) int {
	n := L.CheckTable(1).Len()
	if n >= maxListIndex {
		L.RaiseError("table.insert: the list has %d elements, there is no room for more", n)
	}
	if L.GetTop() > 2 {
		runOf(L).charge(n / moved)
	}
	return vm.original("table.insert")(L)
}

// moved is how many elements are moved in the time of an instruction.
const moved = 16

func tableRemove(vm *VM, L *lua.LState) int {
	if L.GetTop() > 1 {
		runOf(L).charge(L.CheckTable(1).Len() / moved)
	}
	return vm.original("table.remove")(L)
}

func tableSort(vm *VM, L *lua.LState) int {
	n := L.CheckTable(1).Len()
	runOf(L).charge(n * bits.Len(uint(n)))
	return vm.original("table.sort")(L)
}

// maxUnpacked is how many results unpack gives at most: they all go over the Lua stack.
const maxUnpacked = 1 << 16

// unpack is gopher-lua's, but it grows the Lua stack once instead of again and again.
func unpack(vm *VM, L *lua.LState) int {
	t := L.CheckTable(1)
	first, last := optInt(L, 2, 1), 0
	if L.Get(3) == lua.LNil {
		last = t.Len()
	} else {
		last = checkInt(L, 3)
	}
	if first > last {
		return 0
	}
	if float64(last)-float64(first) >= maxUnpacked {
		L.RaiseError("too many results to unpack (more than %d)", maxUnpacked)
	}
	n := last - first + 1
	runOf(L).charge(n)
	top := L.GetTop()
	L.SetTop(top + n)
	L.SetTop(top)
	for i := first; i <= last; i++ {
		L.Push(t.RawGetInt(i))
	}
	return n
}

// tableConcat joins in one buffer; gopher-lua's goes over the Lua stack, which ends at a million values.
func tableConcat(vm *VM, L *lua.LState) int {
	t := L.CheckTable(1)
	separator := L.OptString(2, "")
	first, last := L.OptInt(3, 1), L.OptInt(4, t.Len())
	runOf(L).charge(max(0, last-first))
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
