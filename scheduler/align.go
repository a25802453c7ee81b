package scheduler

import "time"

// aligned has its points at the multiples of the interval since 1970 in UTC, plus the splay.
type aligned struct{ interval, splay time.Duration }

func newAligned(o Options) *wallClock {
	splay := stableBelow(o.Name, o.Splay)
	return &wallClock{
		kind:   aligned{interval: o.Interval, splay: splay},
		retry:  o.RetryInterval,
		jitter: o.Jitter,
		splay:  splay,
		now:    o.First == FirstNow,
		slack:  min(maxSlack, o.Interval/2),
	}
}

func (a aligned) points(now time.Time) points {
	since := (time.Duration(now.UnixNano()) - a.splay) % a.interval
	return evenly{anchor: -since, step: a.interval}
}

func (a aligned) key() pointsKey {
	return pointsKey{interval: a.interval, splay: a.splay, align: true}
}
