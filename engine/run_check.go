package engine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"dumbprobe/internal/control"
	"dumbprobe/luaapi"
)

// runRequest asks for a run of a check, beside those of its schedule. All who ask before it begins share it.
type runRequest struct {
	begun chan struct{} // closed when the run begins
	done  chan struct{} // closed when it has ended, or will not begin; then one of the following is set

	result *control.CheckRun
	err    *control.Error
	again  bool // the version of the script has ended: the next one is to be asked

	waiting int // who waits for it to begin; protected by the check's mu
}

// RunCheck runs the check of that name now, and gives what it found, which is sent to the destinations as well. It
// counts as a run of the check; when that is due next stays as it was, unless the script says so in next_run. A run
// that is under way is waited for, as long as the check's timeout. When ctx ends, a run that has begun goes on.
// Errors are *control.Error and ctx's.
func (e *Engine) RunCheck(ctx context.Context, name string) (*control.CheckRun, error) {
	for {
		c, err := e.checkNamed(name)
		if err != nil {
			return nil, err
		}
		r, err := c.runOnDemand(ctx)
		switch {
		case err != nil:
			return nil, err
		case r.again:
			continue
		case r.err != nil:
			return nil, r.err
		}
		return r.result, nil
	}
}

func (e *Engine) checkNamed(name string) (*check, error) {
	e.mu.Lock()
	scripts, state := e.scripts, e.state
	e.mu.Unlock()
	switch {
	case state == stateNew:
		return nil, control.Errorf(control.CodeStarting, "the daemon is starting, and has loaded no checks yet")
	case state == stateEnded || e.stopping.Err() != nil:
		return nil, control.Errorf(control.CodeStopping, "the daemon is stopping, and begins no more runs")
	}
	for _, s := range scripts {
		i := slices.IndexFunc(s.tasks, func(t task) bool { return t.title() == name })
		if i < 0 {
			continue
		}
		switch t := s.tasks[i].(type) {
		case *check:
			return t, nil
		case *handle:
			return nil, control.Errorf(control.CodeNotACheck, "%q is a handle: a source that gives messages when data arrives, and is not run; the status tells how it is", name)
		default:
			return nil, control.Errorf(control.CodeNotACheck, "%q is a CHECKS that is an object: it schedules itself, by its run_next, and has no runs to ask for", name)
		}
	}
	return nil, control.Errorf(control.CodeUnknownCheck, "no check is named %q", name)
}

// runOnDemand asks for a run, and waits for its end. The request it gives has ended.
func (c *check) runOnDemand(ctx context.Context) (*runRequest, error) {
	if err := c.keptFromRunning(); err != nil {
		return nil, err
	}
	r := c.want()
	wait := time.NewTimer(c.timeout)
	defer wait.Stop()
	select {
	case <-r.begun:
	case <-r.done:
		return r, nil
	case <-ctx.Done():
		c.withdraw(r)
		return nil, ctx.Err()
	case <-wait.C:
		if c.withdraw(r) {
			return nil, control.Errorf(control.CodeBusy, "%q was not run: the run that is under way has not ended within its timeout of %s", c.name, c.timeout)
		}
	case <-c.script.idle:
		if c.withdraw(r) {
			return &runRequest{again: true}, nil
		}
	}
	grace := c.script.engine.stuckGrace
	late := time.NewTimer(c.timeout + 2*grace + time.Second)
	defer late.Stop()
	select {
	case <-r.done:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late.C:
		return nil, control.Errorf(control.CodeStuck, "the run of %q did not end within its timeout of %s: the script is stuck in code that a deadline cannot interrupt", c.name, c.timeout)
	}
}

// keptFromRunning is the error of a check in quarantine, nil of any other.
func (c *check) keptFromRunning() *control.Error {
	until := c.script.quarantinedUntil(c.name)
	if until.IsZero() {
		return nil
	}
	return control.Errorf(control.CodeQuarantined, "%q is kept from running until %s: it has held its script past every deadline, see the log",
		c.name, until.Format(time.RFC3339))
}

// want joins the request that waits, or makes one.
func (c *check) want() *runRequest {
	c.mu.Lock()
	r := c.wanted
	if r == nil {
		r = &runRequest{begun: make(chan struct{}), done: make(chan struct{})}
		c.wanted = r
	}
	r.waiting++
	c.mu.Unlock()
	c.runWanted()
	return r
}

// withdraw is for who does not wait any longer. It is false if the run has begun, or will not.
func (c *check) withdraw(r *runRequest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wanted != r {
		return false
	}
	if r.waiting--; r.waiting == 0 {
		c.wanted = nil
	}
	return true
}

// runWanted begins the run that is asked for, if the check is idle: an idle check is one that is in the run queue,
// and who takes it out of there is the only one to run it. One that is not idle comes here when it is put back.
func (c *check) runWanted() {
	c.mu.Lock()
	r := c.wanted
	if r == nil {
		c.mu.Unlock()
		return
	}
	due, queued := c.script.engine.loop.Due(&c.Entry) // with mu held, the clock's steps do not change it
	if !queued || !c.script.engine.loop.Remove(&c.Entry) {
		c.mu.Unlock()
		return
	}
	c.wanted = nil
	c.mu.Unlock()
	if r.err = c.keptFromRunning(); r.err != nil {
		close(r.done)
		c.enqueue(due)
		return
	}
	if !c.begin() {
		r.again = true
		close(r.done)
		return
	}
	close(r.begun)
	now := time.Now()
	c.launch(turn{check: c, due: now, queued: now, asked: r, number: c.present.begin(c.record.Load().begin(now))})
}

// resume puts the check back into the run queue as it was planned before a run that was asked for.
func (c *check) resume() {
	c.mu.Lock()
	c.plan = c.schedule.Rebase(c.plan, time.Now()) // the clock may have been set during the run
	at := c.plan.At
	c.mu.Unlock()
	c.enqueue(at)
}

// answer tells who asked for the run what came of it.
func (r *runRequest) answer(c *check, b *luaapi.Batch, o Outcome, err error, now time.Time) {
	result := &control.CheckRun{Check: c.name, Outcome: string(o), Started: unixTime(b.Started), Messages: make([]json.RawMessage, len(b.Lines))}
	if !b.Started.IsZero() {
		result.Seconds = now.Sub(b.Started).Seconds()
	}
	for i, line := range b.Lines {
		result.Messages[i] = line
	}
	if err != nil {
		result.Error = err.Error()
	}
	var script *luaapi.ScriptError
	if errors.As(err, &script) {
		result.Trace = script.Traceback
	}
	r.result = result
	close(r.done)
}
