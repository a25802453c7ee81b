package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// defaultKillWait is how long commands get to end when the daemon is to end at once: a little more than from
// TERM to KILL, see internal/command.
const defaultKillWait = 4 * time.Second

// daemon runs an engine and obeys the signals that come meanwhile.
type daemon struct {
	engine   interface{ Close() }        // ends what runs
	work     func(context.Context) error // the engine's Run or Once
	reloads  *reloader                   // nil: HUP is ignored
	watcher  watcher                     // asks for reloads, too; nil: there is none
	log      *zap.Logger
	signals  <-chan os.Signal // HUP, INT, TERM
	killWait time.Duration    // for engine.Close after a second INT or TERM
}

// watcher tells what has happened to files until ctx ends.
type watcher interface {
	Run(ctx context.Context, changed func(what string))
}

// errKilled is a second INT or TERM.
var errKilled = errors.New("ended at once by a second signal: running checks were cut off, messages may be lost")

// run returns when the work has ended: by itself, by INT or TERM, or cut off by a second one.
func (d *daemon) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- d.work(ctx) }()

	var reloading sync.WaitGroup
	if d.reloads != nil {
		reloading.Go(func() { d.reloads.run(ctx) })
	}
	if d.watcher != nil {
		reloading.Go(func() {
			d.watcher.Run(ctx, func(what string) {
				d.log.Info(what)
				d.reloads.ask()
			})
		})
	}
	defer reloading.Wait()
	defer stop() // first

	stopping := false
	for {
		select {
		case err := <-done:
			if stopping && d.reloads != nil && errors.Is(err, context.Canceled) {
				return nil // it was told to end while it was starting
			}
			return err
		case s := <-d.signals:
			switch {
			case s == syscall.SIGHUP && d.reloads == nil:
				d.log.Warn("HUP is ignored: with --once, nothing is loaded again")
			case s == syscall.SIGHUP:
				d.log.Debug("HUP")
				d.reloads.ask()
			case !stopping:
				stopping = true
				stop() // before the log, which may be slow
				d.log.Info("told to end; a second signal does not wait for running checks", zap.String("signal", name(s)))
			default:
				d.kill(done)
				d.log.Warn("told to end at once", zap.String("signal", name(s)))
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

func name(s os.Signal) string {
	switch s {
	case syscall.SIGINT:
		return "INT"
	case syscall.SIGTERM:
		return "TERM"
	}
	return s.String()
}
