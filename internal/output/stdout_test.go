package output

import (
	"bufio"
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestStdoutOfAPipeWithoutReaderWaits(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	events := newWatch(t)
	f := start(t, Options{Stdout: w, OnEvent: events.on})
	events.wait(Connected)
	f.Send([]byte("a"))
	if line, err := bufio.NewReader(r).ReadString('\n'); line != "a\n" || err != nil {
		t.Fatalf("read %q, %v", line, err)
	}
	r.Close()
	f.Send([]byte("b"))
	events.wait(Lost)
	s := f.Stats()[0]
	if s.Queued != 1 || s.Sent != 1 || s.LastError == nil {
		t.Errorf("stats without a reader: %+v", s)
	}
}

func TestStdoutThatHasDeadlinesIsInterrupted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	f := start(t, Options{Stdout: w})
	for range 100 {
		f.Send(make([]byte, 10000))
	}
	// The clean-up closes with a context that has ended; goleak then finds the writing goroutine, if it is
	// left behind.
}

func TestAFlushDoesNotWaitForAReaderThatHasGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	events := newWatch(t)
	// With this back-off, nothing would be tried again within the test's patience.
	f := start(t, Options{Stdout: w, OnEvent: events.on, Backoff: Backoff{Min: time.Hour, Max: time.Hour}})
	events.wait(Connected)
	r.Close()
	f.Send([]byte("a"))
	if e := events.wait(Lost); !errors.Is(e.Err, ErrGone) || !errors.Is(e.Err, syscall.EPIPE) {
		t.Errorf("lost because of %v", e.Err)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var left *NotDeliveredError
	if err := f.Close(ctx); !errors.As(err, &left) || left.Left[0].Lines != 1 || !errors.Is(left.Left[0].LastError, ErrGone) {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("close took %v", took)
	}
}
