package output

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"dumbprobe/internal/spool"
)

// maxRetryAfter bounds how long a peer can tell the sender to stay away.
const maxRetryAfter = 10 * time.Minute

// sender owns one destination, its spool and its back-off. Its goroutine is the only one that touches the
// destination.
type sender struct {
	name     string
	dest     Destination
	keeps    bool        // what waits is kept over a restart
	restored int         // lines of an earlier start
	spool    spool.Spool // Append under mu, so that the counters below agree with it
	report   *reporter
	origin   string
	limit    batchLimit
	confirms confirmation
	reopen   chan struct{} // asks for Reopener.Reopen
	hurry    chan struct{} // cuts the present back-off short

	cancel context.CancelFunc // ends run
	done   chan struct{}      // closed when run has ended and everything is closed

	mu        sync.Mutex // protects the following
	drained   chan struct{}
	enqueued  uint64
	delivered uint64
	sent      uint64
	sentAgain uint64
	dropped   map[string]uint64
	seen      spool.Stats // its drops are in dropped already
	connects  uint64
	state     EventKind // Connected, Lost or Slow; empty before the first attempt
	lastErr   error
	lastErrAt time.Time
	attempts  int    // sessions that have ended
	flushes   int    // that are waiting
	flying    int    // lines sent on this connection and not yet acknowledged
	confirmed uint64 // lines acknowledged on this connection
	closed    bool   // lines that come now are too late

	// Owned by run.
	catchUp catchUp
	tried   uint64 // sequence number below which lines may have reached the peer already
	backoff backoff
	since   time.Time // when this connection was made; zero if it could not be
	barren  bool      // the last connection broke before it took a line
	batch   [][]byte
}

// senderOptions are what a sender is made of.
type senderOptions struct {
	name     string
	dest     Destination
	spool    spool.Spool
	origin   string // of Batch
	batch    batchLimit
	confirms confirmation
	catchUp  int // lines a second; 0 is no limit
	backoff  Backoff
	log      *zap.Logger
	onEvent  func(Event) // may be nil
}

func newSender(o senderOptions) *sender {
	s := &sender{
		name: o.name, dest: o.dest, spool: o.spool, origin: o.origin, limit: o.batch.withDefaults(), confirms: o.confirms,
		hurry: make(chan struct{}, 1), reopen: make(chan struct{}, 1), done: make(chan struct{}),
		dropped: map[string]uint64{},
		backoff: backoff{Backoff: o.backoff.withDefaults()},
		catchUp: catchUp{rate: o.catchUp},
	}
	if k, ok := o.spool.(keeper); ok {
		s.keeps, s.restored = true, k.Restored()
	}
	s.report = newReporter(o.name, o.log, o.onEvent, s.status)
	return s
}

func (s *sender) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.mu.Lock()
	s.countDrops(DropSpoolFull) // of what the spool found damaged when it was opened
	s.mu.Unlock()
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
	now, was := s.spool.Stats(), s.seen
	if now.DroppedLines == was.DroppedLines {
		return
	}
	s.seen = now
	damaged, unwritten := now.DamagedLines-was.DamagedLines, now.UnwrittenLines-was.UnwrittenLines
	for _, d := range []struct {
		reason string
		lines  uint64
	}{{DropDamaged, damaged}, {DropUnwritten, unwritten}, {reason, now.DroppedLines - was.DroppedLines - damaged - unwritten}} {
		if d.lines > 0 {
			s.drop(d.reason, d.lines, nil)
		}
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
		s.mu.Lock()
		s.attempts++
		s.wakeDrained()
		s.mu.Unlock()
		if !s.since.IsZero() && time.Since(s.since) >= s.backoff.Max {
			s.backoff.reset() // it was good for a while, though nothing was to be sent
		}
		s.pause(ctx, err)
	}
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if err := s.spool.Close(); err != nil {
		s.report.log.Error("the spool could not be ended properly", zap.String("destination", s.name), zap.Error(err))
	}
	s.mu.Lock()
	s.countDrops(DropShutdown)
	s.wakeDrained()
	s.mu.Unlock()
	close(s.report.stop)
	<-s.report.done
}

// pause waits out the back-off, or what the peer asked for. Flush cuts it short, and starts it anew.
func (s *sender) pause(ctx context.Context, err error) {
	wait := s.backoff.next()
	if after := (*RetryAfterError)(nil); errors.As(err, &after) && after.After > 0 {
		wait = min(after.After, maxRetryAfter)
	}
	t := time.NewTimer(wait)
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
	confirmer, _ := s.dest.(Confirmer)
	defer func() {
		_ = s.dest.Close() // what mattered was said by Send
		s.harvest(confirmer)
		s.rewind()
	}()
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
	poll := newPoll()
	defer poll.stop()
	gathered := time.NewTimer(0)
	defer gathered.Stop()
	for {
		n, wait := s.allowance()
		if n > 0 {
			var first uint64
			s.batch, first = s.spool.Next(n, s.limit.bytes, s.batch[:0])
			if len(s.batch) > 0 {
				s.catchUp.took(time.Now(), len(s.batch))
				full := len(s.batch) >= n || bytesOf(s.batch) >= s.limit.bytes/2
				if err := s.sendBatch(ctx, first, confirmer); err != nil {
					return err
				}
				poll.soon()
				if !full && !s.flushing() {
					gathered.Reset(s.limit.gather)
					select {
					case <-gathered.C:
					case <-s.hurry:
					case <-ctx.Done(): // seen below, when there is nothing more to send
					}
				}
				continue
			}
			s.mu.Lock()
			s.countDrops(DropSpoolFull) // of what could not be read
			s.wakeIfDrained()
			s.mu.Unlock()
		}
		if s.harvest(confirmer) {
			poll.soon()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-lost:
			return err
		case <-s.spool.Ready():
		case <-poll.after(s.inFlight(), wait):
		case <-s.hurry: // a flush has begun
		case <-s.reopen:
			if r, ok := s.dest.(Reopener); ok {
				if err := r.Reopen(ctx); err != nil {
					return err
				}
			}
		}
	}
}

