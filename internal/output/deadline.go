package output

import (
	"context"
	"time"
)

type writeDeadliner interface{ SetWriteDeadline(time.Time) error }

// interruptible makes writes to c end when ctx does. Call arm before each write: it gives the write limit
// to make progress and returns ctx's error if it has ended. Call stop when no more writes follow; once ctx
// has ended, c is good for Close only.
func interruptible(ctx context.Context, c writeDeadliner, limit time.Duration) (arm func() error, stop func() bool) {
	stop = context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })
	arm = func() error {
		if err := c.SetWriteDeadline(time.Now().Add(limit)); err != nil {
			return err
		}
		// Looked at after the deadline is set: had ctx ended before, its past deadline is overwritten now.
		return ctx.Err()
	}
	return arm, stop
}
