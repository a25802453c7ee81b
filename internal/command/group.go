package command

import (
	"context"
	"fmt"
	"sync"
)

// Group is what runs the commands of one script, so that those of a script with hundreds leave slots to the others:
// see slots. It is safe for concurrent use.
type Group struct {
	runner *Runner
	owner  *owner
	close  sync.Once
}

// GroupStats are gauges, of all groups of a name.
type GroupStats struct {
	Running int // commands of Run that hold a slot
	Waiting int // callers of it that wait for one
	Streams int // commands of Start
}

// Group makes a Group of the script with a name, whose groups have at most limit commands at once, together; 0: as
// many as the Runner allows. Close it, or others go on leaving slots to it.
func (r *Runner) Group(name string, limit int) *Group {
	return &Group{runner: r, owner: r.slots.join(name, limit)}
}

// Run is Runner.Run for a command of the group.
func (g *Group) Run(ctx context.Context, s Spec) (Result, error) {
	return g.runner.run(ctx, s, g.owner)
}

// Start is Runner.Start for a stream of the group. Over its share of Options.MaxStreams the error matches
// ErrTooManyStreams, too.
func (g *Group) Start(ctx context.Context, s Spec) (*Stream, error) {
	return g.runner.start(ctx, s, g.owner)
}

// Stats is a snapshot.
func (g *Group) Stats() GroupStats { return g.runner.slots.statsOf(g.owner) }

// Close says that there will be no more commands. Those that are there go on. It can be called twice.
func (g *Group) Close() { g.close.Do(func() { g.runner.slots.leave(g.owner) }) }

// enter waits for a slot for o, and leave gives it back.
func (r *Runner) enter(ctx context.Context, o *owner) (leave func(), err error) {
	if r.slots.acquire(ctx, o) != nil {
		if r.slots.isFull(o) {
			return nil, fmt.Errorf("%w (the limit of the script is %d)", ErrNoSlot, o.limit)
		}
		return nil, fmt.Errorf("%w (the limit is %d)", ErrNoSlot, r.options.MaxCommands)
	}
	r.running.Add(1)
	return func() {
		r.running.Add(-1)
		r.slots.release(o)
	}, nil
}
