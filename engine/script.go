package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"dumbprobe/internal/command"
	"dumbprobe/luaapi"
)

// errStopped is the cause of a script's context when the script ends: by a reload, or with the daemon.
var errStopped = errors.New("the script was stopped")

// task is an entry of a script that runs: a check, a handle or an object.
type task interface {
	title() string
	source() source
	start(old task) // takes over from the task of that name in the version before, if there was one (nil)
	stop()          // schedules nothing more; what runs goes on
	giveUp()        // the next version waits no longer for what runs
}

// script is one loaded version of a script file: its VM and its tasks.
//
// The steps of its life: load (nothing of it runs yet) → start → stop (nothing new starts) → drain (what
// runs comes to its end, or is cancelled) → close.
type script struct {
	engine *Engine
	path   string // as given, or as found in a folder
	vm     *luaapi.VM
	loaded *luaapi.Script // what the top level gave
	tasks  []task

	life   context.Context // of everything that runs; ends with cause errStopped
	cancel context.CancelCauseFunc
	turns  turns         // of the runs that need the VM
	idle   chan struct{} // closed by stop: ends the sleep of an object
	opened tenure        // handles that are open, or about to be

	loadedAt time.Time
	commands *command.Group
	memory   atomic.Uint64 // bytes of Lua values when they were counted last; 0: they were not

	mu          sync.Mutex // protects following fields
	stopping    bool
	quarantined map[string]quarantine // by name of the check
	replaceAt   time.Time             // not to be replaced as stuck before
	running     sync.WaitGroup        // runs, and handles that are open; Add only under mu while not stopping
}

// load runs the top level of the script at path; adopt then makes it ready to start. The error is a
// *luaapi.LoadError.
func (e *Engine) load(ctx context.Context, path string) (*script, error) {
	s := &script{
		engine: e,
		path:   path,
		idle:   make(chan struct{}),

		loadedAt: time.Now(),
		commands: e.commands.Group(path, e.options.ScriptCommands),
	}
	s.turns.manyServed = e.garbage.pause
	s.turns.conclusions.conclude = (*execution).conclude
	s.turns.concludeOwn = e.options.SpoolDir != "" && e.options.SpoolSync == 0
	s.vm = luaapi.NewVM(path, e.vmOptions(path, s.commands))
	s.life, s.cancel = context.WithCancelCause(context.Background())
	var err error
	if s.loaded, err = s.run(ctx); err != nil {
		s.close(time.Second)
		return nil, err
	}
	return s, nil
}

// run runs the top level of the script. It does not wait for one that no deadline can interrupt.
func (s *script) run(ctx context.Context) (*luaapi.Script, error) {
	e := s.engine
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.stopping, func() { cancel(errStopped) })()
	type result struct {
		loaded *luaapi.Script
		err    error
	}
	done := make(chan result, 1)
	go func() {
		loaded, err := s.vm.Load(ctx, luaapi.RunOptions{Timeout: e.options.LoadTimeout, Logger: e.logger.With(source{script: s.path}.fields()...)})
		done <- result{loaded, err}
	}()
	limit := e.options.LoadTimeout + e.stuckGrace
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.loaded, r.err
	case <-timer.C:
		go func() {
			<-done
			s.close(time.Second)
		}()
		return nil, &luaapi.LoadError{Path: s.path, Problems: []string{
			fmt.Sprintf("the script has been stuck for %s in code that a deadline cannot interrupt", limit.Round(time.Second))}}
	}
}

// adopt makes the tasks of what the script returned. names are those that other files have taken: a name is
// unique in the daemon. The error is a *luaapi.LoadError; adopt can be tried again with other names.
func (s *script) adopt(names map[string]string) error {
	s.tasks = nil
	if o := s.loaded.Object; o != nil {
		s.tasks = []task{newObject(s, o, names)}
		return nil
	}
	var problems []string
	own := map[string]int{}
	for _, entry := range s.loaded.Entries {
		name := s.nameOf(entry, names)
		if other, taken := names[name]; taken && other != s.path {
			problems = append(problems, fmt.Sprintf("%s, entry %d: the name %q is taken by %s", s.at(entry.Line), entry.Position, name, other))
			continue
		}
		if first, taken := own[name]; taken {
			problems = append(problems, fmt.Sprintf("%s: entries %d and %d have one name, %q; names are unique", s.at(entry.Line), first, entry.Position, name))
			continue
		}
		own[name] = entry.Position
		entry.Name = name
		if entry.Kind == luaapi.HandleEntry {
			s.tasks = append(s.tasks, newHandle(s, entry, name))
			continue
		}
		c, err := newCheck(s, entry, name)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s at %s, entry %d: %s", entry.Class, s.at(entry.Line), entry.Position, strings.ReplaceAll(err.Error(), "\n", "; ")))
			continue
		}
		s.tasks = append(s.tasks, c)
	}
	if len(problems) > 0 {
		return &luaapi.LoadError{Path: s.path, Problems: problems}
	}
	return nil
}

