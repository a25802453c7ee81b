package command

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newCgroupRunner skips the test where the tests may not make cgroups, which is so in most containers.
func newCgroupRunner(t *testing.T) *Runner {
	t.Helper()
	r := newRunner(t, quick())
	if where := r.Isolation(); where.Cgroup == "" {
		t.Skipf("this needs a cgroup v2 that the tests may write to: %v", where.Reason)
	}
	return r
}

// folders are the cgroups in dir; "": none.
func folders(t *testing.T, dir string) (names []string) {
	t.Helper()
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}

// leafOf runs line, and gives its cgroup.
func leafOf(t *testing.T, r *Runner, line string, env ...string) string {
	t.Helper()
	got := mustRun(t, r, Spec{Argv: Shell(line + `; sed -n s/^0:://p /proc/self/cgroup`), Env: env})
	return strings.TrimSpace(string(got.Stdout))
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestOwnCgroup(t *testing.T) {
	const (
		v1      = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		unified = "25 23 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	)
	tests := []struct {
		name, self, mounts string
		want, err          string
	}{
		{"unified", "0::/system.slice/x.service\n", unified, "/sys/fs/cgroup/system.slice/x.service", ""},
		{"hybrid", "2:cpu:/a\n0::/b\n", v1 + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup/unified/b", ""},
		{"the root of a namespace", "0::/\n", unified, "/sys/fs/cgroup", ""},
		{"v1 only", "2:cpu:/a\n1:name=systemd:/a\n", v1, "", "no cgroup v2"},
		{"not mounted", "0::/a\n", v1, "", "no cgroup v2"},
		{"no cgroups in this kernel", "", "", "", "no cgroup v2"},
		{"read-only, as in a container", "0::/\n", strings.Replace(unified, "rw,", "ro,", 1), "/sys/fs/cgroup", "read-only"},
		{"a part is mounted", "0::/docker/1/a\n", strings.Replace(unified, " / /", " /docker/1 /", 1), "/sys/fs/cgroup/a", ""},
		{"another part is mounted", "0::/docker/1\n", strings.Replace(unified, " / /", " /docker/12 /", 1), "", "not below"},
		{"outside of the namespace", "0::/../a\n", unified, "", "not below"},
		{"mounted twice", "0::/a\n", strings.Replace(unified, "rw,", "ro,", 1) + strings.Replace(unified, "/sys/fs/cgroup", "/mnt", 1), "/mnt/a", ""},
		{"a space", "0::/a b\n", strings.Replace(unified, "/sys/fs", `/my\040\134fs`, 1), `/my \fs/cgroup/a b`, ""},
		{"no mountinfo", "0::/a\n", "x\n1 2 3 - cgroup2\n\n", "", "no cgroup v2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ownCgroup(strings.NewReader(test.self), strings.NewReader(test.mounts))
			if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %q, %v; want %q, %q", got, err, test.want, test.err)
			}
		})
	}
}

func TestIsolationSaysWhatIsUsed(t *testing.T) {
	off := newRunner(t, Options{Cgroup: CgroupOff})
	mustRun(t, off, Spec{Argv: []string{"true"}})
	if got, want := off.Isolation().String(), "commands are isolated by process groups and /proc: no cgroups: they are switched off"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r := newRunner(t, Options{})
	got := r.Isolation()
	if (got.Cgroup == "") == (got.Reason == nil) {
		t.Errorf("%+v", got)
	}
	r.Close()
	if got := r.Isolation(); !errors.Is(got.Reason, ErrClosed) && got.Cgroup != "" {
		t.Errorf("closed: %+v", got)
	}
	unused := NewRunner(Options{})
	unused.Close()
	if got := unused.Isolation(); !errors.Is(got.Reason, ErrClosed) {
		t.Errorf("closed: %+v", got)
	}
}

// Nothing in /proc tells these from strangers: the mark is wiped (env -i), the group left (setsid), the parents gone.
func TestCgroupReachesWhatEscapesInProc(t *testing.T) {
	for name, escaped := range map[string]string{
		"ends by TERM":                   `sleep 100 & echo $! >`,
		"ignores TERM":                   `trap "" TERM; (sh -c "while :; do sleep 0.05; done" & echo $! >&3) 3>`,
		"forks while it is being killed": `(while :; do sleep 0.01 & done) & echo $! >`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newCgroupRunner(t)
			file := newPidFile(t)
			pid := make(chan int, 1)
			s, err := r.Start(t.Context(), Spec{Argv: Shell(
				`env -i PATH="$PATH" setsid setsid sh -c '(` + escaped + string(file) + `)' >/dev/null 2>&1 & sleep 100`)})
			if err != nil {
				t.Fatal(err)
			}
			drain(s)
			pid <- file.pids(t, 1)[0]
			waitFor(t, "its parents to end", func() bool { p, _ := readProc(file.pids(t, 1)[0]); return p.ppid == os.Getpid() })
			s.Close()
			_, err = s.Wait()
			if killed := killedErr(t, err); len(killed.Left) > 0 || killed.Count < 3 {
				t.Errorf("%+v", killed)
			}
			if aliveNow(<-pid) {
				t.Error("it is alive")
			}
			waitFor(t, "all to be reaped", func() bool { r.ReapOrphans(); return len(zombies(t)) == 0 })
		})
	}
}

