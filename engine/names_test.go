package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// names loads scripts and gives the names of their tasks.
func names(t *testing.T, checks ...string) ([]string, error) {
	t.Helper()
	d := prepare(t, Options{Checks: checks})
	scripts, err := d.loadAll(context.Background())
	var all []string
	for _, s := range scripts {
		for _, task := range s.tasks {
			all = append(all, task.title())
		}
		s.close(patience)
	}
	return all, err
}

func TestNames(t *testing.T) {
	t.Parallel()
	path := lua(t, "disk.lua", `
local Own = dp.BaseCheck:extend{class = "Own", run = function() return {} end}
return {
  dp.Function{call = function() return {} end, interval = 1},
  dp.Function{call = function() return {} end, interval = 1, name = "given"},
  Own{interval = 1},
  {next_run = function() return 0 end, run = function() return {} end},
  {next_run = function() return 0 end, run = function() return {} end, check_name = function() return "own name" end},
  {next_run = function() return 0 end, run = function() return {} end, check_name = function() end},
  dp.ShellStream{command = "true"},
  dp.ShellStream{command = "true", name = "stream"},
}`)
	got, err := names(t, path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"disk.lua#1 Function", "given", "disk.lua#3 Own", "disk.lua#4 table", "own name", "disk.lua#6 table",
		"disk.lua#7 ShellStream", "stream",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestNamesOfTwoFilesOfOneName(t *testing.T) {
	t.Parallel()
	const list = `return {dp.Function{call = function() return {} end, interval = 1}}`
	const object = `return {run_next = function() return {} end}`
	a, b := lua(t, "x.lua", list), lua(t, "x.lua", list)
	c, d := lua(t, "o.lua", object), lua(t, "o.lua", object)
	got, err := names(t, a, b, c, d)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"x.lua#1 Function", b + "#1 Function", "o.lua#1 table", d + "#1 table"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestTwoChecksOfOneNameAreAnError(t *testing.T) {
	t.Parallel()
	named := func(names ...string) string {
		var b strings.Builder
		b.WriteString("return {\n")
		for _, n := range names {
			b.WriteString(`dp.Function{call = function() return {} end, interval = 1, name = "` + n + "\"},\n")
		}
		return b.String() + "}"
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string // all in the error
	}{
		{"in one file, both positions are named", map[string]string{"a.lua": named("x", "y", "x")},
			[]string{"a.lua", "entries 1 and 3", `"x"`}},
		{"in two files, both files and the position are named", map[string]string{"a.lua": named("x"), "b.lua": named("y", "x")},
			[]string{"a.lua", "b.lua:3, entry 2", `"x"`}},
		{"a given name may not be one made by default, in one file",
			map[string]string{"a.lua": named("a.lua#2 Function", "x") + "\n"}, nil},
		{"a given name that another check gets by default", map[string]string{
			"a.lua": `return {dp.Function{call = print, interval = 1, name = "a.lua#2 Function"}, dp.Function{call = print, interval = 1}}`},
			[]string{"entries 1 and 2", `"a.lua#2 Function"`}},
		{"of a check and a handle", map[string]string{
			"a.lua": `return {dp.Function{call = print, interval = 1, name = "x"}, dp.ShellStream{command = "true", name = "x"}}`},
			[]string{"entries 1 and 2", `"x"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for name, source := range c.files {
				write(t, filepath.Join(folder, name), source)
			}
			_, err := names(t, folder)
			if c.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in the error: %v", part, err)
				}
			}
		})
	}
}

func TestAScriptIsReportedByThePathItWasGivenBy(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.Mkdir("checks", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, "checks/a.lua", "return {")
	_, err := names(t, "checks")
	if err == nil || !strings.Contains(err.Error(), "cannot load checks/a.lua: ") {
		t.Errorf("error %v", err)
	}
}
