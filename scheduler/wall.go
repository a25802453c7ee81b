package scheduler

import "time"

// wallClock has its points on the wall clock. They are converted when they are planned, so that a run
// starts exactly on the monotonic clock, and planned again when the wall clock has stepped.
type wallClock struct {
	kind   wallKind
	retry  time.Duration
	jitter time.Duration
	splay  time.Duration // the check's own offset; the points of kind include it
	now    bool          // the first run does not wait for a point
	slack  time.Duration // how far the clocks may drift apart without being a step
}

// wallKind is a way to lay points on the wall clock.
type wallKind interface {
	points(now time.Time) points
	key() pointsKey
}

// maxSlack is more than a [Loop] lets the clocks drift apart before it reports a step.
const maxSlack = 2 * time.Second

func (s *wallClock) First(now time.Time) Plan {
	if s.now {
		return s.once(now)
	}
	return s.plan(now, -1)
}

func (s *wallClock) Next(prev Plan, now time.Time, retry bool) Plan {
	if prev.Never() {
		return s.plan(now, -1)
	}
	if retry && s.retry > 0 {
		return retryPlan(prev, now, s.retry)
	}
	return s.next(now, offsetOf(prev.base(), now))
}

// next plans the run after one that was planned for base.
func (s *wallClock) next(now time.Time, base offset) Plan {
	// A run may start a little before its point by the present clock, when that was slewed meanwhile.
	// The point it was planned for must not come again, so the plan's own reading counts, unless the
	// clock has stepped and that reading means nothing any more.
	if s.near(base) {
		return s.plan(now, base.wall)
	}
	return s.plan(now, base.mono)
}

func (s *wallClock) Rebase(prev Plan, now time.Time) Plan {
	switch {
	case prev.Never():
		return s.plan(now, -1)
	case prev.OffGrid:
		return prev
	}
	return s.rebase(prev, now, offsetOf(prev.At, now), offsetOf(prev.Grid, now))
}

// rebase is Rebase for a plan of a point; at and grid are its times.
func (s *wallClock) rebase(prev Plan, now time.Time, at, grid offset) Plan {
	if at.mono <= 0 {
		return prev // due already
	}
	if at.wall <= 0 && !s.near(at) {
		return s.once(now)
	}
	if first, ok := s.kind.points(now).after(-1); ok && first < grid.wall && !s.near(at) {
		return s.plan(now, -1)
	}
	prev.At, prev.Grid = now.Add(at.wall), now.Add(grid.wall)
	return prev
}

// plan returns the run at the first point later than start, a duration from now.
func (s *wallClock) plan(now time.Time, start time.Duration) Plan {
	point, at, skipped, ok := upcoming(s.kind.points(now), start, s.jitter)
	if !ok {
		return Plan{}
	}
	return Plan{At: now.Add(at), Grid: now.Add(point), Skipped: skipped}
}

// once returns a run that does not wait for a point: now plus the splay, which keeps many checks apart,
// or the next point if that comes first.
func (s *wallClock) once(now time.Time) Plan {
	if first, ok := s.kind.points(now).after(-1); ok && first <= s.splay {
		return s.plan(now, -1)
	}
	at := now.Add(s.splay)
	return Plan{At: at, Grid: at, OffGrid: true}
}

// near reports whether a time is the same by both clocks, but for what they may drift apart.
func (s *wallClock) near(o offset) bool {
	return max(o.wall-o.mono, o.mono-o.wall) <= s.slack
}

func (s *wallClock) points() pointsKey { return s.kind.key() }

// offset is how far a time is from now, by its wall reading and by its monotonic one. They differ when
// the wall clock has stepped, or was slewed, since the time was read or planned.
type offset struct{ wall, mono time.Duration }

func offsetOf(t, now time.Time) offset {
	return offset{wall: t.Round(0).Sub(now.Round(0)), mono: t.Sub(now)}
}
