package engine

import (
	"go.uber.org/zap"

	"dumbprobe/internal/state"
)

// openState opens what the checks keep. It outlives scripts, and is by the name of the check.
func (e *Engine) openState() (*state.DB, error) {
	return state.Open(state.Options{
		Dir: e.options.StateDir, Limits: state.Limits{Total: e.options.MaxState}, OnEvent: e.stateEvent,
	})
}

// stateEvent reports that state was lost, or cannot be saved; nil: it is saved again.
func (e *Engine) stateEvent(err error) {
	where := source{state: e.options.StateDir}
	if err == nil {
		e.voice.well(where, "state")
		return
	}
	e.voice.tell(where, "state", OutcomeState, err)
}

// useState tells which checks there are: what others keep is dropped after a while.
func (e *Engine) useState(scripts []*script) {
	var names []string
	for _, s := range scripts {
		for _, t := range s.tasks {
			names = append(names, t.title())
		}
	}
	e.kept.Use(names)
}

// closeState saves what is not saved yet.
func (e *Engine) closeState() {
	if e.kept == nil { // nothing was run
		return
	}
	e.keptEnd.Do(func() {
		if err := e.kept.Close(); err != nil {
			e.logger.Error(err.Error(), zap.String("state", e.options.StateDir))
		}
	})
}
