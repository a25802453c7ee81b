package luaapi

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"dumbprobe/internal/state"
)

// stepsPerLook is how many Lua instructions pass between two looks at the clock. A look costs as much as
// some ten instructions, a thousand instructions take about 20 us: the deadline is kept to that.
const stepsPerLook = 1000

// RunOptions say what a run may do.
type RunOptions struct {
	// Timeout is how long the run may take, the wait for the VM included. 0: no limit.
	Timeout time.Duration
	// Deadline is when the Timeout is over, where that began before this run. Zero: it begins now.
	Deadline time.Time
	// Now is the present time, where it is known: a look at the clock is a good part of what a short run costs. Zero: it
	// is not.
	Now time.Time
	// WriteLater leaves a message that can be written without the VM to [Batch.Write].
	WriteLater bool
	// OnWait is called when the run gives the VM away for the first time, with the lock still held.
	OnWait func()
	// MaxInstructions is how many instructions the run may execute; 0: what the VM's limits say.
	MaxInstructions uint64
	// Sliding starts the timeout again after each wait: for code that is written to wait for ever, and
	// must only not compute for ever (an object's run_next).
	Sliding bool
	// Idle, when it is closed, ends sleeps at once: nobody has to wait for an object that waits for its time.
	Idle <-chan struct{}
	// Label says what runs, for [VM.Stuck]: the check's name, which is read by others while it runs. nil: none.
	Label *string
	// State keeps what the script has dumbprobe.state keep, by the Label; nil: there is no check that it could
	// be kept for.
	State *state.DB
	// Logger takes what the script logs and prints; its fields say which check it is.
	Logger *zap.Logger
	// Turned, when it is closed, ends the wait for the VM, but not a run that has it: see ErrNotBegun.
	Turned <-chan struct{}
	// MakeLogger makes the Logger when it is needed first, which for most runs is never.
	MakeLogger func() *zap.Logger

	legacy *Legacy // for the first reader that the run opens
}

// Run is one stay in a VM: a call of a check's run, a stream's batch of records, the load of the file.
// It is also the context.Context that gopher-lua asks before every instruction, and counts them there.
//
// A Run is used by the goroutine that runs it; others read no field of its runState. A Run that nothing else knows of any
// more is used again for the next one (see [VM.Do]).
type Run struct {
	runState

	// Read by other goroutines.
	heldSince  atomic.Int64           // unix nanoseconds of taken
	hurry      atomic.Bool            // set by others: look before the next instruction, a thousand may take long
	deadlineNs atomic.Int64           // unix nanoseconds of the deadline, 0: none
	gone       atomic.Bool            // it ended early, and left its Lua threads in the middle of what they did
	label      atomic.Pointer[string] // RunOptions.Label; nil: none
}

// runState is what a Run has for itself.
type runState struct {
	vm     *VM
	thread *lua.LState
	opts   RunOptions
	parent context.Context

	taken time.Time // when it took the VM last

	// What bounds the run. waitCtx is made at the first wait; most runs never wait.
	deadline   time.Time // zero: none
	waitCtx    context.Context
	cancelWait context.CancelFunc

	printedAt zapcore.Level // of printed
	printed   string        // by io.write, up to the next newline
	warnings  []error       // found on the way, for the batch or the log
	problems  []Problem     // records that were dropped on the way

	txn     *state.Txn // what it does to dumbprobe.state; nil: nothing yet
	nested  []nested   // the Lua threads it is on, on top of thread
	inCall  bool       // Lua is running: a call is one from inside of it
	failure coroutineFailure
	unclean bool // a Go panic has left the thread in a state that is not known

	life    context.Context // ends when the run does, whatever bounds it; made at the first use
	lifeEnd *time.Timer     // ends life at the deadline; nil: there is none
	cleanup []func()        // called at the end of the run, without the lock

	// What the instruction hook keeps.
	countdown int32  // instructions to the next look
	steps     uint64 // instructions up to the last look
	ended     error  // why the run must end, once that is known
}

