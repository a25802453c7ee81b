package luaapi

import (
	"runtime"
	"strings"

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
		{Name: "status", Signature: "co", Doc: "`suspended`, `running`, `normal` or `dead`.", call: coroutineStatus},
		{Name: "wrap", Signature: "f", Doc: "Makes a coroutine, and a function that resumes it and raises its errors.", call: coroutineWrap},
		{Name: "yield", Signature: "...", Doc: "Suspends the coroutine.", call: coroutineYield},
	}}
}

// withoutContext calls f while L has no context, so that a thread made in it gets none.
func withoutContext(L *lua.LState, f func(L *lua.LState) int) int {
	ctx := L.RemoveContext()
	defer L.SetContext(ctx)
	return f(L)
}

func coroutineCreate(vm *VM, L *lua.LState) int {
	L.Push(vm.newCoroutine(L))
	return 1
}

// newCoroutine makes a coroutine of the function that is the argument. To gopher-lua all are those of wrap: an error then
// comes to resume as a panic, while the calls that led to it are still there.
func (vm *VM) newCoroutine(L *lua.LState) *lua.LState {
	withoutContext(L, vm.original("coroutine.wrap"))
	th := L.CheckFunction(-1).Upvalues[0].Value().(*lua.LState)
	L.Pop(1)
	return th
}

func coroutineResume(vm *VM, L *lua.LState) int {
	th := L.CheckThread(1)
	if why := stateOf(runOf(L), th); why != "suspended" {
		L.Push(lua.LFalse)
		L.Push(lua.LString("cannot resume a coroutine that is " + why))
		return 2
	}
	n, failed := vm.resume(L, th)
	if failed != nil {
		return caught(L, failed)
	}
	L.Insert(lua.LTrue, L.GetTop()-n+1)
	return n + 1
}

// resume goes on with a coroutine, and leaves what it gives on the stack of L: n values, or none and the object of the
// error that it has failed with. It has a context only while a run is on it: that is how other runs of the
// file, which come in while this one waits, see that it is not theirs.
func (vm *VM) resume(L, th *lua.LState) (n int, failed lua.LValue) {
	r := runOf(L)
	depth := len(r.nested)
	r.enter(L, th, true)
	th.SetContext(r)
	defer func() {
		failure := recover() // nil also when the goroutine ends: see Run.Wait
		if failure == nil {
			return
		}
		api, ok := failure.(*lua.ApiError)
		if !ok {
			panic(failure)
		}
		r.leave(L, depth)
		th.RemoveContext()
		r.failedIn(L, th, api.Object)
		th.Parent = nil
		n, failed = 0, api.Object
	}()
	n = vm.original("coroutine.resume")(L)
	th.RemoveContext()
	r.unwind(depth + 1)
	r.nested = r.nested[:depth]
	return n, nil
}

// stateOf is the state of a coroutine, as the run sees it.
func stateOf(r *Run, th *lua.LState) string {
	if th == r.innermost() {
		return "running"
	}
	if on, ok := th.Context().(*Run); ok && !th.Dead {
		if !on.gone.Load() {
			return "normal"
		}
		th.Dead = true // the run ended early, in the middle of it
	}
	if th.Dead {
		return "dead"
	}
	return "suspended"
}

func coroutineStatus(vm *VM, L *lua.LState) int {
	L.Push(lua.LString(stateOf(runOf(L), L.CheckThread(1))))
	return 1
}

func coroutineWrap(vm *VM, L *lua.LState) int {
	th := vm.newCoroutine(L)
	L.Push(L.NewClosure(func(L *lua.LState) int {
		if why := stateOf(runOf(L), th); why != "suspended" {
			L.RaiseError("cannot resume a coroutine that is %s", why)
		}
		L.Insert(th, 1)
		n, failed := vm.resume(L, th)
		if failed != nil {
			L.Error(failed, 0)
		}
		return n
	}, th)) // as an upvalue too, for who measures what a script holds
	return 1
}

func coroutineRunning(vm *VM, L *lua.LState) int {
	if th := runOf(L).innermost(); th != nil {
		L.Push(th)
	} else {
		L.Push(lua.LNil)
	}
	return 1
}

// coroutineYield is yield. gopher-lua does not notice that a function of Go is between the yield and the
// resume, goes on with both, and ends in a nil dereference.
func coroutineYield(vm *VM, L *lua.LState) int {
	r := runOf(L)
	switch co := r.innermost(); {
	case co == nil:
		L.RaiseError("attempt to yield from outside a coroutine")
	case co != L:
		L.RaiseError("attempt to yield across a pcall")
	case !vm.yieldable():
		L.RaiseError("attempt to yield across a metamethod, an iterator, or a function that calls back (as string.gsub and table.sort do)")
	}
	return -1
}

// yieldable tells whether the interpreter that calls yield is the one that resume started: whatever calls
// back into Lua starts another one inside of that. Only the stack of Go shows it; what a stack shows is kept,
// since there are few different ones.
func (vm *VM) yieldable() bool {
	var path yieldPath
	runtime.Callers(3, path[:])
	ok, known := vm.shared.yields[path]
	if !known {
		ok = path.endsInResume()
		vm.shared.yields[path] = ok
	}
	return ok
}

// yieldPath are the innermost calls on the stack of Go: yield's, the instruction's, the interpreter's, and
// that of what started the interpreter.
type yieldPath [6]uintptr

func (p yieldPath) endsInResume() bool {
	for frames := runtime.CallersFrames(p[:]); ; {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, ".mainLoop") || strings.HasSuffix(frame.Function, ".mainLoopWithContext") {
			frame, _ = frames.Next()
			return strings.HasSuffix(frame.Function, ".threadRun")
		}
		if !more {
			return false
		}
	}
}
