package luaapi

import (
	"fmt"
	"runtime/debug"

	"go.uber.org/zap"
)

// A Go panic in what the daemon does for a script is a bug of the daemon. It fails that run, that load, or that call of
// a handle, and must not end the daemon with all other checks in it. (Those inside of Lua are caught by gopher-lua, see
// reportPanic. Those of readers: see ownedReader.)

// guarded calls f, which has the VM. What the run was at is not known after a panic: its Lua thread is not used again.
func (r *Run) guarded(f func(*Run) error) (err error) {
	defer func() {
		if crash := recover(); crash != nil {
			r.unclean = true
			err = PanicError(r.Logger(), crash)
		}
	}()
	return f(r)
}

// guarded calls f, a part of a run or of what is done with a handle that does not need the VM.
func (e *Entry) guarded(opts *RunOptions, f func() error) (err error) {
	defer func() {
		if crash := recover(); crash != nil {
			err = PanicError(opts.logger(e.vm), crash)
		}
	}()
	return f()
}

// PanicError logs a panic with its stack, and gives what the run is reported with. It must be called from the deferred
// function that recovered it: after that the stack is gone.
func PanicError(logger *zap.Logger, crash any) error {
	logger.Error("a function of the daemon panicked; please report this as a bug of dumbprobe",
		zap.Any("panic", crash), zap.ByteString("stack", debug.Stack()))
	return &ScriptError{Msg: explainPanic(fmt.Sprint(crash)), Panic: true}
}

// aside calls f, a part of a run, on a goroutine of its own. failed gets the error of its panic.
func aside(logger *zap.Logger, f func(), failed func(error)) {
	go func() {
		defer func() {
			if crash := recover(); crash != nil {
				failed(PanicError(logger, crash))
			}
		}()
		f()
	}()
}
