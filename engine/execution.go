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
		x.run(run, time.Time{}, false)
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
// present time if it is known, or zero. beside is set if the run is concluded beside those that follow, and so what can be
// done then is better done there.
func (x *execution) run(run turn, now time.Time, beside bool) {
	x.turn, x.err, x.ended, x.gone = run, nil, false, false
	defer x.cutOff()
	c := run.check
	c.present.turn(run.number)
	opts := c.options(x.makeLogger)
	opts.Deadline = run.queued.Add(c.timeout)
	opts.OnWait, opts.Now, opts.WriteLater = x.onWait, now, beside
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
	if err := x.batch.Write(x.makeLogger); x.err == nil {
		x.err = err
	}
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
	x.batch.Reset()
}

func (x *execution) waits() {
	x.gone = true
	if x.passOn != nil {
		x.passOn()
	}
}

func (x *execution) logger() *zap.Logger { return x.check.logger() }
