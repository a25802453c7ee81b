package engine

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// garbage has what many runs in a row left behind collected in the pause after them. Otherwise the runtime mostly does
// that when the next many are at work: an instant of ten thousand checks in which it does takes some 65 ms instead of 45.
type garbage struct {
	collect func() // runtime.GC, where there is enough

	mu    sync.Mutex // protects following fields
	timer *time.Timer
	ended bool
}

// manyRuns in a row are worth it. They mostly come together: garbagePause after them the others have had their turn, too.
const (
	manyRuns     = 1000
	garbagePause = 100 * time.Millisecond
)

// pause is told when a script has nothing to run any more, after many runs.
func (g *garbage) pause() {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.ended:
	case g.timer == nil:
		g.timer = time.AfterFunc(garbagePause, g.collect)
	default:
		g.timer.Reset(garbagePause)
	}
}

func (g *garbage) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	if g.timer != nil {
		g.timer.Stop()
	}
}

// collectGarbage collects if that would come soon anyway: so it costs at most one collection more for each one that the
// runtime does by itself.
func collectGarbage() {
	heap := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/goal:bytes"},
	}
	metrics.Read(heap)
	if worthCollecting(heap[0].Value.Uint64(), heap[1].Value.Uint64(), heap[2].Value.Uint64()) {
		runtime.GC()
	}
}

// worthCollecting tells whether half of what may be allocated until the next collection is: present is the size of the
// heap, live what the last collection left, goal the size at which the next one ends, in bytes.
func worthCollecting(present, live, goal uint64) bool {
	return present > live && goal > live && present-live >= (goal-live)/2
}
