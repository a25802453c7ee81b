package scheduler

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// taskFunc is a Task made of a function.
type taskFunc func(due time.Time)

func (f taskFunc) Start(due time.Time) { f(due) }

// running runs the loop until the returned function is called, which waits for its end.
func running(t testing.TB, l *Loop) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want context.Canceled", err)
		}
	}
}

// recorder notes what was started and when, in time since it was made.
type recorder struct {
	began time.Time
	mu    sync.Mutex // protects following fields
	got   []string
}

func newRecorder() *recorder { return &recorder{began: time.Now()} }

func (r *recorder) note(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, fmt.Sprintf("%s %v", name, time.Since(r.began)))
}

func (r *recorder) entry(name string) *Entry {
	return &Entry{Task: taskFunc(func(time.Time) { r.note(name) })}
}

func (r *recorder) want(t *testing.T, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if diff := gocmp.Diff(want, r.got); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
}

func in(d time.Duration) time.Time { return time.Now().Add(d) }

func TestLoopStartsEachEntryAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := NewLoop(LoopOptions{}), newRecorder()
		defer running(t, l)()
		l.Schedule(r.entry("c"), in(time.Hour+time.Nanosecond))
		l.Schedule(r.entry("a"), in(0))
		l.Schedule(r.entry("b"), in(1500*time.Microsecond))
		l.Schedule(r.entry("past"), in(-time.Hour))
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		r.want(t, "a 0s", "past 0s", "b 1.5ms", "c 1h0m0.000000001s")
	})
}

func TestLoopStartsEntriesOfOneTimeInTheOrderScheduled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(LoopOptions{})
		var got, want []int
		due := in(time.Second)
		for i := range 5000 {
			l.Schedule(&Entry{Task: taskFunc(func(time.Time) { got = append(got, i) })}, due)
			want = append(want, i)
		}
		stop := running(t, l)
		time.Sleep(2 * time.Second)
		stop()
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLoopWakesForAnEarlierEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := NewLoop(LoopOptions{}), newRecorder()
		defer running(t, l)()
		l.Schedule(r.entry("late"), in(3*time.Second))
		synctest.Wait() // the loop sleeps now
		l.Schedule(r.entry("early"), in(time.Second))
		l.Schedule(r.entry("earlier"), in(time.Millisecond))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		r.want(t, "earlier 1ms", "early 1s", "late 3s")
	})
}

func TestLoopStartsTogetherWhatIsDueWithinAMillisecondAndAHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := NewLoop(LoopOptions{}), newRecorder()
		l.Schedule(r.entry("a"), in(10*time.Millisecond))
		l.Schedule(r.entry("b"), in(10*time.Millisecond+time.Microsecond))
		l.Schedule(r.entry("c"), in(11*time.Millisecond))
		l.Schedule(r.entry("d"), in(12*time.Millisecond))
		defer running(t, l)()
		time.Sleep(20 * time.Millisecond)
		l.Schedule(r.entry("alone"), in(0))
		time.Sleep(time.Second)
		r.want(t, "a 10ms", "b 11.5ms", "c 11.5ms", "d 13ms", "alone 20ms")
	})
}

func TestLoopScheduleMovesAnEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := NewLoop(LoopOptions{}), newRecorder()
		defer running(t, l)()
		sooner, later, never := r.entry("sooner"), r.entry("later"), r.entry("never")
		l.Schedule(sooner, in(time.Minute))
		l.Schedule(later, in(time.Second))
		l.Schedule(never, in(time.Second))
		synctest.Wait()
		l.Schedule(sooner, in(2*time.Second))
		l.Schedule(later, in(3*time.Second))
		l.Schedule(never, time.Time{})
		time.Sleep(time.Hour)
		synctest.Wait()
		r.want(t, "sooner 2s", "later 3s")
	})
}

func TestLoopRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := NewLoop(LoopOptions{}), newRecorder()
		defer running(t, l)()
		e := r.entry("removed")
		l.Schedule(e, in(time.Second))
		synctest.Wait()
		if !l.Remove(e) || l.Remove(e) {
			t.Error("Remove must be true once")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		r.want(t)
	})
}

func TestLoopTellsTheTimeAnEntryWasDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(LoopOptions{})
		want := in(time.Second)
		var got time.Time
		l.Schedule(&Entry{Task: taskFunc(func(due time.Time) { got = due })}, want)
		time.Sleep(10 * time.Second) // nobody runs the loop, as when the process is stopped
		stop := running(t, l)
		synctest.Wait()
		stop()
		if !got.Equal(want) {
			t.Errorf("due = %v, want %v", got, want)
		}
		if s := l.Stats(); s.LateMax != 9*time.Second || s.LateSum != 9*time.Second || s.Started != 1 {
			t.Errorf("stats = %+v, want one start 9 s late", s)
		}
	})
}

