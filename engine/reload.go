package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"dumbprobe/luaapi"
)

// ReloadError says which scripts could not be loaded. Their old versions, if there were any, go on.
type ReloadError struct{ Errs []error }

func (e *ReloadError) Error() string { return errors.Join(e.Errs...).Error() }

func (e *ReloadError) Unwrap() []error { return e.Errs }

// loadAll loads all scripts for the first time. What could be loaded is given together with the errors of the
// others.
func (e *Engine) loadAll(ctx context.Context) ([]*script, error) {
	files, err := scriptFiles(e.options.Checks)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no script in %v: a folder's scripts are its *.lua files", e.options.Checks)
	}
	var loaded []*script
	failed := map[string]error{}
	for _, path := range files {
		s, err := e.load(ctx, path)
		if err != nil {
			failed[path] = err
		} else {
			loaded = append(loaded, s)
		}
	}
	scripts := settle(nil, loaded, nil, failed)
	var errs []error
	for _, path := range files {
		if failed[path] != nil {
			errs = append(errs, failed[path])
		}
	}
	return scripts, errors.Join(errs...)
}

// reportBroken reports the scripts that could not be loaded at the start, where others could: one file that
// breaks takes no other with it. It is an error if none could.
func (e *Engine) reportBroken(scripts []*script, err error) error {
	if err == nil || len(scripts) == 0 {
		return err
	}
	for _, broken := range splitErrors(err) {
		path := ""
		var load *luaapi.LoadError
		if errors.As(broken, &load) {
			path = load.Path
		}
		e.loadFailed(path, broken)
	}
	return nil
}

