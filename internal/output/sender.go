package output

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"dumbprobe/internal/spool"
)

// The largest batch handed to a destination at once, in lines and bytes. One line longer than that makes a
// batch of its own.
const (
	batchLines = 512
	batchBytes = 64 << 10
)

// sender owns one destination, its spool and its back-off. Its goroutine is the only one that touches the
// destination.
type sender struct {
	name   string
	dest   Destination
	spool  spool.Spool // Append under mu, so that the counters below agree with it
	report *reporter
	hurry  chan struct{} // cuts the present back-off short

	cancel context.CancelFunc // ends run
	done   chan struct{}      // closed when run has ended and everything is closed

	mu        sync.Mutex // protects the following
	drained   chan struct{}
	enqueued  uint64
	sent      uint64
	dropped   map[string]uint64
	seenDrops uint64 // of the spool's, already in dropped
	connects  uint64
	state     EventKind // Connected, Lost or Slow; empty before the first attempt
	lastErr   error
	lastErrAt time.Time
	closed    bool // lines that come now are too late

	// Owned by run.
	backoff backoff
	since   time.Time // when this connection was made; zero if it could not be
	barren  bool      // the last connection broke before it took a line
	batch   [][]byte
}

func newSender(name string, dest Destination, sp spool.Spool, b Backoff, log *zap.Logger, onEvent func(Event)) *sender {
	s := &sender{
		name: name, dest: dest, spool: sp,
		hurry: make(chan struct{}, 1), done: make(chan struct{}),
		dropped: map[string]uint64{},
		backoff: backoff{Backoff: b.withDefaults()},
	}
	s.report = newReporter(name, log, onEvent, s.status)
	return s
}

func (s *sender) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go s.report.run()
	go s.run(ctx)
}

// enqueue never blocks on the destination.
func (s *sender) enqueue(line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enqueued++
	if s.spool.Append(line) > 0 {
		if s.closed {
			s.countDrops(DropShutdown)
		} else {
			s.countDrops(DropSpoolFull)
		}
	}
}

// countDrops books what the spool has dropped since it was last asked. The caller holds mu.
func (s *sender) countDrops(reason string) {
	if n := s.spool.Stats().DroppedLines; n > s.seenDrops {
		s.drop(reason, n-s.seenDrops, nil)
		s.seenDrops = n
	}
}

// drop books lost lines. The caller holds mu.
func (s *sender) drop(reason string, lines uint64, err error) {
	s.dropped[reason] += lines
	s.report.dropped(reason, lines, err)
}

// run keeps a connection and sends, until ctx ends.
func (s *sender) run(ctx context.Context) {
	defer close(s.done)
	for ctx.Err() == nil {
		s.since = time.Time{}
		err := s.session(ctx)
		if ctx.Err() != nil {
			break
		}
		s.setState(Lost, err)
		if !s.since.IsZero() && time.Since(s.since) >= s.backoff.Max {
			s.backoff.reset() // it was good for a while, though nothing was to be sent
		}
		s.pause(ctx)
	}
	s.mu.Lock()
	_ = s.spool.Close() // in memory; it has nothing to fail at
	s.closed = true
	s.countDrops(DropShutdown)
	s.wakeDrained()
	s.mu.Unlock()
	close(s.report.stop)
	<-s.report.done
}

// pause waits out the back-off. Flush cuts it short, and starts it anew.
func (s *sender) pause(ctx context.Context) {
	t := time.NewTimer(s.backoff.next())
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-s.hurry:
		s.backoff.reset()
	}
}

// session is one connection, from its making to its end. It returns why it ended.
func (s *sender) session(ctx context.Context) (err error) {
	if err := s.dest.Connect(ctx); err != nil {
		return err
	}
	defer func() { _ = s.dest.Close() }() // what mattered was said by Send
	s.since = time.Now()
	s.mu.Lock()
	s.connects++
	s.mu.Unlock()
	if !s.barren {
		// Otherwise it is believed once a line has gone: UDP and files connect always.
		s.setState(Connected, nil)
	}
	var lost <-chan error
	if w, ok := s.dest.(Watched); ok {
		lost = w.Lost()
	}
	for {
		s.batch = s.spool.Peek(batchLines, batchBytes, s.batch[:0])
		if len(s.batch) > 0 {
			if err := s.sendBatch(ctx); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-lost:
			return err
		case <-s.spool.Ready():
		}
	}
}

// sendBatch sends s.batch and books the outcome. It returns an error if the connection is of no more use.
func (s *sender) sendBatch(ctx context.Context) error {
	sent, err := s.dest.Send(ctx, s.batch)
	sent = min(max(sent, 0), len(s.batch))
	var drop *DropError
	dropped := errors.As(err, &drop) && sent < len(s.batch)
	clear(s.batch) // the spool lets go of the lines, and so does this

	s.mu.Lock()
	if dropped {
		s.spool.Advance(sent + 1)
		s.drop(drop.Reason, 1, drop.Err)
	} else {
		s.spool.Advance(sent)
	}
	s.sent += uint64(sent)
	s.countDrops(DropSpoolFull)
	if s.drained != nil && s.spool.Stats().Lines == 0 {
		s.wakeDrained()
	}
	s.mu.Unlock()

	if sent > 0 {
		s.barren = false
		s.backoff.reset()
	}
	switch {
	case err == nil, dropped:
		if sent > 0 {
			s.setState(Connected, nil)
		}
		return nil
	case errors.Is(err, ErrBusy):
		s.setState(Slow, err)
		return nil
	default:
		s.barren = sent == 0
		return err
	}
}

// setState notes the state and reports a change of it.
func (s *sender) setState(kind EventKind, err error) {
	s.mu.Lock()
	changed := s.state != kind
	s.state = kind
	if err != nil {
		s.lastErr, s.lastErrAt = err, time.Now()
	}
	s.mu.Unlock()
	if changed {
		s.report.change(kind, err)
	}
}

// wakeDrained wakes all that wait in flush. The caller holds mu.
func (s *sender) wakeDrained() {
	if s.drained != nil {
		close(s.drained)
		s.drained = nil
	}
}

// flush waits until nothing is queued, until the sender has ended, or until ctx ends; it returns what is
// left then.
func (s *sender) flush(ctx context.Context) (left int) {
	select {
	case s.hurry <- struct{}{}:
	default:
	}
	for {
		s.mu.Lock()
		left = s.spool.Stats().Lines
		if s.drained == nil {
			s.drained = make(chan struct{})
		}
		drained := s.drained
		s.mu.Unlock()
		if left == 0 || ctx.Err() != nil {
			return left
		}
		select {
		case <-drained:
		case <-ctx.Done():
		}
	}
}

func (s *sender) status(e *Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.spool.Stats()
	e.Queued, e.Oldest, e.Reconnects = st.Lines, st.Oldest, s.reconnects()
}

// reconnects is how often it was connected again. The caller holds mu.
func (s *sender) reconnects() uint64 { return max(s.connects, 1) - 1 }
