package scheduler

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultMaxIdle       = 5 * time.Second
	defaultStepTolerance = time.Second

	// batch bounds how many entries are started before the loop looks at its context and at the clocks
	// again.
	batch = 128

	// gather is how long the loop sleeps at least after it has started something, unless what is scheduled meanwhile is
	// due before all else: what is due one after the other in less than that shares a wake-up, of the loop and of the
	// goroutines that run it. A wake-up of a virtual machine's idle core costs more than a run
	// (BenchmarkTenThousandChecksSpread in engine); a millisecond and a half is nothing to a check.
	gather = 1500 * time.Microsecond

	// longYield is more than what a batch of short runs takes meanwhile, and less than a time slice of the Go scheduler
	// (10 ms). busyFor is how long nothing is yielded after one that took so long.
	longYield = 5 * time.Millisecond
	busyFor   = 500 * time.Millisecond

	// awake as the end of the loop's sleep: nothing is earlier, so nobody wakes it.
	awake = time.Duration(math.MinInt64)
)

// ErrRunning is returned by [Loop.Run] when the loop is running already.
var ErrRunning = errors.New("scheduler: the loop is running already")

// Task is what an [Entry] stands for.
type Task interface {
	// Start is called by the loop on its goroutine when the entry is due. It must not block: it
	// launches the run and returns. The entry is out of the queue then, and comes back by
	// [Loop.Schedule], which Start may call itself. The due time carries a monotonic reading; its wall
	// reading is by the present wall clock.
	Start(due time.Time)
}

// LoopOptions are all optional. The callbacks are called on the loop's goroutine with no lock held:
// they must not block and may call the loop's methods.
type LoopOptions struct {
	// MaxIdle is the longest the loop sleeps, 5 s if not positive. It bounds how late a step of the
	// wall clock is noticed, and how old [Loop.LastRound] gets in a healthy loop.
	MaxIdle time.Duration

	// StepTolerance is how far the wall clock may move against the monotonic one before that is a
	// step, 1 s if not positive.
	StepTolerance time.Duration

	// OnClockStep is called after the wall clock stepped and before anything else is started, with how
	// far it went (negative: back). It is the time to call [Schedule.Rebase] or [Reconvert] for what is
	// queued, and to schedule the result.
	OnClockStep func(delta time.Duration)

	// OnRound is called each time the loop goes round: at least every MaxIdle, and under load thousands
	// of times per second. A ping of the service manager's watchdog belongs here.
	OnRound func(now time.Time)
}

// Stats are the loop's counters since it was made.
type Stats struct {
	Queued     int           // entries in the queue now
	Started    uint64        // entries started
	LateSum    time.Duration // sum over the started entries of (when started - when due)
	LateMax    time.Duration // largest such lateness
	Rounds     uint64        // times the loop went round
	ClockSteps uint64        // steps of the wall clock
}

// Loop starts entries when they are due: one goroutine, one timer, exact to the timer. All methods are
// safe for concurrent use.
type Loop struct {
	maxIdle     time.Duration
	onClockStep func(time.Duration)
	onRound     func(time.Time)

	epoch time.Time     // what the queue's times count from; carries a monotonic reading
	wake  chan struct{} // of one slot: cuts a sleep short

	running   atomic.Bool
	lastRound atomic.Int64 // as a duration since epoch

	clock     clockWatch    // owned by Run, as the next two
	busyUntil time.Duration // nothing is yielded before: it took long
	yield     func()        // runtime.Gosched

	mu         sync.Mutex    // protects following fields; never held while a callback or Start runs
	queue      RunQueue      //
	sleepUntil time.Duration // when Run wakes by itself, or awake
	stats      Stats         // all but Queued
}

// NewLoop returns a loop that starts nothing before [Loop.Run].
func NewLoop(o LoopOptions) *Loop {
	if o.MaxIdle <= 0 {
		o.MaxIdle = defaultMaxIdle
	}
	if o.StepTolerance <= 0 {
		o.StepTolerance = defaultStepTolerance
	}
	l := &Loop{
		maxIdle:     o.MaxIdle,
		onClockStep: o.OnClockStep,
		onRound:     o.OnRound,
		epoch:       time.Now(),
		wake:        make(chan struct{}, 1),
		sleepUntil:  awake,
		yield:       runtime.Gosched,
	}
	l.clock = clockWatch{ref: l.read(l.epoch), tolerance: o.StepTolerance}
	return l
}

