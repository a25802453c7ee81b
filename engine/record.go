package engine

import (
	"sync"
	"time"

	"dumbprobe/internal/control"
	"dumbprobe/luaapi"
)

// record is what is known of the runs of a check, or of an object: the one place where that is kept. All versions
// of a check share one, so that a reload loses nothing of it, and a run of the old version that still goes on is
// seen. (The voice knows what it has said; that is about messages.)
//
// There is one for each check: it is small, and a run allocates nothing for it unless it fails. Times are unix
// nanoseconds, 0 for never.
type record struct {
	mu      sync.Mutex // protects following fields
	begun   uint32     // runs begun: the number of the present or the last one
	streak  uint32     // runs that failed, since one did not
	skipped uint32     // runs that fell out
	busy    int64      // since when a run is under way
	outcome Outcome    // of the last run; "": there was none
	since   int64      // since when it is that
	last    int64      // when the last run had its turn, or ended without
	took    time.Duration
	late    time.Duration // how late the last run had its turn
	steps   uint64        // instructions of Lua that the last run executed
	runs    uint64
	failed  uint64
	failure *failure // the last run's; nil if it did not fail
	plan    *failure // next_run's; nil if it did not fail
}

// failure is what went wrong.
type failure struct {
	outcome Outcome
	text    string
	at      int64
}

// maxErrorText bounds what is kept, and sent, of an error's text.
const maxErrorText = 1000

func newFailure(o Outcome, err error, now time.Time) *failure {
	f := &failure{outcome: o, at: now.UnixNano()}
	if err != nil {
		f.text = shorten(err.Error(), maxErrorText)
	}
	return f
}

// begin notes that a run is under way, and gives its number.
func (r *record) begin(now time.Time) uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
	r.busy = now.UnixNano()
	return r.begun
}

// end notes what came of a run that ended at now; started is when it had its turn and what else it waited for, or
// zero, due when it was due. A run that was given up before, as one of a VM that was stuck, is counted only when it is.
func (r *record) end(run uint32, due, started time.Time, o Outcome, err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if run != r.begun || r.busy == 0 && run != 0 {
		return
	}
	r.busy = 0
	r.count(o, err, now)
	at := started
	r.took = 0
	if at.IsZero() {
		at = now
	} else {
		r.took = now.Sub(started)
	}
	r.last, r.late = at.UnixNano(), 0
	if !due.IsZero() {
		r.late = max(0, at.Sub(due))
	}
}

// executed notes how many instructions of Lua the run executed, before it ends.
func (r *record) executed(run uint32, instructions uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if run == r.begun && (r.busy != 0 || run == 0) {
		r.steps = instructions
	}
}

// leave notes that a run has come to nothing, because the script stopped.
func (r *record) leave(run uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if run == r.begun {
		r.busy = 0
	}
}

// giveUp notes that a run is not waited for any more, and why; 0 stands for what is no run, as a call of next_run.
func (r *record) giveUp(run uint32, o Outcome, err error) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if run != 0 && run != r.begun {
		return
	}
	if run != 0 {
		r.busy = 0
	}
	r.count(o, err, now)
	r.last, r.took, r.late, r.steps = now.UnixNano(), 0, 0, 0
}

// count is called with the lock held.
func (r *record) count(o Outcome, err error, now time.Time) {
	r.runs++
	if o != r.outcome {
		r.outcome, r.since = o, now.UnixNano()
	}
	if o == OutcomeOK {
		r.streak, r.failure = 0, nil
		return
	}
	r.failed++
	r.streak++
	r.failure = newFailure(o, err, now)
}

func (r *record) skip(runs int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped += uint32(runs)
}

// planned notes whether next_run could be asked.
func (r *record) planned(err error) {
	var f *failure
	if err != nil {
		f = newFailure(OutcomeNextRun, err, time.Now())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plan = f
}

// fill puts what is known into the status of a check.
func (r *record) fill(c *control.Check) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.State = control.CheckIdle
	if r.busy != 0 {
		c.State = control.CheckRunning
	}
	c.RunningSince = unixNano(r.busy)
	c.Outcome, c.Since, c.LastRun = string(r.outcome), unixNano(r.since), unixNano(r.last)
	c.Instructions = r.steps
	c.Duration, c.Lateness = r.took.Seconds(), r.late.Seconds()
	c.Runs, c.Failures, c.Streak, c.Skipped = r.runs, r.failed, uint64(r.streak), uint64(r.skipped)
	c.Failure, c.PlanFailure = r.failure.status(), r.plan.status()
}

func (f *failure) status() *control.Failure {
	if f == nil {
		return nil
	}
	return &control.Failure{Outcome: string(f.outcome), Error: f.text, Time: unixNano(f.at)}
}

// unixNano is a unix time in seconds, to the microsecond.
func unixNano(ns int64) float64 { return float64(ns/1000) / 1e6 }

// unixTime is that of a time, 0 of the zero time.
func unixTime(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return unixNano(t.UnixNano())
}

// recordRun notes what came of a run of the check.
func (c *check) recordRun(run turn, b *luaapi.Batch, o Outcome, err error, now time.Time) {
	due := run.due
	if run.asked != nil {
		due = time.Time{} // it comes when it is asked for, and is not late
	}
	known := c.record.Load()
	known.executed(run.number, b.Instructions)
	known.end(run.number, due, b.Started, o, err, now)
}
