package luaapi

import (
	"errors"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap/zapcore"
)

// The base classes are classes of Lua tables: a script extends them, and the objects are tables of its own.
// What the daemon needs to know of such an object it reads from the fields that every check, or every
// handle, takes.

// classNameField is the field of a class table that names the class.
const classNameField = "class"

// baseClass declares a class that scripts extend.
func baseClass(def Class, common []Field) Class {
	def.OpenFields = true
	def.Fields = common
	def.Attributes = append(append([]Field(nil), common...), def.Attributes...)
	def.Methods = append([]Function{{
		Name: "extend",
		Doc:  "Makes a class: the methods and default fields in the table are those of its objects. `class` names it; `init(self)`, where there is one, is called for each new object.",
		Params: []Param{
			{Name: "self", Type: typeTable.named(classType(def.Name).Lua)},
			{Name: "members", Type: typeTable, Optional: true, Doc: "methods, default values of fields, and `class`"}},
		Results: []Result{{Type: classType(def.Name), Doc: "the class; call it with a table of fields to make an object"}},
		call: func(vm *VM, L *lua.LState) int {
			parent := L.CheckTable(1)
			if base := vm.classes[def.Name]; parent != base.table && !runOf(L).extends(parent, base) {
				L.RaiseError("%s.extend: call it with a colon, %s:extend{...}", def.Name, def.Name)
			}
			members, _ := L.Get(2).(*lua.LTable)
			if members == nil {
				members = L.CreateTable(0, 1)
			}
			L.Push(vm.extend(L, vm.classes[def.Name], parent, copyTable(L, members)))
			return 1
		},
	}}, def.Methods...)
	return def
}

// extendExamples are the examples of the base classes, which extend them.
var extendExamples = map[string]string{
	"BaseCheck":  "local dp = require \"dumbprobe\"\n\nlocal Exists = dp.BaseCheck:extend{class = \"Exists\"}\n\nfunction Exists:run()\n  local file = io.open(self.path)\n  if file then\n    file:close()\n  end\n  return dp.Message{aspect = \"file\", state = file and \"present\" or \"missing\"}\nend\n\nCHECKS = {Exists{path = \"/etc/passwd\", interval = 60, location = {file = \"/etc/passwd\"}}}",
	"BaseHandle": "local dp = require \"dumbprobe\"\n\nlocal Log = dp.BaseHandle:extend{class = \"Log\"}\n\nfunction Log:open()\n  self.reader = dp.reader.file{path = self.path, follow = true, from_end = true}\nend\n\nfunction Log:parse(line)\n  if not line:find(\"error\", 1, true) then\n    return {}\n  end\n  return dp.Message{aspect = \"log\", state = \"error\", severity = \"error\", comment = line}\nend\n\nCHECKS = {Log{path = \"/etc/hostname\", reopen = 5}}",
}

// extend makes members a class below parent. The table is called to make objects, and is their metatable.
func (vm *VM) extend(L *lua.LState, base *class, parent, members *lua.LTable) *lua.LTable {
	members.RawSetString("__index", members)
	meta := L.CreateTable(0, 2)
	meta.RawSetString("__index", parent)
	meta.RawSetString("__call", L.NewFunction(func(L *lua.LState) int {
		return vm.newInstance(L, base, members)
	}))
	members.Metatable = meta
	return members
}

// newInstance makes an object of a class that a script extended from a base class.
func (vm *VM) newInstance(L *lua.LState, base *class, cls *lua.LTable) int {
	fields, ok := L.Get(2).(*lua.LTable)
	name := classNameOf(cls, base.name)
	if !ok && L.Get(2) != lua.LNil {
		L.RaiseError("%s takes one table of fields, not %s", name, describe(L.Get(2)))
	}
	if fields == nil {
		fields = L.CreateTable(0, 1)
	}
	values := make([]lua.LValue, len(base.fields.fields))
	instance := copyTable(L, fields)
	instance.Metatable = cls
	problems := dropInherited(L, instance, base.fields, base.fields.decode(instance, values, true))
	warnOfMisspelt(L, fields, cls, base, name)
	if len(problems) > 0 {
		vm.reject(L, instance, name, problems)
	} else if init, ok := L.GetField(instance, "init").(*lua.LFunction); ok {
		L.Push(init)
		L.Push(instance)
		L.Call(1, 0)
	}
	L.Push(instance)
	return 1
}

