package luaapi

import (
	"context"
	"sync/atomic"
	"time"
)

// vmLock is a lock whose wait honours a context, which a mutex does not: a run whose deadline passes while
// it queues for the VM is over. Waiters get it in the order they came (the runtime serves blocked senders of
// a channel first in, first out).
type vmLock struct {
	slot   chan struct{}       // holds one element while somebody has the lock
	holder atomic.Pointer[Run] // who has it; nil between runs
}

func newVMLock() vmLock { return vmLock{slot: make(chan struct{}, 1)} }

// tryAcquire takes the lock if it is free. now is the present time.
func (l *vmLock) tryAcquire(r *Run, now time.Time) bool {
	select {
	case l.slot <- struct{}{}:
		l.taken(r, now)
		return true
	default:
		return false
	}
}

// acquire takes the lock, or returns the context's cause when that ends first, or ErrNotBegun when the run
// turned away.
func (l *vmLock) acquire(ctx context.Context, r *Run) error {
	select {
	case l.slot <- struct{}{}:
		l.taken(r, time.Now())
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.opts.Turned:
		return ErrNotBegun
	}
}

func (l *vmLock) taken(r *Run, now time.Time) {
	r.taken = now
	r.heldSince.Store(now.UnixNano())
	l.holder.Store(r)
}

func (l *vmLock) release() {
	l.holder.Store(nil)
	<-l.slot
}
