package output

import (
	"maps"
	"time"
)

// DestinationStats is what one destination has done since the start, and how it is now. At any moment
//
//	Enqueued + Restored == Delivered + (all of Dropped) + Queued
//
// but that lines which are damaged, as a spool on disk finds when it is opened, are dropped without having been restored.
type DestinationStats struct {
	Address   string
	State     EventKind // Connected, Slow or Lost; empty before the first attempt to connect has ended
	Restored  int       // lines of an earlier start, which the spool has kept
	Enqueued  uint64    // lines given to Fanout.Send
	Sent      uint64    // handed over, each time that they were, also where the peer then confirmed nothing
	SentAgain uint64    // of those sent, how many may have reached the peer before
	Delivered uint64    // done with, each line once: acknowledged, or sent where nothing acknowledges
	// Acknowledged is Delivered for a kind whose peer, or the kernel of its machine, acknowledges; 0 for others.
	Acknowledged uint64
	Dropped      map[string]uint64
	Reconnects   uint64 // connections made after the first

	Kept       bool          // the spool is on disk
	Queued     int           // lines that wait, with those in flight
	InFlight   int           // lines that are sent but not yet acknowledged
	SpoolBytes int64         // their size as it counts against the spool's limit
	Oldest     time.Duration // age of the oldest of them

	LastError   error // nil if there was none yet
	LastErrorAt time.Time

	Account // zero for a destination that does not learn what became of its lines
}

func (s *sender) stats() DestinationStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.spool.Stats()
	out := DestinationStats{
		Address: s.name, State: s.state,
		Enqueued: s.enqueued, Sent: s.sent, SentAgain: s.sentAgain, Delivered: s.delivered, Dropped: maps.Clone(s.dropped), Reconnects: s.reconnects(),
		Kept: s.keeps, Restored: s.restored, Queued: st.Lines, InFlight: s.flying, SpoolBytes: st.Bytes, Oldest: st.Oldest,
		LastError: s.lastErr, LastErrorAt: s.lastErrAt,
	}
	if s.confirms != byNobody {
		out.Acknowledged = s.delivered
	}
	if a, ok := s.dest.(Accounter); ok {
		out.Account = a.Account()
	}
	return out
}
