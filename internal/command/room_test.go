package command

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandsAndStreamsFitIntoTheRoom(t *testing.T) {
	tests := map[string]struct {
		left                      int
		commands, streams         int
		wantCommands, wantStreams int
	}{
		"no limit":                      {math.MaxInt, 1 << 20, 1024, 1 << 20, 1024},
		"room for all":                  {2*(64+1024) + guardianThreads, 64, 1024, 64, 1024},
		"fewer streams first":           {2*1000 + guardianThreads, 64, 1024, 64, 936},
		"half for either":               {2*40 + guardianThreads, 64, 1024, 20, 20},
		"streams leave what they spare": {2*40 + guardianThreads, 64, 5, 35, 5},
		"commands leave theirs":         {2*40 + guardianThreads, 5, 1024, 5, 35},
		"room for one":                  {guardianThreads + 2, 64, 1024, 1, 1},
		"no room: they may try":         {0, 64, 1024, 1, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o, err := Options{MaxCommands: test.commands, MaxStreams: test.streams}.fit(room{test.left, "the limit"})
			if o.MaxCommands != test.wantCommands || o.MaxStreams != test.wantStreams {
				t.Errorf("%d commands and %d streams, want %d and %d", o.MaxCommands, o.MaxStreams, test.wantCommands, test.wantStreams)
			}
			lowered := test.wantCommands != test.commands || test.wantStreams != test.streams
			if (err != nil) != lowered || err != nil && !strings.HasPrefix(err.Error(), "the limit: at most") {
				t.Errorf("the warning is %v", err)
			}
		})
	}
}

func TestTheRoomOfACgroupIsThatOfTheTightestAroundIt(t *testing.T) {
	tests := map[string]struct {
		files map[string]string // below the mount
		left  int
		says  string
	}{
		"no limit":          {map[string]string{"a/b/pids.max": "max\n", "a/b/pids.current": "7\n"}, math.MaxInt, ""},
		"no controller":     {nil, math.MaxInt, ""},
		"its own":           {map[string]string{"a/b/pids.max": "100\n", "a/b/pids.current": "7\n", "a/pids.max": "max\n"}, 93, "/a/b (pids.max, TasksMax) is 100, and there are 7"},
		"that around it":    {map[string]string{"a/b/pids.max": "100\n", "a/b/pids.current": "7\n", "a/pids.max": "50\n", "a/pids.current": "40\n"}, 10, "/a (pids.max"},
		"only around it":    {map[string]string{"a/pids.max": "50\n", "a/pids.current": "40\n"}, 10, "/a (pids.max"},
		"more than allowed": {map[string]string{"a/b/pids.max": "5\n", "a/b/pids.current": "7\n"}, 0, "is 5"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			mount := filepath.Join(t.TempDir(), "cgroup")
			if err := os.MkdirAll(filepath.Join(mount, "a", "b"), 0o755); err != nil {
				t.Fatal(err)
			}
			for path, text := range test.files {
				writeText(t, filepath.Join(mount, path), text)
			}
			for _, dir := range []string{"", "a", "a/b"} {
				writeText(t, filepath.Join(mount, dir, "cgroup.controllers"), "pids\n")
			}
			got := cgroupRoom(filepath.Join(mount, "a", "b"))
			if got.left != test.left || !strings.Contains(got.limit, test.says) {
				t.Errorf("%+v, want %d, %q", got, test.left, test.says)
			}
		})
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheTasksOfAUserAreCounted(t *testing.T) {
	uid := os.Getuid()
	before, err := tasksOf(uid)
	if err != nil {
		t.Fatal(err)
	}
	if threads, err := os.ReadDir("/proc/self/task"); err != nil || before < len(threads) {
		t.Errorf("%d tasks, of which this process has %d, %v", before, len(threads), err)
	}
	if n, err := tasksOf(1<<31 - 7); err != nil || n != 0 {
		t.Errorf("a user that is nobody has %d tasks, %v", n, err)
	}
}
