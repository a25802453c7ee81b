package command

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSlotsAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slots{free: 1}
		if err := s.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		const n = 20
		var order []int
		var mu sync.Mutex
		for i := range n {
			go func() {
				if s.acquire(t.Context()) == nil {
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
					s.release()
				}
			}()
			synctest.Wait() // it is in the queue
		}
		time.Sleep(time.Minute)
		s.release()
		synctest.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("order %v", order)
			}
		}
		if waiting, longest := s.stats(); len(order) != n || waiting != 0 || longest != time.Minute || s.free != 1 {
			t.Errorf("served %d, waiting %d, longest %v, free %d", len(order), waiting, longest, s.free)
		}
	})
}

func TestASlotHandedToAnEndedContextIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 { // the two ends race
			s := slots{free: 1}
			if err := s.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			first, second := make(chan error, 1), make(chan error, 1)
			go func() { first <- s.acquire(ctx) }()
			synctest.Wait()
			go func() { second <- s.acquire(t.Context()) }()
			synctest.Wait()
			go cancel()
			go s.release()
			if <-first == nil {
				s.release()
			}
			if err := <-second; err != nil {
				t.Fatal(err)
			}
			s.release()
			if s.free != 1 {
				t.Fatalf("free %d", s.free)
			}
		}
	})
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
