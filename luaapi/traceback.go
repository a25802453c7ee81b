package luaapi

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// coroutineFailure is the last error that came out of a coroutine. gopher-lua leaves the calls in there out of the
// error's traceback, and a script that gets the error from coroutine.resume raises it again somewhere else.
type coroutineFailure struct {
	object lua.LValue
	calls  string // in the coroutine, and in those that it was resumed in as far as the error came; the innermost first
}

// maxTraceback bounds the lines that coroutines add to a traceback. gopher-lua gives 20 for each thread at most.
const maxTraceback = 40

// failedIn notes that an error came out of th, whose calls are still there; L is who resumed it.
func (r *Run) failedIn(L, th *lua.LState, object lua.LValue) {
	L.SetTop(0)
	L.Push(th)
	L.Push(lua.LNumber(0))
	r.vm.original("debug.traceback")(L)
	calls := strings.ReplaceAll(cleanTraceback(L.Get(-1).String()), "in corountine", "in coroutine") // as gopher-lua spells it
	L.SetTop(0)
	if r.failure.isOf(object) { // it came out of a coroutine in this one
		calls = r.failure.calls + "\n" + calls
	}
	if lines := strings.Split(calls, "\n"); len(lines) > maxTraceback {
		calls = strings.Join(append(lines[:maxTraceback-1], "..."), "\n")
	}
	r.failure = coroutineFailure{object, calls}
}

// isOf tells whether an error is this failure, or was made of it by putting something in front.
func (f coroutineFailure) isOf(object lua.LValue) bool {
	text, isText := object.(lua.LString)
	if failed, ok := f.object.(lua.LString); ok && isText {
		return failed != "" && strings.HasSuffix(string(text), string(failed))
	}
	return f.object != nil && f.object == object
}

// withCoroutine puts the calls in the coroutine that an error came out of in front of its traceback.
func (r *Run) withCoroutine(e *ScriptError, object lua.LValue) {
	if r.failure.isOf(object) {
		e.Traceback = strings.TrimSuffix(r.failure.calls+"\n"+e.Traceback, "\n")
	}
}
