package scheduler

import "time"

// Plan is one planned run of a check. The zero Plan is never.
type Plan struct {
	// At is when to start; zero means never. It carries a monotonic reading, and a wall reading by the
	// clock as it was when the plan was made.
	At time.Time

	// Grid is the point of the schedule that the run belongs to: At without jitter. Where OffGrid is
	// set it is the last point before At (fixed rate), or At itself.
	Grid time.Time

	// OffGrid is set for runs that are no point of the schedule: retries, a first run now, and the one
	// run for points that a step of the wall clock jumped over. They do not move when the wall clock
	// steps.
	OffGrid bool

	// Skipped counts the points between the plan before and this one that had passed when Next made
	// the plan, because the run took longer or started late. They are not made up for. Add it up where
	// Next is called; Rebase and Resume may return the same plan again.
	Skipped int
}

// Never reports whether the plan has no run.
func (p Plan) Never() bool { return p.At.IsZero() }

// base is where the search for the next point begins.
func (p Plan) base() time.Time {
	if p.OffGrid {
		return p.At
	}
	return p.Grid
}

// Schedule computes when a check runs. It does not change, so it may be shared and used from any
// goroutine; what changes is in the [Plan], which the check keeps. Every now is a time.Now(), with its
// monotonic reading.
type Schedule interface {
	// First plans the first run.
	First(now time.Time) Plan

	// Next plans the run that follows the one of prev, which ended at now. With retry (the run failed,
	// or its state was not expected) the retry interval counts, where the check has one.
	Next(prev Plan, now time.Time, retry bool) Plan

	// Rebase looks at a queued plan again after the wall clock has stepped. It is called before the
	// run is started, with the time after the step. A run whose time the step jumped over is planned
	// once, now plus the splay; one that the clock was set back from is planned for the next point by
	// the new time; a fixed rate is left as it is.
	Rebase(prev Plan, now time.Time) Plan
}

// Resume plans the first run by a schedule that replaces another, as when a script is loaded again.
// While the points of both are the same (interval, align, splay and cron; whatever the jitter, the
// retry interval and the first run) the plan is kept, so that a reload neither moves nor repeats a run;
// otherwise the check starts as a new one. The plan is that of a run which has not started yet; for a
// run under way, call Next of the new schedule when it has ended.
func Resume(next, old Schedule, prev Plan, now time.Time) Plan {
	a, ok := next.(pointed)
	b, also := old.(pointed)
	if ok && also && a.points() == b.points() && a.points() != (pointsKey{}) {
		return prev
	}
	return next.First(now)
}

// pointed is a Schedule that says what its points depend on.
type pointed interface{ points() pointsKey }

// pointsKey is equal for two schedules that have the same points. The zero key equals none.
type pointsKey struct {
	interval, splay time.Duration
	align           bool
	cron            string
}

// points is where the runs of a schedule are. A point is given as the duration from one common now,
// negative in the past.
type points interface {
	// after returns the first point later than x; false if there is none.
	after(x time.Duration) (time.Duration, bool)
	// between returns the number of points later than x and earlier than y.
	between(x, y time.Duration) int
}

// evenly has a point at the anchor and each step before and after it.
type evenly struct{ anchor, step time.Duration }

// index returns the number of steps from the anchor to the last point that is not later than x.
func (e evenly) index(x time.Duration) int64 {
	n := int64((x - e.anchor) / e.step)
	if e.anchor+time.Duration(n)*e.step > x {
		n-- // division rounds towards zero
	}
	return n
}

func (e evenly) after(x time.Duration) (time.Duration, bool) {
	return e.anchor + time.Duration(e.index(x)+1)*e.step, true
}

func (e evenly) between(x, y time.Duration) int {
	return int(max(0, e.index(y-1)-e.index(x)))
}

// upcoming returns the point to run next, and when, as durations from now: the first later than start
// whose time has not passed. A point with jitter has passed when its jitter has: until then the run can
// start at once. It also returns how many points after start had passed; false if there is no point.
func upcoming[P points](pts P, start, jitter time.Duration) (point, at time.Duration, skipped int, ok bool) {
	if point, ok = pts.after(max(start, -jitter-1)); !ok {
		return 0, 0, 0, false
	}
	following, more := pts.after(point)
	for point < 0 && more && following <= 0 {
		point = following
		following, more = pts.after(point)
	}
	if more {
		jitter = min(jitter, following-point) // points of cron may be nearer than the jitter
	}
	return point, max(0, point+randomBelow(jitter)), pts.between(start, point), true
}
