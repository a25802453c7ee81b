package luaapi

import (
	"errors"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/state"
)

// stateObject is dumbprobe.state: one object for the whole VM, which stands for the store of the check that runs.
type stateObject struct{}

// stateClass is the name of its class.
const stateClass = "State"

var errNoState = errors.New("dumbprobe.state is the store of the check that runs, and none runs now: use it where the daemon calls the check (run, call, parse), not at the top level of the script")

// transaction is what the run does to the state of its check.
func (r *Run) transaction() (*state.Txn, error) {
	if r.txn == nil {
		if r.opts.State == nil || r.opts.Label == nil {
			return nil, errNoState
		}
		r.txn = r.opts.State.Begin(*r.opts.Label)
	}
	return r.txn, nil
}

// endTransaction commits what the run did to the state, if it went well.
func (r *Run) endTransaction(ok bool) {
	if r.txn != nil {
		r.txn.End(ok)
		r.txn = nil
	}
}

// keepState makes sure of what the run did to the state so far, whether it fails later or not.
func (r *Run) keepState() {
	if r.txn != nil {
		r.txn.Keep()
	}
}

// commitState makes what the run did to the state so far the state of the check.
func (r *Run) commitState() {
	if r.txn != nil {
		r.txn.Commit()
	}
}

// markState is where the run is in what it does to the state, for undoState.
func (r *Run) markState() int {
	if r.txn == nil {
		return 0
	}
	return r.txn.Mark()
}

// undoState takes back what was done to the state since the mark.
func (r *Run) undoState(mark int) {
	if r.txn != nil {
		r.txn.UndoTo(mark)
	}
}

var (
	typeStateName  = Type{Lua: "string", want: "a string that is not empty", ok: typeText.ok}
	typeKept       = Type{Lua: "number|string|boolean|table|dumbprobe.null", want: "a number, a string, a boolean, a table or dumbprobe.null (`delete` takes a name away)", ok: isKept}
	typeKeptOrNone = Type{Lua: "any", want: "a value"}
	typeCounter    = Type{Lua: "number", want: "a finite number, 0 or more", ok: numberWhere(func(f float64) bool { return finite(f) && f >= 0 })}
	typeWrap       = Type{Lua: "number", want: "a finite number, more than 0", ok: numberWhere(func(f float64) bool { return finite(f) && f > 0 })}
)

func isKept(v lua.LValue) bool {
	switch x := v.(type) {
	case lua.LNumber, lua.LString, lua.LBool, *lua.LTable:
		return true
	case *lua.LUserData:
		_, null := x.Value.(nullMark)
		return null
	}
	return false
}