func TestLoopTakesATimeWithoutAMonotonicReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := NewLoop(LoopOptions{}), newRecorder()
		defer running(t, l)()
		l.Schedule(r.entry("wall"), in(time.Second).Round(0))
		l.Schedule(r.entry("year 1"), time.Time{}.Add(1))
		l.Schedule(r.entry("year 9999"), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
		time.Sleep(time.Minute)
		synctest.Wait()
		r.want(t, "year 1 0s", "wall 1s")
	})
}

func TestLoopScheduleFromStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := NewLoop(LoopOptions{}), newRecorder()
		defer running(t, l)()
		e := &Entry{}
		e.Task = taskFunc(func(due time.Time) {
			r.note("tick")
			l.Schedule(e, due.Add(time.Second))
		})
		l.Schedule(e, in(0))
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		r.want(t, "tick 0s", "tick 1s", "tick 2s")
		l.Remove(e)
	})
}

func TestLoopEndsThoughAnEntryIsAlwaysDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(LoopOptions{})
		ctx, cancel := context.WithCancelCause(t.Context())
		n := 0
		e := &Entry{}
		e.Task = taskFunc(func(time.Time) {
			if n++; n == 1000 {
				cancel(errors.New("enough"))
			}
			l.Schedule(e, time.Now())
		})
		l.Schedule(e, time.Now())
		if err := l.Run(ctx); err == nil || err.Error() != "enough" {
			t.Errorf("Run = %v, want the context's cause", err)
		}
		if l.Len() != 1 {
			t.Errorf("Len = %d after Run, want the entry still queued", l.Len())
		}
	})
}

func TestLoopRunsAgainWithWhatStayedQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := NewLoop(LoopOptions{}), newRecorder()
		l.Schedule(r.entry("a"), in(10*time.Second))
		stop := running(t, l)
		time.Sleep(time.Second)
		stop()
		if l.Len() != 1 {
			t.Errorf("Len = %d, want 1", l.Len())
		}
		stop = running(t, l)
		time.Sleep(time.Minute)
		stop()
		r.want(t, "a 10s")
	})
}

func TestLoopRunsOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(LoopOptions{})
		defer running(t, l)()
		synctest.Wait()
		if err := l.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Errorf("second Run = %v, want ErrRunning", err)
		}
	})
}

func TestLoopSaysWhatIsDueNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(LoopOptions{})
		if due, ok := l.NextDue(); ok {
			t.Errorf("NextDue of an empty loop = %v", due)
		}
		a, b := &Entry{Task: taskFunc(func(time.Time) {})}, &Entry{Task: taskFunc(func(time.Time) {})}
		first, second := in(time.Second), in(time.Minute)
		l.Schedule(b, second)
		l.Schedule(a, first)
		if due, ok := l.NextDue(); !ok || !due.Equal(first) {
			t.Errorf("NextDue = %v, %v, want %v", due, ok, first)
		}
		if due, ok := l.Due(b); !ok || !due.Equal(second) {
			t.Errorf("Due = %v, %v, want %v", due, ok, second)
		}
		l.Remove(b)
		if due, ok := l.Due(b); ok {
			t.Errorf("Due of a removed entry = %v", due)
		}
	})
}

func TestLoopGoesRoundWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rounds int
		l := NewLoop(LoopOptions{MaxIdle: 3 * time.Second, OnRound: func(time.Time) { rounds++ }})
		if l.Alive(time.Hour) {
			t.Error("a loop that does not run is alive")
		}
		stop := running(t, l)
		time.Sleep(30*time.Second + time.Millisecond)
		synctest.Wait()
		if rounds != 11 {
			t.Errorf("%d rounds in 30 s, want one each 3 s and the first", rounds)
		}
		if !l.Alive(time.Second) || time.Since(l.LastRound()) != time.Millisecond {
			t.Errorf("last round %v ago, want 1 ms", time.Since(l.LastRound()))
		}
		stop()
		if l.Alive(time.Hour) {
			t.Error("a loop that has ended is alive")
		}
	})
}

func TestLoopIsNotAliveWhileAStartBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(LoopOptions{})
		defer running(t, l)()
		l.Schedule(&Entry{Task: taskFunc(func(time.Time) { time.Sleep(time.Minute) })}, in(0))
		time.Sleep(30 * time.Second)
		if l.Alive(15 * time.Second) {
			t.Error("a blocked loop is alive")
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if !l.Alive(15 * time.Second) {
			t.Error("a loop that was blocked is not alive again")
		}
	})
}

// The fake wall clock of synctest cannot step, so these tests move what the loop compares it to.

