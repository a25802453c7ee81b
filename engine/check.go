package engine

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"dumbprobe/internal/message"
	"dumbprobe/luaapi"
	"dumbprobe/scheduler"
)

// check is the adapter of a check: it wraps the entry of the script, and is what the run queue holds.
type check struct {
	scheduler.Entry // in the run queue
	script          *script
	entry           *luaapi.Entry
	name            string
	timeout         time.Duration
	schedule        scheduler.Schedule // nil: the script's next_run says when
	runs            tenure
	present         presentRun
	record          atomic.Pointer[record] // shared with the version before
	before          atomic.Pointer[check]  // that version, until nothing of it is under way; nil: none is waited for

	mu        sync.Mutex // protects following fields
	plan      scheduler.Plan
	asked     float64   // unix time that next_run gave last; 0: none
	askAgain  bool      // next_run failed: what is due is not the check, but the question
	lastStart time.Time // of the last run, where next_run says when the next is due
	backoff   scheduler.Backoff
	past      pastStreak
	wanted    *runRequest // a run that is asked for, and has not begun; nil: none
}

func newCheck(s *script, entry *luaapi.Entry, name string) (*check, error) {
	c := &check{script: s, entry: entry, name: name, timeout: entry.Check.Timeout}
	if c.timeout == 0 {
		c.timeout = s.engine.options.Timeout
	}
	if !entry.OwnSchedule {
		var err error
		if c.schedule, err = scheduleOf(name, entry.Check); err != nil {
			return nil, err
		}
	}
	c.Task = c
	c.record.Store(new(record))
	return c, nil
}

func (c *check) title() string { return c.name }

func (c *check) source() source {
	return source{script: c.script.path, check: c.name, position: c.entry.Position}
}

// start plans the first run, or the next one after those of the version before.
func (c *check) start(old task) {
	before, _ := old.(*check)
	if before == nil {
		c.first()
		return
	}
	if c.begin() { // also while it waits for the old version's run: it has its place until that has ended
		before.runs.after(func() {
			c.before.Store(nil)
			c.takeOver(before)
			c.end()
		})
	}
}

func (c *check) stop() { c.script.engine.loop.Remove(&c.Entry) }

// begin notes that a run is under way. It is false when the script is stopping.
func (c *check) begin() bool {
	c.runs.enter()
	if c.script.begin() {
		return true
	}
	c.runs.leave()
	return false
}

func (c *check) end() {
	c.runs.leave()
	c.script.end()
}

func (c *check) giveUp() { c.runs.giveUp() }

func (c *check) first() {
	if c.schedule == nil {
		c.firstAsk()
		return
	}
	c.mu.Lock()
	c.plan = c.schedule.First(time.Now())
	at := c.plan.At
	c.mu.Unlock()
	c.enqueue(at)
}

// takeOver goes on where the version before has ended.
func (c *check) takeOver(before *check) {
	before.mu.Lock()
	plan, lastStart := before.plan, before.lastStart
	before.mu.Unlock()
	c.mu.Lock()
	c.lastStart = lastStart
	if c.schedule == nil || before.schedule == nil || plan.Never() {
		c.mu.Unlock()
		c.first()
		return
	}
	c.plan = scheduler.Resume(c.schedule, before.schedule, plan, time.Now())
	at := c.plan.At
	c.mu.Unlock()
	c.enqueue(at)
}

// firstAsk asks when the check is due first, unless it is kept from running: next_run may be what was stuck.
func (c *check) firstAsk() {
	if until := c.script.quarantinedUntil(c.name); !until.IsZero() {
		c.mu.Lock()
		c.askAgain = true
		c.mu.Unlock()
		c.enqueue(until)
		return
	}
	c.ask()
}

// Start is called by the loop when the check is due.
func (c *check) Start(due time.Time) {
	if until := c.script.quarantinedUntil(c.name); !until.IsZero() {
		c.enqueue(until)
		return
	}
	if c.isToAsk() {
		c.ask()
		return
	}
	if !c.begin() {
		return
	}
	now := time.Now()
	c.launch(turn{check: c, due: due, queued: now, number: c.present.begin(c.record.Load().begin(now))})
}

// expire ends a run whose deadline passed before it had its turn.
func (c *check) expire(run turn) {
	defer c.end()
	now := time.Now()
	c.planNext(run, c.finished(run, &luaapi.Batch{}, &luaapi.DeadlineError{Timeout: c.timeout, Waited: true}, now), now)
}

// options are those of a call into the script; makeLogger is c.logger, made once where many runs are served.
func (c *check) options(makeLogger func() *zap.Logger) luaapi.RunOptions {
	return luaapi.RunOptions{Timeout: c.timeout, Label: &c.name, MaxInstructions: c.entry.Check.MaxInstructions, MakeLogger: makeLogger, State: c.script.engine.kept}
}

func (c *check) logger() *zap.Logger {
	return c.script.engine.logger.With(c.source().fields()...)
}

// runEnd is what of a run's end matters to the plan for the next.
type runEnd struct {
	retry   bool // the run failed, or found a state that is not expected
	givenUp bool // see presentRun
}

