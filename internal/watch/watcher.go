package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

const (
	// quiet is how long there must be no more change before one is told: a file may be written in steps, and
	// several files belong together.
	quiet = 200 * time.Millisecond
	// patience is how long a change waits for that: a file that is written all the time keeps nobody waiting.
	patience = 2 * time.Second
	// lookInterval is how often the files are asked for anew: a script may require a module while it runs.
	lookInterval = time.Second
)

// Options say what is watched. All are required. Files and Outdated are called by New and Run only.
type Options struct {
	// Files gives what is watched now: files and folders, which need not be there. Of a folder, and of each that
	// one of these files is in, it counts what happens to all files that end in Suffix and do not begin with a dot.
	Files  func() []string
	Suffix string
	// Outdated tells whether a file is another one than was read. It is asked after a folder is watched that was
	// not when its files were read.
	Outdated func() bool
	Logger   *zap.Logger
}

// Watcher watches from New to the end of Run.
type Watcher struct {
	options Options
	folders folders
	events  <-chan fsnotify.Event
	errors  <-chan error

	// What follows is owned by Run, after New.
	names  map[string]bool // what a change must be of, beside files with the suffix
	warned map[string]bool // folders that could not be watched; all that were wanted lately
}

// folders are what of fsnotify.Watcher is used.
type folders interface {
	Add(dir string) error
	Remove(dir string) error
	WatchList() []string
	Close() error
}

// New begins to watch. Run must be called, or Close.
func New(o Options) (*Watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("files cannot be watched: %w", hinted(err))
	}
	return newWatcher(o, w, w.Events, w.Errors), nil
}

func newWatcher(o Options, f folders, events <-chan fsnotify.Event, errors <-chan error) *Watcher {
	w := &Watcher{options: o, folders: f, events: events, errors: errors, warned: map[string]bool{}}
	w.look()
	return w
}

// Close ends the watch, if Run has not.
func (w *Watcher) Close() error { return w.folders.Close() }

// Run tells of changes until ctx ends: what, as in "/etc/checks/a.lua has changed", is of the first of those that
// are told together. changed must not block.
func (w *Watcher) Run(ctx context.Context, changed func(what string)) {
	defer w.folders.Close()
	looks := time.NewTicker(lookInterval)
	defer looks.Stop()
	settled := time.NewTimer(time.Hour)
	settled.Stop()
	defer settled.Stop()
	var since time.Time // the first change that is not told yet; zero: there is none
	var first string    // what it is
	change := func(what string) {
		now := time.Now()
		if since.IsZero() {
			since, first = now, what
		}
		settled.Reset(min(quiet, since.Add(patience).Sub(now)))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.events:
			if !ok {
				return
			}
			if w.matters(e.Name) {
				change(e.Name + " has changed")
			}
		case err, ok := <-w.errors:
			switch {
			case !ok:
				return
			case errors.Is(err, fsnotify.ErrEventOverflow): // whatever was lost, it is read again
				change("changes of files were lost")
			default:
				w.options.Logger.Warn("watching files", zap.Error(err))
			}
		case <-looks.C:
			if w.look() && w.options.Outdated() {
				change("files have changed")
			}
		case <-settled.C:
			w.look() // a folder that is new is watched before it is read
			changed(first)
			since = time.Time{}
		}
	}
}

// matters tells whether it counts what happens to a path.
func (w *Watcher) matters(path string) bool {
	name := filepath.Base(path)
	return w.names[path] || strings.HasSuffix(name, w.options.Suffix) && !strings.HasPrefix(name, ".")
}

// look finds out what is to be watched, and tells whether that is more than before.
func (w *Watcher) look() (more bool) {
	w.names = map[string]bool{}
	wanted := map[string]bool{}
	for _, path := range w.options.Files() {
		names, folder := trace(path)
		for _, name := range names {
			w.names[name] = true
			wanted[filepath.Dir(name)] = true
		}
		if folder {
			wanted[names[len(names)-1]] = true
		}
	}
	watched := w.folders.WatchList()
	for _, dir := range watched {
		if !wanted[dir] {
			_ = w.folders.Remove(dir) // it may be gone
		}
	}
	maps.DeleteFunc(w.warned, func(dir string, _ bool) bool { return !wanted[dir] })
	for dir := range wanted {
		if slices.Contains(watched, dir) {
			continue
		}
		switch err := w.folders.Add(dir); {
		case err == nil:
			more = true
			delete(w.warned, dir)
		case errors.Is(err, fs.ErrNotExist): // it went meanwhile: the next look sees that
		case !w.warned[dir]:
			w.warned[dir] = true
			w.options.Logger.Warn("a folder cannot be watched; what changes in it is not noticed", zap.String("folder", dir), zap.Error(hinted(err)))
		}
	}
	return more
}

// hinted says what to do about the kernel's limits.
func hinted(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: too many folders are watched on this machine; raise the sysctl fs.inotify.max_user_watches", err)
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%w: raise the sysctl fs.inotify.max_user_instances, or the limit of open files", err)
	}
	return err
}
