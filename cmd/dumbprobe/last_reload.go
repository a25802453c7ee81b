package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"dumbprobe/engine"
	"dumbprobe/internal/control"
)

// lastReload remembers what came of the last reload, for the status.
type lastReload struct {
	mu     sync.Mutex // protects following fields
	result *control.ReloadResult
	busy   bool
}

// watch is reload, and remembers its result.
func (l *lastReload) watch(reload func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		l.mu.Lock()
		l.busy = true
		l.mu.Unlock()
		started := time.Now()
		err := reload(ctx)
		result := resultOf(err, started, time.Since(started))
		l.mu.Lock()
		defer l.mu.Unlock()
		l.busy = false
		if result != nil {
			l.result = result
		}
		return err
	}
}

// state is the result, nil if there was no reload, and whether one is under way.
func (l *lastReload) state() (result *control.ReloadResult, busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.result != nil {
		r := *l.result
		result = &r
	}
	return result, l.busy
}

// resultOf is what came of a reload that ended with err, nil if there was none.
func resultOf(err error, started time.Time, took time.Duration) *control.ReloadResult {
	result := &control.ReloadResult{
		OK: err == nil, Started: float64(started.UnixMicro()) / 1e6, Seconds: took.Seconds(), Errors: []control.ReloadError{},
	}
	var failed *engine.ReloadError
	switch {
	case err == nil:
	case errors.As(err, &failed):
		for _, err := range failed.Errs {
			for _, line := range engine.ErrorLines(err) {
				result.Errors = append(result.Errors, control.ReloadError{Script: engine.FileOf(err), Text: line})
			}
		}
	default:
		return nil
	}
	return result
}
