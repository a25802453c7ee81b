package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"dumbprobe/engine"
)

// defaultKillWait is how long commands get to end when the daemon is to end at once: a little more than from
// TERM to KILL, see internal/command.
const defaultKillWait = 4 * time.Second

// daemon runs an engine and obeys the signals that come meanwhile.
type daemon struct {
	engine   interface{ Close() }        // ends what runs
	work     func(context.Context) error // the engine's Run or Once
	reload   func(context.Context) error // the engine's Reload; nil: HUP is ignored
	log      *zap.Logger
	signals  <-chan os.Signal // HUP, INT, TERM
	killWait time.Duration    // for engine.Close after a second INT or TERM
}

// errKilled is a second INT or TERM.
var errKilled = errors.New("ended at once by a second signal: running checks were cut off, messages may be lost")

// run returns when the work has ended: by itself, by INT or TERM, or cut off by a second one.
func (d *daemon) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- d.work(ctx) }()

	hups := make(chan struct{}, 1) // one waits: while a reload runs, all further HUPs make one more
	var reloading sync.WaitGroup
	reloading.Go(func() { d.reloads(ctx, hups) })
	defer reloading.Wait()
	defer stop() // first

	stopping := false
	for {
		select {
		case err := <-done:
			if stopping && d.reload != nil && errors.Is(err, context.Canceled) {
				return nil // it was told to end while it was starting
			}
			return err
		case s := <-d.signals:
			switch {
			case s == syscall.SIGHUP:
				select {
				case hups <- struct{}{}:
				default:
				}
			case !stopping:
				stopping = true
				d.log.Info("told to end; a second signal does not wait for running checks", zap.String("signal", name(s)))
				stop()
			default:
				d.log.Warn("told to end at once", zap.String("signal", name(s)))
				d.kill(done)
				return errKilled
			}
		}
	}
}

// kill ends what runs, commands above all: they would outlive the daemon.
func (d *daemon) kill(done <-chan error) {
	closed := make(chan struct{})
	go func() {
		d.engine.Close()
		close(closed)
	}()
	over := time.NewTimer(d.killWait)
	defer over.Stop()
	for {
		select {
		case <-closed:
			return
		case <-done:
			done = nil // the commands may still be ending
		case s := <-d.signals:
			if s != syscall.SIGHUP {
				return
			}
		case <-over.C:
			return
		}
	}
}

// reloads loads the scripts again for each HUP, one after another, until ctx ends.
func (d *daemon) reloads(ctx context.Context, hups <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hups:
		}
		if d.reload == nil {
			d.log.Warn("HUP is ignored: with --once, nothing is loaded again")
			continue
		}
		d.log.Info("HUP: loading the scripts again")
		// The engine logs the result, and what is wrong with each script.
		var known *engine.ReloadError
		if err := d.reload(ctx); err != nil && ctx.Err() == nil && !errors.As(err, &known) {
			d.log.Error("the scripts were not loaded again: " + err.Error())
		}
	}
}

func name(s os.Signal) string {
	switch s {
	case syscall.SIGINT:
		return "INT"
	case syscall.SIGTERM:
		return "TERM"
	}
	return s.String()
}
