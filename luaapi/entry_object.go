package luaapi

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

// Object is a CHECKS that schedules itself.
type Object struct {
	Line  int
	Class string
	vm    *VM
	value lua.LValue
}

// RunNext calls run_next once. Each message goes to send as soon as it is there; what could not be sent is
// in b. opts.Sliding is to be set: run_next waits until it is time.
func (o *Object) RunNext(ctx context.Context, opts RunOptions, b *Batch, send func(lines [][]byte)) error {
	return o.vm.Do(ctx, opts, func(r *Run) error {
		v, err := r.callMethod(o.value, "run_next")
		next, isIterator := v.(*lua.LFunction)
		if err != nil || !isIterator {
			return r.finish(v, err, message.Overlay{}, b)
		}
		for index := 1; ; index++ {
			v, err := r.callValue(r.thread, next)
			if err != nil {
				return r.finish(nil, err, message.Overlay{}, b)
			}
			if v == lua.LNil {
				return r.finish(r.vm.state.CreateTable(0, 0), nil, message.Overlay{}, b)
			}
			r.collectMessage(v, index, message.Overlay{}, b)
			send(b.Lines)
			b.Lines = nil
			r.commitState()
		}
	})
}