func TestLoopReportsAClockStepBeforeItStartsAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		l := NewLoop(LoopOptions{OnClockStep: func(d time.Duration) { r.note("step of " + d.String()) }})
		l.clock.ref.wall -= int64(time.Hour)
		l.Schedule(r.entry("run"), in(0))
		stop := running(t, l)
		time.Sleep(time.Minute)
		stop()
		r.want(t, "step of 1h0m0s 0s", "run 0s")
		if s := l.Stats(); s.ClockSteps != 1 {
			t.Errorf("ClockSteps = %d, want 1", s.ClockSteps)
		}
	})
}

func TestLoopFindsAClockStepWithinMaxIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		var l *Loop
		e := r.entry("moved")
		l = NewLoop(LoopOptions{OnClockStep: func(d time.Duration) {
			r.note("step of " + d.String())
			l.Schedule(e, in(time.Second))
		}})
		l.Schedule(e, in(time.Hour))
		l.Schedule(&Entry{Task: taskFunc(func(time.Time) { l.clock.ref.wall += int64(time.Hour) })}, in(12*time.Second))
		stop := running(t, l)
		time.Sleep(time.Minute)
		stop()
		// Idle rounds at 5 s and 10 s, then at 12 s for the step, then at most 5 s later.
		r.want(t, "step of -1h0m0s 17s", "moved 18s")
	})
}

func TestLoopScheduleGetsItsTurnInABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(LoopOptions{})
		var started atomic.Int64
		due := in(time.Second)
		for range 20_000 {
			l.Schedule(&Entry{Task: taskFunc(func(time.Time) { started.Add(1) })}, due)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				time.Sleep(time.Second)
				for range 1000 {
					l.Schedule(&Entry{Task: taskFunc(func(time.Time) { started.Add(1) })}, time.Now())
				}
			})
		}
		stop := running(t, l)
		wg.Wait()
		synctest.Wait()
		stop()
		if n := started.Load(); n != 24_000 || l.Len() != 0 {
			t.Errorf("%d started, %d queued, want all 24,000 started", n, l.Len())
		}
	})
}

// What the loop starts runs on other goroutines: on one core they must not wait until all is started.
func TestLoopLetsOthersRunInABurst(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	l := NewLoop(LoopOptions{})
	const n = 10 * batch
	var started, atFirst atomic.Int64
	done := make(chan struct{})
	due := time.Now()
	for range n {
		l.Schedule(&Entry{Task: taskFunc(func(time.Time) {
			switch started.Add(1) {
			case 1:
				go func() { atFirst.Store(started.Load()) }()
			case n:
				close(done)
			}
		})}, due)
	}
	stop := running(t, l)
	<-done
	stop()
	if at := atFirst.Load(); at == 0 || at > 2*batch {
		t.Errorf("the goroutine of the first one ran when %d of %d were started", at, n)
	}
}

// Others may compute for as long as they want: each yield then takes a time slice or more.
func TestLoopYieldsNoMoreForAWhileWhereThatTakesLong(t *testing.T) {
	for name, test := range map[string]struct {
		takes time.Duration
		want  int64 // yields in each burst of ten batches
	}{
		"short": {longYield, 10},
		"long":  {longYield + 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := NewLoop(LoopOptions{})
				var yields atomic.Int64
				l.yield = func() {
					yields.Add(1)
					time.Sleep(test.takes)
				}
				stop := running(t, l)
				defer stop()
				for range 2 {
					yields.Store(0)
					due := in(time.Millisecond)
					for range 10 * batch {
						l.Schedule(&Entry{Task: taskFunc(func(time.Time) {})}, due)
					}
					time.Sleep(busyFor + time.Second)
					if got := yields.Load(); got != test.want {
						t.Errorf("%d yields, want %d", got, test.want)
					}
				}
			})
		})
	}
}

func TestLoopStartsOncePerScheduleUnderConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(LoopOptions{})
		defer running(t, l)()
		var wg sync.WaitGroup
		for seed := range uint64(8) {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, 1))
				var started atomic.Int64
				e := &Entry{Task: taskFunc(func(time.Time) { started.Add(1) })}
				want := int64(0)
				for range 500 {
					l.Schedule(e, in(time.Duration(1+r.IntN(999))*time.Millisecond))
					switch r.IntN(3) {
					case 0:
						time.Sleep(time.Second)
						want++
					case 1:
						if !l.Remove(e) {
							t.Error("an entry due in the future was not queued")
						}
					case 2: // the next turn moves it
					}
				}
				l.Remove(e)
				time.Sleep(time.Second)
				if n := started.Load(); n != want {
					t.Errorf("%d starts, want %d", n, want)
				}
			})
		}
		wg.Wait()
	})
}

func TestLoopRefusesAnEntryWithoutATask(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewLoop(LoopOptions{}).Schedule(&Entry{}, time.Now())
}
