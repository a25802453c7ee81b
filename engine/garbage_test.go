package engine

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGarbageIsCollectedOnceInThePauseAfterManyRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var collected atomic.Int32
		g := &garbage{collect: func() { collected.Add(1) }}
		for range 3 { // scripts whose checks are due in the same instant
			g.pause()
			time.Sleep(garbagePause / 2)
		}
		if n := collected.Load(); n != 0 {
			t.Errorf("collected %d times while scripts run", n)
		}
		time.Sleep(time.Hour)
		if n := collected.Load(); n != 1 {
			t.Errorf("collected %d times in the first pause", n)
		}
		g.pause()
		time.Sleep(time.Hour)
		if n := collected.Load(); n != 2 {
			t.Errorf("collected %d times after the second pause", n)
		}
		g.pause()
		g.end()
		g.pause()
		time.Sleep(time.Hour)
		if n := collected.Load(); n != 2 {
			t.Errorf("collected %d times, also after the end", n)
		}
	})
}

func TestGarbageIsCollectedWhenHalfOfTheWayToTheNextCollectionIsDone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		present, live, goal uint64
		want                bool
	}{
		{present: 30, live: 10, goal: 50, want: true},
		{present: 29, live: 10, goal: 50, want: false},
		{present: 50, live: 10, goal: 50, want: true},
		{present: 10, live: 10, goal: 50, want: false},
		{present: 5, live: 10, goal: 50, want: false},              // freed by hand
		{present: 60, live: 55, goal: 50, want: false},             // over the memory limit: the runtime collects all the time
		{present: 1 << 40, live: 10, goal: 1<<64 - 1, want: false}, // GOGC=off
		{present: 10, live: 10, goal: 10, want: false},             // nothing was allocated
	} {
		if got := worthCollecting(test.present, test.live, test.goal); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestThePauseAfterManyRunsInARowIsUsed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		checks   int
		interval float64
		want     bool
	}{
		"few":  {checks: manyRuns / 2, interval: 3600},
		"many": {checks: 2 * manyRuns, interval: 1, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var collected atomic.Int32
			d := launch(t, Options{Checks: []string{lua(t, "a.lua", fmt.Sprintf(`
CHECKS = {}
for i = 1, %d do
  CHECKS[i] = dp.Function{call = function() return {n = i} end, interval = %g, first = "now"}
end`, test.checks, test.interval))}}, func(e *Engine) { e.garbage.collect = func() { collected.Add(1) } })
			d.messages(test.checks, "of all checks", key("n"))
			if test.want {
				d.until("the garbage was collected", func() bool { return collected.Load() > 0 })
			}
			d.stop()
			d.garbage.mu.Lock()
			defer d.garbage.mu.Unlock()
			if used := d.garbage.timer != nil; used != test.want {
				t.Errorf("a pause is waited for: %v", used)
			}
		})
	}
}
