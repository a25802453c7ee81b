package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestTheSoftMemoryLimitIsAShareOfTheCgroups(t *testing.T) {
	const none = math.MaxInt64 // Go's own
	for name, c := range map[string]struct {
		allowed    uint64
		err        error
		gomemlimit string
		want       int64
		logged     string
	}{
		"a limit":                        {1000 << 20, nil, "", 900 << 20, "soft memory limit"},
		"no limit":                       {0, memlimit.ErrNoLimit, "", none, ""},
		"no cgroup":                      {0, memlimit.ErrNoCgroup, "", none, "no soft memory limit: "},
		"a limit that cannot be read":    {0, errors.New("memory.max is garbage"), "", none, "memory.max is garbage"},
		"larger than what Go can hold":   {math.MaxUint64, nil, "", none, "soft memory limit"},
		"GOMEMLIMIT wins over the limit": {1000 << 20, nil, "5GiB", none, ""}, // the runtime has read it at its start
	} {
		t.Run(name, func(t *testing.T) {
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(none))
			percent := debug.SetGCPercent(-1)
			defer debug.SetGCPercent(percent)
			for _, variable := range []string{"GOGC", "GOMEMLIMIT", "AUTOMEMLIMIT", "AUTOMEMLIMIT_EXPERIMENT"} {
				t.Setenv(variable, "") // to have it back
				os.Unsetenv(variable)
			}
			if c.gomemlimit != "" {
				t.Setenv("GOMEMLIMIT", c.gomemlimit)
			}
			core, logs := observer.New(zap.DebugLevel)
			limitMemoryTo(func() (uint64, error) { return c.allowed, c.err }, zap.New(core))
			if got := debug.SetMemoryLimit(-1); got != c.want {
				t.Errorf("the limit is %d, want %d", got, c.want)
			}
			if got := debug.SetGCPercent(-1); got != gcPercent {
				t.Errorf("GOGC is %d, want %d", got, gcPercent)
			}
			if c.logged == "" && logs.Len() > 0 || c.logged != "" && logs.FilterMessageSnippet(c.logged).Len() != 1 {
				t.Errorf("log %v, want %q", logs.All(), c.logged)
			}
		})
	}
}

func TestGOGCWins(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	defer debug.SetGCPercent(debug.SetGCPercent(123))
	t.Setenv("GOGC", "123")
	limitMemoryTo(func() (uint64, error) { return 0, memlimit.ErrNoLimit }, zap.NewNop())
	if got := debug.SetGCPercent(123); got != 123 {
		t.Errorf("GOGC is %d", got)
	}
}

// The daemon reads a tree of cgroups version 2 that is made up: its own files in /proc are covered, in a mount
// namespace of its own.
func TestTheDaemonFindsTheLimitOfItsCgroup(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to cover files of /proc")
	}
	needs(t, "mount", "which covers files of /proc")
	const mib = 1 << 20
	for name, c := range map[string]struct {
		own, parent, root string // memory.max of each; "": there is none
		env               string
		want              string // in the log
	}{
		"its own":               {own: "104857600\n", parent: "max\n", want: limitedTo(90 * mib)},
		"that of the parent":    {own: "max\n", parent: "104857600\n", want: limitedTo(90 * mib)},
		"the lower of the two":  {own: "209715200\n", parent: "104857600\n", want: limitedTo(90 * mib)},
		"its own is lower":      {own: "104857600\n", parent: "209715200\n", want: limitedTo(90 * mib)},
		"that of the container": {root: "104857600\n", want: limitedTo(90 * mib)},
		"max":                   {own: "max\n", parent: "max\n"},
		"no such files":         {},
		"malformed":             {own: "a lot\n", parent: "104857600\n", want: "failed to parse memory.max"},
		"GOMEMLIMIT wins":       {own: "104857600\n", env: "GOMEMLIMIT=1GiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "checks.lua"), `return {}`)
			writeFile(t, filepath.Join(dir, "cgroup"), "0::/system.slice/dumbprobe.service\n")
			writeFile(t, filepath.Join(dir, "mountinfo"), "31 23 0:28 / "+dir+"/tree rw - cgroup2 cgroup2 rw\n")
			for folder, limit := range map[string]string{
				"": c.root, "system.slice": c.parent, "system.slice/dumbprobe.service": c.own,
			} {
				path := filepath.Join(dir, "tree", folder)
				if err := os.MkdirAll(path, 0o755); err != nil {
					t.Fatal(err)
				}
				if limit != "" {
					writeFile(t, filepath.Join(path, "memory.max"), limit)
				}
			}
			cmd := exec.Command("sh", "-c", `for file in mountinfo cgroup; do mount --bind $file /proc/$$/$file || exit 77; done
				exec dumbprobe --checks checks.lua --once --log-level debug`)
			cmd.Dir = dir
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
				return strings.HasPrefix(v, "GOMEMLIMIT=") || strings.HasPrefix(v, "AUTOMEMLIMIT")
			})
			if c.env != "" {
				cmd.Env = append(cmd.Env, c.env)
			}
			out, err := cmd.CombinedOutput()
			if errors.Is(err, syscall.EPERM) || cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 77 {
				t.Skipf("files of /proc cannot be covered here: %v: %s", err, out)
			}
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if c.want == "" && strings.Contains(string(out), "soft memory limit") || !strings.Contains(string(out), c.want) {
				t.Errorf("want %q in the log: %s", c.want, out)
			}
		})
	}
}

func limitedTo(bytes int) string { return fmt.Sprintf(`"msg":"soft memory limit","bytes":%d}`, bytes) }