// finished sends what a run found, and reports its outcome; it ended at now.
func (c *check) finished(run turn, b *luaapi.Batch, err error, now time.Time) runEnd {
	c.script.engine.sendBatch(c.source(), b)
	o, err := outcomeOf(err, b), runError(err, b)
	told := c.present.end(run.number)
	if told {
		c.recordRun(run, b, o, err, now)
		c.script.engine.voice.tell(c.source(), "run", o, err)
	} else {
		o, err = OutcomeStuck, errGivenUp
	}
	if run.asked != nil {
		run.asked.answer(c, b, o, err, now)
	}
	return runEnd{retry: o != OutcomeOK || b.Worst.Worse(message.Expected), givenUp: !told}
}

var errGivenUp = errors.New("the script was stuck in code that a deadline cannot interrupt, and was given up")

// runError is what a run is reported with: its error, or else what was dropped.
func runError(err error, b *luaapi.Batch) error {
	switch {
	case err != nil:
		return err
	case len(b.Problems) == 1:
		return b.Problems[0]
	case len(b.Problems) > 1:
		return fmt.Errorf("%w (and %d more)", b.Problems[0], len(b.Problems)-1)
	}
	return nil
}

// planNext plans what follows a run that ended at now.
func (c *check) planNext(run turn, end runEnd, now time.Time) {
	switch {
	case c.schedule == nil:
		c.ask()
	case run.asked != nil:
		c.resume()
	default:
		c.next(end, now)
	}
}

// next plans what follows a run of a check whose schedule the daemon keeps.
func (c *check) next(end runEnd, now time.Time) {
	c.mu.Lock()
	c.plan = c.schedule.Next(c.plan, now, end.retry)
	plan := c.plan
	c.mu.Unlock()
	if plan.Skipped > 0 {
		c.record.Load().skip(plan.Skipped)
	}
	switch {
	case end.givenUp: // nothing more is told of it
	case plan.Skipped > 0:
		c.script.engine.voice.tell(c.source(), "schedule", OutcomeSkipped,
			fmt.Errorf("%d runs fell out, because the last one took, or came, too long", plan.Skipped), zap.Int("skipped", plan.Skipped))
	default:
		c.script.engine.voice.well(c.source(), "schedule")
	}
	c.enqueue(plan.At)
}

// enqueue makes the check idle, until at; the zero time is never.
func (c *check) enqueue(at time.Time) {
	if c.script.isStopping() {
		return
	}
	c.script.engine.loop.Schedule(&c.Entry, orNever(at))
	if c.script.isStopping() { // since just now
		c.stop()
		return
	}
	c.runWanted()
}

// orNever is when a check is put into the run queue for that is never due: it is in the queue all the same, where
// it is planned again when the clock is set, and can be run when that is asked for.
func orNever(at time.Time) time.Time {
	if at.IsZero() {
		return time.Now().Add(100 * 365 * 24 * time.Hour)
	}
	return at
}

func (c *check) isToAsk() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.askAgain
}

// ask plans the next run by the script's next_run, on a goroutine of its own: the answer may take its time.
func (c *check) ask() {
	if !c.script.begin() {
		return
	}
	go func() {
		defer c.script.end()
		var unix float64
		luaapi.Finally(c.script.life, c.timeout, func() (err error) {
			unix, err = c.entry.NextRun(c.script.life, c.options(c.logger))
			return err
		}, func(err error) { c.answered(unix, err) })
	}()
}

// answered takes what next_run gave.
func (c *check) answered(unix float64, err error) {
	now := time.Now()
	at, clamped, tooOften := now, false, false
	if err == nil {
		at, clamped, err = scheduler.FromUnix(now, unix)
	}
	c.mu.Lock()
	c.askAgain = err != nil
	if err != nil {
		c.asked, c.past = 0, 0
		at = now.Add(c.backoff.Next())
	} else {
		c.asked = unix
		c.backoff.Reset()
		tooOften = c.past.note(!at.After(now), now.Sub(c.lastStart))
		at = scheduler.Spaced(at, c.lastStart)
	}
	lasts := c.past.lasts()
	c.plan = scheduler.Plan{At: at, Grid: at, OffGrid: true}
	c.mu.Unlock()
	if err == nil && clamped {
		err = fmt.Errorf("next_run returned %v, more than a year ahead; the check is planned for a year from now", unix)
		c.script.engine.logger.Warn(err.Error(), c.source().fields()...)
		err = nil
	}
	if err != nil {
		if outcomeOf(err, &luaapi.Batch{}) != OutcomeCancelled { // who stops needs no next run
			c.record.Load().planned(err)
			c.script.engine.voice.tell(c.source(), "next_run", OutcomeNextRun, fmt.Errorf("next_run: %w", err))
		}
	} else {
		c.record.Load().planned(nil)
		switch {
		case tooOften:
			c.script.engine.voice.tell(c.source(), "next_run", OutcomePast, errPastStreak())
		case !lasts:
			c.script.engine.voice.well(c.source(), "next_run")
		}
	}
	c.enqueue(at)
}

// clockStepped plans the check again after the wall clock was set, if it is in the queue.
func (c *check) clockStepped(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, queued := c.script.engine.loop.Due(&c.Entry); !queued {
		return
	}
	switch {
	case c.schedule != nil:
		c.plan = c.schedule.Rebase(c.plan, now)
	case c.asked != 0:
		c.plan.At = scheduler.Reconvert(now, c.asked, c.plan.At)
	default:
		return
	}
	c.script.engine.loop.Schedule(&c.Entry, orNever(c.plan.At))
}
