package output

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestTheFolderOfADestination(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{
		"tcp:[2001:db8::5]:3638", "file:/var/log/a", "file:/var/log-a", "file:/var/log/../../etc/passwd", "stdout", "..", ".", "",
		"file:/" + strings.Repeat("ü", 5000), "file:/" + strings.Repeat("ü", 5001), "unix:/a\x00b",
	} {
		folder := spoolFolder(name)
		if other, ok := seen[folder]; ok {
			t.Errorf("%q and %q have one folder", name, other)
		}
		seen[folder] = name
		if len(folder) > 200 || folder != filepath.Base(folder) || strings.HasPrefix(folder, ".") || strings.ContainsAny(folder, "/\x00") {
			t.Errorf("the folder of %q is %q", name, folder)
		}
	}
	if got, want := spoolFolder("tcp:a.example:1"), "tcp-a.example-1-b199ef935341"; got != want {
		t.Errorf("the folder has changed, and what is in it is not found: %q, want %q", got, want)
	}
}

func spooled(t *testing.T, dir, path string) (*Fanout, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	a, err := ParseAddress("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Options{Addresses: []Address{a}, SpoolDir: dir, SpoolSync: time.Hour, Logger: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close(t.Context()) })
	return f, logs
}

func TestWhatIsKeptIsNotCalledLost(t *testing.T) {
	dir, path := filepath.Join(t.TempDir(), "new", "spool"), filepath.Join(t.TempDir(), "nobody")
	for start := range 3 {
		f, _ := spooled(t, dir, path)
		f.Send([]byte(`{"n":1}`))
		began := time.Now()
		err := f.Close(context.Background())
		if took := time.Since(began); took > stopGrace+keptFlush+5*time.Second {
			t.Errorf("the end took %v", took)
		}
		left, ok := err.(*NotDeliveredError)
		if !ok || left.Lost() != nil || left.Kept() == nil {
			t.Fatalf("start %d: %v", start, err)
		}
		st := f.Stats()[0]
		if !st.Kept || st.Restored != start || st.Queued != start+1 || st.Enqueued != 1 || len(st.Dropped) != 0 {
			t.Errorf("start %d: %+v", start, st)
		}
	}
}

func TestWithoutAFolderMemoryHasToDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, logs := spooled(t, filepath.Join(file, "spool"), filepath.Join(t.TempDir(), "nobody"))
	if f.Stats()[0].Kept || logs.FilterMessageSnippet("the spool cannot be used").Len() != 1 {
		t.Errorf("%+v, log %v", f.Stats()[0], logs.All())
	}
}

func TestForgottenFoldersAreTold(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	f, _ := spooled(t, dir, filepath.Join(other, "one"))
	f.Send([]byte(`{"n":1}`))
	f.Send([]byte(`{"n":2}`))
	_ = f.Close(context.Background())
	for _, name := range []string{"foreign", "empty"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, logs := spooled(t, dir, filepath.Join(other, "two"))
	told := logs.FilterMessageSnippet("not given any more").All()
	if len(told) != 1 {
		t.Fatalf("told: %v", told)
	}
	if fields := told[0].ContextMap(); fields["destination"] != "unix:"+filepath.Join(other, "one") || fields["lines"] != uint64(2) || fields["bytes"].(int64) < 14 {
		t.Errorf("told: %v", fields)
	}
}

// Another daemon's folder is not to be removed.
func TestAFolderInUseIsNotCalledForgotten(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	f, _ := spooled(t, dir, filepath.Join(other, "one"))
	f.Send([]byte(`{"n":1}`))
	_, logs := spooled(t, dir, filepath.Join(other, "two"))
	if told := logs.FilterField(zap.String("destination", "unix:"+filepath.Join(other, "one"))); told.Len() > 0 {
		t.Errorf("told: %v", told.All())
	}
	_ = f.Close(context.Background())
	if _, logs := spooled(t, dir, filepath.Join(other, "three")); logs.FilterMessageSnippet("not given any more").Len() != 1 {
		t.Errorf("told of a folder that is not in use any more: %v", logs.All())
	}
}
