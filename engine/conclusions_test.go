package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dumbprobe/internal/control"
	"dumbprobe/luaapi"
)

// concluded makes conclusions that note the numbers of the runs they conclude.
func concluded() (l *conclusions, numbers func() []uint32) {
	var mu sync.Mutex
	var all []uint32
	l = &conclusions{conclude: func(x *execution) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, x.number)
	}}
	return l, func() []uint32 {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

func cameBack(number int, bytes int) *execution {
	x := newExecution(nil)
	x.number = uint32(number)
	x.batch = luaapi.Batch{Lines: [][]byte{make([]byte, bytes)}}
	return x
}

func TestRunsThatCameBackAreConcludedInTheirOrderAfterAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, numbers := concluded()
		for i := range 10 {
			if x := cameBack(i, 1); l.take(x) == x {
				t.Error("the execution of a run that waits is given back")
			}
		}
		synctest.Wait()
		if got := numbers(); len(got) > 0 {
			t.Errorf("%v are concluded at once", got)
		}
		time.Sleep(conclusionPause)
		synctest.Wait()
		if got := numbers(); !slices.Equal(got, []uint32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("concluded are %v", got)
		}
		time.Sleep(conclusionPause)
		synctest.Wait() // the goroutine ends, or synctest would say so
		if l.active || l.spare != nil {
			t.Errorf("active %v, spare %d", l.active, len(l.spare))
		}
		l.take(cameBack(10, 1))
		time.Sleep(conclusionPause)
		synctest.Wait()
		if got := numbers(); len(got) != 11 {
			t.Errorf("after the end of the first stretch, concluded are %v", got)
		}
		time.Sleep(conclusionPause)
	})
}

func TestAnExecutionIsUsedAgainWhenItsRunIsConcluded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, _ := concluded()
		x := cameBack(1, 1)
		if l.take(x) == x {
			t.Error("while it waits")
		}
		time.Sleep(conclusionPause)
		synctest.Wait()
		l.take(cameBack(2, 1))
		time.Sleep(conclusionPause) // of the first one it is known now
		synctest.Wait()
		if next := l.take(cameBack(3, 1)); next != x {
			t.Error("not used again")
		}
		time.Sleep(2 * conclusionPause)
	})
}

// While a destination does not take what is there, the runs go on for a while, and then wait for it themselves.
func TestWhatWaitsToBeConcludedIsBounded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ bytes, most int }{
		"in number": {1, maxConclusions},
		"in bytes":  {maxConclusionsOf / 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, numbers := concluded()
				for i := range test.most {
					l.take(cameBack(i, test.bytes))
				}
				over := cameBack(test.most, test.bytes)
				if l.take(over) != over {
					t.Error("one more is taken")
				}
				if got := numbers(); !slices.Equal(got, []uint32{uint32(test.most)}) {
					t.Errorf("concluded at once are %v", got)
				}
				time.Sleep(2 * conclusionPause)
				synctest.Wait()
				if got := numbers(); len(got) != test.most+1 {
					t.Errorf("concluded are %d", len(got))
				}
			})
		})
	}
}

// Three hundred checks are due in one instant, and one that runs after them holds the VM: what they found is sent all the
// same.
func TestARunThatHoldsTheVMHoldsUpNothingThatWasFoundBefore(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local checks, n = {}, 0
for i = 1, 301 do
  checks[i] = dp.Function{interval = 3600, first = "now", timeout = 60, call = function()
    n = n + 1
    if n == 301 then dp.log.info("`+holdVM+`") end
    return {quick = n}
  end}
end
return checks`)}})
	d.messages(300, "what the quick ones found", key("quick"))
	d.letGo()
	d.messages(301, "what the last one found", key("quick"))
}

func TestManyThatAreDueTogetherEachKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const checks, runs = 300, 5
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local checks = {}
for i = 1, 300 do
  local n = 0
  checks[i] = dp.Function{interval = 0.2, first = "now", call = function() n = n + 1; return {check = i, n = n} end}
end
return checks`)}})
	all := d.messages(checks*runs, "five of each", key("check"))
	next := map[float64]float64{}
	for _, m := range all {
		check := m.num("check")
		next[check]++
		if got := m.num("n"); got != next[check] {
			t.Fatalf("check %v: its run %v came as number %v", check, got, next[check])
		}
	}
	if len(next) != checks {
		t.Errorf("%d checks have run", len(next))
	}
}

// heldConclusions has 300 checks run in one stretch, and none of them concluded by the second goroutine before release is
// called. The first one holds the VM until all are due.
func heldConclusions(t *testing.T, o Options, call string) (d *daemon, l *conclusions, release func()) {
	t.Helper()
	o.Checks = []string{lua(t, "a.lua", `
local checks, held = {}, false
local function call() `+call+` end
for i = 1, 300 do
  checks[i] = dp.Function{name = "c" .. i, interval = 3600, first = "now", timeout = 60, call = function()
    if not held then held = true dp.log.info("`+holdVM+`") end
    return call()
  end}
end
return checks`)}
	d = launch(t, o)
	eventually(t, "all are due", func() bool {
		waiting := 0
		for _, c := range d.Status(control.Filter{}).Checks {
			if c.State == control.CheckQueued {
				waiting++
			}
		}
		return waiting == 299
	})
	l = &d.running()[0].turns.conclusions
	hold := make(chan struct{})
	release = sync.OnceFunc(func() { close(hold) })
	t.Cleanup(release)
	l.mu.Lock()
	l.conclude = func(x *execution) {
		<-hold
		x.conclude()
	}
	l.mu.Unlock()
	d.letGo()
	return d, l, release
}

