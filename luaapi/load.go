package luaapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
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
	type outcome struct {
		script *Script
		err    error
	}
	done := make(chan outcome, 1)
	go func() { // a goroutine of its own: see VM.Do
		o := outcome{err: Abandoned(opts.Timeout)}
		defer func() { done <- o }()
		o.err = vm.Do(ctx, opts, func(r *Run) (err error) {
			o.script, err = r.load()
			return err
		})
	}()
	o := <-done
	if o.err == nil {
		return o.script, nil
	}
	var load *LoadError
	if !errors.As(o.err, &load) {
		load = &LoadError{Path: vm.path, Problems: []string{o.err.Error()}, Err: o.err}
	}
	var over *endedError
	if load.Err == nil && errors.As(o.err, &over) {
		load.Err = over.why
	}
	load.Sources = vm.Sources()
	return nil, load
}

func (r *Run) load() (*Script, error) {
	vm := r.vm
	fn, shape, err := vm.compileFile(vm.path)
	if err != nil {
		return nil, err
	}
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
	s, problems := r.shape(returned, shape)
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

func (p *problemObject) describe(position int) string {
	at := fmt.Sprintf("%s at %s:%d", p.class, p.script, p.line)
	if position > 0 {
		at += fmt.Sprintf(", entry %d", position)
	}
	return at + ": " + joinProblems(p.problems)
}

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

// listShape is what the source tells about CHECKS before it runs: only lines for errors.
type listShape struct {
	line    int   // where CHECKS is returned or set; 0: not known
	entries []int // the lines of the entries, where CHECKS is written as a list there
}

func (s listShape) entry(i int) int {
	if i >= 1 && i <= len(s.entries) {
		return s.entries[i-1]
	}
	return 0
}

func (vm *VM) compileFile(path string) (*lua.LFunction, listShape, error) {
	source, err := vm.readSource(path)
	if err != nil {
		return nil, listShape{}, err
	}
	source = bytes.TrimPrefix(source, []byte("\uFEFF")) // as some editors begin a file
	if bytes.HasPrefix(source, []byte("#!")) {
		copy(source, "--") // a line for the kernel, as in #!/usr/bin/env -S dumbprobe --checks
	}
	fn, chunk, err := vm.compile(source, path)
	if err != nil {
		return nil, listShape{}, err
	}
	return fn, shapeOf(chunk), nil
}

// compile compiles a text; name is the chunk's in error messages. Its errors are *ScriptErrors.
func (vm *VM) compile(source []byte, name string) (*lua.LFunction, []ast.Stmt, error) {
	chunk, err := parse.Parse(bytes.NewReader(source), name)
	if err != nil {
		return nil, nil, syntaxError(err, name)
	}
	if line, problem := checkSyntax(chunk); problem != "" {
		return nil, nil, &ScriptError{Script: name, Line: line, Msg: problem}
	}
	proto, err := lua.Compile(chunk, name)
	if err != nil {
		return nil, nil, syntaxError(err, name)
	}
	vm.linkConcat(proto)
	return vm.state.NewFunctionFromProto(proto), chunk, nil
}

// shapeOf finds the last `return ...` or `CHECKS = ...` of a file.
func shapeOf(chunk []ast.Stmt) listShape {
	for i := len(chunk) - 1; i >= 0; i-- {
		switch stmt := chunk[i].(type) {
		case *ast.ReturnStmt:
			if len(stmt.Exprs) > 0 {
				return shapeOfList(stmt.Line(), stmt.Exprs[0])
			}
		case *ast.AssignStmt:
			for j, target := range stmt.Lhs {
				if id, ok := target.(*ast.IdentExpr); ok && id.Value == "CHECKS" && j < len(stmt.Rhs) {
					return shapeOfList(stmt.Line(), stmt.Rhs[j])
				}
			}
		}
	}
	return listShape{}
}

func shapeOfList(line int, e ast.Expr) listShape {
	s := listShape{line: line}
	if t, ok := e.(*ast.TableExpr); ok {
		for _, f := range t.Fields {
			if f.Key == nil {
				s.entries = append(s.entries, f.Value.Line())
			}
		}
	}
	return s
}

// shape looks at the value of CHECKS.
func (r *Run) shape(checks lua.LValue, lines listShape) (*Script, []string) {
	vm := r.vm
	at := vm.path
	if lines.line > 0 {
		at = fmt.Sprintf("%s:%d", vm.path, lines.line)
	}
	const expected = "a list of checks and handles, or an object with a method run_next"
	if checks == lua.LNil {
		return nil, []string{fmt.Sprintf("%s: the script returns nothing and sets no global CHECKS; expected is %s", at, expected)}
	}
	isList := checks.Type() == lua.LTTable
	if isList || checks.Type() == lua.LTUserData {
		has, err := r.hasMethod(checks, "run_next")
		if err != nil {
			return nil, []string{err.Error()}
		}
		if has {
			class := "userdata"
			if t, ok := checks.(*lua.LTable); ok {
				class = tableClass(t)
			}
			return &Script{Object: &Object{Line: lines.line, Class: class, vm: vm, value: checks}}, nil
		}
	}
	if !isList {
		return nil, []string{fmt.Sprintf("%s: CHECKS is %s; expected is %s%s", at, describe(checks), expected, r.loneEntry(checks))}
	}
	t := checks.(*lua.LTable)
	if r.looksLikeClass(t) {
		return nil, []string{fmt.Sprintf("%s: CHECKS is a class; expected is %s", at, expected)}
	}
	return r.list(t, lines, at, expected)
}

// loneEntry helps with a common slip: one check instead of a list of one.
func (r *Run) loneEntry(v lua.LValue) string {
	for _, name := range []string{"run", "read_messages"} {
		if has, _ := r.hasMethod(v, name); has {
			return "; put the check into a list, {...}"
		}
	}
	return ""
}

func (r *Run) list(t *lua.LTable, lines listShape, at, expected string) (*Script, []string) {
	s := &Script{}
	var problems []string
	positions := map[lua.LValue]int{}
	next := 1
	for it := entriesOf(t); it.next(); {
		key, v := it.key, it.value
		n, isNumber := key.(lua.LNumber)
		if !isNumber || float64(n) != float64(int(n)) || int(n) < next {
			return nil, []string{fmt.Sprintf("%s: CHECKS has the key %s; expected is %s%s", at, key.String(), expected, r.loneEntry(t))}
		}
		for ; next < int(n); next++ {
			if next+maxHoles < int(n) {
				return nil, append(problems, fmt.Sprintf("%s: CHECKS is a list with holes up to position %d", at, int(n)))
			}
			problems = append(problems, fmt.Sprintf("%s, entry %d: found nil, expected a check or a handle (a misspelt variable?)", entryAt(r.vm.path, lines, next, at), next))
		}
		next++
		if first := positions[v]; first > 0 && hasIdentity(v) {
			problems = append(problems, fmt.Sprintf("%s, entry %d: found the same object as at entry %d; a check that is to run twice is made twice",
				entryAt(r.vm.path, lines, int(n), at), int(n), first))
			continue
		}
		positions[v] = int(n)
		entry, err := r.entry(v, int(n))
		if err != "" {
			problems = append(problems, r.entryProblem(v, int(n), lines, at, err))
			continue
		}
		entry.Line = lines.entry(int(n))
		if problem := r.vm.scheduleProblem(entry); problem != "" {
			problems = append(problems, fmt.Sprintf("%s at %s, entry %d: %s", entry.Class, entryAt(r.vm.path, lines, int(n), at), int(n), problem))
		}
		s.Entries = append(s.Entries, entry)
	}
	return s, append(problems, duplicateNames(s.Entries, at)...)
}

func (vm *VM) scheduleProblem(e *Entry) string {
	if vm.schedule == nil || e.Kind != CheckEntry || e.OwnSchedule {
		return ""
	}
	if err := vm.schedule(e.Check); err != nil {
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return ""
}

// hasIdentity tells whether two values that are equal are one.
func hasIdentity(v lua.LValue) bool { return v.Type() == lua.LTTable || v.Type() == lua.LTUserData }

func entryAt(path string, lines listShape, position int, at string) string {
	if line := lines.entry(position); line > 0 {
		return fmt.Sprintf("%s:%d", path, line)
	}
	return at
}

func (r *Run) entryProblem(v lua.LValue, position int, lines listShape, at, err string) string {
	for _, bad := range r.vm.invalid {
		if bad.object == v {
			bad.reported = true
			return bad.describe(position)
		}
	}
	return fmt.Sprintf("%s, entry %d: %s", entryAt(r.vm.path, lines, position, at), position, err)
}

func duplicateNames(entries []*Entry, at string) []string {
	var problems []string
	seen := map[string]*Entry{}
	for _, e := range entries {
		if e.Name == "" {
			continue
		}
		if first := seen[e.Name]; first != nil {
			problems = append(problems, fmt.Sprintf("%s: entries %d and %d have one name, %q; names are unique", at, first.Position, e.Position, e.Name))
			continue
		}
		seen[e.Name] = e
	}
	return problems
}

func (r *Run) hasMethod(v lua.LValue, name string) (bool, error) {
	if ud, ok := v.(*lua.LUserData); ok {
		switch object := ud.Value.(type) {
		case *checkObject:
			return object.class.table.RawGetString(name) != lua.LNil, nil
		case *handleObject:
			return object.class.table.RawGetString(name) != lua.LNil, nil
		case *messageObject, *valueObject, nullMark, eofMark, *ScriptReader:
			return false, nil
		}
	}
	if v.Type() != lua.LTTable && v.Type() != lua.LTUserData {
		return false, nil
	}
	fn, err := r.method(v, name)
	if err != nil {
		return false, err
	}
	return r.callable(fn), nil
}

func (r *Run) callable(v lua.LValue) bool {
	if v.Type() == lua.LTFunction {
		return true
	}
	return r.thread.GetMetaField(v, "__call").Type() == lua.LTFunction
}

// entry makes an Entry of one element of CHECKS, or says what is wrong with it.
func (r *Run) entry(v lua.LValue, position int) (*Entry, string) {
	e := &Entry{Position: position, vm: r.vm, object: v}
	for _, bad := range r.vm.invalid {
		if bad.object == v {
			return nil, "invalid"
		}
	}
	if ud, ok := v.(*lua.LUserData); ok {
		switch object := ud.Value.(type) {
		case *checkObject:
			e.check, e.Class, e.Check, e.Name = object, object.class.name, object.CheckFields, object.Name
			return e, ""
		case *handleObject:
			e.Kind = HandleEntry
			e.handle, e.Class, e.Handle, e.Name = object, object.class.name, object.HandleFields, object.Name
			return e, ""
		}
	}
	if v.Type() != lua.LTTable && v.Type() != lua.LTUserData {
		return nil, fmt.Sprintf("found %s, expected a check or a handle", describe(v))
	}
	if t, ok := v.(*lua.LTable); ok && r.looksLikeClass(t) {
		return nil, "found a class, expected an object of it: call it, with a table of fields"
	}
	var has [5]bool
	for i, name := range []string{"run", "next_run", "open", "read_messages", "close"} {
		var err error
		if has[i], err = r.hasMethod(v, name); err != nil {
			return nil, err.Error()
		}
	}
	e.Class = "userdata"
	if t, ok := v.(*lua.LTable); ok {
		e.Class = tableClass(t)
	}
	switch {
	case has[0]:
		return r.tableCheck(e, has[1])
	case has[2] || has[3]:
		return r.tableHandle(e, has[2], has[3], has[4])
	case has[1]:
		return nil, "found a table with next_run and without run, expected a check (next_run, run)"
	}
	return nil, fmt.Sprintf("found %s without the methods of a check (next_run, run) or of a handle (open, read_messages, close)", describe(v))
}

func (r *Run) looksLikeClass(t *lua.LTable) bool {
	for _, c := range r.vm.classes {
		if c.table == t {
			return true
		}
	}
	return t.RawGetString("__index") == t
}

func (r *Run) tableCheck(e *Entry, hasNextRun bool) (*Entry, string) {
	e.OwnSchedule = true
	t, isTable := e.object.(*lua.LTable)
	if !hasNextRun {
		return nil, "found a check without the method next_run"
	}
	if isTable {
		nextRun, err := r.method(t, "next_run")
		if err != nil {
			return nil, err.Error()
		}
		base := r.vm.classes["BaseCheck"]
		if nextRun == base.table.RawGetString("next_run") {
			e.OwnSchedule = false
		}
		if r.extends(t, base) {
			if problem := r.undefined(t, base, "run"); problem != "" {
				return nil, problem
			}
			if problem := r.readFields(func(L *lua.LState) (err error) {
				e.Check, err = r.vm.fieldsOfTable(L, t)
				return err
			}); problem != "" {
				return nil, problem
			}
			if !e.OwnSchedule && e.Check.Interval == 0 && (e.Check.ScheduleFields == nil || e.Check.Cron == "") {
				return nil, fmt.Sprintf("%s: field `interval` is missing (%s), and next_run is not defined", e.Class, typeDuration.want)
			}
		}
	}
	if problem := r.plainSeconds(e.object, "timeout", typeLimit, &e.Check.Timeout); problem != "" {
		return nil, problem
	}
	return e, r.entryName(e, "check_name")
}

// plainSeconds reads a duration, of this kind, of a table that is no object of a class, where it is given.
func (r *Run) plainSeconds(object lua.LValue, name string, kind Type, to *time.Duration) string {
	t, ok := object.(*lua.LTable)
	if !ok || *to != 0 {
		return ""
	}
	v := t.RawGetString(name)
	if v == lua.LNil {
		return ""
	}
	if want := kind.mismatch(v); want != "" {
		return fmt.Sprintf("field `%s` must be %s, not %s", name, want, describe(v))
	}
	*to = seconds(numberOf(v))
	return ""
}

// undefined tells that a method, which a class has to define, is still the base class's.
func (r *Run) undefined(t *lua.LTable, base *class, name string) string {
	fn, err := r.method(t, name)
	if err != nil {
		return err.Error()
	}
	if fn == base.table.RawGetString(name) {
		return fmt.Sprintf("%s: the method %s is not defined", tableClass(t), name)
	}
	return ""
}

// extends tells whether a table's class was made by extending the base class: it inherits from its table.
func (r *Run) extends(t *lua.LTable, base *class) bool {
	for depth := 0; depth < 100; depth++ {
		meta, ok := t.Metatable.(*lua.LTable)
		if !ok {
			return false
		}
		parent, ok := meta.RawGetString("__index").(*lua.LTable)
		if !ok || parent == t {
			return false
		}
		if parent == base.table {
			return true
		}
		t = parent
	}
	return false
}

// readFields calls f in protected mode: reading a field can run an __index function of the script.
func (r *Run) readFields(f func(L *lua.LState) error) string {
	var problem error
	_, err := r.callValue(r.thread, r.thread.NewFunction(func(L *lua.LState) int {
		problem = f(L)
		L.Push(lua.LNil)
		return 1
	}))
	if err == nil {
		err = problem
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func (r *Run) tableHandle(e *Entry, hasOpen, hasRead, hasClose bool) (*Entry, string) {
	e.Kind = HandleEntry
	for _, m := range []struct {
		has  bool
		name string
	}{{hasOpen, "open"}, {hasRead, "read_messages"}, {hasClose, "close"}} {
		if !m.has {
			return nil, "found a handle without the method " + m.name
		}
	}
	var reopen time.Duration
	if problem := r.plainSeconds(e.object, "reopen", typeReopen, &reopen); problem != "" {
		return nil, problem
	}
	if problem := r.plainSeconds(e.object, "poll", typeLimit, &e.Poll); problem != "" {
		return nil, problem
	}
	e.Handle.Reopen = DefaultReopen
	if reopen != 0 {
		e.Handle.Reopen = reopen.Seconds()
	}
	if e.Poll == 0 {
		e.Poll = time.Second
	}
	t, isTable := e.object.(*lua.LTable)
	if base := r.vm.classes["BaseHandle"]; isTable && r.extends(t, base) {
		if problem := r.undefined(t, base, "open"); problem != "" {
			return nil, problem
		}
		if problem := r.readFields(func(L *lua.LState) error {
			v, err := commonFields(L, t, base.fields)
			if err != nil {
				return err
			}
			e.Handle = readHandleFields(base.fields, v)
			if poll := v[base.fields.index["poll"]]; poll != nil {
				e.Poll = seconds(numberOf(poll))
			}
			return nil
		}); problem != "" {
			return nil, problem
		}
	}
	e.Name = e.Handle.Name
	return e, r.entryName(e, "check_name")
}

// entryName asks a table for its name.
func (r *Run) entryName(e *Entry, method string) string {
	has, err := r.hasMethod(e.object, method)
	if err != nil {
		return err.Error()
	}
	if !has {
		return ""
	}
	v, err := r.callMethod(e.object, method)
	if err != nil {
		return method + ": " + err.Error()
	}
	switch name := v.(type) {
	case *lua.LNilType:
		return ""
	case lua.LString:
		if name != "" {
			e.Name = string(name)
			return ""
		}
	}
	return fmt.Sprintf("%s returned %s; expected is a string that is not empty", method, describe(v))
}
