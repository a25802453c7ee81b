package engine

import (
	"fmt"
	"strings"
	"testing"

	"dumbprobe/internal/loglimit"
)

// However much a stream's command writes to its standard error, or prints that is no message, the log stays small,
// and says how many lines are missing.
func TestWhatAStreamWritesToTheLogIsLimited(t *testing.T) {
	t.Parallel()
	const lines = 20000
	for _, c := range []struct{ name, command, text string }{
		{"standard error", "yes | head -n %d >&2", "a command wrote to its standard error"},
		{"no messages", "yes | head -n %d", "was dropped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			command := fmt.Sprintf(c.command, lines)
			d := launch(t, Options{Checks: []string{lua(t, "a.lua", fmt.Sprintf(`
return {dp.ShellStream{command = %q, name = "loud", reopen = 3600}}`, command))}})
			d.message("the end", self("loud", OutcomeEOF))
			d.stop()
			if n := d.logs.Filter(says(c.text)).Len(); n < 100 || n > 2*loglimit.Burst {
				t.Errorf("%d lines are in the log", n)
			}
			if d.logs.Filter(says("lines left out of the log")).Len() == 0 {
				t.Error("the log does not say that lines are missing")
			}
		})
	}
}

// A long error is cut in the log.
func TestALongErrorIsCutInTheLog(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
return {dp.Function{name = "long", interval = 3600, call = function() error(("x"):rep(1e7)) end}}`)}})
	line := d.log("the error", told("long", OutcomeError))
	if n := len(line.Message); n > 20<<10 || !strings.HasSuffix(line.Message, " more bytes)") {
		t.Errorf("it has %d bytes, and ends with %q", n, line.Message[n-20:])
	}
	for name, value := range line.ContextMap() {
		if text := fmt.Sprint(value); len(text) > 20<<10 {
			t.Errorf("the field %s has %d bytes", name, len(text))
		}
	}
}
