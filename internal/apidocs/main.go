// Command apidocs writes what is made of the table of the Lua API: docs/reference.md and scripts/meta/*.lua.
// Run it with go generate ./luaapi.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dumbprobe/luaapi"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("apidocs", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", ".", "the `directory` of the repository")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := write(*root); err != nil {
		fmt.Fprintln(stderr, "apidocs:", err)
		return 1
	}
	return 0
}

// write writes the files below root, and removes those of modules that are no more.
func write(root string) error {
	docs, meta := filepath.Join(root, "docs"), filepath.Join(root, "scripts", "meta")
	for _, dir := range []string{docs, meta} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(docs, "reference.md"), luaapi.Reference(), 0o644); err != nil {
		return err
	}
	stubs := luaapi.Stubs()
	for name, text := range stubs {
		if err := os.WriteFile(filepath.Join(meta, name), text, 0o644); err != nil {
			return err
		}
	}
	old, err := filepath.Glob(filepath.Join(meta, "*.lua"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if _, ok := stubs[filepath.Base(path)]; ok {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
