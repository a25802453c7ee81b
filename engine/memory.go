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
	well := func(s *script) { e.voice.well(source{script: s.path}, "memory") }
	if heap < limit { // as it is soon after a script that held too much was replaced
		for _, s := range e.running() {
			well(s)
		}
		return nil
	}
	if heap < w.quietUpTo && now.Before(w.quietTo) {
		return nil
	}
	var over []*script
	for _, s := range e.running() {
		s.vm.AskMemory(limit) // for the run that has the VM now, and ends by itself
		switch size, err := s.measure(limit); {
		case err != nil:
		case size >= limit:
			over = append(over, s)
		default:
			well(s)
		}
		s.vm.AskMemory(0)
	}
	if len(over) == 0 {
		w.quietUpTo, w.quietTo = heap+heap/10, now.Add(memoryQuiet)
	}
	return over
}

// measure counts what the script holds, up to limit bytes. It is an error if its VM does not come free within a second.
func (s *script) measure(limit uint64) (size uint64, err error) {
	measured := make(chan error, 1)
	go luaapi.Finally(s.life, time.Second, func() error { // a goroutine of its own: see luaapi.VM.Do
		return s.vm.Do(s.life, luaapi.RunOptions{Timeout: time.Second, Label: new("memory")}, func(r *luaapi.Run) error {
			size = r.Memory(limit)
			s.memory.Store(size)
			return nil
		})
	}, func(err error) { measured <- err })
	err = <-measured
	return size, err
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
