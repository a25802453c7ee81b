package scheduler

import "time"

// maxCounted bounds how many missed points of a cron schedule are counted one by one: more than a day's
// of one that runs each second.
const maxCounted = 100_000

// Cron is a parsed cron expression; the Schedule of github.com/robfig/cron/v3 is one. It must be safe
// for concurrent use.
type Cron interface {
	// Next returns the first point later than t, in whatever location; the zero time means never.
	Next(t time.Time) time.Time
}

type cronKind struct {
	cron  Cron
	text  string
	splay time.Duration
}

func newCron(o Options) *wallClock {
	splay := stableBelow(o.Name, o.Splay)
	return &wallClock{
		kind:   cronKind{cron: o.Cron, text: o.CronText, splay: splay},
		retry:  o.RetryInterval,
		jitter: o.Jitter,
		splay:  splay,
		now:    o.First == FirstNow,
		slack:  maxSlack,
	}
}

func (c cronKind) points(now time.Time) points { return cronPoints{c, now.Round(0)} }

func (c cronKind) key() pointsKey {
	if c.text == "" {
		return pointsKey{} // two crons cannot be compared without their text
	}
	return pointsKey{cron: c.text, splay: c.splay}
}

type cronPoints struct {
	cronKind
	now time.Time // without a monotonic reading
}

func (c cronPoints) after(x time.Duration) (time.Duration, bool) {
	from := c.now.Add(x - c.splay)
	next := c.cron.Next(from)
	if next.IsZero() || !next.After(from) {
		return 0, false // never; a point that is not later would be run for ever
	}
	return next.Add(c.splay).Sub(c.now), true
}

func (c cronPoints) between(x, y time.Duration) int {
	for n := range maxCounted {
		next, ok := c.after(x)
		if !ok || next >= y {
			return n
		}
		x = next
	}
	return maxCounted
}