func TestCgroupIsUsedAgainWhenEmpty(t *testing.T) {
	r := newCgroupRunner(t)
	file := newPidFile(t)
	first := leafOf(t, r, `sleep 100 >/dev/null 2>&1 & echo $! >$F`, "F="+string(file))
	if base := filepath.Base(r.Isolation().Cgroup); filepath.Base(filepath.Dir(first)) != base {
		t.Errorf("cgroup %s, want it in %s", first, base)
	}
	second := leafOf(t, r, ":")
	if again := leafOf(t, r, ":"); first == second || again != second {
		t.Errorf("cgroups %s, %s, %s: want another one while the first is in use, and that again", first, second, again)
	}
	syscall.Kill(file.pids(t, 1)[0], syscall.SIGKILL)
	waitFor(t, "the orphan to be reaped", func() bool { return r.ReapOrphans() == 1 })
	if third, fourth := leafOf(t, r, ":"), leafOf(t, r, ":"); third != first && fourth != first {
		t.Errorf("cgroups %s, %s: want %s again", third, fourth, first)
	}
}

func TestCloseRemovesTheCgroups(t *testing.T) {
	r := newCgroupRunner(t)
	dir := r.Isolation().Cgroup
	s, err := r.Start(t.Context(), Spec{Argv: Shell("sleep 100 & sleep 100")})
	if err != nil {
		t.Fatal(err)
	}
	drain(s)
	leafOf(t, r, ":")
	if got := folders(t, dir); len(got) != 2 {
		t.Errorf("cgroups %q", got)
	}
	r.Close()
	s.Close()
	if isThere(dir) {
		t.Errorf("%s is left", dir)
	}
}

func TestWhatIsLeftInTheBackgroundEndsWithTheDaemonAndItsCgroups(t *testing.T) {
	r := newCgroupRunner(t)
	dir, file := r.Isolation().Cgroup, newPidFile(t)
	const n = 3
	for range n {
		leafOf(t, r, `sleep 100 >/dev/null 2>&1 & echo $! >>$F`, "F="+string(file))
	}
	start := time.Now()
	r.Close()
	if took := time.Since(start); took > long/2 {
		t.Errorf("Close took %v", took)
	}
	for _, pid := range file.pids(t, n) {
		if aliveNow(pid) {
			t.Errorf("%d is alive", pid)
		}
	}
	if isThere(dir) {
		t.Errorf("%s is left", dir)
	}
	waitFor(t, "the orphans to be reaped", func() bool { r.ReapOrphans(); return !hasChildren(t) })
}

