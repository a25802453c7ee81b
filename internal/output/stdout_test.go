package output

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
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

// A reader that stops is told of, while the same write goes on: what it has read of a line is not sent again.
func TestAStdoutThatNobodyReadsIsSlow(t *testing.T) {
	t.Parallel()
	p := newPipeReader(t)
	p.start(t)
	t.Cleanup(func() { p.resume(); p.stop(t) })
	p.pause()
	events := newWatch(t)
	f := start(t, Options{Stdout: p.stdout(), OnEvent: events.on})
	events.wait(Connected)
	pad := strings.Repeat("x", 20_000) // in parts, since it is more than a pipe takes as a whole
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf(`{"n":%d,"pad":%q}`, i, pad))
		f.Send([]byte(want[i]))
	}
	if e := events.wait(Slow); !errors.Is(e.Err, ErrBusy) || e.Queued == 0 {
		t.Errorf("told: %+v", e)
	}
	if s := f.Stats()[0]; s.State != Slow || s.Reconnects != 0 {
		t.Errorf("while nobody reads: %+v", s)
	}
	p.resume()
	events.wait(Connected)
	flush(t, f)
	expect(t, p.waitFor(t, len(want)), want)
	if s := f.Stats()[0]; s.State != Connected || s.SentAgain != 0 || s.Delivered != 50 || s.Reconnects != 0 {
		t.Errorf("when it reads again: %+v", s)
	}
}

// hourglass takes one write each time that it is turned.
type hourglass chan struct{}

func (h hourglass) Write(b []byte) (int, error) { <-h; return len(b), nil }

func TestAStdoutThatIsReadSlowlyIsNotCalledStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := make(hourglass)
		d := &stdout{w: h}
		lines := make([][]byte, 10)
		for i := range lines {
			lines[i] = make([]byte, pieceBytes/2-1) // two to a piece
		}
		stalled := 0
		done := make(chan int)
		go func() {
			n, _ := d.Send(t.Context(), Batch{Lines: lines, Stalled: func(error) { stalled++ }})
			done <- n
		}()
		for range 5 {
			time.Sleep(stdoutStall - time.Second)
			h <- struct{}{}
		}
		if n := <-done; n != len(lines) || stalled > 0 {
			t.Errorf("%d lines were taken, and %d times it was called stuck", n, stalled)
		}
	})
}
