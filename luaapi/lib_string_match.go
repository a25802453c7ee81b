package luaapi

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/luapattern"
)

// matching is one call of a function that matches a pattern.
type matching struct {
	lib     *stringLib
	L       *lua.LState
	s       string
	pattern *luapattern.Pattern
	m       luapattern.Match
}

// compile gives a pattern, or raises what is wrong with it.
func (lib *stringLib) compile(L *lua.LState, pattern string) *luapattern.Pattern {
	lib.beforeLong(L, len(pattern))
	compiled, err := lib.patterns.Compile(pattern)
	if err != nil {
		L.RaiseError("%s", err)
	}
	return compiled
}

// next finds the first match at offset init or later. It raises when the run
// must end.
func (c *matching) next(init int) bool {
	found, err := c.pattern.Find(c.s, init, &c.m, func(int) error { return c.lib.askInterrupted(c.L) })
	if err != nil {
		c.L.RaiseError("%s", err)
	}
	return found
}

// capture gives capture i, counted from 0, as Lua sees it: a string, or the
// position counted from 1. The whole match is capture 0 of a pattern without
// captures.
func (c *matching) capture(i int) lua.LValue {
	if i == 0 && c.m.Captures() == 0 {
		return lua.LString(detach(c.s, c.m.Start, c.m.End))
	}
	got := c.m.Capture(i)
	if got.Position {
		return lua.LNumber(got.Start + 1)
	}
	return lua.LString(detach(c.s, got.Start, got.End))
}

// values is how many values capture can give.
func (c *matching) values() int { return max(c.m.Captures(), 1) }

func (c *matching) pushCaptures(n int) int {
	for i := range n {
		c.L.Push(c.capture(i))
	}
	return n
}

// startOffset turns the init argument n into an offset from 0 to len(s).
func startOffset(L *lua.LState, n int, s string) int {
	init := optInt(L, n, 1)
	if init < 0 {
		init += len(s) + 1
	}
	return min(max(init, 1)-1, len(s))
}

