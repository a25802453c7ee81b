package luaapi

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"
)

func TestARunThatLeftNothingIsUsedAgainAndNoOther(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body  string
		again bool
	}{
		"a message":                 {`return dp.Message{aspect = "a", value = 1}`, true},
		"an error":                  {`error("no")`, true},
		"a pcall":                   {`pcall(error, "x") return {}`, true},
		"a coroutine in the middle": {`co = coroutine.wrap(function() coroutine.yield(1) end) co() return {}`, true},
		"one that has waited":       {`dp.sleep(0.001) return {}`, false},
		"one that is cut off":       {`while true do end`, false},
		"one that opened a reader":  {`r = dp.reader.file{path = "/dev/null"} return {}`, false},
		"one that began a process":  {`p = io.popen("true") return {}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, checkOf(test.body))
			s.vm.spare.Store(nil) // the load's
			var b Batch
			done := make(chan struct{})
			go func() { // which a run may end
				defer close(done)
				_ = s.Entries[0].Run(context.Background(), RunOptions{Timeout: 50 * time.Millisecond, Logger: s.log, Label: new("x")}, &b)
			}()
			<-done
			if again := s.vm.spare.Load() != nil; again != test.again {
				t.Errorf("used again: %v", again)
			}
		})
	}
}

// The engine looks at the runs of a VM ten times a second, and does not know when one ends and another begins.
func TestRunsAreLookedAtWhileTheyComeAndGo(t *testing.T) {
	t.Parallel()
	s := loadScript(t, checkOf(`return dp.Message{aspect = "a", value = 1}`))
	ctx, stop := context.WithCancel(context.Background())
	var looking sync.WaitGroup
	looking.Go(func() {
		for ctx.Err() == nil {
			now := time.Now()
			if label, _, stuck := s.vm.Stuck(now, time.Hour); stuck || label != "" && label != "one" && label != "other" {
				t.Errorf("label %q, stuck %v", label, stuck)
			}
			s.vm.Hurry(now)
			s.vm.AskMemory(1 << 30)
		}
	})
	for i := range 3000 {
		label := "one"
		if i%2 == 1 {
			label = "other"
		}
		var b Batch
		if err := s.Entries[0].Run(context.Background(), RunOptions{Timeout: time.Minute, Logger: s.log, Label: new(label)}, &b); err != nil || len(b.Lines) != 1 {
			t.Fatalf("%v, %d lines", err, len(b.Lines))
		}
	}
	stop()
	looking.Wait()
}

// The engine's part of a run is reached from its options, with all messages of it.
func TestAnIdleVMKeepsNothingOfItsLastRun(t *testing.T) {
	t.Parallel()
	s := loadScript(t, checkOf(`return {}`))
	given := func() weak.Pointer[[1 << 20]byte] {
		large := new([1 << 20]byte)
		done := make(chan struct{})
		go func() {
			defer close(done)
			opts := RunOptions{Timeout: time.Minute, Logger: s.log, Label: new("x"), OnWait: func() { large[0] = 1 }}
			_ = s.Entries[0].Run(context.Background(), opts, new(Batch))
		}()
		<-done
		return weak.Make(large)
	}()
	if s.vm.spare.Load() == nil {
		t.Fatal("no Run is kept: this shows nothing")
	}
	for range 2 {
		runtime.GC()
	}
	if given.Value() != nil {
		t.Error("what the run was given is still held")
	}
	runtime.KeepAlive(s)
}
