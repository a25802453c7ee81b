package luaapi

import (
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

// messageObject is a dumbprobe.Message: a userdata whose fields are checked when they are set. Location and
// values are Lua tables, so that a script can change them in place; they are checked when it is written.
type messageObject struct {
	aspect, state, severity, comment, thresholdKept string

	time     float64     // unix seconds
	interval float64     // seconds, 0: none
	location *lua.LTable // nil: empty
	values   measured
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
	}{messageObject: messageObject{time: now()}}
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

// message appends m as JSON, with what the overlay sets. The order of the fields is the schema's.
func (e *encoder) message(dst []byte, m *messageObject, over message.Overlay) ([]byte, *message.PathError) {
	old := len(dst)
	fail := func(err *message.PathError) ([]byte, *message.PathError) { return dst[:old], err }
	dst = append(dst, `{"v":3,"time":`...)
	dst, ok := message.AppendNumber(dst, m.time)
	if !ok {
		return fail(inKey(problem("%s cannot be written as JSON", numberName(m.time)), "time"))
	}
	dst = append(dst, `,"location":`...)
	dst, err := e.location(dst, m.location, over.Location)
	if err != nil {
		return fail(err)
	}
	aspect := m.aspect
	if over.Aspect != "" {
		aspect = over.Aspect
	}
	dst = append(dst, `,"event":{"name":`...)
	if dst, err = e.text(dst, aspect); err != nil {
		return fail(inKey(inKey(err, "name"), "event"))
	}
	if m.state == "" && m.severity != "" {
		return fail(inKey(inKey(inKey(problem("is missing, though a severity is given"), "value"), "state"), "event"))
	}
	if m.state != "" {
		dst = append(dst, `,"state":{"value":"`...)
		dst = append(append(dst, m.state...), '"')
		if m.severity != "" {
			dst = append(dst, `,"severity":"`...)
			dst = append(append(dst, m.severity...), '"')
		}
		dst = append(dst, '}')
	}
	if dst, err = e.vset(dst, m); err != nil {
		return fail(inKey(err, "event"))
	}
	if m.thresholdKept != "" {
		dst = append(dst, `,"threshold_kept":"`...)
		dst = append(append(dst, m.thresholdKept...), '"')
	}
	if m.comment != "" {
		dst = append(dst, `,"comment":`...)
		if dst, err = e.text(dst, m.comment); err != nil {
			return fail(inKey(inKey(err, "comment"), "event"))
		}
	}
	if m.interval != 0 {
		dst = append(dst, `,"interval":`...)
		dst, _ = message.AppendNumber(dst, m.interval) // checked when it was set
	}
	dst = append(dst, "}}"...)
	if len(dst)-e.start > e.maxBytes {
		return fail(e.tooLarge())
	}
	return dst, nil
}

func (e *encoder) vset(dst []byte, m *messageObject) ([]byte, *message.PathError) {
	if m.values.empty() {
		if m.state == "" {
			return dst, problem("neither a state nor a value")
		}
		return dst, nil
	}
	dst = append(dst, `,"vset":{`...)
	first := true
	var failed *message.PathError
	m.values.each(func(key, v lua.LValue) bool {
		name, ok := key.(lua.LString)
		if !ok || !message.ValidName(string(name)) {
			failed = inKey(inLuaKey(problem("the name of a value has letters, digits and _ only"), key), "vset")
			return false
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(append(dst, '"'), name...), `":`...)
		var err error
		if dst, err = appendMeasured(dst, v); err != nil {
			failed = inKey(inKey(asPathError(err), string(name)), "vset")
		}
		return failed == nil
	})
	if failed != nil {
		return dst, failed
	}
	return append(dst, '}'), nil
}

// appendMeasured writes a value as the schema's object.
func appendMeasured(dst []byte, v lua.LValue) ([]byte, error) {
	switch x := v.(type) {
	case lua.LNumber:
		return message.AppendValue(dst, &message.Value{Number: float64(x)})
	case *lua.LUserData:
		switch object := x.Value.(type) {
		case nullMark:
			return message.AppendValue(dst, &message.Value{Null: true})
		case *valueObject:
			return message.AppendValue(dst, &object.Value)
		}
	}
	return dst, problem("%s, not a number, a Value or dumbprobe.null", describe(v))
}

// location writes the message's location with the overlay's keys over it, sorted by name.
func (e *encoder) location(dst []byte, t *lua.LTable, over map[string]string) ([]byte, *message.PathError) {
	type entry struct{ key, value string }
	var buf [8]entry
	entries := buf[:0]
	for it := entriesOf(t); it.next(); {
		key, v := it.key, it.value
		name, nameOK := key.(lua.LString)
		value, valueOK := v.(lua.LString)
		switch {
		case !nameOK || !message.ValidName(string(name)):
			return dst, inKey(inLuaKey(problem("the name of a location has letters, digits and _ only"), key), "location")
		case !valueOK:
			return dst, inKey(inKey(problem("must be a string, not %s", describe(v)), string(name)), "location")
		}
		if _, replaced := over[string(name)]; !replaced {
			entries = append(entries, entry{string(name), string(value)})
		}
	}
	for key, value := range over {
		entries = append(entries, entry{key, value})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return 0
	})
	dst = append(dst, '{')
	for i, en := range entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), en.key...), `":`...)
		var err *message.PathError
		if dst, err = e.text(dst, en.value); err != nil {
			return dst, inKey(inKey(err, en.key), "location")
		}
	}
	return append(dst, '}'), nil
}
