package luaapi

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"

	"dumbprobe/internal/command"
	"dumbprobe/internal/loglimit"
)

// Limits bound what a script can use up. A zero field means the default of [DefaultLimits].
type Limits struct {
	StringBytes     int    // of a string made by one call
	MessageBytes    int    // of one message as JSON
	MessageDepth    int    // levels of tables in one message
	DecodedValues   int    // in a JSON text that is decoded: each takes some 2 us and 250 bytes
	SourceBytes     int    // of a script file, and of a module it requires
	ChunkBytes      int    // of what load and loadstring compile
	MaxInstructions uint64 // per run; 0: no limit
}

// DefaultLimits are the limits where nothing else is said.
func DefaultLimits() Limits {
	return Limits{
		StringBytes:   16 << 20,
		MessageBytes:  1 << 20,
		MessageDepth:  64,
		DecodedValues: 1_000_000,
		SourceBytes:   1 << 20,
		ChunkBytes:    256 << 10,
	}
}

// Commands runs commands: a *command.Runner, or a *command.Group of it that bounds those of one script.
type Commands interface {
	Run(context.Context, command.Spec) (command.Result, error)
	Start(context.Context, command.Spec) (*command.Stream, error)
}

// Options are what a VM needs from the daemon.
type Options struct {
	Commands Commands      // runs the commands of checks; required
	Logger   *zap.Logger   // for the load; nil: none
	Hostname func() string // nil: the kernel's
	Version  string        // of the daemon, dumbprobe.version
	Limits   Limits
	// Schedule says what is wrong with when a check is to run, for all that is wrong with a script to be told at
	// once; nil: nothing is looked at.
	Schedule func(CheckFields) error
}

// VM owns the Lua state of one script file, and its lock. See the package comment.
type VM struct {
	path     string // as it was given; names the chunk in error messages
	dir      string // where require looks
	commands Commands
	hostname func() string
	version  string
	limits   Limits
	logger   *zap.Logger
	schedule func(CheckFields) error // may be nil

	lines *loglimit.Limit // of the script in the log

	lock      vmLock
	spare     atomic.Pointer[Run] // for the next run; nil: there is none
	memory    memoryWatch
	sources   sources
	files     fileCount    // of the io library
	processes atomic.Int32 // of io.popen, to read from

	// The lock protects what follows.
	state   *lua.LState
	threads []*lua.LState // idle ones, for the next runs
	closed  bool
	checks  lua.LValue // what the script returned; nil before
	loading bool       // the script's top level runs
	classes classRegistry
	scratch []byte           // for messages while they are written
	invalid []*problemObject // built-in objects whose fields were wrong, found while loading
	shared  sharedValues
	modules map[string]*lua.LTable    // the daemon's, by the name that require takes
	readers map[*ownedReader]struct{} // opened by the script, and not closed yet
	life    context.Context           // ends with the VM
	endLife context.CancelFunc
}

// maxIdleThreads bounds the pool: an idle thread keeps about 6 KB.
const maxIdleThreads = 64

// NewVM makes the VM for the script at path, without reading it. The caller closes it.
func NewVM(path string, opts Options) *VM {
	vm := &VM{
		path:     path,
		dir:      filepath.Dir(path),
		commands: opts.Commands,
		hostname: opts.Hostname,
		version:  opts.Version,
		limits:   withDefaults(opts.Limits),
		logger:   opts.Logger,
		schedule: opts.Schedule,
		lines:    loglimit.New(),
		lock:     newVMLock(),
		classes:  classRegistry{},
		modules:  map[string]*lua.LTable{},
		readers:  map[*ownedReader]struct{}{},
	}
	vm.life, vm.endLife = context.WithCancel(context.Background())
	if vm.logger == nil {
		vm.logger = zap.NewNop()
	}
	if vm.hostname == nil {
		vm.hostname = kernelHostname
	}
	vm.state = lua.NewState(lua.Options{
		SkipOpenLibs:        true,
		RegistrySize:        128, // 2 KB for each run that waits; it grows
		RegistryGrowStep:    512,
		RegistryMaxSize:     1 << 20,
		CallStackSize:       1024,
		MinimizeStackMemory: true,
	})
	vm.install()
	return vm
}

func withDefaults(l Limits) Limits {
	d := DefaultLimits()
	for _, f := range []struct{ v, def *int }{
		{&l.StringBytes, &d.StringBytes}, {&l.MessageBytes, &d.MessageBytes}, {&l.MessageDepth, &d.MessageDepth},
		{&l.DecodedValues, &d.DecodedValues}, {&l.SourceBytes, &d.SourceBytes}, {&l.ChunkBytes, &d.ChunkBytes},
	} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	return l
}

func kernelHostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

// Path is the script's path as it was given.
func (vm *VM) Path() string { return vm.path }

// ErrClosed is what a run gets that comes after the VM was closed.
var ErrClosed = errors.New("the script was unloaded")

// ErrNotBegun is what a run gets that turned away (RunOptions.Turned) before it had the VM.
var ErrNotBegun = errors.New("the run was not begun")