func stateClassDef() Class {
	self := Param{Name: "self", Type: objectType[stateObject](stateClass)}
	name := Param{Name: "name", Type: typeStateName, Doc: "any bytes, at most 256"}
	reading := Param{Name: "value", Type: typeCounter, Doc: "what the counter shows now"}
	wrap := Field{Name: "wrap", Type: typeWrap, Default: "it does not", Doc: "the number at which the counter begins again from 0, such as 2^32: a fall by more than half of it is then no reset"}
	return Class{
		Name: stateClass,
		Doc:  "The store of the check, handle or object that runs now. What a run changes is there for the next run if it went well, and forgotten if it failed.",
		Methods: []Function{
			{Name: "get", Doc: "A value that was set, in this run or an earlier one; a table is a new copy each time.",
				Params:  []Param{self, name, {Name: "default", Type: typeKeptOrNone, Optional: true, Default: "nil", Doc: "what to give if there is none"}},
				Results: []Result{{Type: typeKeptOrNone, Optional: true, Doc: "the value, or the default"}},
				call:    stateGet},
			{Name: "set", Doc: "Keeps a copy of a value: a number, a string, a boolean, dumbprobe.null, or a table of such, whose keys are strings, numbers and booleans.",
				Params: []Param{self, name, {Name: "value", Type: typeKept}},
				Errors: "when the value is none of these, is NaN or infinite, has a cycle, has a metatable, or is larger than what may be kept",
				call:   stateSet},
			{Name: "delete", Doc: "Takes a value away, and what `rate` and `delta` know by that name.",
				Params:  []Param{self, name},
				Results: []Result{{Type: typeBoolean, Doc: "whether there was any"}},
				call: stateMethod(func(vm *VM, L *lua.LState, t *state.Txn) int {
					L.Push(lua.LBool(t.Delete(L.CheckString(2))))
					return 1
				})},
			{Name: "keys", Doc: "The names of the values, in order; not those of `rate` and `delta`.",
				Params:  []Param{self},
				Results: []Result{{Type: typeTable.named("string[]")}},
				call: stateMethod(func(vm *VM, L *lua.LState, t *state.Txn) int {
					list := L.CreateTable(0, 0)
					for _, name := range t.Names() {
						list.Append(lua.LString(name))
					}
					L.Push(list)
					return 1
				})},
			{Name: "incr", Doc: "Adds to a number; one that is not there is 0.",
				Params:  []Param{self, name, {Name: "by", Type: typeFinite, Optional: true, Default: "1"}},
				Results: []Result{{Type: typeNumber, Doc: "the new value"}},
				Errors:  "when the value is no number",
				call:    stateIncr},
			{Name: "delta", Doc: "By how much a counter has grown since the last call with that name. A counter that fell was reset, and has grown from 0 since.",
				Params:  []Param{self, name, reading, {Name: "options", Type: typeTable, Optional: true, Fields: []Field{wrap}}},
				Results: []Result{{Type: typeNumber, Optional: true, Doc: "nil the first time"}},
				call: stateCounter(func(t *state.Txn, name string, c state.Counter) (float64, bool, error) {
					return t.Delta(name, c)
				})},
			{Name: "rate", Doc: "By how much a counter has grown per second since the last call with that name, as `delta` counts.",
				Params: []Param{self, name, reading, {Name: "options", Type: typeTable, Optional: true, Fields: []Field{wrap,
					{Name: "time", Type: typeFinite, Unit: "unix time, seconds", Default: "now", Doc: "when the counter showed this, where something else has read it"}}}},
				Results: []Result{{Type: typeNumber, Optional: true, Doc: "per second; nil the first time, and when no time has passed"}},
				call: stateCounter(func(t *state.Txn, name string, c state.Counter) (float64, bool, error) {
					return t.Rate(name, c)
				})},
		},
		Example: stateExample,
	}
}

const stateExample = `local dp = require "dumbprobe"

local function files()
  local seen = dp.state:get("seen", {})
  local messages = {}
  local result = dp.command({"ls", "/etc"})
  for name in result.stdout:gmatch("[^\n]+") do
    if not seen[name] then
      table.insert(messages, dp.Message{aspect = "new file", location = {file = name}, state = "new"})
      seen[name] = true
    end
  end
  dp.state:set("seen", seen)
  dp.state:set("runs since", dp.state:get("runs since", dp.time()))
  return dp.Message{aspect = "files", values = {
    new = #messages, runs = dp.state:incr("runs"), names = #dp.state:keys(),
    grown = dp.state:delta("messages", #messages) or dp.null, -- nil in the first run
    per_second = dp.state:rate("bytes", 5000, {wrap = 2^32}) or dp.null,
    forgotten = dp.state:delete("old name") and 1 or 0,
  }}
end

CHECKS = {dp.Function{call = files, interval = 60, name = "files"}}`

// stateMethod is a method that works on the store of the check.
func stateMethod(f func(vm *VM, L *lua.LState, t *state.Txn) int) func(vm *VM, L *lua.LState) int {
	return func(vm *VM, L *lua.LState) int {
		t, err := runOf(L).transaction()
		if err != nil {
			L.RaiseError("%s", err.Error())
		}
		return f(vm, L, t)
	}
}

func stateGet(vm *VM, L *lua.LState) int {
	return stateMethod(func(vm *VM, L *lua.LState, t *state.Txn) int {
		data, ok := t.Get(L.CheckString(2))
		if !ok {
			L.Push(L.Get(3))
			return 1
		}
		v, err := vm.decodeState(data)
		if err != nil {
			L.RaiseError("State.get: %s", err.Error())
		}
		L.Push(v)
		return 1
	})(vm, L)
}

