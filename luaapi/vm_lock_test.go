package luaapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestWaitsOfOneVMOverlap(t *testing.T) {
	const runs = 200
	wait := 200 * time.Millisecond
	for name, body := range map[string]string{
		"sleep":            `dp.sleep(0.2)`,
		"inside of pcall":  `assert(pcall(dp.sleep, 0.2))`,
		"in a coroutine":   `coroutine.wrap(function() dp.sleep(0.1) coroutine.yield() end)() coroutine.wrap(dp.sleep)(0.1)`,
		"in a metamethod":  `local t = setmetatable({}, {__index = function() dp.sleep(0.2) return 1 end}) assert(t.x == 1)`,
		"in an iterator":   `for _ in function(_, i) dp.sleep(0.1) return not i or nil end do end`,
		"in a require'd":   `package.preload.slow = function() dp.sleep(0.2) return 1 end package.loaded.slow = nil local ok = pcall(require, "slow")`,
		"in nested pcalls": `pcall(function() pcall(function() dp.sleep(0.1) error("x") end) dp.sleep(0.1) end)`,
	} {
		t.Run(name, func(t *testing.T) {
			s := loadScript(t, checkOf(body+" return {done = 1}"))
			began := time.Now()
			var done []<-chan outcome
			for range runs {
				done = append(done, s.start(1, RunOptions{Timeout: longTime}))
			}
			for _, d := range done {
				o := s.wait(d)
				if o.err != nil || len(o.lines()) != 1 {
					t.Fatalf("a run ended with %v, %v", o.lines(), o.err)
				}
			}
			if took := time.Since(began); took > runs*wait/4 {
				t.Errorf("%d runs that wait for %v took %v", runs, wait, took)
			}
		})
	}
}

// Between two waits nothing else of the file runs.
func TestARunHasTheVMForItselfBetweenWaits(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local inside, entered, worst = 0, 0, 0
		return {
			dp.Function{interval = 1, call = function()
				for turn = 1, 10 do
					inside, entered = inside + 1, entered + 1
					if inside > worst then worst = inside end
					for i = 1, 300 do local t = {i} end
					inside = inside - 1
					dp.sleep(turn % 3 * 0.0005)
				end
				return {}
			end},
			dp.Function{interval = 1, call = function() return {worst = worst, entered = entered, inside = inside} end},
		}`)
	var done []<-chan outcome
	for range 50 {
		done = append(done, s.start(1, RunOptions{Timeout: longTime}))
	}
	for _, d := range done {
		if o := s.wait(d); o.err != nil {
			t.Fatal(o.err)
		}
	}
	if got, want := s.mustRun(2).lines()[0], `{"worst":1,"entered":500,"inside":0}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A run whose deadline passes while it queues for the VM is over, and the VM is not harmed.
func TestARunThatQueuesPastItsDeadlineEnds(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local started = 0
		return {
			dp.Function{interval = 1, call = function() BLOCK() return {} end},
			dp.Function{interval = 1, call = function() started = started + 1 return {started = started} end},
		}`)
	hold := s.blocker()
	blocking := s.start(1, RunOptions{Timeout: longTime})
	<-hold.held
	o := s.wait(s.start(2, RunOptions{Timeout: shortTime}))
	if !isDeadline(o.err) || !strings.Contains(o.err.Error(), "waited for its turn") {
		t.Errorf("the run that queued ended with %v", o.err)
	}
	if o.took > lateTime {
		t.Errorf("it ended after %v", o.took)
	}
	cause := errors.New("the daemon stops")
	ctx, cancel := context.WithCancelCause(context.Background())
	queued := s.startIn(ctx, 2, RunOptions{Timeout: longTime})
	cancel(cause)
	if o := s.wait(queued); !errors.Is(o.err, cause) {
		t.Errorf("the run that was cancelled in the queue ended with %v", o.err)
	}
	close(hold.release)
	if o := s.wait(blocking); o.err != nil {
		t.Error(o.err)
	}
	if got := s.mustRun(2).lines()[0]; got != `{"started":1}` {
		t.Errorf("a later run gave %s", got)
	}
}

// A run whose wait is over cannot go on while another one holds the VM. When its deadline passes, its
// goroutine ends: VM.Do does not return, deferred functions run, and Lua's pcall sees nothing of it.
func TestARunThatCannotTakeTheVMBackIsAbandoned(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		waiting, after = 0, 0
		local function wait()
			waiting = waiting + 1
			pcall(function() dp.sleep(0.02) end)
			after = after + 1
		end
		return {
			dp.Function{interval = 1, call = function() wait() return {} end},
			dp.Function{interval = 1, call = function() coroutine.wrap(wait)() return {} end},
			dp.Function{interval = 1, call = function() BLOCK() return {} end},
			dp.Function{interval = 1, call = function() return {waiting = waiting, after = after} end},
		}`)
	hold := s.blocker()
	var returned atomic.Int32
	var abandoned []<-chan outcome
	for entry := 1; entry <= 2; entry++ {
		e := s.Entries[entry-1]
		abandoned = append(abandoned, s.goDo(RunOptions{Timeout: shortTime}, func(opts RunOptions, b *Batch) error {
			err := e.Run(context.Background(), opts, b)
			returned.Add(1)
			return err
		}))
	}
	// Both wait before the third run gets the VM.
	for {
		if got := s.mustRun(4).lines()[0]; strings.HasPrefix(got, `{"waiting":2`) {
			break
		}
	}
	blocking := s.start(3, RunOptions{Timeout: longTime})
	<-hold.held
	for _, d := range abandoned {
		if o := s.wait(d); !isDeadline(o.err) || o.took > lateTime {
			t.Errorf("it ended after %v with %v", o.took, o.err)
		}
	}
	close(hold.release)
	s.wait(blocking)
	if n := returned.Load(); n > 0 {
		t.Errorf("Run returned %d times", n)
	}
	if got := s.mustRun(4).lines()[0]; got != `{"waiting":2,"after":0}` {
		t.Errorf("got %s", got)
	}
}