// allowance is how many lines may be sent now, or, when none, how long to wait. A flush is not held back where what is
// left after it is lost.
func (s *sender) allowance() (lines int, wait time.Duration) {
	age := s.spool.Stats().Oldest
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flushes > 0 && !s.keeps {
		return s.limit.lines, 0
	}
	return s.catchUp.allow(time.Now(), age, s.enqueued, s.limit.lines)
}

func (s *sender) flushing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flushes > 0
}

func (s *sender) inFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flying
}

// sendBatch sends s.batch, whose first line has the number first, and books the outcome. It returns an error if the
// connection is of no more use.
func (s *sender) sendBatch(ctx context.Context, first uint64, confirmer Confirmer) error {
	sent, err := s.dest.Send(ctx, Batch{
		Lines: s.batch, First: first, Origin: s.origin, Stalled: func(err error) { s.setState(Slow, err) },
	})
	handed := len(s.batch)
	sent = min(max(sent, 0), handed)
	clear(s.batch) // the spool lets go of the lines, and so does this
	var drop *DropError
	refused := 0
	if errors.As(err, &drop) {
		refused = min(max(drop.Lines, 1), handed-sent)
	}

	s.mu.Lock()
	if confirmer != nil {
		s.flying += sent
	} else {
		s.ack(sent)
	}
	if refused > 0 {
		s.spool.Ack(refused)
		s.drop(drop.Reason, uint64(refused), drop.Err)
	}
	reached := handed
	if err == nil || refused > 0 || errors.Is(err, ErrUnsent) || errors.Is(err, ErrBusy) {
		reached = sent + refused
	}
	counted := uint64(sent)
	if s.confirms == byPeer {
		counted = uint64(reached - refused) // what is not confirmed may have come all the same, and comes once more
	}
	s.sent += counted
	if s.tried > first {
		s.sentAgain += min(s.tried-first, counted)
	}
	s.tried = max(s.tried, first+uint64(reached))
	if confirmer == nil && sent+refused < handed {
		s.spool.Rewind()
	}
	s.countDrops(DropSpoolFull)
	s.wakeIfDrained()
	s.mu.Unlock()
	s.harvest(confirmer)

	if sent > 0 {
		s.barren = false
		s.backoff.reset()
	}
	switch {
	case err == nil, refused > 0:
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

// ack books lines as delivered. The caller holds mu.
func (s *sender) ack(lines int) {
	s.spool.Ack(lines)
	s.delivered += uint64(lines)
}

// harvest books what the peer's kernel has acknowledged since the last call, and says whether that was anything.
func (s *sender) harvest(c Confirmer) bool {
	if c == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flying == 0 {
		return false
	}
	total := c.Confirmed()
	lines := min(int(total-s.confirmed), s.flying)
	if lines <= 0 {
		return false
	}
	s.confirmed = total
	s.flying -= lines
	s.ack(lines)
	s.countDrops(DropSpoolFull)
	s.wakeIfDrained()
	return true
}

// rewind takes back what was in flight when the connection ended.
func (s *sender) rewind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spool.Rewind()
	s.flying, s.confirmed = 0, 0
	s.countDrops(DropSpoolFull)
	s.wakeIfDrained()
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

// wakeIfDrained wakes all that wait in flush if nothing is left. The caller holds mu.
func (s *sender) wakeIfDrained() {
	if s.drained != nil && s.spool.Stats().Lines == 0 {
		s.wakeDrained()
	}
}

// wakeDrained wakes all that wait in flush. The caller holds mu.
func (s *sender) wakeDrained() {
	if s.drained != nil {
		close(s.drained)
		s.drained = nil
	}
}

// keptFlush is how long a flush takes at most where what is left is kept.
const keptFlush = 5 * time.Second

// flush waits until nothing is queued, until the sender has ended, until the peer is gone for good, or until ctx
// ends; it returns what is left then. Where that is kept, a peer that is away is tried once.
func (s *sender) flush(ctx context.Context) (left int) {
	if s.keeps {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, keptFlush)
		defer cancel()
	}
	s.mu.Lock()
	attempts := s.attempts
	s.flushes++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.flushes--
		s.mu.Unlock()
	}()
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
		gone := s.state == Lost && s.attempts > attempts && (s.keeps || errors.Is(s.lastErr, ErrGone))
		s.mu.Unlock()
		if left == 0 || gone || ctx.Err() != nil {
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
