package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// scriptFiles gives the files that --checks names, in order: a file itself, and of a folder every *.lua
// directly in it, by name. A file that is named twice counts once.
func scriptFiles(checks []string) ([]string, error) {
	var files []string
	var errs []error
	for _, path := range checks {
		found, err := scriptsAt(path)
		if err != nil {
			errs = append(errs, err)
		}
		files = append(files, found...)
	}
	seen := map[string]bool{}
	files = slices.DeleteFunc(files, func(path string) bool {
		key := path
		if abs, err := filepath.Abs(path); err == nil {
			key = abs
		}
		twice := seen[key]
		seen[key] = true
		return twice
	})
	return files, errors.Join(errs...)
}

func scriptsAt(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("checks %s: no such file or folder", path)
	case err != nil:
		return nil, fmt.Errorf("checks %s: %w", path, errors.Unwrap(err))
	case !info.IsDir():
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("checks %s: %w", path, errors.Unwrap(err))
	}
	var files []string
	for _, e := range entries { // sorted by name
		if name := e.Name(); strings.HasSuffix(name, ".lua") && !strings.HasPrefix(name, ".") && !e.IsDir() {
			files = append(files, filepath.Join(path, name))
		}
	}
	return files, nil
}
