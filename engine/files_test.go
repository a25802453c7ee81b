package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestScriptFiles(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	for _, path := range []string{
		"checks/b.lua", "checks/a.lua", "checks/10.lua", "checks/9.lua", "checks/.hidden.lua", "checks/notes.txt",
		"checks/upper.LUA", "checks/sub/c.lua", "checks/folder.lua/d.lua", "empty/readme", "one.lua", "odd.txt",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, path, "return {}")
	}
	if err := os.Symlink("checks/a.lua", "link.lua"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../one.lua", "checks/z.lua"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("gone", "dangling.lua"); err != nil {
		t.Fatal(err)
	}

	inChecks := []string{"checks/10.lua", "checks/9.lua", "checks/a.lua", "checks/b.lua", "checks/z.lua"}
	for _, c := range []struct {
		name   string
		checks []string
		want   []string
		err    string
	}{
		{"a file is itself, whatever its name", []string{"odd.txt"}, []string{"odd.txt"}, ""},
		{"a file that is named may be hidden", []string{"checks/.hidden.lua"}, []string{"checks/.hidden.lua"}, ""},
		{"a folder is its *.lua files in name order, without hidden ones and sub-folders", []string{"checks"}, inChecks, ""},
		{"a trailing slash changes nothing", []string{"checks/"}, inChecks, ""},
		{"the order is that of the arguments", []string{"one.lua", "checks"}, append([]string{"one.lua"}, inChecks...), ""},
		{"a file named twice counts once, at its first place", []string{"checks/b.lua", "./checks/b.lua", "checks"},
			[]string{"checks/b.lua", "checks/10.lua", "checks/9.lua", "checks/a.lua", "checks/z.lua"}, ""},
		{"an absolute path is the same file", []string{"one.lua", filepath.Join(root, "one.lua")}, []string{"one.lua"}, ""},
		{"a link is a path of its own", []string{"link.lua"}, []string{"link.lua"}, ""},
		{"an empty folder has no scripts", []string{"empty"}, nil, ""},
		{"a missing file is an error that names it", []string{"gone.lua", "one.lua"}, []string{"one.lua"}, "checks gone.lua: no such file or folder"},
		{"a link to nothing is an error", []string{"dangling.lua"}, nil, "checks dangling.lua: no such file or folder"},
		{"a path through a file is an error", []string{"one.lua/x"}, nil, "checks one.lua/x: not a directory"},
		{"each missing path is named", []string{"gone.lua", "lost"}, nil, "checks lost: no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := scriptFiles(c.checks)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			switch {
			case c.err == "" && err != nil:
				t.Errorf("error %v", err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}
