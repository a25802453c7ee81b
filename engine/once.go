package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dumbprobe/internal/output"
	"dumbprobe/luaapi"
)

// OnceError says that checks failed in a run of Once; each is reported by itself.
type OnceError struct{ Failed, Checks int }

func (e *OnceError) Error() string {
	return fmt.Sprintf("%d of %d checks failed", e.Failed, e.Checks)
}

// Once runs every check exactly once, at once, one after another in the order of the lists, and sends what
// they find. Handles are left out. A script whose CHECKS is an object is an error: it never says that it is
// done.
func (e *Engine) Once(ctx context.Context) error {
	defer e.Close()
	scripts, broken := e.loadAll(ctx)
	if err := e.reportBroken(scripts, broken); err != nil {
		return err
	}
	defer func() {
		for _, s := range scripts {
			s.close(time.Second)
		}
	}()
	for _, s := range scripts {
		for _, t := range s.tasks {
			if _, isObject := t.(*object); isObject {
				return fmt.Errorf("%s: CHECKS is an object with run_next, which schedules itself; --once needs a list of checks", s.path)
			}
		}
	}
	e.mu.Lock()
	e.scripts = scripts
	e.mu.Unlock()
	e.useState(scripts)
	var background sync.WaitGroup
	interruptCtx, stopInterrupt := context.WithCancel(context.Background())
	defer func() {
		stopInterrupt()
		background.Wait()
	}()
	background.Go(func() { e.interrupt(interruptCtx) })
	failed, checks := 0, 0
	for _, s := range scripts {
		for _, t := range s.tasks {
			c, ok := t.(*check)
			if !ok {
				continue
			}
			if ctx.Err() != nil {
				break
			}
			checks++
			if !c.once(ctx) {
				failed++
			}
		}
	}
	err := e.flushOnce(ctx)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("stopped after %d checks: %w", checks, context.Cause(ctx))
	case failed > 0:
		return errors.Join(&OnceError{Failed: failed, Checks: checks}, err)
	case broken != nil:
		return errors.Join(errors.New("not all scripts could be loaded"), err)
	}
	return err
}

// once runs the check, and tells whether all went well.
func (c *check) once(ctx context.Context) bool {
	stop := context.AfterFunc(ctx, func() { c.script.cancel(errStopped) })
	defer stop()
	type result struct {
		b   luaapi.Batch
		err error
	}
	done := make(chan *result, 1)
	go func() { // a goroutine of its own: see luaapi.VM.Do
		var r result
		luaapi.Finally(c.script.life, c.timeout, func() error {
			return c.entry.Run(c.script.life, c.options(c.logger), &r.b)
		}, func(err error) {
			r.err = err
			done <- &r
		})
	}()
	limit := c.timeout + c.script.engine.stuckGrace
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-done:
		c.finished(turn{check: c}, &r.b, r.err, time.Now())
		return outcomeOf(r.err, &r.b) == OutcomeOK
	case <-timer.C:
		c.script.engine.voice.tell(c.source(), "run", OutcomeStuck,
			fmt.Errorf("the script has been stuck for %s in code that a deadline cannot interrupt; it is left behind", limit.Round(time.Second)))
		return false
	}
}

// flushOnce waits for the destinations, also after an interruption: what was found is sent. Here what is not
// delivered is an error: nobody sends it later.
func (e *Engine) flushOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.flushTime)
	defer cancel()
	e.drops.end()
	return errors.Join(e.undelivered(e.outputs.Close(ctx)), e.dropped())
}

// dropped says for which destinations messages were dropped before the end, and why; nil if for none.
func (e *Engine) dropped() error {
	var errs []error
	for _, d := range e.outputs.Stats() {
		delete(d.Dropped, output.DropShutdown) // see undelivered
		if len(d.Dropped) > 0 {
			errs = append(errs, fmt.Errorf("messages were dropped for %s: %s", d.Address, reasons(d.Dropped)))
		}
	}
	return errors.Join(errs...)
}
