package engine

import (
	"time"

	"go.uber.org/zap"

	"dumbprobe/luaapi"
)

// launch has the run begin, now or at its turn. It returns at once.
func (c *check) launch(run turn) {
	if c.entry.NeedsVM() {
		c.script.turns.enter(run)
		return
	}
	go func() {
		x := newExecution(nil)
		x.run(run, time.Time{})
		x.conclude()
	}()
}

// execution is one run of a check, from its turn to the plan for the next. Who serves many in a row uses one for
// all of them: it would be most of what a run allocates beside the script.
type execution struct {
	turn
	batch luaapi.Batch // what the run found
	err   error
	at    time.Time // when the run came back, or was cut off
	ended bool      // the run came back; otherwise its goroutine ends early (see luaapi.VM.Do)
	gone  bool      // the run has given the VM away: passOn was called

	passOn     func() // nil: nobody waits for the VM on this goroutine
	onWait     func() // waits and logger: made once
	makeLogger func() *zap.Logger
}

func newExecution(passOn func()) *execution {
	x := &execution{passOn: passOn}
	x.onWait, x.makeLogger = x.waits, x.logger
	return x
}

// run is the run itself, which is then to be concluded; when the run ends its goroutine early, it is already. now is the
// present time if it is known, or zero.
func (x *execution) run(run turn, now time.Time) {
	x.turn, x.batch, x.err, x.ended, x.gone = run, luaapi.Batch{Lines: x.batch.Lines}, nil, false, false
	defer x.cutOff()
	c := run.check
	c.present.turn(run.number)
	opts := c.options(x.makeLogger)
	opts.Deadline = run.queued.Add(c.timeout)
	opts.OnWait, opts.Now = x.onWait, now
	x.err = c.entry.Run(c.script.life, opts, &x.batch)
	x.ended, x.at = true, time.Now()
}

// cutOff concludes a run that has not come back.
func (x *execution) cutOff() {
	if !x.ended {
		x.err, x.at = luaapi.Abandoned(x.check.script.life, x.check.timeout), time.Now()
		x.conclude()
	}
}

// conclude sends what the run found, reports its outcome and plans the next.
func (x *execution) conclude() {
	c := x.check
	defer c.end()
	started := x.batch.Started
	if started.IsZero() {
		started = x.queued
	} else if x.asked == nil {
		c.script.engine.late.add(started.Sub(x.due))
	}
	if c.schedule == nil {
		c.mu.Lock()
		c.lastStart = started
		c.mu.Unlock()
	}
	c.planNext(x.turn, c.finished(x.turn, &x.batch, x.err, x.at), x.at)
	clear(x.batch.Lines) // or they would stay in memory until the execution is used again
	x.batch.Lines = x.batch.Lines[:0]
}

func (x *execution) waits() {
	x.gone = true
	if x.passOn != nil {
		x.passOn()
	}
}

func (x *execution) logger() *zap.Logger { return x.check.logger() }
