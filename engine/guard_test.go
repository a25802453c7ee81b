package engine

import (
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// crashOnce has the daemon panic where it logs the first line that begins so, as a bug of it would.
func crashOnce(line string) func(*Engine) {
	var done atomic.Bool
	return func(e *Engine) {
		e.logger = e.logger.WithOptions(zap.Hooks(func(entry zapcore.Entry) error {
			if strings.HasPrefix(entry.Message, line) && !done.Swap(true) {
				panic("a bug in the log")
			}
			return nil
		}))
	}
}

func TestAPanicInAReaderIsAFailureOfItsHandleAlone(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `
local n = 0
return {
  dp.ShellStream{name = "stream", command = "echo err >&2; echo '{\"pid\": '$$'}'; exec sleep 3600", reopen = 0.1},
  dp.Function{name = "other", interval = 0.1, call = function() n = n + 1; return {n = n} end},
}`)
	d := launch(t, Options{Checks: []string{path}}, crashOnce("a command wrote to its standard error"))
	l := d.log("the panic", says("please report this as a bug"))
	fields := l.ContextMap()
	stack, _ := fields["stack"].(string)
	if fields["handle"] != "stream" || fields["script"] != path || !strings.Contains(stack, "readStderr") {
		t.Errorf("fields %v", fields)
	}
	end := d.log("the end of the handle", told("stream", OutcomeEOF))
	why := "internal error: a bug in the log"
	if !strings.Contains(end.Message, why) || !strings.Contains(end.Message, "opened again") {
		t.Errorf("it says %q", end.Message)
	}
	d.log("the second time it is open", says("a command wrote to its standard error"))
	d.message("that it works again", self("stream", OutcomeOK))
	d.messages(len(d.sent(key("n")))+3, "runs of the other check", key("n"))
	d.stop()
	for i, m := range d.sent(key("n")) {
		if m.num("n") != float64(i+1) {
			t.Errorf("the other check noticed: %s", m.raw)
		}
	}
	if n := len(d.logs.Filter(says("please report this as a bug")).All()); n != 1 {
		t.Errorf("the panic was logged %d times", n)
	}
}
