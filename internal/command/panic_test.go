package command

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"
)

// crashing gives Options for a Runner that finds a bug. The error of a panic says where that was.
func crashing(stack *string) Options {
	o := quick()
	o.OnPanic = func(crash any) error {
		*stack = string(debug.Stack())
		return fmt.Errorf("internal error: %v", crash)
	}
	return o
}

func wantPanic(t *testing.T, err error, stack string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "internal error: ") || !strings.Contains(stack, ".members(") {
		t.Errorf("the error is %v; the panic was at %s", err, stack)
	}
}

func TestAPanicAtTheEndOfAStreamIsItsError(t *testing.T) {
	var stack string
	r := newRunner(t, crashing(&stack))
	s, err := r.Start(t.Context(), Spec{Argv: Shell("sleep 3600 & wait")})
	if err != nil {
		t.Fatal(err)
	}
	drain(s)
	s.p.tree.census = nil // who looks for its members panics
	s.Stop(errors.New("the end"))
	_, err = s.Wait()
	wantPanic(t, err, stack)
	s.Close()
	waitFor(t, "the command to be killed and reaped", func() bool { r.ReapOrphans(); return !hasChildren(t) })
	waitFor(t, "its place", func() bool { return r.Stats().Streams == 0 && r.Stats().Stuck == 0 })
}

// panicking starts a command, and gives what waits for it, and panics there; freed is closed with its slot.
func panicking(t *testing.T, r *Runner, shell string) (p *process, freed chan struct{}, finish func() error) {
	t.Helper()
	p, err := r.launch(Spec{Argv: Shell(shell)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.tree.census = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	freed = make(chan struct{})
	return p, freed, func() error {
		_, err := r.finish(ctx, p, func() { close(freed) }, false)
		return err
	}
}

func TestAPanicAtTheEndOfACommandIsItsError(t *testing.T) {
	var stack string
	r := newRunner(t, crashing(&stack))
	p, freed, finish := panicking(t, r, "sleep 3600 & wait")
	wantPanic(t, finish(), stack)
	<-freed
	waitFor(t, "the command to be killed and reaped", func() bool { r.ReapOrphans(); return !hasChildren(t) })
	if !isClosed(p.stdout.done) || !isClosed(p.stderr.done) {
		t.Error("who reads its outputs is left waiting")
	}
}

// Without somebody to tell it is for who calls, and the command is no less ended.
func TestAPanicThatNobodyHearsOfGoesOn(t *testing.T) {
	r := newRunner(t, quick())
	_, freed, finish := panicking(t, r, "exec sleep 3600")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("finish did not panic")
			}
		}()
		_ = finish()
	}()
	<-freed
}
