package engine

import (
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
)

func TestPastStreak(t *testing.T) {
	t.Parallel()
	const quick, slow = 10 * time.Millisecond, time.Second
	var p pastStreak
	ask := func(n int, past bool, sinceStart time.Duration) (told, lasting int) {
		for range n {
			if p.note(past, sinceStart) {
				told++
			}
			if p.lasts() {
				lasting++
			}
		}
		return told, lasting
	}
	for _, step := range []struct {
		what          string
		n             int
		past          bool
		sinceStart    time.Duration
		told, lasting int
	}{
		{"99 are not told", 99, true, quick, 0, 0},
		{"a time ahead ends it", 1, false, quick, 0, 0},
		{"it begins anew", 99, true, quick, 0, 0},
		{"a run that takes its time ends it", 1, true, slow, 0, 0},
		{"runs that take their time are no streak", 1000, true, slow, 0, 0},
		{"again", 99, true, quick, 0, 0},
		{"the hundredth is told, and those after it are not", 1000, true, quick, 1, 1000},
		{"a time ahead ends that, too", 1, false, quick, 0, 0},
		{"the next is told again", 100, true, quick, 1, 1},
	} {
		if told, lasting := ask(step.n, step.past, step.sinceStart); told != step.told || lasting != step.lasting {
			t.Errorf("%s: told %d times, lasting %d, want %d and %d", step.what, told, lasting, step.told, step.lasting)
		}
	}
}

func TestANextRunThatIsAlwaysInThePastIsToldOnceAndItsEndToo(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{SelfMessages: SelfAll, Checks: []string{lua(t, "a.lua", `
local n = 0
return {{
  check_name = function() return "x" end,
  next_run = function() return n < 250 and 0 or dp.time() + 3600 end,
  run = function() n = n + 1; return {n = n} end,
}}`)}})
	d.message("the end of it", self("x", OutcomeOK))
	d.stop()
	const text = "next_run gave a time in the past 100 times in a row: the check runs as often as it can, at most every 10ms"
	if said := d.sent(self("x", OutcomePast)); len(said) != 1 || said[0].Event.Comment != text || said[0].Event.State.Severity != "warning" {
		t.Errorf("said %v", said)
	} else {
		conforms(t, said[0])
	}
	if lines := d.logs.Filter(told("x", OutcomePast)).All(); len(lines) != 1 || lines[0].Message != text || lines[0].Level != zapcore.WarnLevel {
		t.Errorf("logged %v", lines)
	}
	if n := d.count(OutcomePast); n != 1 {
		t.Errorf("counted %d times", n)
	}
	if n := len(d.sent(key("n"))); n != 250 {
		t.Errorf("%d runs", n)
	}
}
