package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAGroupLeavesSlotsToTheOthers(t *testing.T) {
	r := newRunner(t, Options{MaxCommands: 3})
	slow, other := r.Group(2), r.Group(2)
	ctx, cancel := context.WithCancel(t.Context())
	const n = 6
	errs := make(chan error, n)
	for range n {
		go func() {
			_, err := slow.Run(ctx, Spec{Argv: []string{"sleep", "100"}})
			errs <- err
		}()
	}
	waitFor(t, "the group to be full", func() bool { return slow.Stats() == GroupStats{Running: 2, Waiting: 4} })
	if got := r.Stats(); got.Running != 2 || got.Waiting != 4 {
		t.Errorf("stats %+v", got)
	}
	for _, g := range []*Group{other, r.Group(0)} {
		if _, err := g.Run(t.Context(), Spec{Argv: []string{"true"}}); err != nil {
			t.Error(err)
		}
	}
	mustRun(t, r, Spec{Argv: []string{"true"}})
	if _, err := slow.Start(t.Context(), Spec{}); err == nil || errors.Is(err, ErrNoSlot) {
		t.Errorf("a stream of a full group: %v", err)
	}

	cancel()
	refused := 0
	for range n {
		err := <-errs
		switch _, killed := errors.AsType[*KilledError](err); {
		case errors.Is(err, ErrNoSlot) && errors.Is(err, context.Canceled) && strings.Contains(err.Error(), "the limit of the script is 2"):
			refused++
		case !killed:
			t.Errorf("error %v", err)
		}
	}
	if got := r.Stats(); refused != 4 || got.NoSlot != 4 || got.Running != 0 || got.Waiting != 0 || slow.Stats() != (GroupStats{}) {
		t.Errorf("%d refused, %+v, %+v", refused, got, slow.Stats())
	}
	if _, err := slow.Run(t.Context(), Spec{Argv: []string{"true"}}); err != nil {
		t.Error(err)
	}
}

func TestAGroupIsServedInOrder(t *testing.T) {
	r := newRunner(t, Options{})
	g := r.Group(1)
	gate := filepath.Join(t.TempDir(), "gate")
	order := filepath.Join(t.TempDir(), "order")
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if _, err := g.Run(t.Context(), Spec{Argv: Shell(fmt.Sprintf(
				`until test -e %s; do sleep 0.01; done; echo %d >>%s`, gate, i, order))}); err != nil {
				t.Error(err)
			}
		})
		waitFor(t, "its turn in the queue", func() bool {
			g.slots.mu.Lock()
			defer g.slots.mu.Unlock()
			return g.slots.free == 0 && g.slots.waiters.Len() == i
		})
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if got, _ := os.ReadFile(order); string(got) != "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n" {
		t.Errorf("order %q", got)
	}
}

// Who gave up has left nothing taken: neither of the group, nor of the Runner.
func TestAContextThatEndsInTheSecondQueueFreesTheFirst(t *testing.T) {
	r := newRunner(t, Options{MaxCommands: 1})
	g := r.Group(1)
	busy, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	run := func(ctx context.Context, do func(context.Context, Spec) (Result, error), argv ...string) {
		_, err := do(ctx, Spec{Argv: argv})
		ended <- err
	}
	go run(busy, r.Run, "sleep", "100")
	waitFor(t, "the slot to be taken", func() bool { return r.Stats().Running == 1 })
	first, giveUp := context.WithCancel(t.Context())
	go run(first, g.Run, "true")
	waitFor(t, "the first to wait for the Runner", func() bool { waiting, _ := r.slots.stats(); return waiting == 1 })
	go run(t.Context(), g.Run, "true")
	waitFor(t, "the second to wait for the group", func() bool { waiting, _ := g.slots.stats(); return waiting == 1 })
	giveUp()
	if err := <-ended; !errors.Is(err, ErrNoSlot) || !strings.Contains(err.Error(), "the limit is 1") {
		t.Errorf("error %v", err)
	}
	waitFor(t, "the second to wait for the Runner", func() bool { waiting, _ := r.slots.stats(); return waiting == 1 })
	stop()
	killed, ran := <-ended, <-ended
	if killed == nil {
		killed, ran = ran, killed
	}
	killedErr(t, killed)
	if ran != nil || r.Stats().Waiting != 0 || g.Stats() != (GroupStats{}) {
		t.Errorf("%v, %+v, %+v", ran, r.Stats(), g.Stats())
	}
}
