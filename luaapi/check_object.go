package luaapi

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/command"
)

// checkObject is a check of a built-in class. A run of it has up to two phases: gather works without the VM
// (it runs a command), then either finish makes a result of it in Lua (the script's parse function), or
// write makes messages of it, and the VM is never needed.
type checkObject struct {
	CheckFields
	class   *class
	call    lua.LValue  // the function that finish calls; nil: none
	args    *lua.LTable // what it is called with; nil: none
	lastRun float64     // unix seconds, 0: never; guarded by the VM's lock

	spec   *command.Spec                                             // what gather runs; nil: there is nothing to gather
	read   func(result *command.Result) (any, error)                 // makes data of it; nil: it is the data
	finish func(r *Run, L *lua.LState, data any) (lua.LValue, error) // nil: write does it
	write  func(data any, b *Batch) error
	lua    func(vm *VM, L *lua.LState, data any) (lua.LValue, error) // what write writes, as Lua values
}

func (c *checkObject) readOnly() {}

func (c *checkObject) set(*lua.LState, string, lua.LValue) {}

func (c *checkObject) get(vm *VM, name string) lua.LValue { return c.CheckFields.get(vm, name) }

// checkClass declares a built-in check class; read takes the class's own fields.
func checkClass(def Class, read func(vm *VM, c *checkObject, set *fieldSet, v []lua.LValue)) Class {
	self := Param{Name: "self", Type: objectType[*checkObject](def.Name)}
	def.Extends = checkRecord
	def.Fields = append(def.Fields, checkFields...)
	def.Attributes = checkFields
	def.ReadOnly = true
	name := def.Name
	def.Methods = []Function{
		{
			Name: "run", Doc: "Runs the check now; the daemon calls it.", Params: []Param{self}, Waits: true,
			Results: []Result{{Type: typeMessages, Doc: "what it found, with aspect and location set"}},
			Errors:  "what a run of the check fails with",
			call:    func(vm *VM, L *lua.LState) int { return checkObjectAt[*checkObject](L, 1).luaRun(vm, L) },
		},
		{
			Name: "next_run", Doc: "When the check is due: one interval after its last run.", Params: []Param{self},
			Results: []Result{{Type: typeNumber, Doc: "unix time in seconds"}},
			call: func(vm *VM, L *lua.LState) int {
				c := checkObjectAt[*checkObject](L, 1)
				L.Push(lua.LNumber(c.lastRun + c.Interval))
				return 1
			},
		},
		{
			Name: "check_name", Doc: "The name that was given to the constructor.", Params: []Param{self},
			Results: []Result{{Type: typeString, Optional: true, Doc: "nil if none was given"}},
			call: func(vm *VM, L *lua.LState) int {
				L.Push(textOrNil(checkObjectAt[*checkObject](L, 1).Name))
				return 1
			},
		},
	}
	def.construct = func(vm *VM, L *lua.LState, cl *class) int {
		values := make([]lua.LValue, len(cl.fields.fields))
		problems := cl.fields.decode(L.CheckTable(1), values, false)
		c := &checkObject{class: cl}
		ud := vm.pushObject(L, c, name)
		if len(problems) > 0 {
			vm.reject(L, ud, name, problems)
			return 1
		}
		c.CheckFields = readCheckFields(cl.fields, values)
		read(vm, c, cl.fields, values)
		return 1
	}
	return def
}

var typeMessages = Type{Lua: "dumbprobe.Messages", want: "a message, a list of messages or {}"}

// luaRun is the method run, called by a script.
func (c *checkObject) luaRun(vm *VM, L *lua.LState) int {
	if c.finish == nil && c.lua == nil {
		L.RaiseError("%s.run: the fields of the check are wrong", c.class.name)
	}
	r := runOf(L)
	c.lastRun = now()
	var data any
	if c.spec != nil {
		result := r.command(L, *c.spec, c.Timeout)
		data = &result
		if c.read != nil {
			found, err := c.read(&result)
			if err != nil {
				L.RaiseError("%s", err.Error())
			}
			data = found
		}
	}
	var v lua.LValue
	var err error
	if c.finish != nil {
		v, err = c.finish(r, L, data)
	} else {
		v, err = c.lua(vm, L, data)
	}
	if err == nil && v == lua.LNil {
		err = ErrNil
	}
	if err != nil {
		if c.finish != nil {
			err = withCommand(err, data)
		}
		L.RaiseError("%s", err.Error())
	}
	vm.populate(L, v, c.Overlay)
	L.Push(v)
	return 1
}

// withCommand adds to what a parse function failed with how its command had failed: that is the reason, as a rule.
func withCommand(err error, data any) error {
	result, ok := data.(*command.Result)
	if err == nil || !ok || result.Code == 0 {
		return err
	}
	return fmt.Errorf("%w (%w)", err, exitError(result))
}
