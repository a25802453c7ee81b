package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"dumbprobe/internal/command"
	"dumbprobe/internal/output"
	"dumbprobe/internal/state"
	"dumbprobe/luaapi"
	"dumbprobe/scheduler"
)

// Engine runs the checks of a set of scripts. It owns what outlives a script: the outputs, the runner of
// commands, the run queue and the counters.
//
// New, then one of Run and Once. Reload may be called from any goroutine, at any time.
type Engine struct {
	options  Options
	logger   *zap.Logger
	commands *command.Runner
	outputs  *output.Fanout
	loop     *scheduler.Loop
	voice    *voice
	kept     *state.DB // what checks keep from one run to the next
	keptEnd  sync.Once // closes it

	late    lateness
	garbage garbage // of its scripts
	started time.Time
	ready   chan struct{} // closed when the scripts were loaded and started

	reloads sync.Mutex       // one load or reload at a time; protects what follows, for writing
	mu      sync.Mutex       // protects following fields, for reading them meanwhile
	scripts []*script        // in the order of the files
	broken  map[string]error // by file: why it cannot be loaded, or loaded again
	state   runState
	retired map[*script]context.CancelFunc // old versions that come to their end; the function hurries that on
	drained sync.WaitGroup                 // old versions of scripts that come to their end in the background; Go only under reloads

	drops *drops // of outputs; set by New

	stopping  context.Context // ends when the daemon begins to stop: no load goes on then
	stop      context.CancelFunc
	graceOver context.Context // ends when what runs had its grace
	endGrace  context.CancelFunc

	stuckGrace  time.Duration // see defaultStuckGrace
	cancelGrace time.Duration // see defaultCancelGrace
	flushTime   time.Duration // see defaultFlushTime
}

// newEngine makes an engine that can load, and has no outputs.
func newEngine(o Options) *Engine {
	e := &Engine{
		options: o, logger: o.Logger, retired: map[*script]context.CancelFunc{},
		started: time.Now(), ready: make(chan struct{}),
		stuckGrace: defaultStuckGrace, cancelGrace: defaultCancelGrace, flushTime: defaultFlushTime,
	}
	e.commands = command.NewRunner(command.Options{
		MaxCommands: o.MaxCommands,
		Guardian:    o.Guardian,
		Warn:        func(err error) { o.Logger.Warn(err.Error()) },
		OnPanic:     func(crash any) error { return luaapi.PanicError(o.Logger, crash) },
	})
	e.garbage.collect = collectGarbage
	e.stopping, e.stop = context.WithCancel(context.Background())
	e.graceOver, e.endGrace = context.WithCancel(context.Background())
	return e
}

type runState int

const (
	stateNew runState = iota
	stateRunning
	stateEnded
)

// New opens the destinations; it loads nothing yet. Errors are about the options.
func New(o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	e := newEngine(o)
	e.drops = newDrops()
	e.outputs, err = output.New(output.Options{
		Addresses: o.Destinations, SpoolBytes: o.SpoolBytes, SpoolDir: o.SpoolDir, SpoolSync: o.SpoolSync, Stdout: o.Stdout, Logger: o.Logger, OnEvent: e.destinationEvent,
		Hostname: hostname(), Version: o.Version,
	})
	if err != nil {
		return nil, err
	}
	e.voice = newVoice(o.SelfMessages, o.Logger, hostname, e.outputs.Send)
	e.drops.begin(e.voice)
	if e.kept, err = e.openState(); err != nil {
		e.Close()
		return nil, err
	}
	e.loop = scheduler.NewLoop(scheduler.LoopOptions{
		OnClockStep: e.clockStepped, OnRound: o.Hooks.Round, MaxIdle: o.Hooks.MaxIdle,
	})
	return e, nil
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

func (e *Engine) vmOptions(path string, commands *command.Group) luaapi.Options {
	return luaapi.Options{
		Commands: commands,
		Schedule: func(f luaapi.CheckFields) error {
			_, err := scheduleOf("", f)
			return err
		},
		Logger:   e.logger.With(zap.String("script", path)),
		Hostname: hostname,
		Version:  e.options.Version,
		Limits:   e.options.limits(),
	}
}

// sendBatch sends what a run found, and logs what it warns of.
func (e *Engine) sendBatch(s source, b *luaapi.Batch) {
	for i, warning := range b.Warnings {
		if i >= maxReported {
			s.lines.Log(e.logger, zapcore.WarnLevel, fmt.Sprintf("%d more warnings of this run", len(b.Warnings)-i), s.fields()...)
			break
		}
		s.lines.Log(e.logger, zapcore.WarnLevel, warning.Error(), s.fields()...)
	}
	for i, p := range b.Problems {
		if i >= maxReported {
			s.lines.Log(e.logger, zapcore.ErrorLevel, fmt.Sprintf("%d more messages or records were dropped", len(b.Problems)-i), s.fields()...)
			break
		}
		if i > 0 { // the first one is reported with the outcome
			s.lines.Log(e.logger, zapcore.ErrorLevel, p.Error(), s.fields()...)
		}
	}
	e.voice.dropped.Add(uint64(b.Dropped()))
	e.sendLines(b.Lines)
}

func (e *Engine) sendLines(lines [][]byte) {
	for _, line := range lines {
		e.outputs.Send(line)
	}
	e.voice.lines.Add(uint64(len(lines)))
}

// Run loads the scripts and runs their checks until ctx ends. Then it starts nothing more, gives what runs
// the grace period, closes the handles and flushes the destinations. A script that cannot be loaded is an
// error at the start.
func (e *Engine) Run(ctx context.Context) error {
	scripts, err := e.begin(ctx)
	if err != nil {
		e.Close()
		if ctx.Err() != nil {
			return nil // told to end while the scripts were loading
		}
		return err
	}
	loopCtx, stopLoop := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { _ = e.loop.Run(loopCtx) })
	background.Go(func() { e.watch(loopCtx) })
	background.Go(func() { e.interrupt(loopCtx) })
	e.logger.Debug("how commands are kept together: " + e.commands.Isolation().String())
	e.logger.Info("running", zap.Int("scripts", len(scripts)), zap.Int("checks", countTasks(scripts)))

	<-ctx.Done()
	if e.options.Hooks.Stopping != nil {
		e.options.Hooks.Stopping(e.stopsWithin())
	}
	e.logger.Info("stopping", zap.Duration("grace", e.options.Grace))
	err = e.shutdown()
	stopLoop()
	background.Wait()
	e.Close()
	return err
}

