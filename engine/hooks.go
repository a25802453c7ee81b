package engine

import (
	"time"
)

// Hooks tell what the daemon does, to a service manager for example. Each may be nil. None is called by Once.
//
// They are called one after another, but Round, which has a goroutine of its own, and Stopping, which may come
// while a reload is given up: Reloaded follows then. None may call the engine's Run, Reload or Close; each may
// take its time, but Round.
type Hooks struct {
	// Started is called when the scripts are loaded and their checks begin to run.
	Started func(Tally)
	// Reloading is called when a reload begins, whatever asked for it, and Reloaded when it has ended, well or not.
	Reloading func()
	Reloaded  func(Tally)
	// Replaced is called after a script was loaded again on its own account: because it was stuck, or leaked.
	Replaced func(Tally)
	// Stopping is called when the daemon begins to stop, which will take no longer than most.
	Stopping func(most time.Duration)

	// Round is called by the loop that starts the checks, each time it goes round: at least each MaxIdle (5 s if
	// zero) for as long as it is not stuck, and under load thousands of times per second. It must not block.
	Round   func(now time.Time)
	MaxIdle time.Duration
}

// Tally is what runs.
type Tally struct {
	Scripts int // that run
	Checks  int // in them
	Handles int
	Objects int // scripts that schedule themselves
	Broken  int // files that cannot be loaded; the version before of some of them may run
}

// tally counts what runs now.
func (e *Engine) tally() Tally {
	e.mu.Lock()
	scripts, broken := e.scripts, len(e.broken)
	e.mu.Unlock()
	t := Tally{Scripts: len(scripts), Broken: broken}
	for _, s := range scripts {
		for _, task := range s.tasks {
			switch task.(type) {
			case *check:
				t.Checks++
			case *handle:
				t.Handles++
			case *object:
				t.Objects++
			}
		}
	}
	return t
}

// tell calls a hook with what runs now.
func (e *Engine) tell(hook func(Tally)) {
	if hook != nil {
		hook(e.tally())
	}
}

// reloading tells that a reload begins; the function that it gives tells that it has ended.
func (e *Engine) reloading() (ended func()) {
	if e.options.Hooks.Reloading != nil {
		e.options.Hooks.Reloading()
	}
	return func() { e.tell(e.options.Hooks.Reloaded) }
}

// stopsWithin is how long the daemon takes to stop at most: what runs has its grace, then is cancelled, and the
// destinations have their time. A few seconds more are for what cannot be interrupted.
func (e *Engine) stopsWithin() time.Duration {
	return e.options.Grace + e.cancelGrace + e.flushTime + 5*time.Second
}
