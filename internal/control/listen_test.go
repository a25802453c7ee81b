package control

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// folder is a short one: the path of a socket is at most 107 bytes, and test names are long.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func listen(t *testing.T, path string) *Listener {
	t.Helper()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// leaveStale leaves the socket of a process that is dead.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestTheSocketIsItsOwnersAlone(t *testing.T) {
	// Not parallel: the umask is that of the process.
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := filepath.Join(folder(t), "s")
	listen(t, path)
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestTheSocketIsRemovedAtTheEnd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "s")
	l := listen(t, path)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
}

func TestASocketInItsPlaceIsNotRemovedAtTheEnd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "s")
	first := listen(t, path)
	if err := os.Rename(path, path+".old"); err != nil { // so that its inode is not taken again
		t.Fatal(err)
	}
	listen(t, path)
	first.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestAStaleSocketIsReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "s")
	leaveStale(t, path)
	listen(t, path)
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestALiveSocketIsNotReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "s")
	listen(t, path)
	_, err := Listen(path)
	var inUse *InUseError
	if !errors.As(err, &inUse) || inUse.Path != path {
		t.Fatalf("error %v", err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the first one: %v", err)
	}
	c.Close()
}

func TestOfManyThatListenAtOnceOneDoes(t *testing.T) {
	t.Parallel()
	for range 20 {
		path := filepath.Join(folder(t), "s")
		leaveStale(t, path)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var got []*Listener
		for range 8 {
			wg.Go(func() {
				l, err := Listen(path)
				var inUse *InUseError
				if err != nil && !errors.As(err, &inUse) {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					got = append(got, l)
				}
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Fatalf("%d of 8 listen", len(got))
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		got[0].Close()
	}
}

func TestBadPlacesForASocket(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(dir, strings.Repeat("s", maxPath-len(dir)))
	for _, c := range []struct{ name, path, want string }{
		{"a path that is one byte too long", long, "the control socket's path has 108 bytes, and the path of a unix socket at most 107: " + long},
		{"a file that is there", file, "something else is there, which is no socket"},
		{"a folder that is there", dir, "something else is there, which is no socket"},
		{"a folder that is not there", filepath.Join(dir, "none", "s"), "no such file or directory: its folder has to be there"},
		{"a file as the folder", filepath.Join(file, "s"), "not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Listen(c.path)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
				t.Errorf("error %v", err)
			}
		})
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file: %q, %v", text, err)
	}
	listen(t, long[:len(long)-1]) // the longest
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, runtime, xdg, want string
		all                      string
	}{
		{"none", "", "", "", "/run/dumbprobe/control.sock"},
		{"the service manager's", "/run/a", "/run/user/1", "/run/a/control.sock", "/run/a/control.sock /run/user/1/dumbprobe/control.sock /run/dumbprobe/control.sock"},
		{"the first of several", "/run/a:/run/b", "", "/run/a/control.sock", "/run/a/control.sock /run/b/control.sock /run/dumbprobe/control.sock"},
		{"the user's", "", "/run/user/1", "/run/user/1/dumbprobe/control.sock", "/run/user/1/dumbprobe/control.sock /run/dumbprobe/control.sock"},
		{"no absolute path", "a", "b", "", "/run/dumbprobe/control.sock"},
	} {
		getenv := func(name string) string {
			return map[string]string{"RUNTIME_DIRECTORY": c.runtime, "XDG_RUNTIME_DIR": c.xdg}[name]
		}
		if got := DefaultPath(getenv); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
		if got := strings.Join(Places(getenv), " "); got != c.all {
			t.Errorf("%s: a client looks at %s", c.name, got)
		}
	}
}

func TestTheFolderOfTheSocketIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "dumbprobe", "control.sock")
	for range 2 {
		if err := MakeFolder(path); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
