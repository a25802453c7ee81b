package main

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Requests to reload that come close together make one reload: it begins when none has come for reloadQuiet, or
// reloadPatience after the first.
const (
	reloadQuiet    = 50 * time.Millisecond
	reloadPatience = time.Second
)

// reloader loads the scripts again when it is asked to, one time after another. All who ask come here: HUP above
// all. A request is answered by a reload that begins after it.
type reloader struct {
	reload func(context.Context) error // the engine's Reload
	asked  chan struct{}               // one waits: while a reload runs, all further requests make one more

	mu      sync.Mutex // protects following fields
	waiting []chan<- error
	ended   bool
}

func newReloader(reload func(context.Context) error) *reloader {
	return &reloader{reload: reload, asked: make(chan struct{}, 1)}
}

// ask has the scripts loaded again, soon.
func (r *reloader) ask() {
	select {
	case r.asked <- struct{}{}:
	default:
	}
}

// errStopping is a reload that was asked for while the daemon stops.
var errStopping = errors.New("the daemon is stopping")

// do asks for a reload and gives its result. It waits until ctx ends.
func (r *reloader) do(ctx context.Context) error {
	result := make(chan error, 1)
	r.mu.Lock()
	if r.ended {
		r.mu.Unlock()
		return errStopping
	}
	r.waiting = append(r.waiting, result)
	r.mu.Unlock()
	r.ask()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run reloads when it is asked to, until ctx ends.
func (r *reloader) run(ctx context.Context) {
	defer r.end()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.asked:
		}
		if !r.quiet(ctx) {
			return
		}
		waiting := r.take()
		err := r.reload(ctx)
		if ctx.Err() != nil {
			err = errStopping
		}
		for _, w := range waiting {
			w <- err
		}
	}
}

// quiet waits until no more requests come. It is false when ctx has ended.
func (r *reloader) quiet(ctx context.Context) bool {
	over := time.NewTimer(reloadPatience)
	defer over.Stop()
	quiet := time.NewTimer(reloadQuiet)
	defer quiet.Stop()
	for {
		select {
		case <-r.asked:
			quiet.Reset(reloadQuiet)
		case <-quiet.C:
			return true
		case <-over.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

func (r *reloader) take() []chan<- error {
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := r.waiting
	r.waiting = nil
	return waiting
}

// end answers all who wait, and who come later.
func (r *reloader) end() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	for _, w := range r.take() {
		w <- errStopping
	}
}
