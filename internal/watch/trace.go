package watch

import (
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is how many symbolic links a path may go through, as in path_resolution(7).
const maxLinks = 40

// trace gives the names that decide what a path is: the symbolic links that it goes through, and at last itself, or
// the first part of it that is not there. No folder of these names is a symbolic link. folder tells whether the last
// one is a folder.
func trace(path string) (names []string, folder bool) {
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = filepath.Clean(path) // the working folder is gone; nothing can be found there either
	}
	at := string(filepath.Separator)
	rest := parts(abs)
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		info, err := os.Lstat(next)
		last := len(rest) == 1
		switch {
		case err != nil || last && info.Mode()&os.ModeSymlink == 0:
			return append(names, next), err == nil && info.IsDir()
		case info.Mode()&os.ModeSymlink == 0:
			at, rest = next, rest[1:]
			continue
		}
		names = append(names, next)
		target, err := os.Readlink(next)
		if links++; err != nil || links > maxLinks {
			return names, false
		}
		if filepath.IsAbs(target) {
			at = string(filepath.Separator)
		}
		rest = append(parts(target), rest[1:]...)
	}
	return append(names, at), true // a link to a folder above: /, or one with .. at its end
}

func parts(path string) []string {
	return strings.FieldsFunc(filepath.Clean(path), func(r rune) bool { return r == filepath.Separator })
}
