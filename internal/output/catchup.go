package output

import (
	"time"
)

const (
	// catchUpAge is the age of the oldest line from which on there is a backlog.
	catchUpAge = 10 * time.Second
	// catchUpRate is how many lines a second of a backlog are sent if the address does not say.
	catchUpRate = 10_000
	// inflowEvery is how often it is looked how many lines come in.
	inflowEvery = time.Second
)

// catchUp holds a backlog back, so that a peer that was away is not flooded the moment it returns. Lines stay in
// their order, so what is fresh waits behind the backlog: for the backlog divided by the rate. The rate is never
// below twice that at which lines come in, so that a backlog always gets shorter.
type catchUp struct {
	rate   int // lines a second; 0 is no limit
	inflow float64
	asked  time.Time // when inflow was measured
	seen   uint64    // lines that had come by then
	free   time.Time // when the next batch may go
}

// allow says how many of at most lines may be sent now, or, when none, how long to wait. age is that of the oldest
// line, enqueued how many have come since the start.
func (c *catchUp) allow(now time.Time, age time.Duration, enqueued uint64, lines int) (int, time.Duration) {
	c.measure(now, enqueued)
	if c.rate == 0 || age < catchUpAge {
		c.free = now
		return lines, 0
	}
	if wait := c.free.Sub(now); wait > 0 {
		return 0, wait
	}
	// A tenth of a second's worth at once, so that a slow rate does not come in bursts.
	return min(max(int(c.present()/10), 1), lines), 0
}

// took notes that lines were sent.
func (c *catchUp) took(now time.Time, lines int) {
	if c.rate > 0 {
		if c.free.Before(now.Add(-time.Second / 10)) {
			c.free = now
		}
		c.free = c.free.Add(time.Duration(float64(lines) / c.present() * float64(time.Second)))
	}
}

func (c *catchUp) present() float64 { return max(float64(c.rate), 2*c.inflow) }

func (c *catchUp) measure(now time.Time, enqueued uint64) {
	passed := now.Sub(c.asked)
	if passed < inflowEvery {
		return
	}
	if !c.asked.IsZero() {
		c.inflow = max(float64(enqueued-c.seen)/passed.Seconds(), c.inflow/2)
	}
	c.asked, c.seen = now, enqueued
}
