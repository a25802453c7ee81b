package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// enough is how long a test waits for what must come.
const enough = 20 * time.Second

// started is a watcher that runs, of real folders.
type started struct {
	*Watcher
	told chan string // what it told
}

func start(t *testing.T, outdated func() bool, files func() []string) *started {
	t.Helper()
	w, err := New(Options{Files: files, Suffix: ".lua", Outdated: outdated, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	s := &started{w, make(chan string, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx, func(what string) { s.told <- what })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

func (s *started) wants(t *testing.T, what string) {
	t.Helper()
	select {
	case got := <-s.told:
		if got != what {
			t.Errorf("got %q, want %q", got, what)
		}
	case <-time.After(enough):
		t.Fatalf("waited in vain for %q", what)
	}
}

func never() bool { return false }

func list(paths ...string) func() []string { return func() []string { return paths } }

func TestChangesOfFilesAreTold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		changes func(t *testing.T, dir string)
		what    string
	}{
		{"a file is written", func(t *testing.T, dir string) { write(t, dir+"/checks/a.lua", "2") }, "checks/a.lua"},
		{"a file is put in its place", func(t *testing.T, dir string) {
			write(t, dir+"/checks/.a.lua.new", "2")
			rename(t, dir+"/checks/.a.lua.new", dir+"/checks/a.lua")
		}, "checks/a.lua"},
		{"a file is new", func(t *testing.T, dir string) { write(t, dir+"/checks/b.lua", "1") }, "checks/b.lua"},
		{"a file is gone", func(t *testing.T, dir string) { remove(t, dir+"/checks/a.lua") }, "checks/a.lua"},
		{"a required file is written", func(t *testing.T, dir string) { write(t, dir+"/lib/words", "2") }, "lib/words"},
		{"a link shows elsewhere", func(t *testing.T, dir string) {
			link(t, "v2", dir+"/now.new")
			rename(t, dir+"/now.new", dir+"/now")
		}, "now"},
		{"a file that a link shows is written", func(t *testing.T, dir string) { write(t, dir+"/v1/c.lua", "2") }, "v1/c.lua"},
		{"the folder of what is missing comes", func(t *testing.T, dir string) { write(t, dir+"/other/x.lua", "2") }, "other"},
		{"the folder is put aside", func(t *testing.T, dir string) { rename(t, dir+"/checks", dir+"/aside") }, "checks"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := realTempDir(t)
			for _, name := range []string{"checks/a.lua", "lib/words", "v1/c.lua", "v2/c.lua"} {
				write(t, filepath.Join(dir, name), "1")
			}
			link(t, "v1", dir+"/now")
			s := start(t, never, list(dir+"/checks", dir+"/checks/a.lua", dir+"/lib/words", dir+"/now/c.lua", dir+"/other/x.lua"))
			// None of these matters.
			write(t, dir+"/checks/.hidden.lua", "1")
			write(t, dir+"/checks/a.lua~", "1")
			write(t, dir+"/lib/numbers", "1")
			tt.changes(t, dir)
			s.wants(t, filepath.Join(dir, tt.what)+" has changed")
		})
	}
}

func TestWhatIsPutInThePlaceOfAFolderIsWatched(t *testing.T) {
	t.Parallel()
	dir := realTempDir(t)
	write(t, dir+"/checks/a.lua", "1")
	write(t, dir+"/new/a.lua", "2")
	s := start(t, never, list(dir+"/checks"))
	rename(t, dir+"/checks", dir+"/old")
	rename(t, dir+"/new", dir+"/checks")
	s.wants(t, dir+"/checks has changed")
	write(t, dir+"/checks/a.lua", "3")
	s.wants(t, dir+"/checks/a.lua has changed")
}

// TestAFolderThatIsWatchedLateIsLookedAt has a module required, and changed before its folder was watched.
func TestAFolderThatIsWatchedLateIsLookedAt(t *testing.T) {
	t.Parallel()
	dir := realTempDir(t)
	write(t, dir+"/checks/a.lua", "1")
	write(t, dir+"/lib/b.lua", "1")
	var required, outdated atomic.Bool
	s := start(t, outdated.Load, func() []string {
		files := []string{dir + "/checks"}
		if required.Load() {
			files = append(files, dir+"/lib/b.lua")
		}
		return files
	})
	outdated.Store(true)
	required.Store(true)
	s.wants(t, "files have changed")
	write(t, dir+"/lib/b.lua", "2")
	s.wants(t, dir+"/lib/b.lua has changed")
	required.Store(false)
	for deadline := time.Now().Add(enough); slices.Contains(s.folders.WatchList(), dir+"/lib"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what is required no longer is still watched")
		}
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// noFolders are watched by nobody; the events come from the test.
type noFolders struct {
	err   error
	added []string
}

func (n *noFolders) Add(dir string) error { n.added = append(n.added, dir); return n.err }
func (*noFolders) Remove(string) error    { return nil }
func (*noFolders) WatchList() []string    { return nil }
func (*noFolders) Close() error           { return nil }

// inBubble runs a watcher whose events come from the test, by the time of a synctest bubble.
func inBubble(t *testing.T, test func(events chan<- fsnotify.Event, errors chan<- error, told <-chan string, logs *observer.ObservedLogs)) {
	synctest.Test(t, func(t *testing.T) {
		events, errs, told := make(chan fsnotify.Event), make(chan error), make(chan string, 100)
		core, logs := observer.New(zapcore.DebugLevel)
		w := newWatcher(Options{Files: list(), Suffix: ".lua", Outdated: never, Logger: zap.New(core)}, &noFolders{}, events, errs)
		ctx, cancel := context.WithCancel(t.Context())
		go w.Run(ctx, func(what string) { told <- what })
		test(events, errs, told, logs)
		cancel()
		synctest.Wait()
	})
}

func TestChangesThatBelongTogetherAreToldTogether(t *testing.T) {
	inBubble(t, func(events chan<- fsnotify.Event, _ chan<- error, told <-chan string, _ *observer.ObservedLogs) {
		begin := time.Now()
		for range 5 { // a file that is written in steps, and another one
			events <- fsnotify.Event{Name: "/a.lua", Op: fsnotify.Write}
			time.Sleep(quiet - 1)
			events <- fsnotify.Event{Name: "/b.lua", Op: fsnotify.Write}
		}
		if what := <-told; what != "/a.lua has changed" {
			t.Errorf("got %q", what)
		}
		if took, want := time.Since(begin), 5*(quiet-1)+quiet; took != want {
			t.Errorf("it was told after %v, want %v", took, want)
		}
		time.Sleep(time.Hour)
		if len(told) > 0 {
			t.Errorf("they are told again: %q", <-told)
		}
	})
}

func TestAFileThatIsWrittenAllTheTimeIsToldAllTheSame(t *testing.T) {
	inBubble(t, func(events chan<- fsnotify.Event, _ chan<- error, told <-chan string, _ *observer.ObservedLogs) {
		begin := time.Now()
		for time.Since(begin) < 10*time.Second {
			events <- fsnotify.Event{Name: "/a.lua", Op: fsnotify.Write}
			time.Sleep(quiet / 2)
		}
		if n := len(told); n < 4 || n > 5 {
			t.Errorf("in 10 s it was told %d times, want each %v", n, patience)
		}
	})
}

func TestLostEventsAreOneChange(t *testing.T) {
	inBubble(t, func(_ chan<- fsnotify.Event, errs chan<- error, told <-chan string, logs *observer.ObservedLogs) {
		errs <- fsnotify.ErrEventOverflow
		errs <- fsnotify.ErrEventOverflow
		if what := <-told; what != "changes of files were lost" {
			t.Errorf("got %q", what)
		}
		time.Sleep(time.Hour)
		if len(told) > 0 {
			t.Error("it is told again")
		}
		errs <- errors.New("something else")
		synctest.Wait()
		if logs.Len() != 1 || len(told) > 0 {
			t.Errorf("another error: %d log lines, %d changes", logs.Len(), len(told))
		}
	})
}

func TestAFolderThatCannotBeWatchedIsWarnedOfOnce(t *testing.T) {
	dir := realTempDir(t)
	write(t, dir+"/a.lua", "")
	for _, tt := range []struct {
		err  error
		want string // "": no warning
	}{
		{syscall.ENOSPC, "fs.inotify.max_user_watches"},
		{syscall.EMFILE, "fs.inotify.max_user_instances"},
		{syscall.EACCES, "permission denied"},
		{&fs.PathError{Op: "watch", Path: dir, Err: syscall.ENOENT}, ""},
	} {
		core, logs := observer.New(zapcore.DebugLevel)
		w := newWatcher(Options{Files: list(dir + "/a.lua"), Logger: zap.New(core)}, &noFolders{err: tt.err}, nil, nil)
		if w.look() {
			t.Errorf("%v: it is watched", tt.err)
		}
		all := logs.All()
		switch {
		case tt.want == "" && len(all) > 0:
			t.Errorf("%v: the log has %v", tt.err, all)
		case tt.want != "" && (len(all) != 1 || !strings.Contains(all[0].ContextMap()["error"].(string), tt.want)):
			t.Errorf("%v: the log has %v", tt.err, all)
		}
	}
}
