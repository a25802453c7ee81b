package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestRunGivesWhatTheCommandDid(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		spec Spec
		want Result
	}{
		{"a list runs without a shell", Spec{Argv: []string{"echo", "$HOME;  x"}}, Result{Stdout: []byte("$HOME;  x\n")}},
		{"a line runs through sh", Spec{Argv: Shell("echo a; echo b >&2")}, Result{Stdout: []byte("a\n"), Stderr: []byte("b\n")}},
		{"the exit code is no error", Spec{Argv: Shell("exit 3")}, Result{Code: 3}},
		{"a signal is a negative code", Spec{Argv: Shell("kill -9 $$")}, Result{Code: -9}},
		{"SIGPIPE has its default", Spec{Argv: Shell("kill -PIPE $$")}, Result{Code: -13}},
		{"the directory", Spec{Argv: Shell("pwd -P; echo $PWD"), Dir: dir}, Result{Stdout: []byte(dir + "\n" + dir + "\n")}},
		{"variables are added", Spec{Argv: Shell("echo $A$B; test -n \"$PATH\""), Env: []string{"A=1", "B=2", "A=3"}}, Result{Stdout: []byte("32\n")}},
		{"stdin is /dev/null", Spec{Argv: Shell("cat; readlink /proc/self/fd/0")}, Result{Stdout: []byte("/dev/null\n")}},
		{"stdin is what is given, and ends", Spec{Argv: []string{"cat"}, Stdin: []byte("in")}, Result{Stdout: []byte("in")}},
		{"stdin may be empty", Spec{Argv: []string{"cat"}, Stdin: []byte{}}, Result{}},
		{"stdin may be left unread", Spec{Argv: []string{"true"}, Stdin: make([]byte, 1<<20)}, Result{}},
		{"stdin larger than a pipe", Spec{Argv: []string{"wc", "-c"}, Stdin: make([]byte, 300_000)}, Result{Stdout: []byte("300000\n")}},
		{"output over the limit is cut and flagged", Spec{Argv: Shell("printf 123456; printf 12345 >&2"), MaxOutput: 5},
			Result{Stdout: []byte("12345"), StdoutTruncated: true, Stderr: []byte("12345")}},
		{"a flood does not hang", Spec{Argv: Shell("yes | head -c 5000000"), MaxOutput: 4},
			Result{Stdout: []byte("y\ny\n"), StdoutTruncated: true}},
		{"a flood ends by SIGPIPE", Spec{Argv: Shell("yes | head -1")}, Result{Stdout: []byte("y\n")}},
		{"a flood of stderr does not hang", Spec{Argv: Shell("yes | head -c 5000000 >&2; echo end"), MaxOutput: 4},
			Result{Stdout: []byte("end\n"), Stderr: []byte("y\ny\n"), StderrTruncated: true}},
		{"closed outputs", Spec{Argv: Shell("exec >&- 2>&-; exit 4")}, Result{Code: 4}},
	}
	r := newRunner(t, Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := mustRun(t, r, test.spec)
			if got.Duration <= 0 {
				t.Errorf("duration %v", got.Duration)
			}
			got.Duration, got.Waited = 0, 0
			got.Stdout, got.Stderr = emptyIsNil(got.Stdout), emptyIsNil(got.Stderr)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if got := r.Stats(); got.Started != uint64(len(tests)) || got.Truncated != 3 || got.Running != 0 {
		t.Errorf("stats %+v", got)
	}
}

func emptyIsNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func TestStartErrorSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode fs.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct {
		name string
		spec Spec
		is   error
		says string
	}{
		{"not in PATH", Spec{Argv: []string{"no-such-program"}}, fs.ErrNotExist, "PATH"},
		{"no such file", Spec{Argv: []string{dir + "/none"}}, fs.ErrNotExist, "no such file or directory: is it installed, is the path right?"},
		{"not executable", Spec{Argv: []string{file("plain", "", 0o644)}}, fs.ErrPermission, "chmod +x"},
		{"a directory", Spec{Argv: []string{dir}}, fs.ErrPermission, "it is a directory"},
		{"no interpreter", Spec{Argv: []string{file("bang", "#!/no/such\n", 0o755)}}, fs.ErrNotExist, "#! line"},
		{"no #! line", Spec{Argv: []string{file("text", "echo\n", 0o755)}}, syscall.ENOEXEC, "#! line"},
		{"no directory", Spec{Argv: []string{"true"}, Dir: dir + "/none"}, fs.ErrNotExist, "its directory"},
		{"directory is a file", Spec{Argv: []string{"true"}, Dir: dir + "/plain"}, syscall.ENOTDIR, "not a directory"},
		{"a NUL byte", Spec{Argv: []string{"true", "a\x00b"}}, syscall.EINVAL, "NUL"},
		{"too long", Spec{Argv: []string{"true", strings.Repeat("a", 1<<20)}}, syscall.E2BIG, "stdin"},
		{"empty", Spec{}, syscall.EINVAL, "the command is empty"},
	}
	r := newRunner(t, Options{MaxCommands: 1, MaxStreams: 1})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.spec.Stdin = []byte("x")
			_, err := r.Run(t.Context(), test.spec)
			_, streamErr := r.Start(t.Context(), test.spec)
			for _, err := range []error{err, streamErr} {
				if _, ok := errors.AsType[*StartError](err); !ok || !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("error %v (%T), want a StartError that is %q and says %q", err, err, test.is, test.says)
				}
				if len(err.Error()) > 400 {
					t.Errorf("error of %d bytes", len(err.Error()))
				}
			}
		})
	}
	mustRun(t, r, Spec{Argv: []string{"true"}}) // the slot is free again
	if got := r.Stats(); got.StartErrors != uint64(2*len(tests)) || got.Streams != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestNoDescriptorReachesTheCommand(t *testing.T) {
	var inherited [2]int // as systemd or a shell would have left them
	if err := unix.Pipe(inherited[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(inherited[0])
	defer unix.Close(inherited[1])
	if err := CloseOnExec(); err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, Options{})
	s, err := r.Start(t.Context(), Spec{Argv: []string{"sleep", "100"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	drain(s)
	// ls itself opens the folder as 3.
	got := mustRun(t, r, Spec{Argv: []string{"ls", "/proc/self/fd"}, Stdin: []byte("x")})
	if string(got.Stdout) != "0\n1\n2\n3\n" {
		t.Errorf("descriptors in the child: %q", got.Stdout)
	}
	got = mustRun(t, r, Spec{Argv: Shell("cat /proc/self/fdinfo/0 /proc/self/fdinfo/1"), Stdin: []byte{}})
	for line := range strings.Lines(string(got.Stdout)) {
		if mode, ok := strings.CutPrefix(line, "flags:\t"); ok && strings.Contains(mode, "4000") {
			t.Errorf("the child's stdio is non-blocking: %s", line)
		}
	}
}

func TestCommandHasItsOwnGroup(t *testing.T) {
	got := mustRun(t, newRunner(t, Options{}), Spec{Argv: Shell(`set -- $(cat /proc/$$/stat); echo "$1 $5"`)})
	if pid, group, _ := strings.Cut(strings.TrimSpace(string(got.Stdout)), " "); pid != group || pid == "" {
		t.Errorf("pid and group: %q", got.Stdout)
	}
}

func TestCommandHasACleanSignalMask(t *testing.T) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGPIPE, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1)
	defer signal.Stop(caught)
	// As if the daemon had been started with these blocked: the thread that forks has them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	blocked, before := unix.Sigset_t{}, unix.Sigset_t{}
	blocked.Val[0] = 1<<(syscall.SIGTERM-1) | 1<<(syscall.SIGUSR2-1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &blocked, &before); err != nil {
		t.Fatal(err)
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)

	got := mustRun(t, newRunner(t, Options{}), Spec{Argv: []string{"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}})
	blk, ign := signalMask(t, got.Stdout, "SigBlk"), signalMask(t, got.Stdout, "SigIgn")
	// 32 and 33 are the C library's own: nobody can set them back, and whoever started the tests may ignore them.
	if ign &^= 1<<31 | 1<<32; blk != 0 || ign != 0 {
		t.Errorf("got %q, want no signal blocked or ignored", got.Stdout)
	}
	var after unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, nil, &after); err != nil || after.Val[0]&blocked.Val[0] != blocked.Val[0] {
		t.Errorf("the thread that forked has the mask %x, %v; want it to be what it was", after.Val[0], err)
	}
}

func signalMask(t *testing.T, status []byte, name string) (mask uint64) {
	t.Helper()
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			if _, err := fmt.Sscanf(value, "%x", &mask); err != nil {
				t.Fatal(err)
			}
			return mask
		}
	}
	t.Fatalf("no %s in %q", name, status)
	return 0
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
