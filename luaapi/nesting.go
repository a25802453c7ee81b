package luaapi

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// When an error is raised, gopher-lua closes the upvalues of every function on the Lua thread, also of those
// around the pcall that catches it: from then on they do not share their variables with their closures any
// more (https://github.com/yuin/gopher-lua/issues/448). So what is called in protected mode from Lua runs on
// a Lua thread of its own, which holds nothing but what the error ends.

// nested is a Lua thread that a run is on, on top of the thread that called it.
type nested struct {
	thread    *lua.LState
	coroutine bool // false: a protected call
}

// maxNesting bounds the protected calls and coroutines inside of each other: each takes some of the stack of
// the process, which nothing can recover from when it overflows. It is Lua's own limit.
const maxNesting = 200

// enter notes that the run is on th from now on; L is the thread that it was on.
func (r *Run) enter(L, th *lua.LState, coroutine bool) {
	if len(r.nested) >= maxNesting {
		L.RaiseError("stack overflow: more than %d pcalls and coroutines inside of each other", maxNesting)
	}
	r.nested = append(r.nested, nested{th, coroutine})
}

// leave goes back to the thread L, on which the run was at this depth, after a protected call: what is above
// is done, or has failed.
func (r *Run) leave(L *lua.LState, depth int) {
	r.unwind(depth)
	r.vm.state.G.CurrentThread = L
}

func (r *Run) unwind(depth int) {
	for _, n := range r.nested[depth:] {
		if n.coroutine {
			n.thread.Dead = true // an error went through it: gopher-lua would resume it in the middle
		}
	}
	clear(r.nested[depth:])
	r.nested = r.nested[:depth]
}

// innermost is the coroutine that the run is in, nil if it is in none.
func (r *Run) innermost() *lua.LState {
	for i := len(r.nested) - 1; i >= 0; i-- {
		if r.nested[i].coroutine {
			return r.nested[i].thread
		}
	}
	return nil
}

// protect calls, on a Lua thread of its own, what push pushes: a function and its arguments. The results are
// then the only values on that thread, which is to be given back by giveNested.
func (r *Run) protect(L *lua.LState, results int, handler *lua.LFunction, push func(th *lua.LState)) (th *lua.LState, err error) {
	depth := len(r.nested)
	th = r.vm.takeThread()
	r.enter(L, th, false)
	r.vm.state.G.CurrentThread = th
	th.SetContext(r)
	push(th)
	err = th.PCall(th.GetTop()-1, results, handler)
	r.leave(L, depth)
	if err != nil && isPanic(err) {
		r.reportPanic(r.scriptError(err)) // the script may swallow it
	}
	return th, err
}

// giveNested puts the thread of a protected call back, unless what is left on it is not known.
func (r *Run) giveNested(th *lua.LState, err error) {
	if err == nil || !isPanic(err) {
		r.vm.keepThread(th)
	}
}

func isPanic(err error) bool {
	api, ok := err.(*lua.ApiError)
	return !ok || api.Type == lua.ApiErrorPanic
}

// protectedCall is pcall.
func protectedCall(vm *VM, L *lua.LState) int {
	fn := L.CheckAny(1)
	if !isCallable(L, fn) {
		return caught(L, lua.LString("attempt to call a "+fn.Type().String()+" value"))
	}
	r := runOf(L)
	th, err := r.protect(L, lua.MultRet, nil, func(th *lua.LState) {
		for i := 1; i <= L.GetTop(); i++ {
			th.Push(L.Get(i))
		}
	})
	return r.protectedResults(L, th, fn, err)
}

// protectedCallWithHandler is xpcall.
func protectedCallWithHandler(vm *VM, L *lua.LState) int {
	fn, handler := L.CheckFunction(1), L.CheckFunction(2)
	r := runOf(L)
	th, err := r.protect(L, lua.MultRet, vm.closing(handler), func(th *lua.LState) { th.Push(fn) })
	return r.protectedResults(L, th, fn, err)
}

// closing is an error handler that closes the upvalues of the functions that have failed, which gopher-lua
// does not do where there is a handler, and then calls the script's.
func (vm *VM) closing(handler *lua.LFunction) *lua.LFunction {
	return vm.state.NewFunction(func(L *lua.LState) int {
		L.Push(vm.shared.raise)
		_ = L.PCall(0, 0, nil) // raising an error is what closes them
		L.SetTop(1)
		L.Insert(handler, 1)
		L.Call(1, 1)
		return 1
	})
}

func (r *Run) protectedResults(L, th *lua.LState, fn lua.LValue, err error) int {
	defer r.giveNested(th, err)
	if err != nil {
		return caught(L, errorObject(L, fn, err))
	}
	L.SetTop(0)
	L.Push(lua.LTrue)
	n := th.GetTop()
	th.XMoveTo(L, n)
	return 1 + n
}

func caught(L *lua.LState, object lua.LValue) int {
	L.Push(lua.LFalse)
	L.Push(object)
	return 2
}

// errorObject is the object of an error that fn raised. A function of Go that was called directly knows no
// position: it is where the protected call is.
func errorObject(L *lua.LState, fn lua.LValue, err error) lua.LValue {
	api, ok := err.(*lua.ApiError)
	if !ok {
		return lua.LString(err.Error())
	}
	s, isText := api.Object.(lua.LString)
	if f, ok := fn.(*lua.LFunction); ok && f.IsG && isText && len(s) > 0 && s[0] == ' ' {
		return lua.LString(L.Where(1)) + s
	}
	return api.Object
}

func isCallable(L *lua.LState, v lua.LValue) bool {
	return v.Type() == lua.LTFunction || L.GetMetaField(v, "__call").Type() == lua.LTFunction
}

// raiseError is error. gopher-lua's takes level 2 for level 1.
func raiseError(vm *VM, L *lua.LState) int {
	object, level := L.CheckAny(1), L.OptInt(2, 1)
	if s, ok := object.(lua.LString); ok && level > 0 {
		if at := L.Where(level); at != "" && at != "[G]:" {
			object = lua.LString(at+" ") + s
		}
	}
	L.Error(object, 0)
	return 0
}

// traceback is debug.traceback, through the protected calls.
func traceback(vm *VM, L *lua.LState) int {
	original := vm.original("debug.traceback")
	if L.Get(1).Type() == lua.LTThread {
		return original(L)
	}
	n := original(L)
	r := runOf(L)
	text := L.Get(-1).String()
	for i := len(r.nested) - 1; i >= 0 && !r.nested[i].coroutine; i-- {
		below := r.thread
		if i > 0 {
			below = r.nested[i-1].thread
		}
		L.Push(L.NewFunction(original))
		L.Push(below)
		L.Push(lua.LNumber(1))
		L.Call(2, 1)
		if _, calls, ok := strings.Cut(L.Get(-1).String(), "\n"); ok {
			text += "\n" + calls
		}
		L.Pop(1)
	}
	L.Pop(n)
	L.Push(lua.LString(text))
	return 1
}
