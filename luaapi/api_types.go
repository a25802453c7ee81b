package luaapi

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

// Type is a type of the Lua API.
type Type struct {
	Lua  string // as LuaLS annotations write it
	want string // in words, for errors: "a number of seconds, more than 0"
	ok   func(v lua.LValue) bool
	why  func(v lua.LValue) string // what is wrong inside a table; nil: the type of the whole says it
}

// problem is "" when v is of the type, and otherwise "must be ..., not ...".
func (t Type) problem(v lua.LValue) string {
	want := t.mismatch(v)
	if want == "" {
		return ""
	}
	if t.why != nil {
		if why := t.why(v); why != "" {
			return "must be " + want + "; " + why
		}
	}
	return "must be " + want + ", not " + describe(v)
}

// takes tells whether v is of the type.
func (t *Type) takes(v lua.LValue) bool { return t.ok == nil || t.ok(v) }

// mismatch is "" when v is of the type, and otherwise what was expected.
func (t Type) mismatch(v lua.LValue) string {
	if t.takes(v) {
		return ""
	}
	return t.want
}

// named is t with another LuaLS annotation: a function's signature, the class of a table.
func (t Type) named(lua string) Type {
	t.Lua = lua
	return t
}

func ofType(want lua.LValueType) func(lua.LValue) bool {
	return func(v lua.LValue) bool { return v.Type() == want }
}

func numberWhere(ok func(f float64) bool) func(lua.LValue) bool {
	return func(v lua.LValue) bool {
		n, isNumber := v.(lua.LNumber)
		return isNumber && ok(float64(n))
	}
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// maxSeconds is the longest duration a script can give: ten years, far below where time.Duration ends.
const maxSeconds = 10 * 365 * 86400

// minSeconds is the shortest one of what bounds or repeats something, as it is of intervals. A few hundred picoseconds
// would be 0 as a time.Duration, which stands for the default; and a poll of a nanosecond would be a spin.
const minSeconds = 0.001

var (
	typeAny      = Type{Lua: "any", want: "a value", ok: func(v lua.LValue) bool { return v != lua.LNil }}
	typeOptional = Type{Lua: "any", want: "a value"}
	typeString   = Type{Lua: "string", want: "a string", ok: ofType(lua.LTString)}
	typeNumber   = Type{Lua: "number", want: "a number", ok: ofType(lua.LTNumber)}
	typeFinite   = Type{Lua: "number", want: "a finite number", ok: numberWhere(finite)}
	typeBoolean  = Type{Lua: "boolean", want: "a boolean", ok: ofType(lua.LTBool)}
	typeTable    = Type{Lua: "table", want: "a table", ok: ofType(lua.LTTable)}
	typeFunction = Type{Lua: "function", want: "a function", ok: ofType(lua.LTFunction)}
	typeInteger  = Type{Lua: "integer", want: "a whole number", ok: numberWhere(func(f float64) bool {
		return f == math.Trunc(f) && math.Abs(f) <= 1<<53
	})}
	typeCount = Type{Lua: "integer", want: "a whole number, 1 or more", ok: numberWhere(func(f float64) bool {
		return f == math.Trunc(f) && f >= 1 && f <= 1<<40
	})}
	typeDuration = Type{Lua: "number", want: "a number of seconds, more than 0 and at most ten years", ok: numberWhere(func(f float64) bool {
		return f > 0 && f <= maxSeconds
	})}
	typeLimit = Type{Lua: "number", want: fmt.Sprintf("a number of seconds, at least %v and at most ten years", minSeconds), ok: numberWhere(func(f float64) bool {
		return f >= minSeconds && f <= maxSeconds
	})}
	typeWait = Type{Lua: "number", want: "a number of seconds, 0 or more", ok: numberWhere(func(f float64) bool {
		return f >= 0 && f <= maxSeconds
	})}
	typeText = Type{Lua: "string", want: "a string that is not empty", ok: func(v lua.LValue) bool {
		s, ok := v.(lua.LString)
		return ok && s != ""
	}}
	typeCommand  = Type{Lua: "string|string[]", want: "a string for the shell, or a list of strings (program and arguments)", ok: isCommand, why: nulByte}
	typeFolder   = Type{Lua: "string", want: typeText.want, ok: func(v lua.LValue) bool { return typeText.ok(v) && nulByte(v) == "" }, why: nulByte}
	typeEnv      = Type{Lua: "table<string, string>", want: "a table of strings by name", ok: isEnv, why: badEnv}
	typeLocation = Type{Lua: "table<string, string>", want: "a table of strings by name (names of letters, digits and _)", ok: func(v lua.LValue) bool {
		return isStringMap(v, message.ValidName)
	}, why: func(v lua.LValue) string { return badEntry(v, message.ValidName) }}
)

var typeChecks = Type{Lua: "dumbprobe.Checks", want: "a list of checks and handles, or an object with a method run_next"}

// oneOf is a type of a few strings.
func oneOf(values ...string) Type {
	t := Type{}
	for i, v := range values {
		if i > 0 {
			t.Lua += "|"
			t.want += " or "
		}
		t.Lua += `"` + v + `"`
		t.want += `"` + v + `"`
	}
	t.ok = func(v lua.LValue) bool {
		s, ok := v.(lua.LString)
		if !ok {
			return false
		}
		for _, w := range values {
			if string(s) == w {
				return true
			}
		}
		return false
	}
	return t
}

func isCommand(v lua.LValue) bool {
	switch x := v.(type) {
	case lua.LString:
		return x != "" && nulByte(x) == ""
	case *lua.LTable:
		argv, ok := stringList(x)
		return ok && len(argv) > 0 && argv[0] != "" && nulByte(x) == ""
	}
	return false
}

// nulByte says that a string, or one of a list, has a byte that the system takes for its end.
func nulByte(v lua.LValue) string {
	list := []string{textOf(v)}
	if t, ok := v.(*lua.LTable); ok {
		list, _ = stringList(t)
	}
	for _, s := range list {
		if strings.Contains(s, "\x00") {
			return "it has a NUL byte"
		}
	}
	return ""
}

func isVariable(name string) bool { return name != "" && !strings.ContainsAny(name, "=\x00") }

func isEnv(v lua.LValue) bool {
	return isStringMap(v, func(string) bool { return true }) && badEnv(v) == ""
}

// badEnv says which entry of a table is no variable of the environment.
func badEnv(v lua.LValue) string {
	if why := badEntry(v, func(string) bool { return true }); why != "" {
		return why
	}
	env, _ := stringMap(v)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !isVariable(name) {
			return fmt.Sprintf("the name %q is none of a variable", name)
		}
		if nulByte(lua.LString(env[name])) != "" {
			return fmt.Sprintf("`%s` has a NUL byte", name)
		}
	}
	return ""
}

