package reader

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
)

// crashes are the Options for a reader with a bug. The error of a panic says where that was.
func crashes(stack *string) Options {
	return Options{OnPanic: func(crash any) error {
		*stack = string(debug.Stack())
		return fmt.Errorf("internal error: %v", crash)
	}}
}

func TestAPanicWhileReadingEndsTheReaderWithAnError(t *testing.T) {
	var stack string
	b := newBase(t.Context(), crashes(&stack))
	b.run(func() error {
		b.put([]Record{{Text: "before"}})
		panic("a bug")
	})
	wantRecords(t, rest(t, b), "before")
	if err := b.End(); err == nil || err.Error() != "internal error: a bug" {
		t.Errorf("End is %v", err)
	}
	if !strings.Contains(stack, "TestAPanicWhileReading") {
		t.Errorf("the stack is not that of the panic: %s", stack)
	}
	if b.ctx.Err() == nil {
		t.Error("the reader's context goes on")
	}
}

func TestAPanicWithALineOfStderrEndsTheCommand(t *testing.T) {
	var stack string
	o := crashes(&stack)
	o.OnStderr = func(line string) { panic("a bug with " + line) }
	r := openCommand(t, "echo out; echo err >&2; exec sleep 3600", o)
	wantRecords(t, rest(t, r), "out")
	if err := r.End(); err == nil || err.Error() != "internal error: a bug with err" {
		t.Errorf("End is %v", err)
	}
	if !strings.Contains(stack, "TestAPanicWithALineOfStderr") {
		t.Errorf("the stack is not that of the panic: %s", stack)
	}
	if err := syscall.Kill(r.Stats().Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the command is still there: %v", err)
	}
}