// A timeout is told with the line that waited, also when many pass at the same moment.
func TestTimeoutsThatPassAtOnceAreToldWithTheirLine(t *testing.T) {
	s := loadScript(t, checkOf(`dp.sleep(100)`))
	var done []<-chan outcome
	deadline := time.Now().Add(shortTime)
	for range 100 {
		done = append(done, s.start(1, RunOptions{Timeout: shortTime, Deadline: deadline}))
	}
	without := 0
	for _, d := range done {
		o := s.wait(d)
		if !isDeadline(o.err) {
			t.Errorf("it ended with %v", o.err)
		} else if !strings.Contains(o.err.Error(), s.at(3)) {
			without++
		}
	}
	if without > 0 {
		t.Errorf("%d of %d do not say where", without, len(done))
	}
}

func TestSlidingRuns(t *testing.T) {
	source := `
		local dp = require "dumbprobe"
		local object = {turn = 0}
		function object:run_next()
			self.turn = self.turn + 1
			if self.turn == 1 then
				for i = 1, 5 do dp.sleep(0.06) end -- together far more than the timeout
				return {slept = true}
			elseif self.turn == 2 then
				return dp.command("sleep 0.3; echo late").stdout == "late\n" and {command = true} or nil
			elseif self.turn == 3 then
				dp.sleep(0.3)
				while true do end
			elseif self.turn == 4 then
				while true do end
			elseif self.turn == 5 then
				local n = 0
				return function()
					n = n + 1
					dp.sleep(0.06)
					if n <= 5 then return {n = n} end
				end
			elseif self.turn == 6 then
				return function() while true do end end
			end
			dp.sleep(100)
		end
		return object`
	s := loadScript(t, source)
	next := func(opts RunOptions) (outcome, []string) {
		var sent []string
		o := s.wait(s.goDo(opts, func(opts RunOptions, b *Batch) error {
			return s.Object.RunNext(context.Background(), opts, b, func(lines [][]byte) {
				for _, line := range lines {
					sent = append(sent, string(line))
				}
			})
		}))
		return o, sent
	}
	opts := RunOptions{Timeout: shortTime, Sliding: true}
	for _, want := range []string{`{"slept":true}`, `{"command":true}`} {
		o, _ := next(opts)
		if o.err != nil || fmt.Sprint(o.lines()) != "["+want+"]" {
			t.Errorf("waiting longer than the timeout gave %v, %v", o.lines(), o.err)
		}
	}
	for _, what := range []string{"computing after a wait", "computing"} {
		if o, _ := next(opts); !isDeadline(o.err) || !strings.Contains(o.err.Error(), s.path+":") || o.took > lateTime+time.Second {
			t.Errorf("%s longer than the timeout ended after %v with %v", what, o.took, o.err)
		}
	}
	o, sent := next(opts)
	if want := []string{`{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`, `{"n":5}`}; o.err != nil || !slices.Equal(sent, want) {
		t.Errorf("an iterator that waits gave %v, %v", sent, o.err)
	}
	if o, _ := next(opts); !isDeadline(o.err) {
		t.Errorf("an iterator that computes ended with %v", o.err)
	}

	idle := make(chan struct{})
	opts.Idle = idle
	began := time.Now()
	time.AfterFunc(50*time.Millisecond, func() { close(idle) })
	o, _ = next(opts)
	if o.err == nil || isDeadline(o.err) || !strings.Contains(o.err.Error(), "unloaded") || time.Since(began) > lateTime {
		t.Errorf("a sleep whose script is unloaded ended after %v with %v", o.took, o.err)
	}
}

