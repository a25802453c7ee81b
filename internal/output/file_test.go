package output

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// logFile is a connected destination, with the path that it writes to.
func logFile(t *testing.T, options string) (d *file, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "messages")
	d = opened(t, "file:"+path+options).(*file)
	if err := d.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, path
}

func (d *file) say(t *testing.T, lines ...string) {
	t.Helper()
	var b Batch
	for _, line := range lines {
		b.Lines = append(b.Lines, []byte(line))
	}
	if n, err := d.Send(t.Context(), b); n != len(lines) || err != nil {
		t.Errorf("sent %d of %d lines: %v", n, len(lines), err)
	}
}

func contains(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); string(got) != want || err != nil {
		t.Errorf("%s contains %q, %v; want %q", filepath.Base(path), got, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFileIsAppendedTo(t *testing.T) {
	d, path := logFile(t, "")
	d.say(t, "a", "b")
	must(t, d.Close())
	must(t, d.Connect(t.Context()))
	d.say(t, "c")
	contains(t, path, "a\nb\nc\n")
	other, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	defer other.Close()
	_, err = other.WriteString("another's\n")
	must(t, err)
	d.say(t, "d")
	contains(t, path, "a\nb\nc\nanother's\nd\n")
}

func TestFileFollowsLogrotate(t *testing.T) {
	t.Run("renamed: the old one is left within a second", func(t *testing.T) {
		d, path := logFile(t, "")
		d.say(t, "a")
		must(t, os.Rename(path, path+".1"))
		d.say(t, "b")
		contains(t, path+".1", "a\nb\n")
		d.looked = d.looked.Add(-fileLookEvery)
		d.say(t, "c")
		contains(t, path+".1", "a\nb\n")
		contains(t, path, "c\n")
	})
	t.Run("renamed, and made by logrotate", func(t *testing.T) {
		d, path := logFile(t, "")
		d.say(t, "a")
		must(t, os.Rename(path, path+".1"))
		must(t, os.WriteFile(path, nil, 0o600))
		d.looked = d.looked.Add(-fileLookEvery)
		d.say(t, "b")
		contains(t, path, "b\n")
	})
	t.Run("renamed and told so: the old one is left at once, also while idle", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "messages")
		f := start(t, Options{Addresses: []Address{address(t, "file:"+path)}})
		f.Send([]byte("a"))
		flush(t, f)
		must(t, os.Rename(path, path+".1"))
		f.Reopen()
		within(t, "the new file", func() bool { _, err := os.Stat(path); return err == nil })
		f.Send([]byte("b"))
		flush(t, f)
		contains(t, path+".1", "a\n")
		contains(t, path, "b\n")
		if s := f.Stats()[0]; s.Reconnects != 0 {
			t.Errorf("stats: %+v", s)
		}
	})
	t.Run("deleted: seen at once", func(t *testing.T) {
		d, path := logFile(t, "")
		d.say(t, "a")
		must(t, os.Remove(path))
		d.say(t, "b")
		contains(t, path, "b\n")
	})
	t.Run("truncated (copytruncate)", func(t *testing.T) {
		d, path := logFile(t, "")
		d.say(t, "a", "b", "c")
		must(t, os.Truncate(path, 0))
		d.say(t, "d")
		contains(t, path, "d\n")
	})
	t.Run("renamed with its folder, which is missing now", func(t *testing.T) {
		dir := t.TempDir()
		must(t, os.Mkdir(dir+"/logs", 0o700))
		d := opened(t, "file:"+dir+"/logs/messages").(*file)
		must(t, d.Connect(t.Context()))
		must(t, os.Rename(dir+"/logs", dir+"/old"))
		d.looked = d.looked.Add(-fileLookEvery)
		n, err := d.Send(t.Context(), Batch{Lines: [][]byte{[]byte("a")}})
		if n != 0 || !errors.Is(err, os.ErrNotExist) || !errors.Is(err, ErrUnsent) {
			t.Errorf("sent %d, %v", n, err)
		}
		must(t, d.Close())
	})
}

func TestFileEndsATornLineOfAnotherRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "messages")
	must(t, os.WriteFile(path, []byte("a\n{\"to"), 0o600))
	d := opened(t, "file:"+path).(*file)
	must(t, d.Connect(t.Context()))
	defer d.Close()
	d.say(t, "b")
	d.say(t, "c")
	contains(t, path, "a\n{\"to\nb\nc\n")
}