// stringList reads a table that is a list of strings (numbers are taken as Lua writes them).
func stringList(v lua.LValue) ([]string, bool) {
	t, ok := v.(*lua.LTable)
	if !ok {
		return nil, false
	}
	var list []string
	for it := entriesOf(t); it.next(); {
		key, item := it.key, it.value
		n, isNumber := key.(lua.LNumber)
		if !isNumber || int(n) != len(list)+1 || !lua.LVCanConvToString(item) {
			return nil, false
		}
		list = append(list, item.String())
	}
	return list, true
}

// isStringMap looks without making a map: it is on the way of every message.
func isStringMap(v lua.LValue, nameOK func(string) bool) bool {
	t, ok := v.(*lua.LTable)
	if !ok {
		return false
	}
	for it := entriesOf(t); it.next(); {
		key, item := it.key, it.value
		name, isName := key.(lua.LString)
		if !isName || item.Type() != lua.LTString || !nameOK(string(name)) {
			return false
		}
	}
	return true
}

// badEntry says which entry of a table is not a string by name.
func badEntry(v lua.LValue, nameOK func(string) bool) string {
	t, ok := v.(*lua.LTable)
	if !ok {
		return ""
	}
	for it := entriesOf(t); it.next(); {
		key, item := it.key, it.value
		name, isName := key.(lua.LString)
		switch {
		case !isName:
			return fmt.Sprintf("the key %s is %s", key.String(), describe(key))
		case !nameOK(string(name)):
			return fmt.Sprintf("the name %q has other characters", string(name))
		case item.Type() != lua.LTString:
			return fmt.Sprintf("`%s` is %s", name, describe(item))
		}
	}
	return ""
}

// stringMap reads a table of strings by name.
func stringMap(v lua.LValue) (map[string]string, bool) {
	t, ok := v.(*lua.LTable)
	if !ok {
		return nil, false
	}
	m := map[string]string{}
	for it := entriesOf(t); it.next(); {
		key, item := it.key, it.value
		name, nameOK := key.(lua.LString)
		value, valueOK := item.(lua.LString)
		if !nameOK || !valueOK {
			return nil, false
		}
		m[string(name)] = string(value)
	}
	return m, true
}

// The getters read a decoded field; a missing one gives the zero value.

func textOf(v lua.LValue) string {
	s, _ := v.(lua.LString)
	return string(s)
}

func numberOf(v lua.LValue) float64 {
	n, _ := v.(lua.LNumber)
	return float64(n)
}

func boolOf(v lua.LValue) bool {
	b, _ := v.(lua.LBool)
	return bool(b)
}

func stringsOf(v lua.LValue) map[string]string {
	if v == nil {
		return nil
	}
	m, _ := stringMap(v)
	if len(m) == 0 {
		return nil
	}
	return m
}