func TestCgroupsOfTheCommandAreKilledAndRemoved(t *testing.T) {
	r := newCgroupRunner(t)
	dir, file := r.Isolation().Cgroup, newPidFile(t)
	s, err := r.Start(t.Context(), Spec{
		Argv: Shell(`set -e; leaf=$C/$(basename $(sed -n s/^0:://p /proc/self/cgroup)); mkdir -p $leaf/a/b
			env -i setsid sh -c 'echo $$ >'$leaf'/a/b/cgroup.procs; echo $$ >'$F'; exec sleep 100' & sleep 100`),
		Env: []string{"C=" + dir, "F=" + string(file)},
	})
	if err != nil {
		t.Fatal(err)
	}
	drain(s)
	pid := file.pids(t, 1)[0]
	s.Close()
	if aliveNow(pid) {
		t.Error("it is alive")
	}
	r.Close()
	if isThere(dir) {
		t.Errorf("%s is left", dir)
	}
}

func TestCgroupsOfAKilledDaemonAreRemoved(t *testing.T) {
	living := newCgroupRunner(t)
	daemon := exec.Command(os.Args[0])
	daemon.Env = append(os.Environ(), helperEnv+"=1")
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Dir(living.Isolation().Cgroup)
	left, err := filepath.Glob(filepath.Join(own, leavesPrefix+strconv.Itoa(daemon.Process.Pid)+"-*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("cgroups of the daemon: %q, %v", left, err)
	}
	newCgroupRunner(t)
	if !isThere(left[0]) {
		t.Fatal("those of a living daemon were removed")
	}
	daemon.Process.Kill()
	daemon.Wait()
	waitFor(t, "the end of the stream, and of the guardian", func() bool { living.ReapOrphans(); return !aliveNow(pid) && !hasChildren(t) })
	newCgroupRunner(t)
	if isThere(left[0]) || !isThere(living.Isolation().Cgroup) {
		t.Error("want that of the killed one removed, and only that")
	}
}

func TestCommandRunsAlsoWhenItsCgroupCannotBeUsed(t *testing.T) {
	for _, used := range []bool{true, false} {
		t.Run("used before: "+strconv.FormatBool(used), func(t *testing.T) {
			r := newCgroupRunner(t)
			if used {
				mustRun(t, r, Spec{Argv: []string{"true"}})
			}
			l := r.leaves.idle[0]
			// Beside a threaded cgroup the others are invalid: clone3 into them fails.
			threaded := filepath.Join(filepath.Dir(l.path), "threaded")
			if err := os.Mkdir(threaded, 0o755); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(threaded)
			if err := os.WriteFile(threaded+"/cgroup.type", []byte("threaded"), 0); err != nil {
				t.Fatal(err)
			}
			// What cannot be started anyway says nothing about the cgroup.
			if _, err := r.Run(t.Context(), Spec{Argv: []string{"/etc"}}); !errors.Is(err, fs.ErrPermission) || !isThere(l.path) {
				t.Errorf("error %v, cgroup there: %v", err, isThere(l.path))
			}
			if got := leafOf(t, r, ":"); strings.Contains(got, leavesPrefix) {
				t.Errorf("started in %s", got)
			}
			if isThere(l.path) {
				t.Errorf("%s is left", l.path)
			}
			if got := r.Isolation(); (got.Cgroup != "") != used || !used && !errors.Is(got.Reason, syscall.EOPNOTSUPP) {
				t.Errorf("%v", got)
			}
			if err := os.Remove(threaded); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if got := leafOf(t, r, ":"); strings.Contains(got, leavesPrefix) != used {
				t.Errorf("the next one was started in %s", got)
			}
		})
	}
}

func TestCommandRunsAlsoWhenTheCgroupsWereRemoved(t *testing.T) {
	r := newCgroupRunner(t)
	dir := r.Isolation().Cgroup
	if err := removeCgroup(dir); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := leafOf(t, r, ":"); strings.Contains(got, leavesPrefix) {
			t.Errorf("started in %s", got)
		}
	}
	if got := r.Isolation(); got.Reason == nil {
		t.Errorf("%v", got)
	}
}

func TestRemovingAPopulatedCgroupFails(t *testing.T) {
	r := newCgroupRunner(t)
	s, err := r.Start(t.Context(), Spec{Argv: []string{"sleep", "100"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	drain(s)
	start := time.Now()
	if err := removeCgroup(r.Isolation().Cgroup); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("error %v after %v", err, time.Since(start))
	}
	if got := r.Stats(); got.Streams != 1 {
		t.Errorf("stats %+v", got)
	}
}