// DeadlineError says that a run took longer than it may.
type DeadlineError struct {
	Timeout time.Duration
	// Waited is set when the deadline passed while the run queued for its VM, which another check held.
	Waited bool
	// Lost is set when the run could not take the VM back after a wait: the deadline passed in that, or after it.
	Lost bool
}

func (e *DeadlineError) Error() string {
	if e.Lost {
		return fmt.Sprintf("timeout: the deadline of %s passed in what it waited for, or while it waited to go on in the script after that: another check had the VM", e.Timeout)
	}
	if e.Waited {
		return fmt.Sprintf("timeout: the deadline of %s passed while it waited for its turn in the script; another check holds the VM", e.Timeout)
	}
	return fmt.Sprintf("timeout: the deadline of %s passed", e.Timeout)
}

// Timeout makes errors.Is(err, context.DeadlineExceeded) true.
func (e *DeadlineError) Is(target error) bool { return target == context.DeadlineExceeded }

// BudgetError says that a run executed more instructions than it may.
type BudgetError struct{ Limit uint64 }

func (e *BudgetError) Error() string {
	return fmt.Sprintf("the run executed more than %d instructions (max_instructions)", e.Limit)
}

// begin makes a Run of one that is done with, or of a new one.
func (r *Run) begin(vm *VM, ctx context.Context, opts RunOptions) {
	r.vm, r.parent, r.opts, r.countdown = vm, ctx, opts, stepsPerLook // the rest is zero: see VM.Do
	if r.hurry.Load() {
		r.hurry.Store(false)
	}
	r.heldSince.Store(math.MaxInt64) // it has not got the VM: who still looks at the Run before must not find it stuck
	r.deadlineNs.Store(0)
	r.label.Store(opts.Label)
}

// leftNothing tells whether a run that has ended is known to nobody else: no context was made of it, nothing was to be
// done at its end, and it has left its Lua thread as it found it.
func (r *Run) leftNothing() bool {
	return r.ended == nil && !r.unclean && !r.gone.Load() && r.waitCtx == nil && r.life == nil && r.cleanup == nil
}

var closedChannel = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Done is called by gopher-lua before every instruction. A nil channel means "go on".
func (r *Run) Done() <-chan struct{} {
	r.countdown--
	if r.countdown > 0 && !r.hurry.Load() {
		return nil
	}
	return r.look()
}

func (r *Run) look() <-chan struct{} {
	if r.ended != nil {
		return closedChannel // every further instruction fails too: pcall cannot carry on
	}
	r.hurry.Store(false)
	r.steps += uint64(stepsPerLook - r.countdown)
	r.countdown = stepsPerLook
	if r.vm.memory.limit.Load() > 0 {
		r.answerMemory()
	}
	if r.check() != nil {
		r.countdown = 0
		return closedChannel
	}
	return nil
}

// check finds out whether the run must end, and remembers why.
func (r *Run) check() error {
	if r.ended != nil {
		return r.ended
	}
	switch {
	case r.parent.Err() != nil:
		r.end(context.Cause(r.parent))
	case !r.deadline.IsZero() && !time.Now().Before(r.deadline):
		r.end(&DeadlineError{Timeout: r.opts.Timeout})
	case r.opts.MaxInstructions > 0 && r.steps > r.opts.MaxInstructions:
		r.end(&BudgetError{Limit: r.opts.MaxInstructions})
	}
	return r.ended
}

func (r *Run) end(err error) {
	r.ended = err
	r.countdown = 0
}

// Err is why the run must end; nil while it may go on.
func (r *Run) Err() error { return r.ended }

// Deadline is part of context.Context.
func (r *Run) Deadline() (time.Time, bool) { return r.deadline, !r.deadline.IsZero() }

// Value is part of context.Context.
func (r *Run) Value(key any) any { return r.parent.Value(key) }

