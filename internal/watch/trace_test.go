package watch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// realTempDir is a new folder, by a path without symbolic links.
func realTempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTrace(t *testing.T) {
	dir := realTempDir(t)
	write(t, filepath.Join(dir, "v1/a.lua"), "")
	link(t, "v1", filepath.Join(dir, "now"))
	link(t, filepath.Join(dir, "now"), filepath.Join(dir, "absolute"))
	link(t, "../now/a.lua", filepath.Join(dir, "v1/b.lua"))
	link(t, "nowhere/x", filepath.Join(dir, "dangling"))
	link(t, "round", filepath.Join(dir, "round"))
	link(t, "/", filepath.Join(dir, "top"))
	for _, tt := range []struct {
		name, path string
		want       string // below dir
		folder     bool
	}{
		{"a file", "v1/a.lua", "v1/a.lua", false},
		{"a folder", "v1", "v1", true},
		{"a file below a link", "now/a.lua", "now v1/a.lua", false},
		{"a link to a folder", "now", "now v1", true},
		{"a link to a link", "absolute/a.lua", "absolute now v1/a.lua", false},
		{"a link upwards", "now/b.lua", "now v1/b.lua now v1/a.lua", false},
		{"a file that is not there", "v1/c.lua", "v1/c.lua", false},
		{"a file in a folder that is not there", "v1/lib/deep/c.lua", "v1/lib", false},
		{"a link to what is not there", "dangling", "dangling nowhere", false},
		{"an unclean path", "v1/../v1/./a.lua", "v1/a.lua", false},
		{"a file below a file", "v1/a.lua/x", "v1/a.lua/x", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			names, folder := trace(filepath.Join(dir, tt.path))
			var got []string
			for _, name := range names {
				got = append(got, strings.TrimPrefix(name, dir+"/"))
			}
			if !slices.Equal(got, strings.Fields(tt.want)) || folder != tt.folder {
				t.Errorf("got %q, folder %v", got, folder)
			}
		})
	}
	t.Run("a link to itself ends", func(t *testing.T) {
		if names, folder := trace(filepath.Join(dir, "round", "x")); len(names) != maxLinks+1 || folder {
			t.Errorf("got %d names", len(names))
		}
	})
	t.Run("the top", func(t *testing.T) {
		if names, folder := trace("/"); !slices.Equal(names, []string{"/"}) || !folder {
			t.Errorf("got %q, %v", names, folder)
		}
		if names, folder := trace(filepath.Join(dir, "top")); !slices.Equal(names, []string{filepath.Join(dir, "top"), "/"}) || !folder {
			t.Errorf("a link to it: %q, %v", names, folder)
		}
	})
	t.Run("a relative path", func(t *testing.T) {
		t.Chdir(dir)
		if names, _ := trace("v1/a.lua"); !slices.Equal(names, []string{filepath.Join(dir, "v1/a.lua")}) {
			t.Errorf("got %q", names)
		}
	})
}