// Do takes the VM and calls f with it, on a thread of its own.
//
// f may wait ([Run.Wait]); a run whose deadline passes while it queues for the VM after such a wait ends its
// goroutine ([runtime.Goexit]). So Do must be called on a goroutine that ends with the run, and who needs
// the outcome calls it by [Finally].
//
// A panic of f is an error, see guard.go. What the run did to dumbprobe.state is committed if Do gives no error.
func (vm *VM) Do(ctx context.Context, opts RunOptions, f func(*Run) error) (err error) {
	r := vm.spare.Swap(nil)
	if r == nil {
		r = new(Run)
	}
	r.begin(vm, ctx, opts)
	if r.opts.MaxInstructions == 0 {
		r.opts.MaxInstructions = vm.limits.MaxInstructions
	}
	r.setDeadline()
	again := false
	defer func() { // without the lock, and also when the goroutine ends early
		r.cleanUp()
		if again {
			r.runState = runState{} // an idle VM keeps nothing of its last run
			vm.spare.Store(r)
		}
	}()
	if r.opts.Now.IsZero() {
		r.opts.Now = time.Now()
	}
	if !vm.lock.tryAcquire(r, r.opts.Now) {
		if err := vm.lock.acquire(r.context(), r); err != nil {
			var late *DeadlineError
			if errors.As(err, &late) {
				return &DeadlineError{Timeout: opts.Timeout, Waited: true}
			}
			return err
		}
	}
	if vm.closed {
		vm.lock.release()
		return ErrClosed
	}
	if !r.deadline.IsZero() && !r.taken.Before(r.deadline) { // it waited for its turn before it came here
		vm.lock.release()
		return &DeadlineError{Timeout: opts.Timeout, Waited: true}
	}
	r.thread = vm.takeThread()
	r.thread.SetContext(r)
	vm.state.G.CurrentThread = r.thread
	ended := false
	defer func() { r.endTransaction(ended && err == nil) }() // without the lock, and also when the goroutine ends early
	err = r.guarded(f)
	ended = true
	r.flushPrinted()
	vm.giveThread(r)
	vm.lock.release()
	again = r.leftNothing()
	if over := r.ended; over != nil {
		// Lua only knows the text of it.
		if err != nil {
			return &endedError{why: over, where: err}
		}
		return over
	}
	return err
}

// endedError is a run that was ended, with where in the script that was.
type endedError struct{ why, where error }

func (e *endedError) Error() string {
	var script *ScriptError
	if errors.As(e.where, &script) && script.Line > 0 {
		return script.position() + ": " + e.why.Error()
	}
	return e.why.Error()
}

func (e *endedError) Unwrap() []error { return []error{e.why, e.where} }

// Finally calls f, which calls [VM.Do] with ctx, and report with its error, also when f ends the goroutine.
func Finally(ctx context.Context, timeout time.Duration, f func() error, report func(error)) {
	var err error
	ended := false
	defer func() {
		if !ended {
			err = Abandoned(ctx, timeout)
		}
		report(err)
	}()
	err = f()
	ended = true
}

// Abandoned is the outcome of a run that has just ended its goroutine, since it could not take the VM back: see
// [VM.Do]. It was cancelled, if ctx has ended, or else its deadline has passed.
func Abandoned(ctx context.Context, timeout time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &DeadlineError{Timeout: timeout, Lost: true}
}

func (vm *VM) takeThread() *lua.LState {
	if n := len(vm.threads); n > 0 {
		th := vm.threads[n-1]
		vm.threads[n-1] = nil
		vm.threads = vm.threads[:n-1]
		return th
	}
	th, _ := vm.state.NewThread() // the main state has no context, so neither a child of one
	return th
}

// giveThread puts the run's thread back. One that ended early may hold frames, or a large registry, and is
// left to the garbage collector. (Closing a thread would remove temporary files of the whole state.)
func (vm *VM) giveThread(r *Run) {
	th := r.thread
	r.thread = nil
	vm.state.G.CurrentThread = vm.state
	if th != nil && r.ended == nil && !r.unclean {
		vm.keepThread(th)
	}
}

// keepThread puts an idle thread into the pool.
func (vm *VM) keepThread(th *lua.LState) {
	if len(vm.threads) >= maxIdleThreads {
		return
	}
	th.SetTop(0)
	th.RemoveContext()
	th.Env = vm.state.Env // setfenv(0, ...) changes it
	vm.threads = append(vm.threads, th)
}

// Close ends the VM when nobody has it any more. Runs that queue for it then end, and those that wait end when
// their wait is over: cancel them before. It returns the context's error if the VM does not come free before:
// then the VM is left as it is, for good.
func (vm *VM) Close(ctx context.Context) error {
	r := &Run{runState: runState{vm: vm, parent: ctx}}
	if !vm.lock.tryAcquire(r, time.Now()) {
		if err := vm.lock.acquire(ctx, r); err != nil {
			return err
		}
	}
	defer vm.lock.release()
	if vm.closed {
		return nil
	}
	vm.closed = true
	vm.lines.Tell()
	vm.threads = nil
	vm.endLife()
	for source := range vm.readers {
		if source.isOf(vm) {
			_ = source.Close() // it ends with the context anyway; this waits for it
		}
	}
	vm.state.Close()
	return nil
}

// Hurry has the run that holds the VM look at the clock before its next instruction, if its deadline has
// passed: a thousand instructions that each make a string of megabytes take minutes.
func (vm *VM) Hurry(now time.Time) {
	if r := vm.lock.holder.Load(); r != nil {
		if _, overdue := r.held(now); overdue > 0 {
			r.hurry.Store(true)
		}
	}
}

// Stuck tells whether a run holds the VM past its deadline by more than grace: then it is in Go code that
// the deadline cannot interrupt, and nobody knows when it returns. held is for how long it has had the VM,
// label is the run's.
func (vm *VM) Stuck(now time.Time, grace time.Duration) (label string, held time.Duration, stuck bool) {
	r := vm.lock.holder.Load()
	if r == nil {
		return "", 0, false
	}
	if l := r.label.Load(); l != nil {
		label = *l
	}
	held, overdue := r.held(now)
	if vm.lock.holder.Load() != r {
		return "", 0, false // what was read is of two runs, maybe
	}
	return label, held, overdue > grace && held > grace
}
