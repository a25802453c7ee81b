package output

import (
	"maps"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	dropReportEvery  = 10 * time.Second
	stateReportEvery = 10 * time.Second // after stateReportBurst changes at once
	stateReportBurst = 4
	awayReportEvery  = 5 * time.Minute
)

// reporter tells, at a bounded rate, what happens to one destination: in the log and to the options'
// OnEvent. It has a goroutine of its own, so neither delays the sender or whoever calls Fanout.Send, and
// OnEvent may itself call Fanout.Send.
type reporter struct {
	name    string
	log     *zap.Logger
	onEvent func(Event)       // may be nil
	status  func(*Event)      // fills in how things are
	stop    chan struct{}     // closed to end run, which then reports what is left
	done    chan struct{}     // closed when run has ended
	wake    chan struct{}     // something is below
	mu      sync.Mutex        // protects the following
	changes []Event           // of state, not yet reported, oldest first
	drops   map[string]uint64 // not yet reported
	dropErr error             // of one of them

	// Owned by run.
	stateLimit, dropLimit limiter
	last                  Event     // the last change reported
	lastSaid              time.Time // when it, or that it still holds, was reported
}

func newReporter(name string, log *zap.Logger, onEvent func(Event), status func(*Event)) *reporter {
	return &reporter{
		name: name, log: log, onEvent: onEvent, status: status,
		stop: make(chan struct{}), done: make(chan struct{}), wake: make(chan struct{}, 1),
		drops:      map[string]uint64{},
		stateLimit: limiter{burst: stateReportBurst, every: stateReportEvery},
		dropLimit:  limiter{burst: 1, every: dropReportEvery},
	}
}

// change notes a new state: Connected, Lost or Slow.
func (r *reporter) change(kind EventKind, err error) {
	e := Event{Kind: kind, Destination: r.name, Time: time.Now(), Err: err}
	r.mu.Lock()
	if n := len(r.changes); n >= stateReportBurst {
		r.changes[n-1] = e
	} else {
		r.changes = append(r.changes, e)
	}
	r.mu.Unlock()
	r.nudge()
}

// dropped notes lost lines. err may be nil.
func (r *reporter) dropped(reason string, lines uint64, err error) {
	r.mu.Lock()
	r.drops[reason] += lines
	if err != nil {
		r.dropErr = err
	}
	r.mu.Unlock()
	r.nudge()
}

func (r *reporter) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reporter) run() {
	defer close(r.done)
	for {
		events, wait := r.due(time.Now(), false)
		r.tell(events)
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-r.wake:
		case <-timer:
		case <-r.stop:
			events, _ := r.due(time.Now(), true)
			r.tell(events)
			return
		}
	}
}

// due takes what may be reported now (everything, if last), and says when to ask again; 0 is when woken.
func (r *reporter) due(now time.Time, last bool) (events []Event, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	again := func(d time.Duration) {
		if wait == 0 || d < wait {
			wait = d
		}
	}
	for len(r.changes) > 0 {
		if d := r.stateLimit.allow(now); d > 0 && !last {
			again(d)
			r.changes = r.changes[len(r.changes)-1:] // the present state will do when the time comes
			break
		}
		r.last, r.lastSaid = r.changes[0], now
		events = append(events, r.last)
		r.changes = r.changes[1:]
	}
	if len(r.drops) > 0 {
		if d := r.dropLimit.allow(now); d > 0 && !last {
			again(d)
		} else {
			events = append(events, Event{
				Kind: Dropped, Destination: r.name, Time: now, Err: r.dropErr, Drops: maps.Clone(r.drops),
			})
			clear(r.drops)
			r.dropErr = nil
		}
	}
	if k := r.last.Kind; (k == Lost || k == Slow) && !last {
		d := awayReportEvery - now.Sub(r.lastSaid)
		if d <= 0 {
			r.lastSaid, d = now, awayReportEvery
			events = append(events, Event{Kind: Away, Destination: r.name, Time: now, Err: r.last.Err})
		}
		again(d)
	}
	return events, wait
}

// said is how each kind of event stands in the log.
var said = map[EventKind]struct {
	level zapcore.Level
	text  string
}{
	Connected: {zap.InfoLevel, "destination connected"},
	Lost:      {zap.WarnLevel, "destination lost; lines wait in the spool"},
	Slow:      {zap.WarnLevel, "destination takes nothing; lines wait in the spool"},
	Away:      {zap.WarnLevel, "destination is still away; lines wait in the spool"},
	Dropped:   {zap.ErrorLevel, "lines dropped for a destination"},
}

func (r *reporter) tell(events []Event) {
	for _, e := range events {
		r.status(&e)
		fields := []zap.Field{
			zap.String("destination", e.Destination),
			zap.Int("queued", e.Queued),
		}
		if e.Queued > 0 {
			fields = append(fields, zap.Duration("oldest", e.Oldest.Round(time.Millisecond)))
		}
		if e.Reconnects > 0 {
			fields = append(fields, zap.Uint64("reconnects", e.Reconnects))
		}
		if e.Kind == Dropped {
			fields = append(fields, zap.Uint64("dropped", e.Lines()), zap.Any("reasons", e.Drops))
		}
		if e.Err != nil {
			fields = append(fields, zap.Error(e.Err))
		}
		r.log.Log(said[e.Kind].level, said[e.Kind].text, fields...)
		if r.onEvent != nil {
			r.onEvent(e)
		}
	}
}
