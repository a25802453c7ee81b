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
	slow, other := r.Group("slow", 2), r.Group("other", 2)
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
	for _, g := range []*Group{other, r.Group("third", 0)} {
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
	g := r.Group("a", 1)
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
			return g.Stats() == GroupStats{Running: 1, Waiting: i}
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