// splitErrors takes apart what errors.Join has joined.
func splitErrors(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// Reload loads each file that has changed, or that requires one that has, into a fresh VM. A file that did not
// change is left as it is; one that fails to load keeps the version that runs, and the error, a *ReloadError,
// names it. Files that are new in a folder are started, and those that are gone are stopped. Before Run has
// loaded the scripts, and after it has ended, it does nothing.
func (e *Engine) Reload(ctx context.Context) error {
	e.reloads.Lock()
	defer e.reloads.Unlock()
	e.mu.Lock()
	running, old, broken := e.state == stateRunning, e.scripts, e.broken
	e.mu.Unlock()
	if !running {
		return nil
	}
	defer e.reloading()()
	e.outputs.Reopen() // also where a script cannot be loaded: the files may have been rotated
	before := map[string]*script{}
	for _, s := range old {
		before[s.path] = s
	}
	files, missing := findScripts(e.options.Checks)
	var goOn, fresh []*script // what is left as it is, and what was loaded
	var order []string        // of the scripts
	failed := map[string]error{}
	for _, m := range missing {
		failed[m.path] = m
		order = append(order, m.path)
		for _, s := range old {
			if m.covers(s.path) && !slices.Contains(goOn, s) {
				goOn = append(goOn, s)
				if s.path != m.path {
					order = append(order, s.path)
				}
			}
		}
	}
	// Everything is loaded before anything is touched: the files of one reload belong together.
	for _, path := range files {
		order = append(order, path)
		s := before[path]
		if s != nil && s.vm.Unchanged() {
			goOn = append(goOn, s)
			continue
		}
		loaded, err := e.load(ctx, path)
		if e.stopping.Err() != nil {
			return giveUpReload(fresh, loaded)
		}
		switch {
		case err == nil:
			fresh = append(fresh, loaded)
		case s != nil:
			failed[path] = err
			goOn = append(goOn, s)
		default:
			failed[path] = err
		}
	}
	unchanged := len(goOn)
	fresh = settle(goOn, fresh, before, failed)
	scripts := inOrder(order, fresh, before)
	e.swap(scripts, fresh, before)
	result := e.reportReload(order, failed, broken)
	gone := 0
	for _, s := range old {
		if !slices.Contains(order, s.path) {
			gone++
		}
	}
	level, text := reloadLine(len(fresh), len(failed), gone)
	e.logger.Log(level, text, zap.Int("loaded", len(fresh)), zap.Int("unchanged", unchanged-countOf(goOn, failed)),
		zap.Int("failed", len(failed)), zap.Int("gone", gone), zap.Int("checks", countTasks(scripts)))
	return result
}

// reloadLine says in the log what a reload has done. What fails has been logged by itself, as an error.
func reloadLine(loaded, failed, gone int) (zapcore.Level, string) {
	switch {
	case failed > 0 && loaded > 0:
		return zapcore.WarnLevel, "not all scripts could be loaded again"
	case failed > 0:
		return zapcore.WarnLevel, "what has changed could not be loaded again"
	case loaded > 0:
		return zapcore.InfoLevel, "the scripts were loaded again"
	case gone > 0:
		return zapcore.InfoLevel, "no script has changed, but some are gone"
	}
	return zapcore.InfoLevel, "no script has changed"
}

// countOf tells how many of the scripts go on because their file fails to load.
func countOf(scripts []*script, failed map[string]error) (n int) {
	for _, s := range scripts {
		if failed[s.path] != nil {
			n++
		}
	}
	return n
}

// inOrder gives the scripts that run after a reload: the fresh ones, and those before them where there is no fresh
// one.
func inOrder(order []string, fresh []*script, before map[string]*script) (scripts []*script) {
	byPath := maps.Clone(before)
	for _, s := range fresh {
		byPath[s.path] = s
	}
	for _, path := range order {
		if s := byPath[path]; s != nil && !slices.Contains(scripts, s) {
			scripts = append(scripts, s)
		}
	}
	return scripts
}

// settle gives the fresh scripts their tasks. A name that a script has which goes on is taken. A fresh script that
// cannot have its names is closed and put among the failed, and the version before it goes on, with its names:
// that may refuse another.
func settle(goOn, fresh []*script, before map[string]*script, failed map[string]error) (accepted []*script) {
	goOn = slices.Clone(goOn)
	for {
		names := map[string]string{}
		for _, s := range goOn {
			s.names(names)
		}
		accepted = nil
		refused := false
		for _, s := range fresh {
			if err := s.adopt(names); err != nil {
				failed[s.path] = err
				refused = true
				if old := before[s.path]; old != nil {
					goOn = append(goOn, old)
				}
				break
			}
			s.names(names)
			accepted = append(accepted, s)
		}
		if !refused {
			return accepted
		}
		fresh = slices.DeleteFunc(slices.Clone(fresh), func(s *script) bool {
			if failed[s.path] == nil {
				return false
			}
			s.close(time.Second)
			return true
		})
	}
}

// giveUpReload drops what was loaded when the daemon began to stop.
func giveUpReload(fresh []*script, last *script) error {
	if last != nil {
		fresh = append(fresh, last)
	}
	for _, s := range fresh {
		s.close(0)
	}
	return nil
}

// reportReload reports each file of a reload: what fails, and what does no longer.
func (e *Engine) reportReload(order []string, failed, broken map[string]error) error {
	var result ReloadError
	for path := range broken {
		if failed[path] == nil {
			e.loadWell(path) // it may be gone
		}
	}
	for _, path := range order {
		if err := failed[path]; err != nil {
			e.loadFailed(path, err)
			result.Errs = append(result.Errs, err)
		}
	}
	if len(result.Errs) > 0 {
		return &result
	}
	return nil
}

// loadFailed reports a file that cannot be loaded, or loaded again; it is broken until loadWell.
func (e *Engine) loadFailed(path string, err error) {
	e.mu.Lock()
	broken := maps.Clone(e.broken) // readers have the old one
	if broken == nil {
		broken = map[string]error{}
	}
	broken[path] = err
	e.broken = broken
	e.mu.Unlock()
	e.voice.tell(source{script: path}, "load", OutcomeLoadFailed, err)
}

func (e *Engine) loadWell(path string) {
	e.mu.Lock()
	broken := maps.Clone(e.broken)
	delete(broken, path)
	e.broken = broken
	e.mu.Unlock()
	e.voice.well(source{script: path}, "load")
}

// swap puts the scripts in place of those before: what is not among them any more stops, what is fresh
// starts.
func (e *Engine) swap(scripts, fresh []*script, before map[string]*script) {
	var gone []*script
	for _, s := range before {
		if !slices.Contains(scripts, s) {
			gone = append(gone, s)
		}
	}
	from := succeed(gone, fresh)
	e.mu.Lock()
	e.scripts = scripts
	e.mu.Unlock()
	for _, s := range gone {
		s.stop() // closes its handles, or leaves them to the new version
	}
	for _, s := range fresh {
		s.start(before[s.path], from)
	}
	for _, s := range gone {
		e.retire(s)
	}
	e.useState(scripts)
	e.forgetGone(scripts)
}

// forgetGone forgets what is known of checks and handles that none of the scripts has.
func (e *Engine) forgetGone(scripts []*script) {
	names := map[string]string{}
	for _, s := range scripts {
		s.names(names)
	}
	e.voice.forget(func(s topic) bool { return s.check != "" && names[s.check] != s.script })
}

// retire lets an old version come to its end in the background: what runs keeps its deadline, unless the
// daemon stops.
func (e *Engine) retire(s *script) {
	longest := e.options.Timeout
	for _, t := range s.tasks {
		if c, ok := t.(*check); ok {
			longest = max(longest, c.timeout)
		}
	}
	ctx, cancel := context.WithTimeout(e.graceOver, longest)
	e.mu.Lock()
	e.retired[s] = cancel
	e.mu.Unlock()
	e.drained.Go(func() {
		defer cancel()
		s.drain(ctx)
		e.mu.Lock()
		delete(e.retired, s)
		scripts := e.scripts // none when the daemon stops
		e.mu.Unlock()
		e.forgetGone(scripts) // its last runs may have reported checks that are gone
	})
}
