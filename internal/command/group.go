package command

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
)

// Group bounds the commands of one owner, so that a script with hundreds of slow ones leaves slots to the
// others. Waiting for the group is first come, first served, and holds no slot of the Runner. It is safe for
// concurrent use, and there is nothing to close.
type Group struct {
	runner *Runner
	limit  int
	slots  slots

	running, waiting atomic.Int64
}

// GroupStats are gauges.
type GroupStats struct {
	Running int // commands of the group's Run that hold a slot
	Waiting int // callers of it that wait for one, the group's or the Runner's
}

// Group makes a Group of at most limit commands at once; 0: as many as the Runner allows.
func (r *Runner) Group(limit int) *Group {
	if limit <= 0 {
		limit = math.MaxInt
	}
	return &Group{runner: r, limit: limit, slots: slots{free: limit}}
}

// Run is Runner.Run for a command of the group.
func (g *Group) Run(ctx context.Context, s Spec) (Result, error) { return g.runner.run(ctx, s, g) }

// Start is Runner.Start: groups do not bound streams.
func (g *Group) Start(ctx context.Context, s Spec) (*Stream, error) { return g.runner.Start(ctx, s) }

// Stats is a snapshot.
func (g *Group) Stats() GroupStats {
	return GroupStats{Running: int(g.running.Load()), Waiting: int(g.waiting.Load())}
}

// enter waits for a slot of g, unless it is nil, and then for one of r. leave gives them back.
func (r *Runner) enter(ctx context.Context, g *Group) (leave func(), err error) {
	r.waiting.Add(1)
	defer r.waiting.Add(-1)
	if g != nil {
		g.waiting.Add(1)
		defer g.waiting.Add(-1)
		if g.slots.acquire(ctx) != nil {
			return nil, fmt.Errorf("%w (the limit of the script is %d)", ErrNoSlot, g.limit)
		}
	}
	if r.slots.acquire(ctx) != nil {
		if g != nil {
			g.slots.release()
		}
		return nil, fmt.Errorf("%w (the limit is %d)", ErrNoSlot, r.options.MaxCommands)
	}
	r.running.Add(1)
	if g != nil {
		g.running.Add(1)
	}
	return func() {
		r.running.Add(-1)
		r.slots.release()
		if g != nil {
			g.running.Add(-1)
			g.slots.release()
		}
	}, nil
}
