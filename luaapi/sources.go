package luaapi

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// Source is a file that a VM was made of: the script, and what it required, when that was read.
type Source struct {
	Path   string
	SHA256 [sha256.Size]byte
	// Absent: require looked for it before it found the module elsewhere, and there was no such file.
	Absent bool
}

// sources are the files of one VM. require adds to them whenever a run calls it.
type sources struct {
	mu   sync.Mutex // protects following field
	list []Source
}

func (s *sources) add(source Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.list, source) {
		s.list = append(s.list, source)
	}
}

// Sources are the files that the VM was made of so far, the script first.
func (vm *VM) Sources() []Source {
	vm.sources.mu.Lock()
	defer vm.sources.mu.Unlock()
	return slices.Clone(vm.sources.list)
}

// Unchanged tells whether a fresh load would read the same: every file still has its content, and what was not
// there still is not. It does not wait for the VM.
func (vm *VM) Unchanged() bool {
	all := vm.Sources()
	return len(all) > 0 && !slices.ContainsFunc(all, func(s Source) bool { return s.changed(vm.limits.SourceBytes) })
}

// changed compares with the file as it is now, of which at most max bytes and one are read.
func (s Source) changed(max int) bool {
	if s.Absent {
		_, err := os.Stat(s.Path)
		return !errors.Is(err, fs.ErrNotExist)
	}
	f, err := os.Open(s.Path)
	if err != nil {
		return true
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return true
	}
	h := sha256.New()
	_, err = io.Copy(h, io.LimitReader(f, int64(max)+1))
	return err != nil || [sha256.Size]byte(h.Sum(nil)) != s.SHA256
}
