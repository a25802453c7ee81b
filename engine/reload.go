package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

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
	names := map[string]string{}
	var scripts []*script
	var errs []error
	for _, path := range files {
		s, err := e.load(ctx, path, names)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.names(names)
		scripts = append(scripts, s)
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
		_ = e.reloadFailed(source{script: path}, broken)
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

// Reload loads all files again, each into a fresh VM. A file that fails to load keeps the version that runs;
// the error, a *ReloadError, names it. Files that are new in a folder are started, and those that are gone
// are stopped. Before Run has loaded the scripts, and after it has ended, it does nothing.
func (e *Engine) Reload(ctx context.Context) error {
	e.reloads.Lock()
	defer e.reloads.Unlock()
	e.mu.Lock()
	running, old := e.state == stateRunning, e.scripts
	e.mu.Unlock()
	if !running {
		return nil
	}
	before := map[string]*script{}
	for _, s := range old {
		before[s.path] = s
	}
	// Everything is loaded before anything is touched: the files of one reload belong together.
	var scripts, fresh []*script
	var failed ReloadError
	names := map[string]string{}
	files, missing := findScripts(e.options.Checks)
	for _, m := range missing {
		_ = e.reloadFailed(source{script: m.path}, m)
		failed.Errs = append(failed.Errs, m)
		for _, s := range old {
			if m.covers(s.path) && !slices.Contains(scripts, s) {
				s.names(names)
				scripts = append(scripts, s)
			}
		}
	}
	for _, path := range files {
		s, err := e.load(ctx, path, names)
		if e.stopping.Err() != nil {
			return e.giveUpReload(fresh, s)
		}
		if err != nil {
			_ = e.reloadFailed(source{script: path}, err)
			failed.Errs = append(failed.Errs, err)
			if s = before[path]; s == nil {
				continue
			}
		} else {
			fresh = append(fresh, s)
			e.voice.well(source{script: path}, "load")
		}
		s.names(names)
		scripts = append(scripts, s)
	}
	e.swap(scripts, fresh, before)
	e.logger.Info("the scripts were loaded again", zap.Int("loaded", len(fresh)), zap.Int("failed", len(failed.Errs)), zap.Int("checks", countTasks(scripts)))
	if len(failed.Errs) > 0 {
		return &failed
	}
	return nil
}

// giveUpReload drops what was loaded when the daemon began to stop.
func (e *Engine) giveUpReload(fresh []*script, last *script) error {
	if last != nil {
		fresh = append(fresh, last)
	}
	for _, s := range fresh {
		s.close(0)
	}
	return nil
}

func (e *Engine) reloadFailed(s source, err error) error {
	e.voice.tell(s, "load", OutcomeLoadFailed, err)
	return &ReloadError{Errs: []error{err}}
}

// swap puts the scripts in place of those before: what is not among them any more stops, what is fresh
// starts.
func (e *Engine) swap(scripts, fresh []*script, before map[string]*script) {
	kept := map[*script]bool{}
	for _, s := range scripts {
		kept[s] = true
	}
	e.mu.Lock()
	e.scripts = scripts
	e.mu.Unlock()
	for _, s := range before {
		if !kept[s] {
			s.stop() // closes its handles, for the new version to open them
		}
	}
	for _, s := range fresh {
		s.start(before[s.path])
	}
	for _, s := range before {
		if !kept[s] {
			e.retire(s)
		}
	}
	e.voice.forget(func(s topic) bool {
		for _, script := range scripts {
			if script.path == s.script {
				return s.check != "" && !script.has(s.check)
			}
		}
		return s.check != ""
	})
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
		e.mu.Unlock()
	})
}
