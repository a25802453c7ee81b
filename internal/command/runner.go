package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Runner starts commands and ends them. It is safe for concurrent use. Close it to leave nothing behind.
type Runner struct {
	options Options
	id      string // tells the commands of this Runner from those of any other
	slots   *slots
	spawner spawner
	leaves  leaves
	guard   guard
	devNull devNull
	census  census

	// base ends with Close; stopBase gives it ErrClosed as cause.
	base     context.Context
	stopBase context.CancelCauseFunc
	active   sync.WaitGroup // of Run and of streams; Add only under mu and while not closed

	// forks is held for reading from a fork until the child is in children, and for writing by ReapOrphans.
	forks    sync.RWMutex
	suspects map[procInfo]bool // dead at the last ReapOrphans, perhaps somebody's; guarded by forks

	mu       sync.Mutex // protects following fields
	closed   bool
	children map[int]*process // started, not reaped

	running, streams, stuck                        atomic.Int64
	serial, started, startErrors, killed, timeouts atomic.Uint64
	truncated, leftovers, noSlot, noStream, reaped atomic.Uint64
}

// NewRunner starts nothing by itself. Where the limits of processes leave less room than o asks for, it lowers
// MaxCommands and MaxStreams, and warns.
func NewRunner(o Options) *Runner {
	fitting, lowered := o.withDefaults().fit(roomNow())
	r := &Runner{options: fitting, id: rand.Text(), children: map[int]*process{}}
	if lowered != nil {
		r.warn(lowered)
	}
	r.guard = newGuard(r)
	r.slots = newSlots(r.options.MaxCommands, r.options.MaxStreams)
	r.leaves.id, r.leaves.maxIdle = r.id, r.options.MaxCommands
	if o.Cgroup == CgroupOff {
		r.leaves.reason = errors.New("they are switched off")
	}
	r.base, r.stopBase = context.WithCancelCause(context.Background())
	return r
}

// Run runs s and waits for its end. It returns at most Grace + WaitDelay after the end of ctx, or of s.Timeout, and
// starts nothing if ctx has ended. For the wait for a slot see slots; with a Timeout it takes maxWait of that at most.
//
// A command that ran to its end gives no error, whatever its code; Result.Waited is right with any error. Otherwise:
// *StartError; *KilledError,
// with what the Result has so far; or an error that matches ctx's cause, and ErrNoSlot if it ended while
// waiting for a slot. All errors for the end of ctx match context.Cause(ctx) and ctx.Err(), those for the end of the
// Timeout TimeoutCause and context.DeadlineExceeded.
func (r *Runner) Run(ctx context.Context, s Spec) (Result, error) {
	g := r.Group("", 0)
	defer g.Close()
	return g.Run(ctx, s)
}

// maxWait is how many times its Timeout a command waits for a slot. While those who have one end, nobody waits for
// long; where they do not, not even by KILL, that is to be told.
const maxWait = 10

// run is Run for a command of o.
func (r *Runner) run(ctx context.Context, s Spec, o *owner) (Result, error) {
	ctx, end, err := r.begin(ctx, s)
	if err != nil {
		return Result{}, err
	}
	defer end()
	asked := time.Now()
	queued, stopWaiting := withTimeout(ctx, maxWait*s.Timeout, s.TimeoutCause)
	defer stopWaiting()
	free, err := r.enter(queued, o)
	waited := time.Since(asked)
	if err != nil {
		r.noSlot.Add(1)
		return Result{Waited: waited}, fmt.Errorf("%s was not started: %w, also after %v: %w",
			quote(s.Argv), err, waited.Round(time.Millisecond), causes(queued))
	}
	ctx, cancel := withTimeout(ctx, s.Timeout, s.TimeoutCause)
	defer cancel()
	p, err := r.launch(s, 0)
	if err != nil {
		r.startErrors.Add(1)
		free()
		return Result{Waited: waited}, err
	}

	keep := s.MaxOutput
	if keep <= 0 {
		keep = DefaultMaxOutput
	}
	stdout, stderr := capture{max: keep}, capture{max: keep}
	var reading sync.WaitGroup
	reading.Go(func() { stdout.readAll(p.stdout) })
	reading.Go(func() { stderr.readAll(p.stderr) })
	result, err := r.finish(ctx, p, free, false)
	reading.Wait() // supervise has seen them end, or cut them

	result.Waited = waited
	result.Stdout, result.StdoutTruncated = stdout.kept, stdout.truncated
	result.Stderr, result.StderrTruncated = stderr.kept, stderr.truncated
	if stdout.truncated || stderr.truncated {
		r.truncated.Add(1)
	}
	return result, err
}

func withTimeout(ctx context.Context, limit time.Duration, cause error) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, limit, cause)
}

// Close refuses what is asked from now on, ends all that runs, with ErrClosed as the cause, and what commands have left
// in the background, and returns when it has ended. It can be called twice.
func (r *Runner) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stopBase(ErrClosed)
	r.active.Wait()
	if r.started.Load() > 0 {
		r.endLeftBehind()
	}
	r.spawner.close() // only now: the end of its thread kills the streams
	r.guard.close()
	r.leaves.close()
	r.devNull.close()
}

