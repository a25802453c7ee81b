package luaapi

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

// encoder writes Lua values as JSON, checking and writing in one walk. It is used under the VM's lock, but for a
// draft that is not shared, and never calls into Lua: metamethods are not honoured.
type encoder struct {
	maxBytes int
	maxDepth int
	start    int           // where in the buffer the message begins
	nested   bool          // a Message inside of something is written as one
	open     []*lua.LTable // the tables around the current value, to find cycles
}

// place is where in a message of the schema a table stands: it decides what an empty table is.
type place int

const (
	placeOther  place = iota // an empty table is a list
	placeRoot                // the message
	placeEvent               // its event
	placeVset                // the event's vset
	placeObject              // an object without objects of its own in the schema
)

func (p place) child(key string) place {
	switch p {
	case placeRoot:
		switch key {
		case "location":
			return placeObject
		case "event":
			return placeEvent
		}
	case placeEvent:
		switch key {
		case "vset":
			return placeVset
		case "state":
			return placeObject
		}
	case placeVset:
		return placeObject
	}
	return placeOther
}

// item is the place of an element of a list: one of a list of messages may be a message.
func (p place) item(v lua.LValue) place {
	if t, ok := v.(*lua.LTable); ok && p == placeRoot && !isEmpty(t) {
		return placeRoot
	}
	return placeOther
}

func problem(format string, args ...any) *message.PathError {
	return &message.PathError{Problem: fmt.Sprintf(format, args...)}
}

// inKey and inItem put a step in front of an error's path while the walk unwinds: a walk without errors
// keeps no path.
func inKey(err *message.PathError, key string) *message.PathError {
	step := key
	if !message.ValidName(key) {
		step = "[" + strconv.Quote(key) + "]"
	}
	return inStep(err, step)
}

// inLuaKey is inKey for a key that need not be a string.
func inLuaKey(err *message.PathError, key lua.LValue) *message.PathError {
	if s, ok := key.(lua.LString); ok {
		return inKey(err, string(s))
	}
	return inStep(err, "["+key.String()+"]")
}

func inItem(err *message.PathError, i int) *message.PathError {
	return inStep(err, "["+strconv.Itoa(i)+"]")
}

func inStep(err *message.PathError, step string) *message.PathError {
	if err.Path != "" && err.Path[0] != '[' {
		step += "."
	}
	err.Path = step + err.Path
	return err
}

func (e *encoder) value(dst []byte, v lua.LValue, at place) ([]byte, *message.PathError) {
	switch x := v.(type) {
	case lua.LString:
		return e.text(dst, string(x))
	case lua.LNumber:
		out, ok := message.AppendNumber(dst, float64(x))
		if !ok {
			return dst, problem("%s cannot be written as JSON", numberName(float64(x)))
		}
		return out, nil
	case lua.LBool:
		return strconv.AppendBool(dst, bool(x)), nil
	case *lua.LTable:
		return e.table(dst, x, at)
	case *lua.LUserData:
		switch object := x.Value.(type) {
		case nullMark:
			return append(dst, "null"...), nil
		case *valueObject:
			out, err := message.AppendValue(dst, &object.Value)
			if err != nil {
				return dst, asPathError(err)
			}
			return out, nil
		case *messageObject:
			if e.nested {
				return e.message(dst, object, message.Overlay{})
			}
			return dst, problem("a Message inside a message")
		}
	case *lua.LNilType:
		return dst, problem("nil (write dumbprobe.null for a JSON null)")
	}
	return dst, problem("%s cannot be written as JSON", describe(v))
}

func numberName(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case f > 0:
		return "infinity"
	}
	return "-infinity"
}

func (e *encoder) text(dst []byte, s string) ([]byte, *message.PathError) {
	if len(dst)-e.start+len(s) > e.maxBytes {
		return dst, e.tooLarge()
	}
	out, ok := message.AppendString(dst, s)
	if !ok {
		return dst, problem("the string %s is not UTF-8", excerpt(s))
	}
	return out, nil
}

func (e *encoder) tooLarge() *message.PathError {
	return problem("the message is larger than %d bytes", e.maxBytes)
}

func excerpt(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return strconv.QuoteToASCII(s)
}

func (e *encoder) table(dst []byte, t *lua.LTable, at place) ([]byte, *message.PathError) {
	if slices.Contains(e.open, t) {
		return dst, problem("the table contains itself (a cycle)")
	}
	if len(e.open) >= e.maxDepth {
		return dst, problem("more than %d levels of tables", e.maxDepth)
	}
	e.open = append(e.open, t)
	defer func() { e.open = e.open[:len(e.open)-1] }()

	it := entriesOf(t)
	if !it.next() {
		if at == placeOther && !isObject(t) || isArray(t) {
			return append(dst, "[]"...), nil
		}
		return append(dst, "{}"...), nil
	}
	if _, isName := it.key.(lua.LString); isName && !isArray(t) {
		return e.object(dst, &it, at)
	}
	return e.list(dst, &it, at)
}

// object writes the entries from where it stands.
func (e *encoder) object(dst []byte, it *entries, at place) ([]byte, *message.PathError) {
	old := len(dst)
	dst = append(dst, '{')
	for first, more := true, true; more; more = it.next() {
		name, ok := it.key.(lua.LString)
		if !ok {
			return dst[:old], mixedKeys(it.key)
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		var err *message.PathError
		if dst, err = e.text(dst, string(name)); err != nil {
			return dst[:old], err
		}
		dst = append(dst, ':')
		if dst, err = e.value(dst, it.value, at.child(string(name))); err != nil {
			return dst[:old], inKey(err, string(name))
		}
		if len(dst)-e.start > e.maxBytes {
			return dst[:old], e.tooLarge()
		}
	}
	return append(dst, '}'), nil
}

// list writes the entries from where it stands.
func (e *encoder) list(dst []byte, it *entries, at place) ([]byte, *message.PathError) {
	old := len(dst)
	dst = append(dst, '[')
	for i, more := 1, true; more; more = it.next() {
		n, ok := it.key.(lua.LNumber)
		switch {
		case !ok:
			return dst[:old], mixedKeys(it.key)
		case float64(n) != float64(i) && float64(n) > float64(i) && float64(n) == math.Trunc(float64(n)):
			return dst[:old], problem("a list with a hole: [%d] is nil and [%s] is not (write dumbprobe.null for a JSON null)", i, n.String())
		case float64(n) != float64(i):
			return dst[:old], problem("the number %s as a key: a JSON object's keys are strings", n.String())
		}
		if i > 1 {
			dst = append(dst, ',')
		}
		var err *message.PathError
		if dst, err = e.value(dst, it.value, at.item(it.value)); err != nil {
			return dst[:old], inItem(err, i)
		}
		if len(dst)-e.start > e.maxBytes {
			return dst[:old], e.tooLarge()
		}
		i++
	}
	return append(dst, ']'), nil
}

func mixedKeys(key lua.LValue) *message.PathError {
	switch key.(type) {
	case lua.LString, lua.LNumber:
		return problem("a table with both a list and keys (at [%s])", key.String())
	}
	return problem("%s as a key: a JSON object's keys are strings", describe(key))
}

func asPathError(err error) *message.PathError {
	if p, ok := err.(*message.PathError); ok {
		return p
	}
	return &message.PathError{Problem: err.Error()}
}

// any writes a value that need not be a message, and may have Messages in it.
func (e *encoder) any(dst []byte, v lua.LValue) ([]byte, *message.PathError) {
	e.nested = true
	return e.value(dst, v, placeRoot.item(v))
}
