package luaapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	lua "github.com/yuin/gopher-lua"
)

// Module is a table of functions and classes that a script gets by require, or that is there from the start.
type Module struct {
	Name   string // as require takes it; "" for what is global
	Global string // the global table that holds it: "string" of Lua's library; "" otherwise
	Doc    string
	// Standard marks Lua's own library: the reference lists it briefly, the editor knows it already.
	Standard  bool
	Functions []Function
	Classes   []Class
	Constants []Constant
	Records   []Record
	Aliases   []Alias
	Sets      []Field // globals that a script sets, for the daemon to read
}

// Function is a function or a method that a script can call.
type Function struct {
	Name   string
	Doc    string // one line
	Params []Param
	// Signature stands for the parameters in functions of Lua's own library, in the manual's notation.
	Signature string
	Variadic  bool // more arguments of any type may follow
	Results   []Result
	Errors    string // what it raises or returns as an error, in words; "" if nothing but wrong arguments
	Waits     bool   // releases the VM while it waits
	Example   string // Lua that runs
	call      func(vm *VM, L *lua.LState) int
}

// Param is an argument of a function, by position.
type Param struct {
	Name     string
	Type     Type
	Optional bool
	Unit     string
	Default  string
	Doc      string
	Fields   []Field // where the argument is a table of options
}

// Field is an entry of a table that a constructor or function takes, or an attribute of an object.
type Field struct {
	Name     string
	Type     Type
	Unit     string
	Default  string
	Required bool
	Unless   string // the field that stands for a Required one where it is given
	Always   bool   // of an attribute: never nil, whether it was given or not
	Doc      string
}

// Result is what a function returns, by position.
type Result struct {
	Type     Type
	Optional bool // can be nil
	Doc      string
}

// Record is the shape of a table: one that a function returns, or one that a script makes for the daemon. The
// fields that are not Required can be nil.
type Record struct {
	Name    string // the type is dumbprobe.Name
	Doc     string
	Fields  []Field
	Example string
}

// Alias is a name for a type that is written in many places.
type Alias struct {
	Name string // the type is dumbprobe.Name
	Doc  string
	Type Type
}

// Constant is a value in a module that is not a function.
type Constant struct {
	Name    string
	Type    Type
	Doc     string
	Example string
	value   func(vm *VM) lua.LValue
}

// Class is something a script makes objects of, by calling it.
type Class struct {
	Name    string
	Doc     string
	Extends string // the record of the module whose fields this class has too
	// Params are the constructor's arguments; empty means one table with Fields.
	Params     []Param
	Fields     []Field // of the constructor's table
	Attributes []Field // what can be read and set on an object, where that is not Fields
	ReadOnly   bool    // the attributes cannot be set
	OpenFields bool    // the constructor takes fields of the script's own too
	Methods    []Function
	Example    string

	construct func(vm *VM, L *lua.LState, c *class) int
}

// fieldSet looks fields up by name.
type fieldSet struct {
	owner  string // for errors: the class or function
	fields []Field
	index  map[string]int
}

func newFieldSet(owner string, fields ...[]Field) *fieldSet {
	s := &fieldSet{owner: owner, index: map[string]int{}}
	for _, group := range fields {
		for _, f := range group {
			s.index[f.Name] = len(s.fields)
			s.fields = append(s.fields, f)
		}
	}
	return s
}

// decode reads the fields of t into values, which is as long as the set and in its order (nil: not given).
// It returns what is wrong, one sentence each.
func (s *fieldSet) decode(t *lua.LTable, values []lua.LValue, open bool) (problems []string) {
	var misspelt []string
	for it := entriesOf(t); it.next(); {
		key, v := it.key, it.value
		name, ok := key.(lua.LString)
		if !ok {
			if !open {
				problems = append(problems, fmt.Sprintf("unexpected positional value [%s] (%s); fields are written name = value", key.String(), describe(v)))
			}
			continue
		}
		i, known := s.index[string(name)]
		if !known {
			if !open {
				problems = append(problems, s.unknown(string(name)))
				misspelt = append(misspelt, s.nearest(string(name)))
			}
			continue
		}
		if t := &s.fields[i].Type; !t.takes(v) {
			problems = append(problems, fmt.Sprintf("field `%s` %s", name, t.problem(v)))
			continue
		}
		values[i] = v
	}
	for i := range s.fields {
		f := &s.fields[i]
		if !f.Required || values[i] != nil || slices.Contains(misspelt, f.Name) { // said already
			continue
		}
		if t.RawGetString(f.Name) == lua.LNil && !s.replaced(f, values) {
			problems = append(problems, fmt.Sprintf("field `%s` is missing (%s)", f.Name, f.Type.want))
		}
	}
	return problems
}

// replaced tells whether another field that was given stands for a required one: a cron for the interval.
func (s *fieldSet) replaced(f *Field, values []lua.LValue) bool {
	i, ok := s.index[f.Unless]
	return ok && values[i] != nil
}

func (s *fieldSet) unknown(name string) string {
	msg := fmt.Sprintf("unknown field `%s`", name)
	if near := s.nearest(name); near != "" {
		return msg + fmt.Sprintf(", did you mean `%s`?", near)
	}
	if _, ok := s.index["location"]; ok && name == "host" || name == "service" {
		return msg + fmt.Sprintf("; the keys of a location are written location = {%s = ...}", name)
	}
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.Name
	}
	return msg + "; known are " + strings.Join(names, ", ")
}

// nearest is the known name within a third of the given one's length, "" if there is none.
func (s *fieldSet) nearest(name string) string {
	best, distance := "", max(1, len(name)/3)+1
	for _, f := range s.fields {
		if d := levenshtein.ComputeDistance(name, f.Name); d < distance {
			best, distance = f.Name, d
		}
	}
	return best
}

// install makes the Lua function of f; owner is the module's or class's name in error messages.
func (f *Function) install(vm *VM, owner string) *lua.LFunction {
	params, call := f.Params, f.call
	name := f.Name
	if owner != "" {
		name = owner + "." + f.Name
	}
	sets := optionSets(name, params)
	return vm.state.NewFunction(func(L *lua.LState) int {
		checkArguments(L, name, params, sets)
		return call(vm, L)
	})
}

func optionSets(name string, params []Param) []*fieldSet {
	sets := make([]*fieldSet, len(params))
	for i, p := range params {
		if p.Fields != nil {
			sets[i] = newFieldSet(name, p.Fields)
		}
	}
	return sets
}

func checkArguments(L *lua.LState, name string, params []Param, sets []*fieldSet) {
	for i := range params {
		p := &params[i]
		v := L.Get(i + 1)
		if v == lua.LNil && p.Optional {
			continue
		}
		if want := p.Type.mismatch(v); want != "" {
			if i == 0 && p.Name == "self" {
				L.RaiseError("%s: call it with a colon, object:%s(...)", name, name[strings.LastIndexByte(name, '.')+1:])
			}
			L.RaiseError("bad argument #%d to %s (`%s` %s)", i+1, name, p.Name, p.Type.problem(v))
		}
		if sets[i] != nil {
			t := v.(*lua.LTable)
			values := make([]lua.LValue, len(sets[i].fields))
			if problems := sets[i].decode(t, values, false); len(problems) > 0 {
				L.RaiseError("bad argument #%d to %s (%s)", i+1, name, strings.Join(problems, "; "))
			}
		}
	}
}