// warnOfMisspelt logs which fields look like one that the daemon knows. An object of a class of the script's own may
// have fields of its own, so that it is no error: names and locations are not name and location. What the class
// has a default for, or a method of that name, is meant.
func warnOfMisspelt(L *lua.LState, fields, cls *lua.LTable, base *class, name string) {
	fields.ForEach(func(key, _ lua.LValue) {
		field, isText := key.(lua.LString)
		if !isText {
			return
		}
		if _, known := base.attributes.index[string(field)]; known || L.GetField(cls, string(field)) != lua.LNil {
			return
		}
		near := base.fields.nearest(string(field))
		if near == "" || strings.TrimSuffix(string(field), "s") == near {
			return
		}
		script, line := where(L)
		runOf(L).log(zapcore.WarnLevel, fmt.Sprintf("%s at %s:%d: the daemon knows no field `%s`: is `%s` meant? (give the class a default for it if it is a field of its own)",
			name, script, line, field, near))
	})
}

// dropInherited takes "is missing" back for a field that the class has a default for, or that a method of
// the script's own makes unnecessary.
func dropInherited(L *lua.LState, instance *lua.LTable, set *fieldSet, problems []string) []string {
	kept := problems[:0]
	for _, p := range problems {
		missing := ""
		for _, f := range set.fields {
			if f.Required && p == fmt.Sprintf("field `%s` is missing (%s)", f.Name, f.Type.want) {
				missing = f.Name
			}
		}
		if missing != "" && L.GetField(instance, missing) != lua.LNil {
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

func classNameOf(cls *lua.LTable, fallback string) string {
	if s, ok := cls.RawGetString(classNameField).(lua.LString); ok && s != "" {
		return string(s)
	}
	return fallback
}

func baseCheckClass() Class {
	self := Param{Name: "self", Type: typeTable.named("dumbprobe.BaseCheck")}
	// An object that says itself when it is due needs no interval: that is looked at when the script is loaded.
	common := append([]Field(nil), checkFields...)
	for i := range common {
		common[i].Required = false
	}
	return baseClass(Class{
		Name:    "BaseCheck",
		Extends: checkRecord,
		Attributes: []Field{
			{Name: "last_run", Type: typeNumber, Unit: "unix time, seconds", Doc: "when the check ran last; the daemon sets it before each run"},
		},
		Doc: "The base for classes of checks of your own: `BaseCheck:extend{...}`. Write `run`; the interval, aspect and location are kept for you.",
		Methods: []Function{
			{
				Name: "next_run", Doc: "When the check is due: one interval after its last run.", Params: []Param{self},
				Results: []Result{{Type: typeNumber, Doc: "unix time in seconds"}},
				call: func(vm *VM, L *lua.LState) int {
					t := L.CheckTable(1)
					interval, ok := L.GetField(t, "interval").(lua.LNumber)
					if !ok {
						L.RaiseError("BaseCheck.next_run: the check has no interval")
					}
					last, _ := t.RawGetString("last_run").(lua.LNumber)
					L.Push(last + interval)
					return 1
				},
			},
			{
				Name: "mark_run", Doc: "Notes that the check runs now, in `last_run`. The daemon does this before each run.", Params: []Param{self},
				Example: "local dp = require \"dumbprobe\"\nlocal Mine = dp.BaseCheck:extend{class = \"Mine\"}\nlocal check = Mine{interval = 60}\ncheck:mark_run()\nassert(check:next_run() > dp.time() + 50)",
				call: func(vm *VM, L *lua.LState) int {
					L.CheckTable(1).RawSetString("last_run", lua.LNumber(now()))
					return 0
				},
			},
			{
				Name: "check_name", Doc: "The field `name`.", Params: []Param{self},
				Results: []Result{{Type: typeString, Optional: true, Doc: "nil if there is none"}},
				call: func(vm *VM, L *lua.LState) int {
					L.Push(L.GetField(L.CheckTable(1), "name"))
					return 1
				},
			},
			{
				Name: "populate", Doc: "Sets the check's aspect and location on a message, or a list of them. The daemon does this to all that `run` returns.",
				Params:  []Param{self, {Name: "messages", Type: typeMessages}},
				Results: []Result{{Type: typeMessages, Doc: "the same, changed in place"}},
				Example: "local dp = require \"dumbprobe\"\nlocal Mine = dp.BaseCheck:extend{class = \"Mine\"}\nlocal check = Mine{interval = 60, location = {host = \"web01\"}}\nlocal msg = check:populate(dp.Message{aspect = \"load\", value = 0.5})\nassert(msg.location.host == \"web01\")",
				call: func(vm *VM, L *lua.LState) int {
					f, err := vm.fieldsOfTable(L, L.CheckTable(1))
					if err != nil {
						L.RaiseError("%s", err.Error())
					}
					vm.populate(L, L.Get(2), f.Overlay)
					L.Push(L.Get(2))
					return 1
				},
			},
			{
				Name: "run", Doc: "Runs the check; a class of your own has to define it.", Params: []Param{self},
				Results: []Result{{Type: typeMessages}},
				Errors:  "always, unless it is defined",
				call: func(vm *VM, L *lua.LState) int {
					L.RaiseError("%s: the method run is not defined", tableClass(L.CheckTable(1)))
					return 0
				},
			},
		},
		Example: extendExamples["BaseCheck"],
	}, common)
}

// fieldsOfTable reads the fields that every check takes from a check that is a table, defaults of its class
// included. It is called in protected mode.
func (vm *VM) fieldsOfTable(L *lua.LState, t *lua.LTable) (CheckFields, error) {
	set := vm.classes["BaseCheck"].fields
	v, err := commonFields(L, t, set)
	if err != nil {
		return CheckFields{}, err
	}
	return readCheckFields(set, v), nil
}

func commonFields(L *lua.LState, t *lua.LTable, set *fieldSet) ([]lua.LValue, error) {
	v := make([]lua.LValue, len(set.fields))
	var problems []string
	for i, f := range set.fields {
		item := L.GetField(t, f.Name)
		if item == lua.LNil {
			continue
		}
		if wrong := f.Type.problem(item); wrong != "" {
			problems = append(problems, fmt.Sprintf("field `%s` %s", f.Name, wrong))
			continue
		}
		v[i] = item
	}
	if len(problems) > 0 {
		return nil, errors.New(joinProblems(problems))
	}
	return v, nil
}

func baseHandleClass() Class {
	self := Param{Name: "self", Type: typeTable.named("dumbprobe.BaseHandle")}
	common := append([]Field(nil), handleFields...)
	common = append(common, Field{Name: "poll", Type: typeLimit, Unit: "seconds", Default: "1", Doc: "how often read_messages is called where there is no Go reader in `reader`"})
	return baseClass(Class{
		Name:    "BaseHandle",
		Extends: handleRecord,
		Doc:     "The base for handles of your own: `BaseHandle:extend{...}`. `open` puts a reader of dumbprobe.reader into `self.reader`, and `parse` makes messages of a record.",
		Methods: []Function{
			{
				Name: "open", Doc: "Starts the source; a class of your own has to define it. An error means that it could not be opened.", Params: []Param{self},
				Errors: "always, unless it is defined",
				call: func(vm *VM, L *lua.LState) int {
					L.RaiseError("%s: the method open is not defined", tableClass(L.CheckTable(1)))
					return 0
				},
			},
			{
				Name: "read_messages", Doc: "The messages of what has arrived, by `parse`; never waits.", Params: []Param{self},
				Results: []Result{{Type: typeMessages, Doc: "`{}` if there are none"}, {Type: typeOptional.named("dumbprobe.EOF"), Optional: true, Doc: "dumbprobe.EOF at the end of the data, else nil"}},
				call:    baseReadMessages,
			},
			{
				Name: "parse", Doc: "Makes messages of one record; decodes it as JSON unless you define it.",
				Params:  []Param{self, {Name: "record", Type: typeString}},
				Results: []Result{{Type: typeMessages, Doc: "{} ignores the record"}},
				call: func(vm *VM, L *lua.LState) int {
					v, err := runOf(L).decodeJSON(L.CheckString(2))
					if err != nil {
						L.RaiseError("%s", err.Error())
					}
					L.Push(v)
					return 1
				},
			},
			{
				Name: "close", Doc: "Closes `self.reader`. Closing twice is no error.", Params: []Param{self}, Waits: true,
				call: func(vm *VM, L *lua.LState) int {
					if source := L.CheckTable(1).RawGetString("reader"); scriptReader(source) != nil {
						L.Push(L.GetField(source, "close"))
						L.Push(source)
						L.Call(1, 0)
					}
					return 0
				},
			},
		},
		Example: extendExamples["BaseHandle"],
	}, common)
}

// baseReadMessages is BaseHandle.read_messages. A record that cannot be parsed is noted in the run; the
// others are still processed.
func baseReadMessages(vm *VM, L *lua.LState) int {
	t := L.CheckTable(1)
	source := scriptReader(t.RawGetString("reader"))
	if source == nil {
		L.RaiseError("%s: open has put no reader into self.reader (see dumbprobe.reader); a handle without one has to define read_messages", tableClass(t))
		return 0
	}
	r := runOf(L)
	list := L.CreateTable(0, 0)
	list.Metatable = vm.shared.arrayMeta
	records := source.take(0)
	parse := L.GetField(t, "parse")
	for _, record := range records {
		mark := r.markState()
		v, err := r.callValue(L, parse, t, lua.LString(record.Text))
		switch {
		case err == nil && v == lua.LNil:
			err = errors.New("parse returned nil: is a `return` missing? ({} means that the line is to be ignored)")
		case err == nil:
			appendMessages(list, v)
			continue
		}
		if over := r.check(); over != nil {
			L.RaiseError("%s", over.Error())
		}
		r.undoState(mark)
		r.dropped(recordError(record, err))
	}
	L.Push(list)
	if source.eof || source.isClosed() {
		L.Push(vm.shared.eof)
		return 2
	}
	return 1
}
