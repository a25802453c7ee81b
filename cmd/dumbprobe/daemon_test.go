package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"dumbprobe/engine"
)

// probe is an engine that does as it is told.
type probe struct {
	reloads   atomic.Int32
	reloading chan struct{} // each reload waits for it, and for ctx
	closed    atomic.Bool
}

func (p *probe) Close() { p.closed.Store(true) }

func (p *probe) reload(ctx context.Context) error {
	p.reloads.Add(1)
	select {
	case <-p.reloading:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newDaemon(t *testing.T, p *probe, work func(context.Context) error) (*daemon, chan os.Signal) {
	signals := make(chan os.Signal, 16)
	log := zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
	return &daemon{engine: p, work: work, reloads: newReloader(p.reload), log: log, signals: signals, killWait: defaultKillWait}, signals
}

// inBackground runs d and gives its result.
func inBackground(d *daemon) <-chan error {
	result := make(chan error, 1)
	go func() { result <- d.run(context.Background()) }()
	return result
}

func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func TestDaemonEndsWithOneSignal(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		synctest.Test(t, func(t *testing.T) {
			p := &probe{}
			d, signals := newDaemon(t, p, untilDone)
			result := inBackground(d)
			signals <- s
			if err := <-result; err != nil {
				t.Errorf("%v: %v", s, err)
			}
		})
	}
}

func TestDaemonEndsAtOnceWithTheSecondSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{}
		graceOver := make(chan struct{})
		defer close(graceOver)
		d, signals := newDaemon(t, p, func(context.Context) error { <-graceOver; return nil })
		result := inBackground(d)
		signals <- syscall.SIGTERM
		synctest.Wait()
		select {
		case err := <-result:
			t.Fatalf("the first signal ended it: %v", err)
		default:
		}
		signals <- syscall.SIGINT
		if err := <-result; !errors.Is(err, errKilled) {
			t.Errorf("got %v", err)
		}
		if !p.closed.Load() {
			t.Error("the engine was not closed")
		}
	})
}

// A log may be slow.
func TestASignalIsObeyedBeforeItIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{}
		told, over := make(chan struct{}), make(chan struct{})
		d, signals := newDaemon(t, p, func(ctx context.Context) error {
			<-ctx.Done()
			close(told)
			<-over
			return nil
		})
		defer close(over)
		d.log = zaptest.NewLogger(t).WithOptions(zap.Hooks(func(e zapcore.Entry) error {
			if e.Level == zapcore.InfoLevel {
				<-told
			} else if !p.closed.Load() {
				t.Error("the engine is not closed yet")
			}
			return nil
		}))
		result := inBackground(d)
		signals <- syscall.SIGTERM
		signals <- syscall.SIGTERM
		if err := <-result; !errors.Is(err, errKilled) {
			t.Error(err)
		}
	})
}

// stuckProbe never closes.
type stuckProbe struct{ over chan struct{} }

func (p stuckProbe) Close() { <-p.over }

func TestDaemonDoesNotWaitForAStuckEngine(t *testing.T) {
	for _, third := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			over := make(chan struct{})
			defer close(over)
			d, signals := newDaemon(t, &probe{}, func(context.Context) error { <-over; return nil })
			d.engine = stuckProbe{over}
			start := time.Now()
			result := inBackground(d)
			signals <- syscall.SIGTERM
			signals <- syscall.SIGTERM
			want := d.killWait
			if third {
				signals <- syscall.SIGTERM
				want = 0
			}
			if err := <-result; !errors.Is(err, errKilled) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took != want {
				t.Errorf("third signal %v: it took %v, want %v", third, took, want)
			}
		})
	}
}

func TestAThousandHUPsInASecondMakeOneOrTwoReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{reloading: make(chan struct{})}
		close(p.reloading)
		d, signals := newDaemon(t, p, untilDone)
		result := inBackground(d)
		for range 1000 {
			signals <- syscall.SIGHUP
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * reloadPatience)
		if n := p.reloads.Load(); n < 1 || n > 2 {
			t.Errorf("%d reloads", n)
		}
		signals <- syscall.SIGTERM
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

func TestHUPsDuringAReloadMakeOneMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{reloading: make(chan struct{})}
		d, signals := newDaemon(t, p, untilDone)
		result := inBackground(d)
		signals <- syscall.SIGHUP
		time.Sleep(2 * reloadQuiet) // the first reload runs
		for range 10 {
			signals <- syscall.SIGHUP
		}
		time.Sleep(2 * reloadQuiet)
		if n := p.reloads.Load(); n != 1 {
			t.Errorf("%d reloads run at once", n)
		}
		p.reloading <- struct{}{}
		time.Sleep(2 * reloadQuiet)
		p.reloading <- struct{}{}
		time.Sleep(2 * reloadPatience)
		if n := p.reloads.Load(); n != 2 {
			t.Errorf("ten HUPs during a reload made %d reloads, want one more", n-1)
		}
		signals <- syscall.SIGTERM
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