func stateSet(vm *VM, L *lua.LState) int {
	return stateMethod(func(vm *VM, L *lua.LState, t *state.Txn) int {
		data, err := vm.encodeState(L.Get(3), t.MaxValue())
		if err == nil {
			err = t.Set(L.CheckString(2), data)
		}
		if err != nil {
			L.RaiseError("State.set: %s", err.Error())
		}
		return 0
	})(vm, L)
}

func stateIncr(vm *VM, L *lua.LState) int {
	return stateMethod(func(vm *VM, L *lua.LState, t *state.Txn) int {
		name, by := L.CheckString(2), 1.0
		if n, ok := L.Get(3).(lua.LNumber); ok {
			by = float64(n)
		}
		if data, ok := t.Get(name); ok {
			v, err := vm.decodeState(data)
			if err != nil {
				L.RaiseError("State.incr: %s", err.Error())
			}
			n, isNumber := v.(lua.LNumber)
			if !isNumber {
				L.RaiseError("State.incr: %q is %s, not a number", name, describe(v))
			}
			by += float64(n)
		}
		if !finite(by) {
			L.RaiseError("State.incr: %q would not be finite", name)
		}
		if err := t.Set(name, string(state.AppendNumber(nil, by))); err != nil {
			L.RaiseError("State.incr: %s", err.Error())
		}
		L.Push(lua.LNumber(by))
		return 1
	})(vm, L)
}

func stateCounter(f func(t *state.Txn, name string, c state.Counter) (float64, bool, error)) func(vm *VM, L *lua.LState) int {
	return stateMethod(func(vm *VM, L *lua.LState, t *state.Txn) int {
		name := L.CheckString(2)
		c := state.Counter{Value: numberOf(L.Get(3))}
		if options, ok := L.Get(4).(*lua.LTable); ok {
			c.Wrap = numberOf(options.RawGetString("wrap"))
			at, given := options.RawGetString("time").(lua.LNumber)
			c.Time, c.HasTime = float64(at), given
		}
		v, known, err := f(t, name, c)
		if err != nil {
			L.RaiseError("State: %s", err.Error())
		}
		if known {
			L.Push(lua.LNumber(v))
		} else {
			L.Push(lua.LNil)
		}
		return 1
	})
}

// newState makes dumbprobe.state. Its class has no constructor, so nothing else makes one.
func (vm *VM) newState() lua.LValue {
	def := stateClassDef()
	c := vm.installClass(&def)
	known := newFieldSet(stateClass)
	for _, f := range def.Methods {
		known.fields = append(known.fields, Field{Name: f.Name})
	}
	// A script may take it for a table of the values.
	c.meta.RawSetString("__index", vm.state.NewFunction(func(L *lua.LState) int {
		key := L.Get(2)
		if method := c.table.RawGet(key); method != lua.LNil {
			L.Push(method)
			return 1
		}
		if near := known.nearest(key.String()); near != "" {
			L.RaiseError("dumbprobe.state has no method `%s`, did you mean `%s`?", key.String(), near)
		}
		L.RaiseError("dumbprobe.state has no field %s: a value is read by dumbprobe.state:get(name)", quoted(key))
		return 0
	}))
	c.meta.RawSetString("__newindex", vm.state.NewFunction(func(L *lua.LState) int {
		L.RaiseError("dumbprobe.state has no field %s: a value is set by dumbprobe.state:set(name, value)", quoted(L.Get(2)))
		return 0
	}))
	c.meta.RawSetString("__tostring", constant(vm.state, "dumbprobe.state"))
	return &lua.LUserData{Value: stateObject{}, Metatable: c.meta, Env: vm.state.Env}
}

func quoted(v lua.LValue) string {
	if s, ok := v.(lua.LString); ok {
		return fmt.Sprintf("`%s`", string(s))
	}
	return describe(v)
}
