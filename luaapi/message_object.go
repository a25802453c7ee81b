package luaapi

import (
	"time"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

// messageObject is a dumbprobe.Message: a userdata whose fields are checked when they are set. Location and
// values are Lua tables, so that a script can change them in place; they are checked when it is written.
type messageObject struct {
	plainFields
	location *lua.LTable // nil: empty
	values   measured
}

// plainFields are those of a Message that are texts, "" where there is none, and numbers.
type plainFields struct {
	aspect, state, severity, comment, thresholdKept string

	time     float64 // unix seconds
	interval float64 // seconds, 0: none
}

func now() float64 { return unixSeconds(time.Now()) }

// unixSeconds is a time to the microsecond.
func unixSeconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func (vm *VM) pushObject(L *lua.LState, value any, className string) *lua.LUserData {
	ud := &lua.LUserData{Value: value, Metatable: vm.classes[className].meta, Env: L.Env}
	L.Push(ud)
	return ud
}

var (
	typeSeverity = oneOf(string(message.Expected), string(message.Warning), string(message.Error))
	typeName_    = Type{Lua: "string", want: "a name of letters, digits and _", ok: func(v lua.LValue) bool {
		s, ok := v.(lua.LString)
		return ok && message.ValidName(string(s))
	}}
	typeMeasured = Type{Lua: "number|dumbprobe.Value|dumbprobe.null", want: "a number, a Value or dumbprobe.null", ok: isMeasured}
	typeValues   = Type{Lua: "table<string, number|dumbprobe.Value|dumbprobe.null>", want: "a table of numbers, Values and dumbprobe.null by name", ok: func(v lua.LValue) bool {
		t, ok := v.(*lua.LTable)
		if !ok {
			return false
		}
		for it := entriesOf(t); it.next(); {
			key, item := it.key, it.value
			name, isName := key.(lua.LString)
			if !isName || !message.ValidName(string(name)) || !isMeasured(item) {
				return false
			}
		}
		return true
	}}
)

func isMeasured(v lua.LValue) bool {
	switch x := v.(type) {
	case lua.LNumber:
		return true // NaN is found when it is written: it has a path then
	case *lua.LUserData:
		switch x.Value.(type) {
		case nullMark, *valueObject:
			return true
		}
	}
	return false
}

var messageFields = []Field{
	{Name: "aspect", Type: typeText, Required: true, Doc: "what was measured; `event.name` of the schema"},
	{Name: "location", Type: typeLocation, Default: "{}", Doc: "where: names of letters, digits and _, to strings"},
	{Name: "value", Type: typeMeasured, Doc: "short for `values = {value = ...}`"},
	{Name: "values", Type: typeValues, Default: "{}", Doc: "what was measured: numbers, Values or dumbprobe.null by name"},
	{Name: "state", Type: typeName_, Doc: "the state, one word: `ok`, `not_running`"},
	{Name: "severity", Type: typeSeverity, Doc: "how bad the state is; the receiver takes `expected` where none is given"},
	{Name: "comment", Type: typeString, Doc: "for a person"},
	{Name: "time", Type: typeNumber, Unit: "unix time, seconds", Default: "now", Doc: "when it was measured"},
	{Name: "interval", Type: typeDuration, Unit: "seconds", Doc: "time between two such messages"},
	{Name: "threshold_kept", Type: typeName_, Doc: "the state when no threshold is exceeded; the receiver takes `ok` where none is given"},
}

func messageClass() Class {
	self := Param{Name: "self", Type: objectType[*messageObject]("Message")}
	return Class{
		Name:       "Message",
		Doc:        "One measurement, a message of the Seismometer schema v3. It needs a state, or at least one value.",
		Fields:     messageFields,
		Attributes: always(messageFields, "location", "values", "time"),
		Methods: []Function{{
			Name: "set",
			Doc:  "Sets one value.",
			Params: []Param{self,
				{Name: "name", Type: typeName_, Doc: "name of the value"},
				{Name: "value", Type: typeMeasured, Doc: "what was measured"}},
			Results: []Result{{Type: classType("Message"), Doc: "the message itself"}},
			Example: "local dp = require \"dumbprobe\"\nlocal msg = dp.Message{aspect = \"disk space\"}\nmsg:set(\"free\", dp.Value(12.5, {unit = \"GB\"})):set(\"total\", 40)\nassert(msg.values.total == 40)",
			call: func(vm *VM, L *lua.LState) int {
				m := checkObjectAt[*messageObject](L, 1)
				m.values.set(L, string(L.Get(2).(lua.LString)), L.Get(3))
				L.SetTop(1)
				return 1
			},
		}},
		Example:   "local dp = require \"dumbprobe\"\nlocal msg = dp.Message{\n  aspect = \"disk space\",\n  location = {host = dp.hostname(), filesystem = \"/\"},\n  values = {free = 12.5, total = 40},\n}\nmsg.comment = \"after the clean-up\"\nassert(msg.values.free == 12.5)",
		construct: constructMessage,
	}
}

func constructMessage(vm *VM, L *lua.LState, c *class) int {
	t := L.CheckTable(1)
	var buf [16]lua.LValue
	v := buf[:len(c.fields.fields)]
	if problems := c.fields.decode(t, v, false); len(problems) > 0 {
		L.RaiseError("Message: %s", joinProblems(problems))
	}
	object := &struct { // in one piece: it is made for every message
		messageObject
		lua lua.LUserData
	}{messageObject: messageObject{plainFields: plainFields{time: now()}}}
	m := &object.messageObject
	var value lua.LValue
	for i, given := range v {
		switch name := c.fields.fields[i].Name; {
		case given == nil:
		case name == "value":
			value = given
		default:
			m.set(L, name, given)
		}
	}
	if value != nil {
		if m.values.table != nil {
			if m.values.get("value") != lua.LNil {
				L.RaiseError("Message: field `value` and `values.value` are the same; give one")
			}
			m.values.table = copyTable(L, m.values.table) // not to change the script's own table
		}
		m.values.set(L, "value", value)
	}
	object.lua = lua.LUserData{Value: m, Metatable: c.meta, Env: L.Env}
	L.Push(&object.lua)
	return 1
}

// set sets a field to a value of the right type; nil takes the field away.
func (m *messageObject) set(L *lua.LState, name string, v lua.LValue) {
	switch name {
	case "aspect":
		m.aspect = textOf(v)
	case "location":
		m.location = tableOf(L, v)
	case "value":
		m.values.set(L, "value", v)
	case "values":
		m.values = measured{table: tableOf(L, v)}
	case "state":
		m.state = textOf(v)
	case "severity":
		m.severity = textOf(v)
	case "comment":
		m.comment = textOf(v)
	case "time":
		m.time = numberOf(v)
		if v == lua.LNil {
			m.time = now()
		}
	case "interval":
		m.interval = numberOf(v)
	case "threshold_kept":
		m.thresholdKept = textOf(v)
	}
}

func tableOf(L *lua.LState, v lua.LValue) *lua.LTable {
	if t, ok := v.(*lua.LTable); ok && t != nil {
		return t
	}
	return L.CreateTable(0, 1)
}

func copyTable(L *lua.LState, t *lua.LTable) *lua.LTable {
	c := L.CreateTable(t.Len(), 4)
	for it := entriesOf(t); it.next(); {
		c.RawSet(it.key, it.value)
	}
	return c
}

// populate sets what the overlay sets, for a script that handles the messages of a check itself.
func (m *messageObject) populate(L *lua.LState, over message.Overlay) {
	if over.Aspect != "" {
		m.aspect = over.Aspect
	}
	if len(over.Location) > 0 {
		m.location = copyTable(L, tableOf(L, m.location)) // the table may be shared with other messages
		for key, value := range over.Location {
			m.location.RawSetString(key, lua.LString(value))
		}
	}
}

func (m *messageObject) get(vm *VM, name string) lua.LValue {
	text := func(s string) lua.LValue {
		if s == "" {
			return lua.LNil
		}
		return lua.LString(s)
	}
	switch name {
	case "aspect":
		return text(m.aspect)
	case "location":
		if m.location == nil {
			m.location = vm.state.CreateTable(0, 1)
		}
		return m.location
	case "value":
		return m.values.get("value")
	case "values":
		return m.values.asTable(vm.state)
	case "state":
		return text(m.state)
	case "severity":
		return text(m.severity)
	case "comment":
		return text(m.comment)
	case "time":
		return lua.LNumber(m.time)
	case "interval":
		if m.interval != 0 {
			return lua.LNumber(m.interval)
		}
	case "threshold_kept":
		return text(m.thresholdKept)
	}
	return lua.LNil
}