func TestWhoAsksForAReloadGetsTheResultOfOneThatBeganAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{reloading: make(chan struct{})}
		d, signals := newDaemon(t, p, untilDone)
		result := inBackground(d)
		type answer struct {
			err   error
			after int32 // reloads that had begun by then
		}
		answers := make(chan answer, 10)
		ask := func(ctx context.Context) {
			err := d.reloads.do(ctx)
			answers <- answer{err, p.reloads.Load()}
		}
		signals <- syscall.SIGHUP
		time.Sleep(2 * reloadQuiet)
		for range 3 {
			go ask(context.Background())
		}
		time.Sleep(2 * reloadQuiet)
		p.reloading <- struct{}{}
		time.Sleep(2 * reloadQuiet)
		if len(answers) > 0 {
			t.Error("a request was answered by a reload that had begun before")
		}
		p.reloading <- struct{}{}
		for range 3 {
			if a := <-answers; a.err != nil || a.after != 2 {
				t.Errorf("%+v", a)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		go ask(ctx)
		cancel()
		if a := <-answers; !errors.Is(a.err, context.Canceled) {
			t.Errorf("who goes away gets %v", a.err)
		}
		go ask(context.Background())
		time.Sleep(2 * reloadQuiet)
		signals <- syscall.SIGTERM
		if a := <-answers; a.err != errStopping {
			t.Errorf("at the stop: %v", a.err)
		}
		if err := <-result; err != nil {
			t.Error(err)
		}
		if err := d.reloads.do(context.Background()); err != errStopping {
			t.Errorf("after the stop: %v", err)
		}
	})
}

// changes is a watcher that tells what it is told.
type changes chan string

func (c changes) Run(ctx context.Context, changed func(string)) {
	for {
		select {
		case what := <-c:
			changed(what)
		case <-ctx.Done():
			return
		}
	}
}

func TestChangesAndHUPsMakeTheSameReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{reloading: make(chan struct{})}
		d, signals := newDaemon(t, p, untilDone)
		c := make(changes)
		d.watcher = c
		result := inBackground(d)
		c <- "a.lua has changed"
		time.Sleep(2 * reloadQuiet) // the first reload runs
		for range 10 {
			signals <- syscall.SIGHUP
			c <- "b.lua has changed"
		}
		p.reloading <- struct{}{}
		time.Sleep(2 * reloadQuiet)
		p.reloading <- struct{}{}
		time.Sleep(2 * reloadPatience)
		if n := p.reloads.Load(); n != 2 {
			t.Errorf("changes and HUPs during a reload made %d reloads, want one more", n-1)
		}
		signals <- syscall.SIGTERM
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

func TestTERMCutsAReloadOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{reloading: make(chan struct{})}
		d, signals := newDaemon(t, p, untilDone)
		result := inBackground(d)
		signals <- syscall.SIGHUP
		time.Sleep(2 * reloadQuiet)
		signals <- syscall.SIGTERM
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

func TestTERMDuringTheStartIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{}
		loading := func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("cannot load a.lua: %w", ctx.Err())
		}
		d, signals := newDaemon(t, p, loading)
		result := inBackground(d)
		signals <- syscall.SIGTERM
		if err := <-result; err != nil {
			t.Errorf("the daemon: %v", err)
		}
		d, signals = newDaemon(t, p, loading)
		d.reloads = nil // --once: not everything was run
		result = inBackground(d)
		signals <- syscall.SIGTERM
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("--once: %v", err)
		}
	})
}

func TestDaemonGivesTheErrorOfItsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{}
		want := &engine.OnceError{Failed: 1, Checks: 2}
		d, signals := newDaemon(t, p, func(context.Context) error { return want })
		d.reloads = nil
		signals <- syscall.SIGHUP
		if err := <-inBackground(d); err != error(want) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPartsTakesOnlyJoinedErrorsApart(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0}, {a, 1}, {errors.Join(a, b), 2}, {errors.Join(a, errors.Join(a, b)), 3},
		{fmt.Errorf("%w: %w", a, b), 1}, {&engine.ReloadError{Errs: []error{a, b}}, 2},
	} {
		if got := parts(tt.err); len(got) != tt.want {
			t.Errorf("%v: got %d parts, want %d", tt.err, len(got), tt.want)
		}
	}
}
