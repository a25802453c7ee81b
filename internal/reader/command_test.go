package reader

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dumbprobe/internal/command"
)

func TestCommandRecordsAndEnd(t *testing.T) {
	tests := []struct {
		name, line string
		want       []string
		end        string // "": without fault
	}{
		{"lines", `printf 'a\nb\r\n\n'`, []string{"a", "b", ""}, ""},
		{"last line without newline", `printf 'a\nb'`, []string{"a", "b"}, ""},
		{"long line", `printf '12345678901\nb\n'`, []string{"1234567890…", "b"}, ""},
		{"stdin is /dev/null", `cat; echo end`, []string{"end"}, ""},
		{"exit code", `echo a; exit 3`, []string{"a"}, "exit code 3"},
		{"signal", `echo a; kill -9 $$`, []string{"a"}, "signal 9 (killed)"},
		{"a grandchild holds the pipe", `sleep 100 & echo a; exit 4`, []string{"a"}, "exit code 4"},
		{"stdout closed, and it goes on", `echo a; exec >&-; exec sleep 100`, []string{"a"}, "closed its output"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := openCommand(t, test.line, Options{MaxLine: 10})
			wantRecords(t, rest(t, r), test.want...)
			if test.end != "" {
				wantEnd(t, r, nil, test.end)
			} else if err := r.End(); err != nil {
				t.Errorf("End: %v", err)
			}
			if got := r.Stats(); got.Records != uint64(len(test.want)) || got.Pid == 0 || got.Queued != 0 || (got.LongLines == 1) != (test.name == "long line") {
				t.Errorf("stats %+v", got)
			}
			groupGone(t, r)
		})
	}
}

func TestCommandRecordsComeWhileItRuns(t *testing.T) {
	r := openCommand(t, "echo a; sleep 100", Options{})
	if got, err := r.Take(0); err != nil || len(got) > 1 {
		t.Errorf("took %v, %v", got, err)
	} else if len(got) == 0 {
		wantRecords(t, next(t, r, 1), "a")
	}
	if r.End() != nil {
		t.Errorf("End: %v", r.End())
	}
	closesQuickly(t, r)
	groupGone(t, r)
	wantRecords(t, rest(t, r))
}

func TestFullQueueBlocksTheCommand(t *testing.T) {
	r := openCommand(t, "seq 200000; echo end", Options{MaxQueue: 10})
	waitFor(t, "the queue to fill", func() bool { return r.Stats().Waits > 0 })
	if got := r.Stats(); got.Records > 10 || got.Queued > 10 {
		t.Errorf("stats %+v", got)
	}
	if syscall.Kill(r.Stats().Pid, 0) != nil {
		t.Error("the command has ended")
	}
	got := rest(t, r)
	if len(got) != 200001 || got[0] != "1" || got[199999] != "200000" || got[200000] != "end" {
		t.Errorf("%d records", len(got))
	}
}

func TestCloseWithAFullQueue(t *testing.T) {
	r := openCommand(t, "yes", Options{MaxQueue: 3})
	waitFor(t, "the queue to fill", func() bool { return r.Stats().Waits > 0 })
	closesQuickly(t, r)
	wantRecords(t, rest(t, r), "y", "y", "y")
}

func TestHalfALineOfAKilledCommandIsNoRecord(t *testing.T) {
	r := openCommand(t, "printf 'a\nhalf'; sleep 100", Options{})
	wantRecords(t, next(t, r, 1), "a")
	closesQuickly(t, r)
	wantRecords(t, rest(t, r))
}

func TestTakeWhileClosing(t *testing.T) {
	r := openCommand(t, "yes", Options{})
	var taking sync.WaitGroup
	taking.Go(func() { rest(t, r) })
	waitFor(t, "records", func() bool { return r.Stats().Records > 10000 })
	closesQuickly(t, r)
	taking.Wait()
}

func TestStderrGoesToTheCallback(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	r := openCommand(t, "echo one >&2; echo out; printf 12345678901 >&2; exit 2", Options{
		MaxLine:  10,
		OnStderr: func(line string) { mu.Lock(); lines = append(lines, line); mu.Unlock() },
	})
	wantRecords(t, rest(t, r), "out")
	wantRecords(t, lines, "one", "1234567890") // without mu: all came before EOF
	if got := r.Stats(); got.StderrLines != 2 || got.LongLines != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestStderrWithoutCallbackDoesNotBlock(t *testing.T) {
	r := openCommand(t, "seq 100000 >&2; echo out", Options{})
	wantRecords(t, rest(t, r), "out")
}

func TestContextEndsTheCommand(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, err := OpenCommand(ctx, newRunner(t), command.Spec{Argv: command.Shell("sleep 100 & wait")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	wantRecords(t, rest(t, r))
	wantEnd(t, r, context.DeadlineExceeded, "deadline")
}

func TestOpenCommandFails(t *testing.T) {
	_, err := OpenCommand(t.Context(), newRunner(t), command.Spec{Argv: []string{"/no/such"}}, Options{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "installed") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkCommandLines(b *testing.B) {
	b.ReportAllocs()
	r, err := OpenCommand(b.Context(), newRunner(b), command.Spec{Argv: []string{"yes", strings.Repeat("x", 79)}}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	b.SetBytes(80)
	have := 0
	for b.Loop() {
		for have == 0 {
			<-r.Ready()
			records, err := r.Take(0)
			if err != nil {
				b.Fatal(err)
			}
			have = len(records)
		}
		have--
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
