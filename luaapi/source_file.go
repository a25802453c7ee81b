package luaapi

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// readSource reads a Lua file and notes it among the sources.
func (vm *VM) readSource(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, fileError(path, err)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	source, err := io.ReadAll(io.LimitReader(f, int64(vm.limits.SourceBytes)+1))
	if err != nil {
		return nil, fileError(path, err)
	}
	if len(source) > vm.limits.SourceBytes {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, vm.limits.SourceBytes)
	}
	vm.sources.add(Source{Path: path, SHA256: sha256.Sum256(source)})
	return source, nil
}

func fileError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &unreadable{path + ": no such file", err}
	case errors.Is(err, fs.ErrPermission):
		return &unreadable{path + ": no permission to read it", err}
	}
	return err
}

// unreadable is a file that cannot be read, in words for a person.
type unreadable struct {
	text string
	err  error
}

func (e *unreadable) Error() string { return e.text }

func (e *unreadable) Unwrap() error { return e.err }
