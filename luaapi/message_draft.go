package luaapi

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

// draft is what is written of a Message (message_json.go), with what its check or handle sets in it. It has no table of
// Lua's, and if it is not shared, nothing of Lua's at all: it can be written without the VM then.
type draft struct {
	plainFields
	location []locationKey
	values   []reading
	over     map[string]string // these keys of the location, whatever it has

	shared bool // an item is the script's, which may change what a Value is when it has the VM
}

// locationKey is a key of the location.
type locationKey struct{ name, value string }

// reading is a value by its name.
type reading struct {
	name   string
	number float64
	item   lua.LValue // what is no number: a Value, dumbprobe.null, or a mistake; nil: it is the number
}

// take makes d the draft of m, in the room that d has.
func (d *draft) take(m *messageObject, over message.Overlay) *message.PathError {
	*d = draft{plainFields: m.plainFields, location: d.location[:0], values: d.values[:0], over: over.Location}
	if over.Aspect != "" {
		d.aspect = over.Aspect
	}
	for it := entriesOf(m.location); it.next(); {
		key, isName := it.key.(lua.LString)
		value, isText := it.value.(lua.LString)
		switch {
		case !isName || !message.ValidName(string(key)):
			return inKey(inLuaKey(problem("the name of a location has letters, digits and _ only"), it.key), "location")
		case !isText:
			return inKey(inKey(problem("must be a string, not %s", describe(it.value)), string(key)), "location")
		}
		d.location = append(d.location, locationKey{string(key), string(value)})
	}
	if m.values.single != nil {
		d.read("value", m.values.single)
	}
	for it := entriesOf(m.values.table); it.next(); {
		name, isName := it.key.(lua.LString)
		if !isName || !message.ValidName(string(name)) {
			return inKey(inKey(inLuaKey(problem("the name of a value has letters, digits and _ only"), it.key), "vset"), "event")
		}
		d.read(string(name), it.value)
	}
	return nil
}

func (d *draft) read(name string, v lua.LValue) {
	if number, ok := v.(lua.LNumber); ok {
		d.values = append(d.values, reading{name: name, number: float64(number)})
		return
	}
	d.values = append(d.values, reading{name: name, item: v})
	d.shared = true
}

// forget lets go of what d has, and keeps its room.
func (d *draft) forget() {
	clear(d.location)
	clear(d.values)
	*d = draft{location: d.location[:0], values: d.values[:0]}
}

// emptied is the room of s, without what it refers to, for a usual run to use again; nil if it is large.
func emptied[T any](s []T) []T {
	const usual = 64
	if cap(s) > usual {
		return nil
	}
	clear(s)
	return s[:0]
}

// size is how many bytes d holds, more or less: a text that was cut out of another one can keep that in memory, too (see
// detach), which is eight times as large at most, or below a kilobyte.
func (d *draft) size() int {
	n := len(d.aspect) + len(d.state) + len(d.severity) + len(d.comment) + len(d.thresholdKept)
	for _, k := range d.location {
		n += int(unsafe.Sizeof(k)) + len(k.name) + len(k.value)
	}
	for _, r := range d.values {
		n += int(unsafe.Sizeof(r)) + len(r.name)
	}
	return n
}

// worst is the severity of the state, or where there is none, of the worst threshold that is exceeded.
func (d *draft) worst() message.Severity {
	if d.state != "" {
		return message.Severity(d.severity)
	}
	worst := message.Expected
	for _, r := range d.values {
		worst = worse(worst, r.item)
	}
	return worst
}