func TestTheParentContextEndsWhatARunDoes(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		return {
			dp.Function{interval = 1, call = function() STARTED() while true do end end},
			dp.Function{interval = 1, call = function() STARTED() while true do pcall(dp.sleep, 100) end end},
			dp.Function{interval = 1, call = function() STARTED() dp.command("sleep 100") end},
			dp.Function{interval = 1, call = function() STARTED() dp.reader.command{command = "sleep 100"}:read() end},
		}`)
	started := s.signal("STARTED")
	for entry := range s.Entries {
		cause := errors.New("the daemon stops")
		ctx, cancel := context.WithCancelCause(context.Background())
		done := s.startIn(ctx, entry+1, RunOptions{Timeout: longTime})
		<-started
		began := time.Now()
		cancel(cause)
		o := s.wait(done)
		if !errors.Is(o.err, cause) || time.Since(began) > lateTime {
			t.Errorf("entry %d ended %v later with %v", entry+1, time.Since(began), o.err)
		}
	}
}

func TestStuck(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		return {
			dp.Function{interval = 1, call = function() BLOCK() return {} end},
			dp.Function{interval = 1, call = function() STARTED() dp.sleep(0.3) return {} end},
		}`)
	hold := s.blocker()
	started := s.signal("STARTED")
	const grace = 100 * time.Millisecond
	if _, _, stuck := s.vm.Stuck(time.Now(), 0); stuck {
		t.Error("an idle VM is stuck")
	}

	began := time.Now()
	blocking := s.start(1, RunOptions{Timeout: shortTime, Label: new("the check")})
	<-hold.held
	for _, at := range []struct {
		after time.Duration // since the start of the run
		stuck bool
	}{{0, false}, {shortTime + grace/2, false}, {shortTime + grace + time.Second, true}} {
		label, held, stuck := s.vm.Stuck(began.Add(at.after), grace)
		if stuck != at.stuck || label != "the check" || held > at.after {
			t.Errorf("after %v: stuck is %v, the label %q, held for %v", at.after, stuck, label, held)
		}
	}
	close(hold.release)
	if o := s.wait(blocking); o.err != nil && !isDeadline(o.err) {
		t.Error(o.err)
	}

	// A run that waits does not hold the VM.
	waiting := s.start(2, RunOptions{Timeout: shortTime})
	<-started
	s.do(func(*Run) {}) // has the VM after the other run has given it away
	if _, _, stuck := s.vm.Stuck(time.Now().Add(time.Hour), grace); stuck {
		t.Error("a VM is stuck whose runs only wait")
	}
	s.wait(waiting)

	// A run that has just got the VM, long after its deadline, is no reason to give the VM up.
	now, late := time.Now(), &Run{}
	late.deadlineNs.Store(now.Add(-time.Hour).UnixNano())
	late.heldSince.Store(now.Add(-grace / 2).UnixNano())
	s.vm.lock.holder.Store(late)
	if _, held, stuck := s.vm.Stuck(now, grace); stuck || held > grace {
		t.Errorf("a run that has had the VM for %v is stuck", held)
	}
	s.vm.lock.holder.Store(nil)

	// A run that has no deadline cannot be behind it.
	blocking = s.start(1, RunOptions{})
	<-hold.held
	if _, _, stuck := s.vm.Stuck(time.Now().Add(time.Hour), grace); stuck {
		t.Error("a run without a deadline is stuck")
	}
	s.wait(blocking)
}

