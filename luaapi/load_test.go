package luaapi

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the results into testdata, to be read before they are committed")

// header are the comments at the start of a script that say what it must give, one line each.
const header = "--! "

// expected gives the lines of the header.
func expected(t *testing.T, path string) []string {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(source)) {
		text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), header)
		if !ok {
			break
		}
		lines = append(lines, text)
	}
	return lines
}

// compare compares with the header, or writes it.
func compare(t *testing.T, path string, got []string) {
	t.Helper()
	folder := filepath.Dir(path)
	for i := range got {
		got[i] = strings.ReplaceAll(strings.ReplaceAll(got[i], path, "FILE"), folder, "DIR")
		got[i] = strings.ReplaceAll(got[i], "\n", "\\n")
	}
	want := expected(t, path)
	if slices.EqualFunc(got, want, func(got, want string) bool {
		start, cut := strings.CutSuffix(want, " ...") // a list that grows comes after it
		return got == want || cut && strings.HasPrefix(got, start)
	}) {
		return
	}
	if !*update {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		return
	}
	source, _ := os.ReadFile(path)
	rest := string(source)
	for strings.HasPrefix(rest, header) {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	var head strings.Builder
	for _, line := range got {
		fmt.Fprintf(&head, "%s%s\n", header, line)
	}
	if err := os.WriteFile(path, []byte(head.String()+rest), 0o644); err != nil {
		t.Fatal(err)
	}
}

func scriptsIn(t *testing.T, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.lua"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts in testdata/%s: %v", folder, err)
	}
	return paths
}

// Each script in testdata/bad says at its start what is wrong with it. FILE stands for its path, DIR for its
// folder.
func TestBadScripts(t *testing.T) {
	for _, path := range scriptsIn(t, "bad") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".lua"), func(t *testing.T) {
			t.Parallel()
			s := newScriptVM(t, path, Limits{})
			script, err := s.vm.Load(context.Background(), RunOptions{Timeout: longTime})
			var load *LoadError
			if script != nil || !errors.As(err, &load) || load.Path != path {
				t.Fatalf("the load gave %v, %T %v", script, err, err)
			}
			if !strings.HasPrefix(err.Error(), "cannot load "+path+": ") {
				t.Errorf("the error is %q", err)
			}
			for _, p := range load.Problems {
				if strings.Contains(p, "internal error") {
					t.Errorf("a bug of ours: %s", p)
				}
			}
			compare(t, path, slices.Clone(load.Problems))
		})
	}
}

// Each script in testdata/good says at its start what it must be found to be.
func TestGoodScripts(t *testing.T) {
	for _, path := range scriptsIn(t, "good") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".lua"), func(t *testing.T) {
			t.Parallel()
			s := newScriptVM(t, path, Limits{})
			s.load()
			compare(t, path, s.listing())
		})
	}
}

// listing is what was found in a script, in words.
func (s *testScript) listing() []string {
	if s.Object != nil {
		return []string{fmt.Sprintf("line %d: object %s", s.Object.Line, s.Object.Class)}
	}
	list := []string{}
	for i, e := range s.Entries {
		if e.Position != i+1 {
			s.t.Errorf("entry %d has the position %d", i+1, e.Position)
		}
		line := fmt.Sprintf("line %d: ", e.Line)
		overlay := e.Check.Overlay
		if e.Kind == HandleEntry {
			overlay = e.Handle.Overlay
			line += fmt.Sprintf("handle %s, reopen %v", e.Class, e.Handle.Reopen)
			if !e.TakesRecords() {
				line += fmt.Sprintf(", poll %v", e.Poll)
			}
		} else {
			line += "check " + e.Class
			if e.OwnSchedule {
				line += ", own schedule"
			} else {
				line += fmt.Sprintf(", interval %v", e.Check.Interval)
			}
			if e.Check.Timeout > 0 {
				line += fmt.Sprintf(", timeout %v", e.Check.Timeout)
			}
			if f := e.Check.ScheduleFields; f != nil {
				line += fmt.Sprintf(", schedule %+v", *f)
			}
		}
		if e.Name != "" {
			line += fmt.Sprintf(", name %q", e.Name)
		}
		if !overlay.Empty() {
			line += fmt.Sprintf(", overlay %q %v", overlay.Aspect, overlay.Location)
		}
		list = append(list, line)
	}
	return list
}

