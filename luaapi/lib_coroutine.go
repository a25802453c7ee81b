package luaapi

import (
	lua "github.com/yuin/gopher-lua"
)

// A coroutine of gopher-lua keeps the context that its creator had, so that one made before a run ignores
// the run's deadline, and one made in a run dies with it. Here a coroutine has no context of its own, and
// gets the caller's at each resume.

func coroutineLibrary() Module {
	return Module{Name: "coroutine", Global: "coroutine", Standard: true, Doc: "Coroutines. A yield cannot cross pcall, a metamethod or an iterator.", Functions: []Function{
		{Name: "create", Signature: "f", Doc: "Makes a coroutine.", call: coroutineCreate},
		{Name: "resume", Signature: "co [, ...]", Doc: "Goes on with a coroutine; false and the error if it fails.", call: coroutineResume},
		{Name: "running", Signature: "", Doc: "The coroutine that runs; nil outside of any.", call: coroutineRunning},
		{Name: "status", Signature: "co", Doc: "`suspended`, `running`, `normal` or `dead`."},
		{Name: "wrap", Signature: "f", Doc: "Makes a coroutine, and a function that resumes it and raises its errors.", call: coroutineWrap},
		{Name: "yield", Signature: "...", Doc: "Suspends the coroutine."},
	}}
}

// coroutineFunctions are gopher-lua's own, by name: a table that no script sees.
func (vm *VM) original(name string) lua.LGFunction {
	return vm.shared.coroutine[name]
}

func (vm *VM) keepOriginals() {
	t := vm.state.GetGlobal("coroutine").(*lua.LTable)
	vm.shared.coroutine = map[string]lua.LGFunction{}
	for _, name := range []string{"create", "resume", "wrap"} {
		vm.shared.coroutine[name] = t.RawGetString(name).(*lua.LFunction).GFunction
	}
}

// withoutContext calls f while L has no context, so that a thread made in it gets none.
func withoutContext(L *lua.LState, f func(L *lua.LState) int) int {
	ctx := L.RemoveContext()
	defer L.SetContext(ctx)
	return f(L)
}

func coroutineCreate(vm *VM, L *lua.LState) int {
	return withoutContext(L, vm.original("create"))
}

func coroutineResume(vm *VM, L *lua.LState) int {
	th := L.CheckThread(1)
	return vm.resume(L, th)
}

func (vm *VM) resume(L, th *lua.LState) int {
	th.SetContext(L.Context())
	return vm.original("resume")(L)
}

func coroutineWrap(vm *VM, L *lua.LState) int {
	withoutContext(L, vm.original("wrap"))
	th := L.CheckFunction(-1).Upvalues[0].Value().(*lua.LState)
	L.Pop(1)
	L.Push(L.NewFunction(func(L *lua.LState) int {
		L.Insert(th, 1)
		return vm.resume(L, th)
	}))
	return 1
}

func coroutineRunning(vm *VM, L *lua.LState) int {
	if L == runOf(L).thread {
		L.Push(lua.LNil)
	} else {
		L.Push(L)
	}
	return 1
}
