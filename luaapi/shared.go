package luaapi

import (
	"errors"

	lua "github.com/yuin/gopher-lua"
)

// sharedValues are the values of which a VM has one each.
type sharedValues struct {
	null       *lua.LUserData // dumbprobe.null
	eof        *lua.LUserData // dumbprobe.EOF
	arrayMeta  *lua.LTable    // marks a table as a list
	objectMeta *lua.LTable    // marks a table that is empty as an object
	getField   *lua.LFunction // object[name], for protected calls

	files    map[string]*lua.LUserData // stdin, stdout, stderr, and what io.input and io.output set
	fileMeta *lua.LTable

	strings   map[string]lua.LGFunction // the string functions, with this VM's limits
	originals map[string]lua.LGFunction // gopher-lua's own functions that ours call
	raise     *lua.LFunction            // raises an error
	concat    *lua.LFunction            // the operator ..
	yields    map[yieldPath]bool        // whether a yield that comes this way may be one
}

// nullMark and eofMark are what the userdata of dumbprobe.null and dumbprobe.EOF hold.
type (
	nullMark struct{}
	eofMark  struct{}
)

// The marks are the fields that isArray and isObject look for: a metatable of the script's own has not got
// them.
const (
	arrayMarkKey  = "dumbprobe.array"
	objectMarkKey = "dumbprobe.object"
)

// errStopping ends the sleep of an object whose script is unloaded.
var errStopping = errors.New("the script is being unloaded")

// errEOF is what read_messages reports by dumbprobe.EOF.
var errEOF = errors.New("end of file")

func (vm *VM) makeShared() {
	L := vm.state
	vm.shared.null = newMark(L, nullMark{}, "null")
	vm.shared.eof = newMark(L, eofMark{}, "EOF")
	meta := L.CreateTable(0, 2)
	meta.RawSetString("__name", lua.LString("array"))
	meta.RawSetString(arrayMarkKey, lua.LTrue)
	vm.shared.arrayMeta = meta
	vm.shared.objectMeta = L.CreateTable(0, 2)
	vm.shared.objectMeta.RawSetString("__name", lua.LString("object"))
	vm.shared.objectMeta.RawSetString(objectMarkKey, lua.LTrue)
	vm.shared.strings = stringFunctions(stringLimits{maxBytes: vm.limits.StringBytes, interrupted: interrupted})
	vm.keepOriginals()
	vm.shared.raise = L.NewFunction(func(L *lua.LState) int {
		L.RaiseError("")
		return 0
	})
	vm.shared.concat = L.NewFunction(vm.concat)
	vm.shared.getField = L.NewFunction(func(L *lua.LState) int {
		L.Push(L.GetField(L.Get(1), L.CheckString(2)))
		return 1
	})
}

func newMark(L *lua.LState, value any, name string) *lua.LUserData {
	ud := L.NewUserData()
	ud.Value = value
	meta := L.CreateTable(0, 2)
	meta.RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LString(name))
		return 1
	}))
	meta.RawSetString("__metatable", lua.LFalse)
	ud.Metatable = meta
	return ud
}

// original is gopher-lua's own function of that name, which no script sees.
func (vm *VM) original(name string) lua.LGFunction { return vm.shared.originals[name] }

// keepOriginals keeps the functions that are about to be replaced by ones that call them.
func (vm *VM) keepOriginals() {
	vm.shared.originals = map[string]lua.LGFunction{}
	vm.shared.yields = map[yieldPath]bool{}
	for library, names := range map[string][]string{
		"coroutine": {"create", "resume", "wrap"}, "debug": {"traceback"}, "table": {"insert", "remove", "sort"},
	} {
		t := vm.state.GetGlobal(library).(*lua.LTable)
		for _, name := range names {
			vm.shared.originals[library+"."+name] = t.RawGetString(name).(*lua.LFunction).GFunction
		}
	}
}

// isArray tells whether t was made by dumbprobe.array or comes from a JSON list.
func isArray(t *lua.LTable) bool { return isMarked(t, arrayMarkKey) }

// isObject tells whether t comes from an empty JSON object.
func isObject(t *lua.LTable) bool { return isMarked(t, objectMarkKey) }

func isMarked(t *lua.LTable, mark string) bool {
	meta, ok := t.Metatable.(*lua.LTable)
	return ok && meta.RawGetString(mark) == lua.LTrue
}