// begin loads all scripts and starts them. A reload that is asked for meanwhile comes after it.
func (e *Engine) begin(ctx context.Context) ([]*script, error) {
	e.reloads.Lock()
	defer e.reloads.Unlock()
	scripts, err := e.loadAll(ctx)
	if err := e.reportBroken(scripts, err); err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.state = stateRunning
	e.scripts = scripts
	e.mu.Unlock()
	e.useState(scripts)
	for _, s := range scripts {
		s.start(nil, succession{}) // the loop, which is not running yet, keeps what is due
	}
	close(e.ready)
	e.tell(e.options.Hooks.Started)
	return scripts, nil
}

func countTasks(scripts []*script) (n int) {
	for _, s := range scripts {
		n += len(s.tasks)
	}
	return n
}

// shutdown brings everything to its end within the grace period, and the destinations within another.
func (e *Engine) shutdown() error {
	grace, cancel := context.WithTimeout(context.Background(), e.options.Grace)
	defer cancel()
	context.AfterFunc(grace, e.endGrace)
	e.stop()         // a reload that is under way loads nothing more
	e.reloads.Lock() // and none begins any more
	defer e.reloads.Unlock()
	e.mu.Lock()
	e.state = stateEnded
	scripts := e.scripts
	e.scripts = nil
	e.mu.Unlock()
	var draining sync.WaitGroup
	for _, s := range scripts {
		draining.Go(func() { s.drain(grace) })
	}
	draining.Wait()
	e.drained.Wait()
	return e.flush()
}

// defaultFlushTime is how long the destinations get for what is left at the end.
const defaultFlushTime = 10 * time.Second

func (e *Engine) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), e.flushTime)
	defer cancel()
	e.drops.end()
	err := e.undelivered(e.outputs.Close(ctx))
	var lost *output.NotDeliveredError
	if errors.As(err, &lost) {
		e.logger.Error("messages are lost: " + lost.Error())
		return nil // the daemon has ended as it was told to
	}
	return err
}

// undelivered logs what is kept for the next start, and returns what is lost.
func (e *Engine) undelivered(err error) error {
	var left *output.NotDeliveredError
	if !errors.As(err, &left) {
		return err
	}
	if kept := left.Kept(); kept != nil {
		e.logger.Warn("messages are kept in the spool for the next start: " + kept.Error())
	}
	return left.Lost()
}

// Close frees what New opened. After Run and Once it has nothing to do.
func (e *Engine) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	e.garbage.end()
	e.drops.end()
	_ = e.outputs.Close(ctx)
	e.commands.Close()
	e.closeState()
	e.stop()
	e.endGrace()
}

// clockStepped plans all checks again after the wall clock was set.
func (e *Engine) clockStepped(delta time.Duration) {
	e.logger.Warn("the clock was set, or the machine slept; the checks that go by the clock are planned again", zap.Duration("step", delta))
	now := time.Now()
	e.mu.Lock()
	scripts := e.scripts
	e.mu.Unlock()
	for _, s := range scripts {
		for _, t := range s.tasks {
			if c, ok := t.(*check); ok {
				c.clockStepped(now)
			}
		}
	}
}

// destinationEvent sends a message of the daemon's own about messages that were lost. (That a destination is
// away is logged by the output: a message about it would wait behind the others.)
func (e *Engine) destinationEvent(ev output.Event) {
	if ev.Kind != output.Dropped || ev.Drops[output.DropShutdown] == ev.Lines() {
		return // at the end, nobody gets a message any more
	}
	e.drops.note(ev.Destination, ev.Drops)
}

// reasons writes what was dropped by reason, as in "spool_full 6, too_large 1".
func reasons(drops map[string]uint64) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(drops)) {
		parts = append(parts, fmt.Sprintf("%s %d", reason, drops[reason]))
	}
	return strings.Join(parts, ", ")
}
