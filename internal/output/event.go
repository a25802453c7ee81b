package output

import (
	"time"
)

// EventKind says what happened to a destination.
type EventKind string

const (
	Connected EventKind = "connected" // lines can be sent (again)
	Lost      EventKind = "lost"      // the connection broke, or could not be made
	Slow      EventKind = "slow"      // the peer is there but takes nothing
	Away      EventKind = "away"      // still lost, or still slow, after a while
	Dropped   EventKind = "dropped"   // lines were lost for this destination
)

// Event is a change that whoever looks after a destination should hear of. Changes that follow one another
// fast are not all reported, but the last one is.
type Event struct {
	Kind        EventKind
	Destination string    // its address
	Time        time.Time // when it happened
	Err         error     // why, where it is known; nil for Connected

	// Drops is how many lines were dropped since the last such event, by reason (the Drop constants). Only
	// of Dropped.
	Drops map[string]uint64

	// How things are when the event is reported.
	Queued     int           // lines that wait
	Oldest     time.Duration // age of the oldest of them
	Reconnects uint64        // connections made since the start, after the first
}

// Lines is how many lines an event of kind Dropped is about.
func (e Event) Lines() (n uint64) {
	for _, lines := range e.Drops {
		n += lines
	}
	return n
}