func TestClose(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), longTime)
	defer cancel()
	t.Run("twice", func(t *testing.T) {
		s := loadScript(t, checkOf(`return {}`))
		for range 3 {
			if err := s.vm.Close(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("what comes after is ErrClosed", func(t *testing.T) {
		s := loadScript(t, checkOf(`return {}`))
		if err := s.vm.Close(ctx); err != nil {
			t.Error(err)
		}
		if o := s.run(1); !errors.Is(o.err, ErrClosed) {
			t.Errorf("a run gave %v", o.err)
		}
		if _, err := s.vm.Load(ctx, RunOptions{}); !errors.Is(err, ErrClosed) {
			t.Errorf("a load gave %v", err)
		}
	})
	t.Run("before the load", func(t *testing.T) {
		s := newScriptVM(t, writeScript(t, `return {}`), Limits{})
		if err := s.vm.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Run("after a load that failed", func(t *testing.T) {
		s := newScriptVM(t, writeScript(t, `error("x")`), Limits{})
		if _, err := s.vm.Load(ctx, RunOptions{}); err == nil {
			t.Error("the load did not fail")
		}
		if err := s.vm.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Run("while runs wait and queue", func(t *testing.T) {
		s := loadScript(t, `
			local dp = require "dumbprobe"
			return {
				dp.Function{interval = 1, call = function() STARTED() pcall(dp.sleep, 0.3) return {} end},
				dp.Function{interval = 1, call = function() BLOCK() return {} end},
				dp.Function{interval = 1, call = function() return {} end},
			}`)
		started, hold := s.signal("STARTED"), s.blocker()
		var waiting, queued []<-chan outcome
		for range 20 {
			waiting = append(waiting, s.start(1, RunOptions{Timeout: longTime}))
			<-started
		}
		blocking := s.start(2, RunOptions{Timeout: longTime})
		<-hold.held
		closed := make(chan error, 1)
		go func() { closed <- s.vm.Close(ctx) }()
		for range 20 {
			queued = append(queued, s.start(3, RunOptions{Timeout: longTime}))
		}
		close(hold.release)
		if o := s.wait(blocking); o.err != nil {
			t.Errorf("the run that held the VM ended with %v", o.err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		for _, d := range queued {
			if o := s.wait(d); o.err != nil && !errors.Is(o.err, ErrClosed) {
				t.Errorf("a run that queued ended with %v", o.err)
			}
		}
		for _, d := range waiting {
			if o := s.wait(d); o.err == nil {
				t.Error("a run that waited went on after the end of the VM")
			}
		}
	})
	t.Run("a VM that does not come free is left alone", func(t *testing.T) {
		s := loadScript(t, checkOf(`BLOCK() return {}`))
		hold := s.blocker()
		blocking := s.start(1, RunOptions{Timeout: longTime})
		<-hold.held
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if err := s.vm.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close gave %v", err)
		}
		close(hold.release)
		if o := s.wait(blocking); o.err != nil {
			t.Error(o.err)
		}
	})
}

func TestInstructionsAreCountedAndLimited(t *testing.T) {
	s := loadScriptWith(t, `
		local dp = require "dumbprobe"
		return {
			dp.Function{interval = 1, call = function() for i = 1, 100000 do end return {} end},
			dp.Function{interval = 1, call = function() for i = 1, 10000 do end return {} end},
			dp.Function{interval = 1, call = function() pcall(function() while true do end end) return {} end},
		}`, Limits{MaxInstructions: 50_000})
	var budget *BudgetError
	if o := s.run(1); !errors.As(o.err, &budget) || budget.Limit != 50_000 || !strings.Contains(o.err.Error(), s.at(4)) {
		t.Errorf("too many instructions ended with %v", o.err)
	}
	s.mustRun(2)
	if o := s.run(3); !errors.As(o.err, &budget) {
		t.Errorf("too many instructions in a pcall ended with %v", o.err)
	}
	var few, many uint64
	count := func(entry int, n *uint64) {
		e := s.Entries[entry-1]
		s.wait(s.goDo(RunOptions{Timeout: longTime}, func(opts RunOptions, b *Batch) error {
			return s.vm.Do(context.Background(), opts, func(r *Run) error {
				_, err := e.check.finish(r, r.thread, nil)
				*n = r.Instructions()
				return err
			})
		}))
	}
	s.vm.limits.MaxInstructions = 0
	count(1, &many)
	count(2, &few)
	if few < 10_000 || few > 20_000 || many < 100_000 || many > 120_000 {
		t.Errorf("a loop of 10,000 has %d instructions, and one of 100,000 has %d", few, many)
	}
}
