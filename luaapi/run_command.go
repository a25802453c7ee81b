package luaapi

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/command"
)

// command runs a command that Lua code waits for, within limit (0: none) and what the run has left. The wait for its
// turn among all commands is none of the run's time: where there are many, a run is late, and not lost.
func (r *Run) command(L *lua.LState, spec command.Spec, limit time.Duration) (result command.Result) {
	r.waitOrRaise(L, func(context.Context) (err error) {
		spec = within(spec, limit)
		if left := time.Until(r.deadline); !r.deadline.IsZero() && (limit <= 0 || left < limit) {
			spec = within(spec, r.opts.Timeout)
			spec.Timeout = max(left, 1)
		}
		result, err = r.vm.commands.Run(r.parent, spec)
		r.postpone(result.Waited)
		return err
	})
	return result
}
