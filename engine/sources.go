package engine

import (
	"errors"
	"maps"
	"slices"

	"dumbprobe/luaapi"
)

// Sources are the paths whose content the next reload looks at: the files and folders that were named, the scripts
// that run or cannot be loaded, and what these required or looked for. Not all are there.
func (e *Engine) Sources() []string {
	e.mu.Lock()
	scripts, broken := e.scripts, e.broken
	e.mu.Unlock()
	paths := map[string]bool{}
	for _, path := range e.options.Checks {
		paths[path] = true
	}
	add := func(sources []luaapi.Source) {
		for _, s := range sources {
			paths[s.Path] = true
		}
	}
	for _, s := range scripts {
		paths[s.path] = true
		add(s.vm.Sources())
	}
	for path, err := range broken {
		if path != "" {
			paths[path] = true
		}
		var load *luaapi.LoadError
		if errors.As(err, &load) {
			add(load.Sources)
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// Outdated tells whether a reload might find something new in the files of the scripts that run, or that cannot be
// loaded.
func (e *Engine) Outdated() bool {
	e.mu.Lock()
	scripts, broken := e.scripts, e.broken
	e.mu.Unlock()
	return len(broken) > 0 || slices.ContainsFunc(scripts, func(s *script) bool { return !s.vm.Unchanged() })
}