// A limit of the file's size cuts a write short as a full disk does. It holds for all files of a process, the log
// that go test keeps of a test for its cache included: the test runs in a process of its own, which has no such log.
func TestFileOnAFullDiskHasNoTornLine(t *testing.T) {
	const alone = "DUMBPROBE_TEST_FULL_DISK"
	if os.Getenv(alone) == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
		again.Env = append(os.Environ(), alone+"=1")
		out, err := again.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	quiet := make(chan os.Signal, 10)
	signal.Notify(quiet, syscall.SIGXFSZ)
	defer signal.Stop(quiet)
	var old syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
	limited := old
	limited.Cur = 10_000
	path := filepath.Join(t.TempDir(), "messages")
	w := newWatch(t)
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited))
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old) }()
	f := start(t, Options{Addresses: []Address{address(t, "file:"+path)}, OnEvent: w.on})
	var want []string
	for i := range 300 {
		want = append(want, fmt.Sprintf(`{"n":%d,"pad":%q}`, i, strings.Repeat("x", 80)))
		f.Send([]byte(want[i]))
	}
	if e := w.wait(Lost); !errors.Is(e.Err, syscall.EFBIG) {
		t.Errorf("lost because of %v", e.Err)
	}
	// Each attempt tries a byte or more of the next line, and takes it back.
	within(t, "it is tried again", func() bool { return f.Stats()[0].Reconnects >= 2 })
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old))
	flush(t, f)
	contains(t, path, strings.Join(want, "\n")+"\n")
	s := f.Stats()[0]
	balanced(t, s)
	if s.SentAgain != 0 || s.Delivered != 300 {
		t.Errorf("stats: %+v", s)
	}
}

// What could not be brought to the disk itself does not count as sent, and is written again to the file opened anew.
func TestFileThatCannotBeSynced(t *testing.T) {
	for options, syncs := range map[string]bool{"?sync=yes": true, "?sync=no": false, "": false} {
		d, path := logFile(t, options)
		if err := d.flush(d.f); err != nil {
			t.Errorf("the file is not synced by the kernel: %v", err)
		}
		var flushed []*os.File
		d.flush = func(f *os.File) error {
			flushed = append(flushed, f)
			contains(t, path, strings.Repeat("a\n", len(flushed)))
			if len(flushed) == 1 {
				return syscall.EIO
			}
			return nil
		}
		if !syncs {
			d.say(t, "a")
			if len(flushed) > 0 {
				t.Errorf("%s: it is synced", options)
			}
			continue
		}
		if n, err := d.Send(t.Context(), Batch{Lines: [][]byte{[]byte("a")}}); n != 0 || !errors.Is(err, syscall.EIO) {
			t.Errorf("%d lines are sent, and the error is %v", n, err)
		}
		// What the sender does after each error.
		must(t, d.Close())
		must(t, d.Connect(t.Context()))
		d.say(t, "a")
		if len(flushed) != 2 || flushed[0] == flushed[1] {
			t.Errorf("synced: %v, want two files", flushed)
		}
	}
}

func TestFileMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	for options, want := range map[string]os.FileMode{"": 0o640, "?mode=0600": 0o600, "?mode=664": 0o644, "?sync=yes": 0o640} {
		d, path := logFile(t, options)
		d.say(t, "a")
		info, err := os.Stat(path)
		must(t, err)
		if got := info.Mode(); got != want {
			t.Errorf("options %q: the mode is %v, want %v", options, got, want)
		}
		contains(t, path, "a\n")
	}
}

func TestFileIsARegularOne(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	must(t, syscall.Mkfifo(fifo, 0o600))
	for _, tt := range []struct{ address, err string }{
		{"file:" + dir, `destination "file:` + dir + `": it is a folder; a file's name is missing`},
		{"file:" + fifo, `destination "file:` + fifo + `": it is not a regular file; to write to a pipe or a terminal, use the destination stdout and redirect it`},
		{"file:/dev/null", `destination "file:/dev/null": it is not a regular file; to write to a pipe or a terminal, use the destination stdout and redirect it`},
	} {
		f, err := New(Options{Addresses: []Address{address(t, tt.address)}})
		if f != nil || err == nil || err.Error() != tt.err {
			t.Errorf("%s: %v, want %s", tt.address, err, tt.err)
		}
	}
	for _, tt := range []struct{ address, err string }{
		{"file:", `destination "file:": the path is missing; the form is file:PATH`},
		{"file:logs/", `destination "file:logs/": "logs/" is a folder; a file's name is missing`},
		{"file:///var/log/x", `destination "file:///var/log/x": written without slashes of its own: file:/var/log/x`},
		{"file:x?mode=0440", `destination "file:x": option mode: "0440" is not a mode as 0640, in octal and with the owner's right to write`},
		{"file:x?mode=rw", `destination "file:x": option mode: "rw" is not a mode as 0640, in octal and with the owner's right to write`},
	} {
		if _, err := ParseAddress(tt.address); err == nil || err.Error() != tt.err {
			t.Errorf("%s: %v, want %s", tt.address, err, tt.err)
		}
	}
	// One that comes later is refused then, without waiting for its reader.
	late := filepath.Join(dir, "late")
	d := opened(t, "file:"+late)
	must(t, syscall.Mkfifo(late, 0o600))
	if err := d.Connect(t.Context()); err == nil {
		t.Error("a FIFO was opened")
	}
	// A link to a file is as good as the file.
	link := filepath.Join(dir, "link")
	must(t, os.Symlink(filepath.Join(dir, "target"), link))
	linked := opened(t, "file:"+link).(*file)
	must(t, linked.Connect(t.Context()))
	defer linked.Close()
	linked.say(t, "a")
	contains(t, filepath.Join(dir, "target"), "a\n")
}