func (lib *stringLib) find(L *lua.LState) int {
	s, pattern := L.CheckString(1), L.CheckString(2)
	init := startOffset(L, 3, s)
	if lua.LVAsBool(L.Get(4)) || !strings.ContainsAny(pattern, "^$*+?.([%-)") {
		lib.beforeLong(L, len(s)-init)
		at := strings.Index(s[init:], pattern)
		if at < 0 {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(lua.LNumber(init + at + 1))
		L.Push(lua.LNumber(init + at + len(pattern)))
		return 2
	}
	c := matching{lib: lib, L: L, s: s, pattern: lib.compile(L, pattern)}
	if !c.next(init) {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LNumber(c.m.Start + 1))
	L.Push(lua.LNumber(c.m.End))
	return 2 + c.pushCaptures(c.m.Captures())
}

func (lib *stringLib) match(L *lua.LState) int {
	s, pattern := L.CheckString(1), L.CheckString(2)
	init := startOffset(L, 3, s)
	c := matching{lib: lib, L: L, s: s, pattern: lib.compile(L, pattern)}
	if !c.next(init) {
		L.Push(lua.LNil)
		return 1
	}
	return c.pushCaptures(c.values())
}

// gmatch gives an iterator that looks for one match at each call. A ^ is no
// anchor here, as the manual says, but the byte.
func (lib *stringLib) gmatch(L *lua.LState) int {
	s, pattern := L.CheckString(1), L.CheckString(2)
	if strings.HasPrefix(pattern, "^") {
		pattern = "%" + pattern
	}
	c := &matching{lib: lib, s: s, pattern: lib.compile(L, pattern)}
	init := 0
	L.Push(L.NewFunction(func(L *lua.LState) int {
		if init > len(c.s) {
			return 0
		}
		c.L = L // a coroutine can call an iterator made outside of it
		if !c.next(init) {
			init = len(c.s) + 1
			return 0
		}
		init = c.m.End
		if c.m.End == c.m.Start {
			init++
		}
		return c.pushCaptures(c.values())
	}))
	return 1
}

func (lib *stringLib) gsub(L *lua.LState) int {
	s, pattern := L.CheckString(1), L.CheckString(2)
	c := matching{lib: lib, L: L, s: s, pattern: lib.compile(L, pattern)}
	replace := c.replacement(3)
	most := optInt(L, 4, len(s)+1)

	out := stringResult{L: L, lib: lib, name: "gsub"}
	anchored := strings.HasPrefix(pattern, "^")
	count, kept := 0, 0 // kept is the offset up to which s is dealt with
	for init := 0; count < most && init <= len(s) && c.next(init); {
		count++
		// What stays as it is waits for the next replacement: when none comes,
		// nothing is copied.
		if replace(&out, s[kept:c.m.Start]) {
			kept = c.m.End
		}
		init = c.m.End
		if c.m.End == c.m.Start {
			init++
		}
		if anchored {
			break
		}
	}
	if kept == 0 && out.made.Len() == 0 {
		L.Push(lua.LString(s))
	} else {
		out.add(s[kept:])
		L.Push(lua.LString(out.made.String()))
	}
	L.Push(lua.LNumber(count))
	return 2
}

// replacement turns argument n of gsub into what writes the text before the
// present match and its replacement, or gives false to keep the match as it is.
func (c *matching) replacement(n int) func(out *stringResult, before string) bool {
	switch v := c.L.Get(n).(type) {
	case lua.LString, lua.LNumber:
		template := c.template(v.String())
		return func(out *stringResult, before string) bool {
			out.add(before)
			c.fill(template, out)
			return true
		}
	case *lua.LTable:
		return func(out *stringResult, before string) bool {
			return c.replaceWith(c.L.GetTable(v, c.capture(0)), out, before)
		}
	case *lua.LFunction:
		return func(out *stringResult, before string) bool {
			c.L.Push(v)
			c.L.Call(c.pushCaptures(c.values()), 1)
			value := c.L.Get(-1)
			c.L.Pop(1)
			return c.replaceWith(value, out, before)
		}
	}
	c.L.ArgError(n, "string/function/table expected, got "+c.L.Get(n).Type().String())
	return nil
}

// replaceWith writes what a table or a function gave for the match.
func (c *matching) replaceWith(value lua.LValue, out *stringResult, before string) bool {
	switch value.(type) {
	case lua.LString, lua.LNumber:
		out.add(before)
		out.add(value.String())
		return true
	}
	if lua.LVIsFalse(value) {
		return false
	}
	c.L.RaiseError("invalid replacement value (a %s)", value.Type())
	return false
}

// templatePart is literal text of a replacement string, and the capture that
// comes after it: 0 the whole match, 1 to 9, or -1 for none.
type templatePart struct {
	text    string
	capture int
}

// template reads a replacement string: %0 to %9 stand for captures, % before
// any other byte for that byte.
func (c *matching) template(s string) []templatePart {
	c.lib.beforeLong(c.L, len(s))
	if strings.IndexByte(s, '%') < 0 {
		return []templatePart{{text: s, capture: -1}}
	}
	var parts []templatePart
	for s != "" {
		at := strings.IndexByte(s, '%')
		if at < 0 {
			parts = append(parts, templatePart{text: s, capture: -1})
			break
		}
		if at+1 == len(s) {
			c.L.RaiseError("%s", "invalid use of '%' in replacement string")
		}
		if next := s[at+1]; '0' <= next && next <= '9' {
			parts = append(parts, templatePart{text: s[:at], capture: int(next - '0')})
		} else {
			parts = append(parts, templatePart{text: s[:at], capture: -1}, templatePart{text: s[at+1 : at+2], capture: -1})
		}
		s = s[at+2:]
	}
	return parts
}

// fill writes the parts for the present match.
func (c *matching) fill(parts []templatePart, out *stringResult) {
	for _, part := range parts {
		out.add(part.text)
		switch captures := c.m.Captures(); {
		case part.capture < 0:
		case part.capture == 0, part.capture == 1 && captures == 0:
			out.add(c.s[c.m.Start:c.m.End])
		case part.capture > captures:
			c.L.RaiseError("invalid capture index")
		default:
			got := c.m.Capture(part.capture - 1)
			if got.Position {
				out.add(strconv.Itoa(got.Start + 1))
			} else {
				out.add(c.s[got.Start:got.End])
			}
		}
	}
}
