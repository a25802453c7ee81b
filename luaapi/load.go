package luaapi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Script is what a script file gave: a list of entries, or an object.
type Script struct {
	Entries []*Entry
	Object  *Object // nil: CHECKS is a list
}

// LoadError is all that is wrong with a script.
type LoadError struct {
	Path     string
	Problems []string // each names its position
	Err      error    // what stopped the load, for errors.Is; nil if Problems are about the entries
	Sources  []Source // what had been read, see VM.Sources
}

func (e *LoadError) Error() string {
	if len(e.Problems) == 1 {
		return "cannot load " + e.Path + ": " + e.Problems[0]
	}
	return fmt.Sprintf("cannot load %s: %d problems:\n\t%s", e.Path, len(e.Problems), strings.Join(e.Problems, "\n\t"))
}

func (e *LoadError) Unwrap() error { return e.Err }

// Load reads the script, runs it within opts.Timeout, and looks at what its CHECKS are. It is called once.
func (vm *VM) Load(ctx context.Context, opts RunOptions) (*Script, error) {
	var script *Script
	done := make(chan error, 1)
	go Finally(ctx, opts.Timeout, func() error { // a goroutine of its own: see VM.Do
		return vm.Do(ctx, opts, func(r *Run) (err error) {
			script, err = r.load()
			return err
		})
	}, func(err error) { done <- err })
	err := <-done
	if err == nil {
		return script, nil
	}
	var load *LoadError
	if !errors.As(err, &load) {
		load = &LoadError{Path: vm.path, Problems: []string{err.Error()}, Err: err}
	}
	var over *endedError
	if load.Err == nil && errors.As(err, &over) {
		load.Err = over.why
	}
	load.Sources = vm.Sources()
	return nil, load
}

// load compiles the script (compile.go), runs its top level, and makes a Script of what that gives (load_checks.go).
func (r *Run) load() (*Script, error) {
	vm := r.vm
	fn, chunk, err := vm.compileFile(vm.path)
	if err != nil {
		return nil, err
	}
	lines := linesOfChecks(vm.path, chunk)
	vm.loading = true
	defer func() { vm.loading = false }()
	returned, err := r.callValue(r.thread, fn)
	if err != nil {
		var e *ScriptError
		if errors.As(err, &e) && e.Traceback != "" && strings.Contains(e.Traceback, "\n") {
			err = fmt.Errorf("%w\n\tcalled from: %s", err, strings.ReplaceAll(e.Traceback, "\n", ", "))
		}
		if problems := r.unreported(); len(problems) > 0 {
			return nil, &LoadError{Path: vm.path, Problems: append(problems, err.Error()), Err: err}
		}
		return nil, err
	}
	if returned == lua.LNil {
		returned = vm.state.G.Global.RawGetString("CHECKS")
	}
	vm.checks = returned
	s, problems := r.script(returned, lines)
	problems = append(problems, r.unreported()...)
	if len(problems) > 0 {
		return nil, &LoadError{Path: vm.path, Problems: problems}
	}
	return s, nil
}

// unreported is what is wrong with objects that are no entries of CHECKS, or not yet.
func (r *Run) unreported() (problems []string) {
	for _, bad := range r.vm.invalid {
		if !bad.reported {
			problems = append(problems, bad.describe(0))
		}
	}
	r.vm.invalid = nil
	return problems
}