func (s *script) at(line int) string {
	if line == 0 {
		return s.path
	}
	return s.path + ":" + strconv.Itoa(line)
}

// nameOf is the name that the script gives, or <script>#<position> <Class>. The script is its file's name,
// unless another file of that name was loaded before: then it is the whole path.
func (s *script) nameOf(entry *luaapi.Entry, names map[string]string) string {
	if entry.Name != "" {
		return entry.Name
	}
	rest := fmt.Sprintf("#%d %s", entry.Position, entry.Class)
	name := filepath.Base(s.path) + rest
	if other, taken := names[name]; taken && other != s.path {
		return s.path + rest
	}
	return name
}

// start starts the tasks. old is the version of the file before, or nil; from says what they take over.
func (s *script) start(old *script, from succession) {
	for _, t := range s.tasks {
		h, isHandle := t.(*handle)
		switch before := from.handles[h]; {
		case !isHandle:
			t.start(from.checks[t.title()])
		case before != nil:
			h.startAfter(before)
		case old != nil:
			h.startAlone(old)
		default:
			h.start(nil)
		}
	}
}

// begin notes that something runs. It is false when the script is stopping.
func (s *script) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.running.Add(1)
	return true
}

func (s *script) end() { s.running.Done() }

func (s *script) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// stop has nothing new start; handles close.
func (s *script) stop() {
	s.mu.Lock()
	already := s.stopping
	s.stopping = true
	s.mu.Unlock()
	if already {
		return
	}
	close(s.idle)
	for _, t := range s.tasks {
		t.stop()
	}
}

// abandonTurns ends the runs that queue for a VM that will not come free.
func (s *script) abandonTurns() {
	for _, run := range s.turns.clear() {
		run.check.finished(run, &luaapi.Batch{}, errStopped, time.Now())
		run.check.end()
	}
}

// drain waits for what runs, and cancels what still runs when ctx ends. After that it waits a little for
// what was cancelled; what does not even end then is in Lua and stuck, and is left behind.
func (s *script) drain(ctx context.Context) {
	s.stop()
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		s.cancel(errStopped)
		s.abandonTurns()
		select {
		case <-ended:
		case <-time.After(s.engine.cancelGrace):
			s.engine.logger.Warn("a run did not end when it was cancelled, and is left behind", zap.String("script", s.path))
		}
	}
	s.giveUp()
	s.close(time.Second)
}

// giveUp lets the next version begin all that it has not begun yet. What ended in time has done that.
func (s *script) giveUp() {
	s.opened.giveUp()
	for _, t := range s.tasks {
		t.giveUp()
	}
}

// defaultCancelGrace is how long cancelled runs get to end: a command gets TERM, and after two seconds KILL.
const defaultCancelGrace = 4 * time.Second

// close frees the VM, if nobody holds it any more.
func (s *script) close(wait time.Duration) {
	s.commands.Close()
	s.cancel(errStopped)
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	if err := s.vm.Close(ctx); err != nil {
		s.engine.logger.Warn("the VM of a script is still held, and is left behind", zap.String("script", s.path))
	}
}

// names adds the names of the script's tasks.
func (s *script) names(to map[string]string) {
	for _, t := range s.tasks {
		to[t.title()] = s.path
	}
}

func (s *script) has(name string) bool { return s.task(name) != nil }

// task is the one of that name, nil if there is none.
func (s *script) task(name string) task {
	if i := slices.IndexFunc(s.tasks, func(t task) bool { return t.title() == name }); i >= 0 {
		return s.tasks[i]
	}
	return nil
}
