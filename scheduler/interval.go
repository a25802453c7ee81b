package scheduler

import "time"

// fixedRate has its points on the monotonic clock: the first run, and each interval after it, however
// long a run takes and whatever the wall clock does.
type fixedRate struct {
	interval time.Duration
	retry    time.Duration
	jitter   time.Duration
	splay    time.Duration // the check's own offset
	wait     time.Duration // from the start to the first point, splay included
}

func (s *fixedRate) First(now time.Time) Plan {
	grid := now.Add(s.wait)
	return Plan{At: grid.Add(randomBelow(s.jitter)), Grid: grid}
}

func (s *fixedRate) Next(prev Plan, now time.Time, retry bool) Plan {
	if prev.Never() {
		return s.First(now)
	}
	if retry && s.retry > 0 {
		return retryPlan(prev, now, s.retry)
	}
	pts := evenly{anchor: prev.Grid.Sub(now), step: s.interval}
	point, at, skipped, _ := upcoming(pts, prev.base().Sub(now), s.jitter)
	return Plan{At: now.Add(at), Grid: now.Add(point), Skipped: skipped}
}

func (s *fixedRate) Rebase(prev Plan, _ time.Time) Plan { return prev }

func (s *fixedRate) points() pointsKey {
	return pointsKey{interval: s.interval, splay: s.splay}
}
