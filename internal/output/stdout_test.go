package output

import (
	"bufio"
	"os"
	"testing"
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
