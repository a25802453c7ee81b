package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dumbprobe/luaapi"
)

func newStubs(p process) *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "stubs DIR",
		Short: "Write types of the Lua API for editors into a folder",
		Long: `Writes LuaLS annotations of everything a script can use into DIR, which is created.
Editors with the Lua language server then complete and check scripts; tell it where
they are: {"workspace.library": ["DIR"]} in .luarc.json.

DIR is a folder of its own, not one of scripts: the daemon would take the stubs for
scripts. Files that this command wrote before are replaced, others are not.`,
		Example: "dumbprobe stubs ~/.local/share/dumbprobe/stubs",
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 || args[0] == "":
				return usageErrorf("the folder is missing: %s DIR", cmd.CommandPath())
			case len(args) > 1:
				return usageErrorf("one folder is expected, and %q follows", args[1])
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace files of those names, and write into a folder of scripts")
	cmd.RunE = body(func(_ *cobra.Command, args []string) error {
		return writeStubs(p.stdout, args[0], luaapi.Stubs(), force)
	})
	return cmd
}

// writeStubs writes all files, or none if one of them is somebody else's.
func writeStubs(stdout io.Writer, dir string, stubs map[string][]byte, force bool) error {
	if !force {
		if err := mayWriteStubs(dir, stubs); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the folder cannot be made: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(stubs)) {
		path := filepath.Join(dir, name)
		if err := writeWhole(path, stubs[name]); err != nil {
			return fmt.Errorf("%s cannot be written: %w", path, err)
		}
		if _, err := fmt.Fprintln(stdout, path); err != nil {
			return err
		}
	}
	return nil
}

// mayWriteStubs refuses what would be regretted.
func mayWriteStubs(dir string, stubs map[string][]byte) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		stub, ours := stubs[e.Name()]
		switch {
		case ours:
			old, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if !bytes.Equal(old, stub) && !isStub(old, stub) {
				return fmt.Errorf("%s is there, and was not written by this command; choose another folder, or replace it with --force", path)
			}
		case strings.HasSuffix(e.Name(), ".lua") && !e.IsDir() && !isMeta(path):
			return fmt.Errorf("%s holds scripts, such as %s, which would then find the stub instead of the module that they require; "+
				"choose a folder of its own, such as %s", dir, e.Name(), filepath.Join(dir, "meta"))
		}
	}
	return nil
}

// isStub tells whether old is a version of stub: by its first line, and the note of the generator.
func isStub(old, stub []byte) bool {
	first, rest, _ := bytes.Cut(old, []byte("\n"))
	want, _, _ := bytes.Cut(stub, []byte("\n"))
	head := rest[:min(len(rest), 300)]
	return bytes.Equal(first, want) && bytes.HasPrefix(first, []byte("---@meta")) && bytes.Contains(head, []byte("do not edit"))
}

// isMeta tells whether a file says that it is for editors.
func isMeta(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	mark := []byte("---@meta")
	head := make([]byte, len(mark))
	_, err = io.ReadFull(f, head)
	return err == nil && bytes.Equal(head, mark)
}

// writeWhole leaves the old file or the new one, and never a half: an editor may be reading it.
func writeWhole(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".stub-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
