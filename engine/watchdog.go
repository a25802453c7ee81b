package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
)

// defaultStuckGrace is how far past its deadline a run may hold its VM before the VM is given up: the deadline
// interrupts everything but single operations in Go code, and those are short.
const defaultStuckGrace = 5 * time.Second

// watch looks for VMs that are stuck, replaces them, and reaps orphans, until ctx ends.
func (e *Engine) watch(ctx context.Context) {
	var memory memoryWatch
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			e.commands.ReapOrphans()
			for _, s := range e.watchMemory(&memory, now) {
				e.replaceLeaking(s)
			}
			for _, s := range e.running() {
				if label, held, stuck := s.vm.Stuck(now, e.stuckGrace); stuck && s.mayReplace(now) {
					e.replaceStuck(s, label, held)
				}
			}
			for _, s := range e.retiring() {
				if label, held, stuck := s.vm.Stuck(now, e.stuckGrace); stuck && s.mayReplace(now) {
					e.hurryStuck(s, label, held)
				}
			}
		}
	}
}

// interruptInterval is how often runs are looked at that may be past their deadline, or fill the memory.
const interruptInterval = 100 * time.Millisecond

// interrupt ends the runs that are past their deadline between two looks at the clock, and those that fill the
// memory faster than the watch would notice, until ctx ends.
func (e *Engine) interrupt(ctx context.Context) {
	var asked uint64 // heap at which was asked last
	ticker := time.NewTicker(interruptInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			heap, limit := heapBytes(), e.options.MaxScriptMemory
			grown := heap > limit && heap > asked+limit/4
			if grown || heap < asked {
				asked = heap
			}
			for _, s := range append(e.retiring(), e.running()...) {
				s.vm.Hurry(now)
				if grown {
					s.vm.AskMemory(limit)
				}
			}
		}
	}
}

func (e *Engine) running() []*script {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.scripts
}

// replaceStuck loads the file of a stuck VM again into a fresh one. The old VM is never waited for: its runs
// are cancelled, and the one that holds it ends when it ends.
func (e *Engine) replaceStuck(s *script, label string, held time.Duration) {
	stuck := e.reportStuck(s, label, func(who source, until time.Time) error {
		return fmt.Errorf(
			"the script has been stuck for %s in code that a deadline cannot interrupt; it is loaded again, and %s is not run before %s",
			held.Round(time.Second), who.check, until.Format(time.RFC3339))
	})
	if !stuck {
		return
	}
	replaced := e.replace(s, func() {
		s.cancel(errStopped)
		s.abandonTurns()
		e.retireStuck(s)
	})
	if !replaced { // it is tried again later, unless a reload was faster
		e.hurry(s)
	}
}

// hurryStuck gives up an old version that is stuck: the new one waits for its runs.
func (e *Engine) hurryStuck(s *script, label string, held time.Duration) {
	stuck := e.reportStuck(s, label, func(source, time.Time) error {
		return fmt.Errorf("the old version of the script has been stuck for %s in code that a deadline cannot interrupt; it is given up",
			held.Round(time.Second))
	})
	if stuck {
		e.hurry(s)
	}
}

// reportStuck keeps the check that holds a VM from running, and reports that as the outcome of its run; once, also
// where it is found again. It is false if the run has come to its end meanwhile.
func (e *Engine) reportStuck(s *script, label string, explain func(who source, until time.Time) error) bool {
	run, now, before := s.giveUpRun(label)
	if !now && !before { // no run of a check: its next_run, or what a handle does; or that run has just ended
		if holder, _, still := s.vm.Stuck(time.Now(), e.stuckGrace); !still || holder != label {
			return false
		}
	}
	who, until := s.quarantine(label)
	if !before {
		err := explain(who, until)
		s.recordStuck(label, run, err)
		e.voice.tell(who, "run", OutcomeStuck, err)
	}
	return true
}

// giveUpRun gives up the run of a name, if one is under way: nothing more is told of it. before is set if it was given
// up before.
func (s *script) giveUpRun(name string) (number uint32, now, before bool) {
	switch t := s.task(name).(type) {
	case *check:
		return t.present.giveUp()
	case *object:
		return t.present.giveUp()
	case *handle:
		return 0, false, t.stuck.Load()
	}
	return 0, false, false
}

// recordStuck notes that a run that was given up is stuck.
func (s *script) recordStuck(name string, run uint32, err error) {
	switch t := s.task(name).(type) {
	case *check:
		t.record.Load().giveUp(run, OutcomeStuck, err)
	case *object:
		t.record.Load().giveUp(run, OutcomeStuck, err)
	case *handle:
		t.stuck.Store(true)
		t.record.Load().told("records", OutcomeStuck, err)
	}
}

// hurry has an old version come to its end now.
func (e *Engine) hurry(s *script) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if cancel := e.retired[s]; cancel != nil {
		cancel()
	}
}

func (e *Engine) retiring() []*script {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Keys(e.retired))
}

// replace loads the file of a script again, and starts it in the place of s, which is stopped; retire
// brings that to its end. It is false if there was nothing to do, or the load failed, which is reported.
func (e *Engine) replace(s *script, retire func()) bool {
	e.reloads.Lock()
	defer e.reloads.Unlock()
	e.mu.Lock()
	old, running := e.scripts, e.state == stateRunning
	e.mu.Unlock()
	at := slices.Index(old, s)
	if at < 0 || !running {
		return false // a reload, or the end, was faster
	}
	names := map[string]string{}
	for _, other := range old {
		if other != s {
			other.names(names)
		}
	}
	fresh, err := e.load(context.Background(), s.path)
	if err == nil {
		if err = fresh.adopt(names); err != nil {
			fresh.close(0)
		}
	}
	if err != nil {
		e.loadFailed(s.path, err)
		e.tell(e.options.Hooks.Replaced)
		return false
	}
	e.loadWell(s.path)
	if s.vm.Unchanged() { // otherwise it may have been mended meanwhile
		fresh.inherit(s)
	}
	from := succeed([]*script{s}, []*script{fresh})
	scripts := slices.Clone(old)
	scripts[at] = fresh
	e.mu.Lock()
	e.scripts = scripts
	e.mu.Unlock()
	e.useState(scripts)
	s.stop()
	fresh.start(s, from)
	retire()
	e.tell(e.options.Hooks.Replaced)
	return true
}

// retireStuck waits a moment for the runs that could be cancelled; the VM is not closed.
func (e *Engine) retireStuck(s *script) {
	e.drained.Go(func() {
		ended := make(chan struct{})
		go func() {
			s.running.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(e.cancelGrace):
			e.logger.Warn("a stuck VM was given up", zap.String("script", s.path))
		}
		s.giveUp()
	})
}