func TestLoadOfWhatIsNoFile(t *testing.T) {
	folder := t.TempDir()
	large := filepath.Join(folder, "large.lua")
	if err := os.WriteFile(large, []byte(strings.Repeat(" ", 1<<20+1)), 0o644); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(folder, "secret.lua")
	if err := os.WriteFile(secret, nil, 0); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(folder, "missing.lua"): ": no such file",
		folder:                               " is not a file",
		"/dev/null":                          " is not a file",
		large:                                " is larger than 1048576 bytes",
		secret:                               ": no permission to read it",
	} {
		if path == secret && os.Geteuid() == 0 {
			continue // root may read everything
		}
		s := newScriptVM(t, path, Limits{})
		_, err := s.vm.Load(context.Background(), RunOptions{Timeout: longTime})
		if err == nil || err.Error() != fmt.Sprintf("cannot load %s: %s%s", path, path, want) {
			t.Errorf("%s gives %v, want %q", path, err, want)
		}
	}
	s := newScriptVM(t, filepath.Join(folder, "missing.lua"), Limits{})
	if _, err := s.vm.Load(context.Background(), RunOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file is no fs.ErrNotExist: %v", err)
	}
}

func TestLoadHasADeadline(t *testing.T) {
	for name, source := range map[string]string{
		"a loop":                      `while true do end`,
		"a sleep":                     `require "dumbprobe".sleep(100)`,
		"a command":                   `require "dumbprobe".command("sleep 100")`,
		"a loop in check_name":        `return {{run = print, next_run = print, check_name = function() while true do end end}}`,
		"a loop in __index":           `return {setmetatable({}, {__index = function() while true do end end})}`,
		"a loop in __index of CHECKS": `return setmetatable({}, {__index = function() while true do end end})`,
		"a loop in init":              `return {require "dumbprobe".BaseCheck:extend{init = function() while true do end end}{interval = 1}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScriptVM(t, writeScript(t, source), Limits{})
			began := time.Now()
			_, err := s.vm.Load(context.Background(), RunOptions{Timeout: shortTime})
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "timeout: the deadline of 150ms passed") {
				t.Errorf("the load gave %v", err)
			}
			if took := time.Since(began); took > lateTime {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// The files that a script was made of are known, each once, in the order they were read.
func TestSources(t *testing.T) {
	s := newScriptVM(t, filepath.Join("testdata", "good", "modules_beside_the_script.lua"), Limits{})
	s.load()
	var got []string
	for _, source := range s.vm.Sources() {
		if source.Absent {
			got = append(got, "not "+strings.TrimPrefix(source.Path, "testdata/good/"))
			continue
		}
		if source.SHA256 == [32]byte{} {
			t.Errorf("%s has no hash", source.Path)
		}
		got = append(got, strings.TrimPrefix(source.Path, "testdata/good/"))
	}
	want := []string{"modules_beside_the_script.lua", "modules/helper.lua", "not modules/folder.lua", "modules/folder/init.lua"}
	if !slices.Equal(got, want) {
		t.Errorf("the sources are %v, want %v", got, want)
	}
}

func TestAFirstLineForTheKernelIsLeftOut(t *testing.T) {
	s := loadScript(t, "#!/usr/bin/env -S dumbprobe --checks\nlocal ok, why = pcall(error, 'x')\nreturn {{run = function() error('here') end, next_run = print}}\n")
	if o := s.run(1); o.err == nil || !strings.HasPrefix(o.err.Error(), s.at(3)+": here") {
		t.Errorf("the error is %v", o.err)
	}
}
