package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// waiter queues for a slot of o, tells who when it has it, and gives it back if it is not to be kept.
func waiter(t *testing.T, s *slots, o *owner, who string, got *[]string, mu *sync.Mutex, keep bool) {
	go func() {
		if s.acquire(t.Context(), o) != nil {
			return
		}
		mu.Lock()
		*got = append(*got, who)
		mu.Unlock()
		if !keep {
			s.release(o)
		}
	}()
	synctest.Wait() // it is in the queue
}

func TestSlotsOfAnOwnerAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1, 0)
		o := s.join("a", 0)
		if err := s.acquire(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		var order []string
		var mu sync.Mutex
		for _, who := range []string{"1", "2", "3", "4"} {
			waiter(t, s, o, who, &order, &mu, false)
		}
		if got := s.statsOf(o); got != (GroupStats{Running: 1, Waiting: 4}) {
			t.Errorf("stats %+v", got)
		}
		time.Sleep(time.Minute)
		s.release(o)
		synctest.Wait()
		if waiting, longest := s.stats(); !slices.Equal(order, []string{"1", "2", "3", "4"}) || waiting != 0 || longest != time.Minute || s.free != 1 {
			t.Errorf("served %v, waiting %d, longest %v, free %d", order, waiting, longest, s.free)
		}
	})
}

func TestOwnersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1, 0)
		many, few, other := s.join("many", 0), s.join("few", 0), s.join("other", 0)
		if err := s.acquire(t.Context(), many); err != nil {
			t.Fatal(err)
		}
		var order []string
		var mu sync.Mutex
		for range 3 {
			waiter(t, s, many, "many", &order, &mu, false)
		}
		waiter(t, s, few, "few", &order, &mu, false)
		waiter(t, s, other, "other", &order, &mu, false)
		waiter(t, s, few, "few", &order, &mu, false)
		s.release(many)
		synctest.Wait()
		if want := []string{"many", "few", "other", "many", "few", "many"}; !slices.Equal(order, want) {
			t.Errorf("served %v", order)
		}
	})
}

// However many owners hang, and however much each of them wants, there is something for who has nothing.
func TestWhatHangsLeavesSlotsToWhoHasNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(64, 0)
		var none []string
		var mu sync.Mutex
		quick := s.join("quick", 0)
		for i, want := range []int{48, 12, 3} {
			hanging := s.join(fmt.Sprint(i), 0)
			for range 300 {
				waiter(t, s, hanging, "hanging", &none, &mu, true)
			}
			if got := s.statsOf(hanging); got.Running != want {
				t.Errorf("number %d has %d slots, want %d", i, got.Running, want)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				if s.acquire(t.Context(), quick) == nil {
					s.release(quick)
				}
			}()
			synctest.Wait()
			select {
			case <-done:
			default:
				t.Fatalf("beside %d that hang, who has no slot gets none", i+1)
			}
		}
		s.mu.Lock()
		for _, o := range s.owners { // let them go
			for o.waiters.Len() > 0 {
				first := o.waiters.Front()
				close(first.Value.(chan struct{}))
				s.drop(o, first)
			}
		}
		s.mu.Unlock()
	})
}

func TestWhoIsAloneHasAllSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(4, 0)
		var got []string
		var mu sync.Mutex
		alone, again, other := s.join("a", 0), s.join("a", 0), s.join("b", 0)
		for range 5 {
			waiter(t, s, alone, "alone", &got, &mu, true)
		}
		if len(got) != 3 {
			t.Errorf("it has %d beside another one", len(got))
		}
		s.leave(other)
		s.leave(again) // another version of it
		synctest.Wait()
		if len(got) != 4 {
			t.Errorf("it has %d of 4 when the other has gone", len(got))
		}
		s.release(alone)
		synctest.Wait()
		for range 4 {
			s.release(alone)
		}
		s.leave(alone)
		if s.free != 4 || len(s.owners) != 0 || s.queues.Len() != 0 {
			t.Errorf("%d free, %d owners, %d queues", s.free, len(s.owners), s.queues.Len())
		}
	})
}

func TestASlotHandedToAnEndedContextIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 { // the two ends race
			s := newSlots(1, 0)
			o := s.join("a", 0)
			if err := s.acquire(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			first, second := make(chan error, 1), make(chan error, 1)
			go func() { first <- s.acquire(ctx, o) }()
			synctest.Wait()
			go func() { second <- s.acquire(t.Context(), o) }()
			synctest.Wait()
			go cancel()
			go s.release(o)
			if <-first == nil {
				s.release(o)
			}
			if err := <-second; err != nil {
				t.Fatal(err)
			}
			s.release(o)
			if s.free != 1 || s.statsOf(o) != (GroupStats{}) {
				t.Fatalf("free %d", s.free)
			}
		}
	})
}

// A command that waits is late, and has its whole time when its turn comes.
func TestTheWaitForASlotIsNoneOfACommandsTime(t *testing.T) {
	r := newRunner(t, Options{MaxCommands: 1})
	const n, timeout = 6, 500 * time.Millisecond
	var all sync.WaitGroup
	var longest atomic.Int64
	for range n {
		all.Go(func() {
			result, err := r.Run(t.Context(), Spec{Argv: []string{"sleep", "0.2"}, Timeout: timeout})
			if err != nil {
				t.Error(err)
			}
			if waited := int64(result.Waited); waited > longest.Load() {
				longest.Store(waited)
			}
		})
	}
	all.Wait()
	if got := time.Duration(longest.Load()); got < timeout {
		t.Errorf("nobody waited longer than the timeout: %v", got)
	}
}

func TestATimeoutOfACommand(t *testing.T) {
	r := newRunner(t, Options{MaxCommands: 1, Grace: time.Millisecond})
	late := errors.New("too late")
	busy := make(chan error)
	go func() {
		_, err := r.Run(t.Context(), Spec{Argv: []string{"sleep", "100"}, Timeout: time.Second, TimeoutCause: late})
		busy <- err
	}()
	waitFor(t, "the slot to be taken", func() bool { return r.Stats().Running == 1 })
	// Ten times this are over before the slot comes free.
	_, err := r.Run(t.Context(), Spec{Argv: []string{"true"}, Timeout: time.Millisecond, TimeoutCause: late})
	if !errors.Is(err, ErrNoSlot) || !errors.Is(err, late) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	err = <-busy
	killedErr(t, err)
	if !errors.Is(err, late) || !errors.Is(err, context.DeadlineExceeded) || r.Stats().Timeouts != 1 {
		t.Errorf("error %v, %+v", err, r.Stats())
	}
}

func TestContextEndsTheWaitForASlot(t *testing.T) {
	r := newRunner(t, Options{MaxCommands: 1})
	ctx, cancel := context.WithCancel(t.Context())
	busy := make(chan error)
	go func() {
		_, err := r.Run(ctx, Spec{Argv: []string{"sleep", "100"}})
		busy <- err
	}()
	waitFor(t, "the slot to be taken", func() bool { return r.Stats().Started == 1 })
	waiting, stopWaiting := context.WithCancel(t.Context())
	go func() {
		_, err := r.Run(waiting, Spec{Argv: []string{"true"}})
		busy <- err
	}()
	waitFor(t, "the second to wait", func() bool { return r.Stats().Waiting == 1 })
	stopWaiting()
	if err := <-busy; !errors.Is(err, ErrNoSlot) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	cancel()
	killedErr(t, <-busy)
	if got := r.Stats(); got.NoSlot != 1 || got.Started != 1 || got.Waiting != 0 || got.Running != 0 || got.Killed != 1 || got.Timeouts != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestNeverMoreCommandsThanTheLimit(t *testing.T) {
	const limit = 3
	r := newRunner(t, Options{MaxCommands: limit})
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if _, err := r.Run(t.Context(), Spec{Argv: []string{"sleep", "0.01"}}); err != nil {
				t.Error(err)
			}
		})
	}
	finished := make(chan struct{})
	go func() { all.Wait(); close(finished) }()
	most := 0
	waitFor(t, "all commands to end", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		most = max(most, len(r.children))
		return isClosed(finished)
	})
	if most > limit || most == 0 {
		t.Errorf("%d at once, the limit is %d", most, limit)
	}
}
