package luaapi

import (
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"
)

// call calls a Lua value in protected mode on the run's thread and leaves its results on the stack of L.
func (r *Run) call(L *lua.LState, results int, fn lua.LValue, args ...lua.LValue) error {
	if r.inCall {
		return r.callNested(L, results, fn, args)
	}
	r.inCall = true // not set back when the goroutine ends early: then the run is over
	err := L.CallByParam(lua.P{Fn: fn, NRet: results, Protect: true}, args...)
	r.inCall = false
	r.leave(L, 0)
	if err == nil {
		return nil
	}
	r.unclean = r.unclean || isPanic(err)
	err = r.scriptError(err)
	r.reportPanic(err)
	return err
}

// callNested is call from inside of Lua.
func (r *Run) callNested(L *lua.LState, results int, fn lua.LValue, args []lua.LValue) error {
	th, err := r.protect(L, results, nil, func(th *lua.LState) {
		th.Push(fn)
		for _, arg := range args {
			th.Push(arg)
		}
	})
	defer r.giveNested(th, err)
	if err != nil {
		return r.scriptError(err)
	}
	th.XMoveTo(L, results)
	return nil
}

// callValue is call for functions with one result.
func (r *Run) callValue(L *lua.LState, fn lua.LValue, args ...lua.LValue) (lua.LValue, error) {
	if err := r.call(L, 1, fn, args...); err != nil {
		return nil, err
	}
	v := L.Get(-1)
	L.Pop(1)
	return v, nil
}

// reportPanic logs a Go panic inside a function of ours: a script's pcall may have swallowed the way it went.
func (r *Run) reportPanic(err error) {
	var e *ScriptError
	if errors.As(err, &e) && e.Panic && strings.HasPrefix(e.Msg, "internal error") {
		r.Logger().Error("a function of the daemon panicked; please report this as a bug of dumbprobe",
			zap.String("panic", e.Msg), zap.String("at", e.position()), zap.String("traceback", e.Traceback))
	}
}