// Schedule adds the entry, or moves it if it is queued. A time in the past is due at once; entries of
// one time start in the order they were scheduled. The zero time means never: the entry leaves the
// queue. A time without a monotonic reading is taken by the present wall clock. It may be called from
// any goroutine, also from Start.
func (l *Loop) Schedule(e *Entry, at time.Time) {
	if e.Task == nil {
		panic("scheduler: Schedule of an Entry without a Task")
	}
	if at.IsZero() {
		l.Remove(e)
		return
	}
	due := l.since(at)
	l.mu.Lock()
	l.queue.Put(e, due)
	early := due < l.sleepUntil
	if early {
		l.sleepUntil = due // one wake-up is enough for all that are no earlier
	}
	l.mu.Unlock()
	if early {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Remove takes the entry out and reports whether it was queued. After true it is not started. After
// false it may be: the loop may have taken it out just before, and be about to call Start.
func (l *Loop) Remove(e *Entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queue.Remove(e)
}

// Run starts entries as they come due until the context is done, and returns the context's cause. No
// Start is called after it has returned; entries stay queued, and Run may be called again. It returns
// [ErrRunning] if the loop is running.
func (l *Loop) Run(ctx context.Context) error {
	if !l.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer l.running.Store(false)

	timer := time.NewTimer(l.maxIdle)
	defer timer.Stop()
	for ctx.Err() == nil {
		l.round()
		sleep := l.startDue()
		if sleep <= 0 {
			continue
		}
		timer.Reset(sleep)
		select {
		case <-timer.C:
		case <-l.wake:
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}

// round does what is done each time the loop goes round, before anything is started.
func (l *Loop) round() {
	now := time.Now()
	r := l.read(now)
	l.lastRound.Store(int64(r.mono))
	delta, stepped := l.clock.observe(r)

	l.mu.Lock()
	l.sleepUntil = awake
	l.stats.Rounds++
	if stepped {
		l.stats.ClockSteps++
	}
	l.mu.Unlock()

	if stepped && l.onClockStep != nil {
		l.onClockStep(delta)
	}
	if l.onRound != nil {
		l.onRound(now)
	}
}

// startDue starts a batch of what is due. It returns how long to sleep; zero means that there may be
// more to start. The lock is taken anew for each entry, so Schedule gets its turn in a burst.
func (l *Loop) startDue() time.Duration {
	for n := range batch {
		now := time.Now()
		mono := now.Sub(l.epoch)

		l.mu.Lock()
		e, due := l.queue.Min()
		if e == nil || due > mono {
			sleep := l.maxIdle
			if e != nil {
				sleep = min(sleep, due-mono)
			}
			l.sleepUntil = mono + sleep
			l.mu.Unlock()
			l.lastRound.Store(int64(mono)) // the starts may have taken long
			if n > 0 {
				sleep = max(sleep, min(gather, l.maxIdle))
			}
			return sleep
		}
		l.queue.Remove(e)
		late := mono - due
		l.stats.Started++
		l.stats.LateSum += late
		l.stats.LateMax = max(l.stats.LateMax, late)
		l.mu.Unlock()

		e.Task.Start(now.Add(-late))
	}
	l.letRun()
	return 0
}

// letRun lets what was started run. Another thread would take it sooner or later, but to wake one can take some
// milliseconds on a virtual machine, where an idle core is asleep: this one goes on with it at once. Where all threads
// have something to compute, it comes back after their time slices, and is then not given away again for a while.
func (l *Loop) letRun() {
	began := time.Since(l.epoch)
	if began < l.busyUntil {
		return
	}
	l.yield()
	if ended := time.Since(l.epoch); ended-began > longYield {
		l.busyUntil = ended + busyFor
	}
}

// Len returns the number of queued entries.
func (l *Loop) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queue.Len()
}

// NextDue returns when the first entry is due; false if none is queued. The time may have passed.
func (l *Loop) NextDue() (time.Time, bool) {
	l.mu.Lock()
	e, due := l.queue.Min()
	l.mu.Unlock()
	if e == nil {
		return time.Time{}, false
	}
	return l.timeOf(due), true
}

// Due returns when the entry is due; false if it is not queued.
func (l *Loop) Due(e *Entry) (time.Time, bool) {
	l.mu.Lock()
	due, ok := l.queue.Due(e)
	l.mu.Unlock()
	if !ok {
		return time.Time{}, false
	}
	return l.timeOf(due), true
}

// Stats returns the counters.
func (l *Loop) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Queued = l.queue.Len()
	return s
}

// LastRound returns when the loop last went round, or was made if it never did.
func (l *Loop) LastRound() time.Time {
	return l.timeOf(time.Duration(l.lastRound.Load()))
}

// Alive reports whether the loop is running and went round within the given time. Give it more than
// twice MaxIdle; false then means that a Start or a callback blocks.
func (l *Loop) Alive(within time.Duration) bool {
	return l.running.Load() && time.Since(l.LastRound()) <= within
}

func (l *Loop) read(now time.Time) reading {
	return reading{wall: now.UnixNano(), mono: now.Sub(l.epoch)}
}

// since returns at as a time of the queue. What lies before the loop was made counts as that moment, so
// that no lateness is counted, or overflows, from before.
func (l *Loop) since(at time.Time) time.Duration {
	// Round(0) strips a monotonic reading; what it leaves unchanged has none, and only the present
	// wall clock, not that of the epoch, says how far off it is.
	if at == at.Round(0) {
		now := time.Now()
		at = now.Add(at.Sub(now))
	}
	return max(0, at.Sub(l.epoch))
}

// timeOf is the opposite of since, with the wall reading by the present wall clock.
func (l *Loop) timeOf(due time.Duration) time.Time {
	now := time.Now()
	return now.Add(due - now.Sub(l.epoch))
}