// charge counts work in Go as the instructions that take about as long: a loop of few instructions that each
// do much must not look at the clock too seldom.
func (r *Run) charge(instructions int) {
	r.countdown -= int32(min(instructions, 1<<20)) // the next look adds them up
}

// work is charge for work that goes on: it looks when it is time to, and gives why the run must end.
func (r *Run) work(instructions int) error {
	r.charge(instructions)
	if r.countdown <= 0 || r.hurry.Load() {
		r.look()
	}
	return r.ended
}

// Instructions is how many Lua instructions the run has executed, with what charge counts as such.
func (r *Run) Instructions() uint64 {
	if r.ended != nil {
		return r.steps // the countdown counts no more
	}
	return r.steps + uint64(stepsPerLook-r.countdown)
}

// Logger logs with the fields of what runs.
func (r *Run) Logger() *zap.Logger {
	return r.opts.logger(r.vm)
}

func (o *RunOptions) logger(vm *VM) *zap.Logger {
	if o.Logger == nil {
		if o.MakeLogger != nil {
			o.Logger = o.MakeLogger()
		} else {
			o.Logger = vm.logger
		}
	}
	return o.Logger
}

// warn notes something that is no failure of the run, but must not pass in silence.
func (r *Run) warn(err error) { r.warnings = append(r.warnings, err) }

// dropped notes a record that could not be turned into messages, while others of the run were.
func (r *Run) dropped(err error) { r.problems = append(r.problems, Problem{Err: err}) }

// runOf is the run that a Lua thread, or a coroutine of it, belongs to.
func runOf(L *lua.LState) *Run {
	r, _ := L.Context().(*Run)
	if r == nil {
		// Only a thread that no run was set on comes here; it is a mistake of ours, not the script's.
		L.RaiseError("internal error: this function was called outside of a run")
	}
	return r
}

// interrupted is why the run of L must end now, nil if it may go on. It looks at the clock.
func interrupted(L *lua.LState) error { return runOf(L).check() }

// context is a Go context that ends with the run, for what the run waits for.
func (r *Run) context() context.Context {
	if r.waitCtx == nil {
		if r.deadline.IsZero() {
			r.waitCtx, r.cancelWait = context.WithCancel(r.parent)
		} else {
			r.waitCtx, r.cancelWait = context.WithDeadlineCause(r.parent, r.deadline, &DeadlineError{Timeout: r.opts.Timeout})
		}
	}
	return r.waitCtx
}

// lifetime is a Go context for what must not outlive the run, whether the run waits for it or not.
func (r *Run) lifetime() context.Context {
	if r.life == nil {
		life, end := context.WithCancelCause(r.parent)
		if !r.opts.Sliding && !r.deadline.IsZero() {
			r.lifeEnd = time.AfterFunc(time.Until(r.deadline), func() { end(&DeadlineError{Timeout: r.opts.Timeout}) })
			r.atEnd(func() { r.lifeEnd.Stop() })
		}
		r.life = life
		r.atEnd(func() { end(nil) })
	}
	return r.life
}

// atEnd has f called when the run is over. f must not touch Lua.
func (r *Run) atEnd(f func()) { r.cleanup = append(r.cleanup, f) }

func (r *Run) cleanUp() {
	for _, f := range r.cleanup {
		f()
	}
	r.dropContext()
}

func (r *Run) setDeadline() {
	if r.opts.Timeout <= 0 {
		return
	}
	r.deadline = r.opts.Deadline
	if r.deadline.IsZero() {
		r.deadline = time.Now().Add(r.opts.Timeout)
	}
	r.deadlineNs.Store(r.deadline.UnixNano())
}

// postpone puts the deadline off, by what was none of the run's time.
func (r *Run) postpone(by time.Duration) {
	if by <= 0 || r.deadline.IsZero() {
		return
	}
	r.deadline = r.deadline.Add(by)
	r.deadlineNs.Store(r.deadline.UnixNano())
	r.dropContext()
	if r.lifeEnd != nil {
		r.lifeEnd.Reset(time.Until(r.deadline))
	}
}

