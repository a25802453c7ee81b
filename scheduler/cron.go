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

// InZone puts the points of a cron onto the wall clock of a location. c is one of UTC: a point that it gives is read
// as what the clock shows. Where the clock is changed, as for daylight saving, this does as Vixie cron does:
//
//   - fixed is for a cron of certain times of the day. Each comes once: one that the clock leaves out is right after
//     the gap, and of one that it shows twice the first counts.
//   - Otherwise, as for every hour, or every 5 minutes, a point is whenever the clock shows it, so that they go on
//     as they were.
func InZone(c Cron, location *time.Location, fixed bool) Cron {
	return &zonedCron{c, location, fixed}
}

type zonedCron struct {
	cron     Cron // of UTC
	location *time.Location
	fixed    bool
}

func (z *zonedCron) Next(t time.Time) time.Time {
	t = t.In(z.location).Round(0)
	for from := shown(t); ; {
		clock := z.cron.Next(from)
		if clock.IsZero() || !clock.After(from) {
			return time.Time{}
		}
		if z.fixed {
			if at := z.firstShown(clock); at.After(t) {
				return at
			}
			from = clock // it comes again, since the clock was set back
			continue
		}
		// By the offset of t this holds up to the next change of the clock; from there on by the next offset.
		_, end := t.ZoneBounds()
		if at := t.Add(clock.Sub(shown(t))); end.IsZero() || at.Before(end) {
			return at
		}
		t, from = end, shown(end).Add(-1) // the change itself may be a point
	}
}

// firstShown is when the clock of the location shows this for the first time, or the end of the gap that it is in.
func (z *zonedCron) firstShown(clock time.Time) time.Time {
	at := time.Date(clock.Year(), clock.Month(), clock.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, z.location)
	start, end := at.ZoneBounds()
	// In a gap, and of a time that is shown twice, it is not said which offset time.Date goes by.
	switch s := shown(at); {
	case s.Before(clock):
		return end
	case s.After(clock):
		return start
	case start.IsZero():
		return at
	}
	before := start.Add(-1)
	if earlier := before.Add(clock.Sub(shown(before))); earlier.Before(start) {
		return earlier
	}
	return at
}

// shown is what the clock of the time's location shows, as a time of UTC.
func shown(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
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
