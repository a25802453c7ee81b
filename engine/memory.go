package engine

import (
	"fmt"
	"runtime/metrics"
	"time"

	"go.uber.org/zap"

	"dumbprobe/luaapi"
)

// memoryWatch finds the script that leaks. All scripts share one heap, and measuring one means to walk over
// all that it holds; so that is done only while the whole heap is larger than what one script may hold, and
// again only when it has grown since.
type memoryWatch struct {
	quietUpTo uint64    // bytes of heap at which the last measurement found nothing wrong, and a bit more
	quietTo   time.Time // when to look again all the same
}

// memoryQuiet is how long a measurement that found nothing holds, unless the heap grows by a tenth.
const memoryQuiet = time.Minute

func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// watchMemory is called every second by the watch. It gives the scripts that hold too much.
func (e *Engine) watchMemory(w *memoryWatch, now time.Time) []*script {
	heap, limit := heapBytes(), e.options.MaxScriptMemory
	if heap < limit || heap < w.quietUpTo && now.Before(w.quietTo) {
		return nil
	}
	var over []*script
	for _, s := range e.running() {
		s.vm.AskMemory(limit) // for the run that has the VM now, and ends by itself
		if s.holdsMore(limit) {
			over = append(over, s)
		}
		s.vm.AskMemory(0)
	}
	if len(over) == 0 {
		for _, s := range e.running() {
			e.voice.well(source{script: s.path}, "memory")
		}
		w.quietUpTo, w.quietTo = heap+heap/10, now.Add(memoryQuiet)
	}
	return over
}

// holdsMore measures the script, if its VM comes free within a second.
func (s *script) holdsMore(limit uint64) bool {
	found := make(chan bool, 1)
	go func() { // a goroutine of its own: see luaapi.VM.Do
		more := false
		defer func() { found <- more }()
		_ = s.vm.Do(s.life, luaapi.RunOptions{Timeout: time.Second, Label: new("memory")}, func(r *luaapi.Run) error {
			size := r.Memory(limit) // counting ends there
			s.memory.Store(size)
			more = size >= limit
			return nil
		})
	}()
	return <-found
}

// replaceLeaking loads the file of a script that holds too much again: what it held goes with its VM.
func (e *Engine) replaceLeaking(s *script) {
	err := fmt.Errorf("%w; it is loaded again, without what it held", &luaapi.MemoryError{Limit: e.options.MaxScriptMemory})
	if !s.mayReplace(time.Now()) {
		return
	}
	s.holdReplacing()
	e.voice.tell(source{script: s.path}, "memory", OutcomeMemory, err)
	if e.replace(s, func() { e.retire(s) }) {
		e.logger.Info("the script was loaded again", zap.String("script", s.path))
	}
}
