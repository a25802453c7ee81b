package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dumbprobe/luaapi"
)

func TestStubs(t *testing.T) {
	t.Chdir(t.TempDir())
	got := runIn(process{}, "stubs", "a/b")
	if got.status != exitOK {
		t.Fatalf("got %+v", got)
	}
	for name, want := range luaapi.Stubs() {
		content, err := os.ReadFile(filepath.Join("a/b", name))
		if err != nil || string(content) != string(want) {
			t.Errorf("%s: %v, or another content", name, err)
		}
		if !strings.Contains(got.stdout, filepath.Join("a/b", name)+"\n") {
			t.Errorf("%s is not listed", name)
		}
	}
	if entries, err := os.ReadDir("a/b"); err != nil || len(entries) != len(luaapi.Stubs()) {
		t.Errorf("there are %d files, %v", len(entries), err)
	}
	if again := runIn(process{}, "stubs", "a/b"); again != got {
		t.Errorf("the second time: %+v", again)
	}
}

func TestStubsReplaceOnlyTheirOwn(t *testing.T) {
	stub := "---@meta dumbprobe\n\n-- Types for editors: do not edit.\n\nlocal new = {}\n"
	stubs := map[string][]byte{"dumbprobe.lua": []byte(stub)}
	for _, tt := range []struct{ name, file, old, want string }{
		{"older version", "dumbprobe.lua", strings.Replace(stub, "new", "old", 1), ""},
		{"other files", "notes.txt", "hello", ""},
		{"somebody's types", "mine.lua", "---@meta mine\n", ""},
		{"somebody's file", "dumbprobe.lua", "return {}\n",
			"DIR/dumbprobe.lua is there, and was not written by this command; choose another folder, or replace it with --force"},
		{"written by hand", "dumbprobe.lua", "---@meta dumbprobe\n\nlocal mine = {}\n",
			"DIR/dumbprobe.lua is there, and was not written by this command; choose another folder, or replace it with --force"},
		{"scripts", "host.lua", "return {}\n",
			"DIR holds scripts, such as host.lua, which would then find the stub instead of the module that they require; choose a folder of its own, such as DIR/meta"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, tt.file), tt.old)
			err := writeStubs(io.Discard, dir, stubs, false)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
			} else {
				if want := strings.ReplaceAll(tt.want, "DIR", dir); err == nil || err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				if old, _ := os.ReadFile(filepath.Join(dir, tt.file)); string(old) != tt.old {
					t.Error("the file was changed")
				}
				if err := writeStubs(io.Discard, dir, stubs, true); err != nil {
					t.Errorf("with --force: %v", err)
				}
			}
			if now, _ := os.ReadFile(filepath.Join(dir, "dumbprobe.lua")); string(now) != stub {
				t.Errorf("the stub is %q", now)
			}
		})
	}
}

func TestStubsIntoAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "file", "")
	if got := runIn(process{}, "stubs", "file"); got.status != exitFailed || !strings.Contains(got.stderr, "file: not a directory") {
		t.Errorf("got %+v", got)
	}
}
