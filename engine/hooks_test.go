package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dumbprobe/scheduler"
)

// hookRecorder writes down what the hooks are called with.
type hookRecorder struct {
	mu   sync.Mutex // protects following field
	said []string
}

func (h *hookRecorder) say(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, fmt.Sprintf(format, args...))
}

func (h *hookRecorder) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.said)
}

func (h *hookRecorder) hooks() Hooks {
	return Hooks{
		Started:   func(t Tally) { h.say("started %+v", t) },
		Reloading: func() { h.say("reloading") },
		Reloaded:  func(t Tally) { h.say("reloaded %+v", t) },
		Replaced:  func(t Tally) { h.say("replaced %+v", t) },
		Stopping:  func(most time.Duration) { h.say("stopping %v", most) },
	}
}

func TestHooksTellWhatTheDaemonDoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.lua"), `return {
  dp.Function{call = print, interval = 60}, dp.Function{call = print, interval = 60},
  dp.ShellStream{command = "sleep 1000"},
}`)
	write(t, filepath.Join(dir, "b.lua"), `return {run_next = function() dp.sleep(1000); return {} end}`)
	write(t, filepath.Join(dir, "c.lua"), `return {`)
	var h hookRecorder
	d := launch(t, Options{Checks: []string{dir}, Hooks: h.hooks(), Grace: 3 * time.Second})
	if err := os.Remove(filepath.Join(dir, "c.lua")); err != nil {
		t.Fatal(err)
	}
	d.reload()
	write(t, filepath.Join(dir, "b.lua"), `return 5`)
	if err := d.Reload(t.Context()); err == nil {
		t.Fatal("b.lua was loaded")
	}
	d.stop()
	d.reload() // does nothing any more, and says nothing
	most := 3*time.Second + defaultCancelGrace + defaultFlushTime + 5*time.Second
	want := []string{
		"started {Scripts:2 Checks:2 Handles:1 Objects:1 Broken:1}",
		"reloading", "reloaded {Scripts:2 Checks:2 Handles:1 Objects:1 Broken:0}",
		"reloading", "reloaded {Scripts:2 Checks:2 Handles:1 Objects:1 Broken:1}",
		fmt.Sprintf("stopping %v", most),
	}
	if got := h.all(); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestAReplacedScriptIsTold(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {dp.Function{name = "x", interval = 60, timeout = 0.1, call = function() dp.log.info("hold the VM"); return {} end}}`)
	var h hookRecorder
	d := launch(t, Options{Checks: []string{path}, Hooks: h.hooks()}, soon)
	d.log("the replacement", told("x", OutcomeStuck))
	d.until("the hook", func() bool {
		return slices.Contains(h.all(), "replaced {Scripts:1 Checks:1 Handles:0 Objects:0 Broken:0}")
	})
	d.letGo()
}

func TestNothingIsToldOfADaemonThatDoesNotStart(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `return {`)
	var h hookRecorder
	d := prepare(t, Options{Checks: []string{path}, Hooks: h.hooks()})
	if err := d.Run(t.Context()); err == nil {
		t.Fatal("it ran")
	}
	if got := h.all(); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

// blocker is a task that keeps the loop until it is let go.
type blocker struct{ blocks, goOn chan struct{} }

func (b blocker) Start(time.Time) {
	close(b.blocks)
	<-b.goOn
}

func TestTheRoundsAreToldUntilTheLoopIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rounds int // written by the loop only, and read while that waits
		path := lua(t, "a.lua", `return {}`)
		e, err := New(Options{Checks: []string{path}, Stdout: io.Discard, Hooks: Hooks{MaxIdle: 50 * time.Millisecond, Round: func(time.Time) { rounds++ }}})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		time.Sleep(time.Second)
		synctest.Wait()
		if rounds < 15 {
			t.Errorf("an idle loop went round %d times in a second, want about 20", rounds)
		}

		b := blocker{make(chan struct{}), make(chan struct{})}
		e.loop.Schedule(&scheduler.Entry{Task: b}, time.Now())
		<-b.blocks
		before := rounds
		time.Sleep(time.Minute)
		synctest.Wait()
		if rounds != before {
			t.Errorf("a stuck loop went round %d times", rounds-before)
		}
		close(b.goOn)
		time.Sleep(time.Second)
		synctest.Wait()
		if rounds < before+15 {
			t.Errorf("the loop goes on, and went round %d times in a second", rounds-before)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