func (r *Run) dropContext() {
	if r.cancelWait != nil {
		r.cancelWait()
		r.waitCtx, r.cancelWait = nil, nil
	}
}

// Wait gives the VM away, calls f, and takes the VM back. f must not touch Lua; it may postpone the deadline. Its
// context ends when the run must; f has to return soon after.
//
// When the run's deadline passes before it has the VM again, and lateGrace too, Wait does not return: the
// goroutine ends here (deferred functions run, Lua's pcall cannot catch it), since without the lock there is
// no safe way through the Lua frames above. Whoever runs on this goroutine learns it from the run's outcome:
// see [VM.Do].
func (r *Run) Wait(f func(ctx context.Context) error) error {
	if err := r.check(); err != nil {
		return err
	}
	vm := r.vm
	if r.opts.OnWait != nil {
		r.opts.OnWait()
		r.opts.OnWait = nil
	}
	if r.opts.Sliding {
		// What it waits for has no deadline; computing after it gets a fresh one.
		r.deadline = time.Time{}
		r.deadlineNs.Store(0)
		r.dropContext()
	}
	ctx := r.context()
	current := vm.state.G.CurrentThread // a coroutine, maybe
	vm.lock.release()
	crash, err := r.outside(ctx, f)
	if r.opts.Sliding {
		r.dropContext()
		r.setDeadline()
	}
	ctx = r.context()   // f may have put the deadline off
	r.opts.Turned = nil // it has begun
	if !vm.lock.tryAcquire(r, time.Now()) {
		if lockErr := vm.lock.acquire(ctx, r); lockErr != nil && !r.takeBackLate() {
			r.abandon()
		}
	}
	if vm.closed {
		vm.lock.release()
		r.abandon()
	}
	vm.state.G.CurrentThread = current
	if crash != nil {
		panic(crash)
	}
	return err
}

// outside calls f without the VM. A panic must not go on from there: it would run the Lua code around this,
// a pcall's at least, without the lock.
func (r *Run) outside(ctx context.Context, f func(ctx context.Context) error) (crash any, err error) {
	defer func() {
		if crash = recover(); crash != nil {
			_ = PanicError(r.Logger(), crash)
		}
	}()
	return nil, f(ctx)
}

// waitOrRaise is Wait for functions that have no better way to say that the run is over than to raise.
func (r *Run) waitOrRaise(L *lua.LState, f func(ctx context.Context) error) {
	if err := r.Wait(f); err != nil {
		if over := r.check(); over != nil {
			err = over
		}
		L.RaiseError("%s", err.Error())
	}
}

// lateGrace is how long a run queues for the VM after its end. Only with the VM it can tell why it ended, and
// where in the script; and where many end at once, as they do at a timeout or a reload, all have to queue.
const lateGrace = 200 * time.Millisecond

// takeBackLate takes the VM back after the end of the run, if it comes free within lateGrace.
func (r *Run) takeBackLate() bool {
	late, cancel := context.WithTimeout(context.Background(), lateGrace)
	defer cancel()
	return r.vm.lock.acquire(late, r) == nil
}

func (r *Run) abandon() {
	r.ended = Abandoned(r.parent, r.opts.Timeout)
	r.gone.Store(true)
	r.thread = nil // never used again: Lua frames are still on it
	runtime.Goexit()
}

// held is for how long this run has the VM at a stretch, and how far its deadline is behind, both at now.
func (r *Run) held(now time.Time) (held, overdue time.Duration) {
	held = now.Sub(time.Unix(0, r.heldSince.Load()))
	if d := r.deadlineNs.Load(); d != 0 {
		overdue = now.Sub(time.Unix(0, d))
	} else {
		overdue = math.MinInt64
	}
	return held, overdue
}
