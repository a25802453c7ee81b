package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zaptest/observer"
)

// ticking is a piece of a script: n checks at one second, each of which counts its runs.
func ticking(prefix string, n int) string {
	return fmt.Sprintf(`
local list = {}
for i = 1, %d do
  local ticks = 0
  list[i] = dp.Function{interval = 1, name = %q .. i, call = function()
    ticks = ticks + 1
    return {tick = %q .. i, n = ticks}
  end}
end
`, n, prefix, prefix)
}

// The checks that hurt, each once, beside ones that tick: those of besideWaiters hurt no check, those of besideLoops none
// of another file.
var (
	besideWaiters = ticking("same ", 100) + `
list[#list + 1] = dp.Function{interval = 3600, name = "sleeper", call = function() dp.sleep(5) return {} end}
list[#list + 1] = dp.ShellCommand{interval = 3600, timeout = 1, name = "stubborn",
  command = "trap '' TERM; (trap '' TERM; sleep 60) & sleep 60"}
return list`
	besideLoops = ticking("bad ", 10) + `
list[#list + 1] = dp.Function{interval = 3600, timeout = 2, name = "loop", call = function() while true do end end}
list[#list + 1] = dp.Function{interval = 3600, timeout = 2, name = "pattern", call = function()
  return {found = string.find(("a"):rep(400), ".-.-.-b")}
end}
list[#list + 1] = dp.Function{interval = 3600, timeout = 2, name = "pcalls", call = function()
  while true do pcall(function() while true do end end) end
end}
return list`
	undisturbed = ticking("other ", 100) + "return list"
)

// checkTicks fails the test unless every check of the prefix has run as often as wanted, with no run skipped
// and none failed.
func (d *daemon) checkTicks(prefix string, n int, runs float64) {
	d.t.Helper()
	last := map[string]float64{}
	for _, m := range d.out.all() {
		name, _ := m.keys["tick"].(string)
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		if got := m.num("n"); got != last[name]+1 {
			d.t.Errorf("%s: run %v follows run %v", name, got, last[name])
		}
		last[name] = m.num("n")
	}
	for i := 1; i <= n; i++ {
		name := fmt.Sprintf("%s%d", prefix, i)
		if last[name] < runs-1 { // the last second may not have come to all of them
			d.t.Errorf("%s ran %v times, want %v", name, last[name], runs)
		}
		for _, o := range []Outcome{OutcomeSkipped, OutcomeTimeout, OutcomeError} {
			if bad := d.logs.Filter(told(name, o)).All(); len(bad) > 0 {
				d.t.Errorf("%s: %s: %s", name, o, bad[0].Message)
			}
		}
	}
}

// A hundred checks of the same file miss no run while one of it sleeps and one has a command that ignores
// TERM and holds its pipes; checks of other files miss none whatever happens.
func TestHarmfulChecksHurtNoOther(t *testing.T) {
	same := lua(t, "same.lua", besideWaiters)
	bad := lua(t, "bad.lua", besideLoops)
	other := lua(t, "other.lua", undisturbed)
	d := launch(t, Options{Checks: []string{same, bad, other}})
	for _, name := range []string{"stubborn", "loop", "pattern", "pcalls"} {
		d.message("the timeout of "+name, self(name, OutcomeTimeout))
	}
	const runs = 6
	for _, name := range []string{"same 100", "other 100"} {
		d.message(fmt.Sprintf("run %d of %s", runs, name), func(m msg) bool { return m.keys["tick"] == name && m.num("n") == runs })
	}
	d.message("a run of the bad file's other checks after all", func(m msg) bool { return m.keys["tick"] == "bad 10" && m.num("n") >= 2 })
	d.stop()
	d.checkTicks("same ", 100, runs)
	d.checkTicks("other ", 100, runs)
	if n := len(d.logs.Filter(told("sleeper", OutcomeTimeout)).All()); n > 0 {
		t.Error("the sleeper was ended")
	}
}

// A stop of the whole process, and a machine that sleeps, look like this to the loop: time has passed, and
// everything is overdue. Each check runs once, and what fell out is counted.
func TestAfterAPauseEachCheckRunsOnce(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", ticking("t", 20)+"return list")}})
	d.messages(20, "the first runs", func(m msg) bool { return m.keys["tick"] != nil })
	for _, s := range d.running() {
		for _, task := range s.tasks {
			c := task.(*check)
			c.mu.Lock()
			c.plan.At = c.plan.At.Add(-time.Minute) // as if it had been due a minute ago
			c.plan.Grid = c.plan.Grid.Add(-time.Minute)
			at := c.plan.At
			c.mu.Unlock()
			d.loop.Schedule(&c.Entry, at)
		}
	}
	d.logged(20, "that runs were skipped", func(l observer.LoggedEntry) bool { return l.ContextMap()["outcome"] == string(OutcomeSkipped) })
	d.messages(60, "the runs after it", func(m msg) bool { return m.keys["tick"] != nil })
	d.stop()
	byName := map[string][]msg{}
	for _, m := range d.out.all() {
		if name, ok := m.keys["tick"].(string); ok {
			byName[name] = append(byName[name], m)
		}
	}
	for name, runs := range byName {
		for i := 2; i < len(runs); i++ {
			// The overdue run comes at once after the first; from then on it is one a second again.
			if gap := runs[i].at.Sub(runs[i-1].at); i > 2 && gap < 300*time.Millisecond {
				t.Errorf("%s: run %d came %s after the one before: a burst", name, i+1, gap)
			}
		}
	}
}