func TestTheWaitForTheConclusionIsNoPartOfTheRun(t *testing.T) {
	t.Parallel()
	d, l, release := heldConclusions(t, Options{}, `return {quick = 1}`)
	eventually(t, "all runs that came back", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.behind.runs == 300-ownConclusions
	})
	released := time.Now()
	release()
	d.messages(300, "what all found", key("quick"))
	for i := 1; i <= 300; i++ {
		var s control.Check
		eventually(t, "the record of the run", func() bool { s = d.status("c" + strconv.Itoa(i)); return s.Runs > 0 })
		if s.Runs == 1 && s.LastRun+s.Duration > unixTime(released) {
			t.Fatalf("the run of c%d took until it was concluded: %+v", i, s)
		}
	}
}

// What is saved of the state must not be ahead of the messages, or a kill would lose them for good; and who wants each
// message on the disk at once wants it there before the next run.
func TestWhatIsNotToBeLateIsSentBeforeTheNextRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options Options
		call    string
	}{
		"a run that used the state":      {Options{}, `return {n = dp.state:incr("n")}`},
		"a run that failed after it":     {Options{SelfMessages: SelfOff}, `dp.state:incr("n") return {{n = 1}, print}`},
		"each message is synced at once": {Options{SpoolDir: t.TempDir()}, `return {n = 1}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _, _ := heldConclusions(t, test.options, test.call)
			d.messages(300, "what all found, with no conclusion by the second goroutine", key("n"))
		})
	}
}

// Its number is looked at where it is written, and that is beside the run.
func TestAMessageThatCannotBeWrittenIsDroppedWhereverThatIsFound(t *testing.T) {
	t.Parallel()
	d, _, release := heldConclusions(t, Options{}, `return dp.Message{aspect = "x", value = 0/0}`)
	release()
	for i := 1; i <= 300; i++ {
		var s control.Check
		eventually(t, "the record of the run", func() bool { s = d.status("c" + strconv.Itoa(i)); return s.Runs > 0 })
		if s.Outcome != string(OutcomeDropped) || s.Failure == nil || !strings.Contains(s.Failure.Error, "NaN") {
			t.Fatalf("c%d: %+v", i, s)
		}
	}
}

func TestTheOneMessageOfARunIsWrittenWhereTheRunIsConcluded(t *testing.T) {
	t.Parallel()
	const n = ownConclusions + 20
	s := alwaysDue(t, n, `dp.Message{aspect = "x", value = i}`)
	all := make(chan struct{})
	s.turns.conclusions.conclude = func(x *execution) {
		defer x.check.end()
		lines, bytes := len(x.batch.Lines), x.batch.Bytes()
		if err := x.batch.Write(nil); err != nil || lines != 0 || bytes == 0 || len(x.batch.Lines) != 1 {
			t.Errorf("run %d comes with %d lines, of %d bytes, and has %d then: %v", x.number, lines, bytes, len(x.batch.Lines), err)
		}
		x.batch.Reset()
		if x.number == n {
			close(all)
		}
	}
	serveAll(s)
	<-all
}

// A destination, or a log, may be slow to take what a run found.
func TestARunBeginsAfterWhatItsServerConcludedItself(t *testing.T) {
	t.Parallel()
	const held = ownConclusions + maxConclusions // those after them are concluded by who serves
	const n = held + 5
	s := alwaysDue(t, n, `{n = i}`)
	hold, all := make(chan struct{}), make(chan struct{})
	var before time.Time // when the conclusion before ended
	s.turns.conclusions.conclude = func(x *execution) {
		defer x.check.end()
		defer x.batch.Reset()
		if x.number <= held {
			<-hold
			return
		}
		if x.batch.Started.Before(before) {
			t.Errorf("run %d is said to have begun %s before what was done before it", x.number, before.Sub(x.batch.Started))
		}
		if before = time.Now(); x.number == n {
			close(all)
		}
	}
	serveAll(s)
	<-all
	close(hold)
}

// alwaysDue is a script of n checks, which return what the Lua says; serveAll has each of them run once, in one stretch.
func alwaysDue(t *testing.T, n int, result string) *script {
	t.Helper()
	d := prepare(t, Options{Checks: []string{lua(t, "a.lua", fmt.Sprintf(`
CHECKS = {}
for i = 1, %d do
  CHECKS[i] = dp.Function{call = function() return %s end, interval = 3600}
end`, n, result))}})
	return d.script()
}

func serveAll(s *script) {
	now := time.Now()
	s.turns.mu.Lock()
	defer s.turns.mu.Unlock()
	s.turns.served = true
	for i, task := range s.tasks {
		c := task.(*check)
		c.begin()
		s.turns.entered.push(turn{check: c, due: now, queued: now, number: uint32(i + 1)})
	}
	go s.turns.serve()
}