// Isolation says how commands are isolated, for the log. It is known at once, but can still change for the
// worse at the first command.
func (r *Runner) Isolation() Isolation { return r.leaves.isolation() }

// MaxCommands is how many commands of Run may run at once.
func (r *Runner) MaxCommands() int { return r.options.MaxCommands }

// Stats is a snapshot.
func (r *Runner) Stats() Stats {
	waiting, longest := r.slots.stats()
	return Stats{
		Running: int(r.running.Load()), Waiting: waiting, Streams: int(r.streams.Load()), Stuck: int(r.stuck.Load()),
		Started: r.started.Load(), StartErrors: r.startErrors.Load(), Killed: r.killed.Load(),
		Timeouts: r.timeouts.Load(), Truncated: r.truncated.Load(), Leftovers: r.leftovers.Load(),
		NoSlot: r.noSlot.Load(), NoStream: r.noStream.Load(), Reaped: r.reaped.Load(), LongestWait: longest,
	}
}

// begin admits one use of r. The context it gives ends with Close, too; end must be called.
func (r *Runner) begin(ctx context.Context, s Spec) (_ context.Context, end func(), err error) {
	refused := func(err error) error { return fmt.Errorf("%s was not started: %w", quote(s.Argv), err) }
	if ctx.Err() != nil {
		return nil, nil, refused(causes(ctx))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, refused(ErrClosed)
	}
	r.active.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	forget := context.AfterFunc(r.base, func() { cancel(ErrClosed) })
	return ctx, func() {
		forget()
		cancel(nil)
		r.active.Done()
	}, nil
}

// fork starts p as the program at path, and enters it into children.
func (r *Runner) fork(p *process, path string, attr *syscall.ProcAttr) (err error) {
	r.forks.RLock()
	defer r.forks.RUnlock()
	p.started = time.Now()
	p.pid, err = r.leaves.forkExec(p, path, attr)
	if err != nil {
		return err
	}
	p.tree.leader = p.pid
	r.started.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.children[p.pid] = p
	return nil
}

// finish waits for p, reaps it and calls free; a p that even KILL did not end is reaped in the background. whole says
// that nothing of p is to stay.
func (r *Runner) finish(ctx context.Context, p *process, free func(), whole bool) (_ Result, err error) {
	over := false
	free = sync.OnceFunc(free)
	defer func() {
		if over {
			return
		}
		r.abandon(p, free)
		if r.options.OnPanic != nil {
			err = r.options.OnPanic(recover())
		}
	}()
	leftovers, killed := p.supervise(ctx, r.options)
	p.closeStdin()
	if whole && killed == nil {
		if rest, _ := p.tree.members(); len(rest) > 0 {
			p.tree.end(p.exited, r.options.Grace, r.options.WaitDelay)
		}
	}
	result := Result{Leftovers: leftovers}
	if leftovers {
		r.leftovers.Add(1)
	}
	if isClosed(p.exited) {
		result.Code, err = r.reap(p)
		free()
	} else {
		result.Code = -int(syscall.SIGKILL)
		r.reapLater(p, free)
	}
	result.Duration = time.Since(p.started)
	if killed != nil {
		r.killed.Add(1)
		if errors.Is(killed, context.DeadlineExceeded) {
			r.timeouts.Add(1)
		}
		err = killed
	}
	over = true
	return result, err
}

func (r *Runner) reapLater(p *process, free func()) {
	r.stuck.Add(1)
	go func() {
		<-p.exited
		r.reap(p)
		r.stuck.Add(-1)
		free()
	}()
}

// abandon is for a p that finish has panicked with. Of what p has started, the group alone is ended.
func (r *Runner) abandon(p *process, free func()) {
	r.mu.Lock()
	reaped := r.children[p.pid] != p
	r.mu.Unlock()
	if reaped {
		free()
	} else {
		p.awaitExit()
		syscall.Kill(-p.pid, syscall.SIGKILL)
		r.reapLater(p, free)
	}
	p.closePipes()
}

func (r *Runner) reap(p *process) (int, error) {
	status, err := reapChild(p.pid)
	r.mu.Lock()
	if r.children[p.pid] == p { // the number may be another child's already
		delete(r.children, p.pid)
	}
	r.mu.Unlock()
	r.leaves.give(p.tree.leaf)
	if err != nil {
		return 0, fmt.Errorf("the exit code of %s (pid %d) is lost: %w: does something else in the daemon reap children?",
			quote(p.argv), p.pid, err)
	}
	return code(status), nil
}

func (r *Runner) isChild(pid int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.children[pid] != nil
}

// causes matches both the cause and the error of an ended context.
func causes(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ctx.Err()) {
		return cause
	}
	return fmt.Errorf("%w (%w)", cause, ctx.Err())
}
