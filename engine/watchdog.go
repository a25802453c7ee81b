package engine

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// stuckGrace is how far past its deadline a run may hold its VM before the VM is given up: the deadline
// interrupts everything but single operations in Go code, and those are short.
const stuckGrace = 5 * time.Second

// watch looks for VMs that are stuck, replaces them, and reaps orphans, until ctx ends.
func (e *Engine) watch(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			e.commands.ReapOrphans()
			for _, s := range e.running() {
				s.expireTurns(now)
				if label, held, stuck := s.vm.Stuck(now, stuckGrace); stuck && s.mayReplace(now) {
					e.replaceStuck(s, label, held)
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
	e.reloads.Lock()
	defer e.reloads.Unlock()
	e.mu.Lock()
	at := -1
	for i, other := range e.scripts {
		if other == s {
			at = i
		}
	}
	stopped := e.state != stateRunning
	old := e.scripts
	e.mu.Unlock()
	if at < 0 || stopped {
		return // a reload was faster
	}
	who, until := s.quarantine(label)
	err := fmt.Errorf("the script has been stuck for %s in code that a deadline cannot interrupt; it is loaded again, and %s is not run before %s",
		held.Round(time.Second), who.check, until.Format(time.RFC3339))
	e.voice.tell(who, "run", OutcomeStuck, err)

	names := map[string]string{}
	for _, other := range old {
		if other != s {
			other.names(names)
		}
	}
	fresh, err := e.load(context.Background(), s.path, names)
	if err != nil {
		_ = e.reloadFailed(source{script: s.path}, err)
		return // tried again later: the script is as stuck as before
	}
	fresh.inherit(s)
	scripts := append([]*script(nil), old...)
	scripts[at] = fresh
	e.mu.Lock()
	e.scripts = scripts
	e.mu.Unlock()
	s.stop()
	s.cancel(errStopped)
	s.abandonTurns()
	fresh.start(s)
	e.retireStuck(s)
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
		case <-time.After(cancelGrace):
			e.logger.Warn("a stuck VM was given up", zap.String("script", s.path))
		}
	})
}
