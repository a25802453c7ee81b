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
	files, missing := findScripts(checks)
	var errs []error
	for _, m := range missing {
		errs = append(errs, m)
	}
	return files, errors.Join(errs...)
}

// missingError is a file or folder of --checks that is not there, or cannot be read.
type missingError struct {
	path string
	err  error
}

func (e *missingError) Error() string { return fmt.Sprintf("checks %s: %v", e.path, e.err) }

func (e *missingError) Unwrap() error { return e.err }

// covers tells whether a script was found by what is missing now.
func (e *missingError) covers(script string) bool {
	return script == e.path || filepath.Dir(script) == filepath.Clean(e.path)
}

func findScripts(checks []string) (files []string, missing []*missingError) {
	for _, path := range checks {
		found, err := scriptsAt(path)
		if err != nil {
			missing = append(missing, &missingError{path, err})
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
	return files, missing
}

var errMissing = errors.New("no such file or folder")

func scriptsAt(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errMissing
	case err != nil:
		return nil, errors.Unwrap(err)
	case !info.IsDir():
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	var files []string
	for _, e := range entries { // sorted by name
		if name := e.Name(); strings.HasSuffix(name, ".lua") && !strings.HasPrefix(name, ".") && !e.IsDir() {
			files = append(files, filepath.Join(path, name))
		}
	}
	return files, nil
}
