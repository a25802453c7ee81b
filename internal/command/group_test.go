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

func TestAGroupLeavesStreamsToTheOthers(t *testing.T) {
	r := newRunner(t, Options{MaxStreams: 8})
	greedy, other := r.Group("greedy", 0), r.Group("other", 0)
	sleep := Spec{Argv: []string{"sleep", "100"}}
	var streams []*Stream
	const most = 6 // three times the two that are left
	for range most {
		s, err := greedy.Start(t.Context(), sleep)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		streams = append(streams, s)
	}
	for range 3 {
		_, err := greedy.Start(t.Context(), sleep)
		if !errors.Is(err, ErrTooManyStreams) || !strings.Contains(err.Error(), "has 6 of the 8") {
			t.Fatalf("a stream over the share: %v", err)
		}
	}
	if got := r.Stats(); got.Streams != most || got.NoStream != 3 || greedy.Stats().Streams != most {
		t.Errorf("%+v, %+v", got, greedy.Stats())
	}
	s, err := other.Start(t.Context(), sleep)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := greedy.Start(t.Context(), Spec{Argv: []string{"/nonexistent"}}); !errors.Is(err, ErrTooManyStreams) {
		t.Errorf("error %v", err)
	}
	streams[0].Close()
	if _, err := greedy.Start(t.Context(), Spec{Argv: []string{"/nonexistent"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	s, err = greedy.Start(t.Context(), sleep) // what could not be started has given its place back
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, s := range streams {
		s.Close()
	}
	if got := greedy.Stats(); got != (GroupStats{}) || other.Stats() != (GroupStats{}) || r.Stats().Streams != 0 {
		t.Errorf("at the end: %+v, %+v, %+v", got, other.Stats(), r.Stats())
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
