package engine

import (
	"context"
	"errors"

	"go.uber.org/zap/zapcore"

	"dumbprobe/internal/command"
	"dumbprobe/internal/message"
	"dumbprobe/luaapi"
)

// Outcome is what happened to a run, a handle or a script. The log line, the counter and the message of the
// daemon's own are all made from it. Its text is the state in that message.
type Outcome string

const (
	OutcomeOK      Outcome = "ok"
	OutcomeError   Outcome = "error"   // the script or its command failed
	OutcomeTimeout Outcome = "timeout" // the deadline passed
	OutcomeNil     Outcome = "nil_result"
	OutcomeDropped Outcome = "dropped" // some messages could not be written, the others were sent
	OutcomeSkipped Outcome = "skipped" // the last run took so long that others fell out
	OutcomeNextRun Outcome = "next_run_failed"
	OutcomePast    Outcome = "next_run_past" // next_run gives times in the past, time after time
	OutcomeMemory  Outcome = "out_of_memory" // the script holds more than it may
	OutcomeStuck   Outcome = "stuck"         // the VM was held past every deadline, and was replaced

	OutcomeOpenFailed Outcome = "open_failed" // a handle
	OutcomeEOF        Outcome = "eof"         // a handle came to its end, and will be opened again

	OutcomeLoadFailed Outcome = "load_failed" // a script; the old one, if there was one, goes on
	OutcomeCancelled  Outcome = "cancelled"   // the daemon stopped, or the script was replaced

	OutcomeState Outcome = "state_failed" // what checks keep was damaged, or cannot be saved
)

// outcomes are all of them, with how bad they are for who receives the messages.
var outcomes = map[Outcome]message.Severity{
	OutcomeOK:      message.Expected,
	OutcomeSkipped: message.Warning, OutcomePast: message.Warning, OutcomeCancelled: message.Warning, OutcomeEOF: message.Warning,
	OutcomeError: message.Error, OutcomeTimeout: message.Error, OutcomeNil: message.Error,
	OutcomeDropped: message.Error, OutcomeNextRun: message.Error, OutcomeStuck: message.Error, OutcomeMemory: message.Error,
	OutcomeOpenFailed: message.Error, OutcomeLoadFailed: message.Error,
	OutcomeState: message.Error,
}

func (o Outcome) severity() message.Severity { return outcomes[o] }

func (o Outcome) level() zapcore.Level {
	switch o.severity() {
	case message.Error:
		return zapcore.ErrorLevel
	case message.Warning:
		return zapcore.WarnLevel
	}
	return zapcore.DebugLevel
}

// outcomeOf is the outcome of a run that ended with err, and with messages that were dropped or not.
func outcomeOf(err error, b *luaapi.Batch) Outcome {
	switch {
	case err == nil && len(b.Problems) == 0:
		return OutcomeOK
	case err == nil:
		return OutcomeDropped
	case errors.Is(err, luaapi.ErrNil):
		return OutcomeNil
	case errors.Is(err, context.DeadlineExceeded):
		return OutcomeTimeout
	case errors.Is(err, errStopped), errors.Is(err, luaapi.ErrClosed), errors.Is(err, command.ErrClosed):
		return OutcomeCancelled
	}
	var memory *luaapi.MemoryError
	if errors.As(err, &memory) {
		return OutcomeMemory
	}
	return OutcomeError
}
