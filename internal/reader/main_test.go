package reader

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dumbprobe/internal/command"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// long is far more than anything should take: a test that waits as long has failed.
const long = 20 * time.Second

func newRunner(t testing.TB) *command.Runner {
	t.Helper()
	r := command.NewRunner(command.Options{Grace: 200 * time.Millisecond, WaitDelay: 200 * time.Millisecond})
	t.Cleanup(r.Close)
	return r
}

func openCommand(t testing.TB, line string, o Options) Reader {
	t.Helper()
	r, err := OpenCommand(t.Context(), newRunner(t), command.Spec{Argv: command.Shell(line)}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// next waits for n records, and takes no more.
func next(t testing.TB, r Reader, n int) []string {
	t.Helper()
	var got []string
	for timeout := time.After(long); len(got) < n; {
		select {
		case <-r.Ready():
		case <-timeout:
			t.Fatalf("waited %v for %d records, got %q", long, n, got)
		}
		records, err := r.Take(n - len(got))
		if err != nil {
			t.Fatalf("after %q: %v, %v", got, err, r.End())
		}
		got = append(got, texts(records)...)
	}
	return got
}

// rest waits for EOF.
func rest(t testing.TB, r Reader) []string {
	t.Helper()
	got := []string{}
	for timeout := time.After(long); ; {
		select {
		case <-r.Ready():
		case <-timeout:
			t.Fatalf("waited %v for EOF, got %d records: %s", long, len(got), short(fmt.Sprintf("%q", got)))
		}
		records, err := r.Take(0)
		if err == io.EOF {
			if len(records) > 0 {
				t.Fatalf("records with EOF: %v", records)
			}
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, texts(records)...)
	}
}

// texts writes a truncated record with an ellipsis.
func texts(records []Record) []string {
	var all []string
	for _, rec := range records {
		if rec.Truncated {
			rec.Text += "…"
		}
		all = append(all, rec.Text)
	}
	return all
}

func wantRecords(t testing.TB, got []string, want ...string) {
	t.Helper()
	if g, w := fmt.Sprintf("%q", got), fmt.Sprintf("%q", want); g != w {
		t.Errorf("records %s, want %s", short(g), short(w))
	}
}

func short(s string) string {
	if len(s) > 500 {
		return s[:500] + "…"
	}
	return s
}

// closesQuickly closes r from two goroutines.
func closesQuickly(t testing.TB, r Reader) {
	t.Helper()
	done := make(chan error)
	for range 2 {
		go func() { done <- r.Close() }()
	}
	for range 2 {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(long):
			t.Fatal("Close hangs")
		}
	}
	if err := r.End(); err != nil {
		t.Errorf("End after Close: %v", err)
	}
}

func groupGone(t testing.TB, r Reader) {
	t.Helper()
	// Its last members are init's to reap here, which takes a moment.
	waitFor(t, "the end of the group", func() bool { return syscall.Kill(-r.Stats().Pid, 0) != nil })
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(long); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for: %s", long, what)
		}
	}
}

func wantEnd(t testing.TB, r Reader, is error, says string) {
	t.Helper()
	err := r.End()
	if err == nil || is != nil && !errors.Is(err, is) || !strings.Contains(err.Error(), says) {
		t.Errorf("End: %v, want %v and %q", err, is, says)
	}
}

func write(t testing.TB, path, text string, flag int) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|flag, 0o600)
	if err == nil {
		_, err = file.WriteString(text)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func temp(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, content, os.O_CREATE)
	return path
}
