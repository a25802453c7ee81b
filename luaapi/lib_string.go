package luaapi

import (
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/luapattern"
)

const (
	// patternCacheSize is how many patterns of one script stay compiled.
	patternCacheSize = 128
	// longBytes is the length from which on a string is worth a look at the
	// clock before it is gone through in one go: about 50 µs of work.
	longBytes = 64 << 10
	// maxByteValues is how many values string.byte gives at most: they all go
	// through the registry of the Lua state.
	maxByteValues = 1 << 16
)

// stringLimits bounds what the string functions may do in one call.
type stringLimits struct {
	// maxBytes is how long a string made by one call may be.
	maxBytes int
	// interrupted says why the run must end now, nil to go on. It is asked
	// often, about every ten microseconds of matching.
	interrupted func(L *lua.LState) error
}

// stringFunctions gives the functions of Lua's string table by name, but for
// dump, as section 5.4 of the Lua 5.1 reference manual has them
// (https://www.lua.org/manual/5.1/manual.html#5.4). They stand in for those of
// gopher-lua: each ends soon after limits.interrupted says so, and none makes a
// string longer than limits.maxBytes. Both are errors raised in Lua.
//
// The functions share a cache, so they belong to one VM and its lock.
func stringFunctions(limits stringLimits) map[string]lua.LGFunction {
	lib := &stringLib{limits: limits, patterns: luapattern.NewCache(patternCacheSize)}
	return map[string]lua.LGFunction{
		"byte":    lib.byte,
		"char":    lib.char,
		"find":    lib.find,
		"format":  lib.format,
		"gfind":   lib.gmatch, // its name in Lua 5.0
		"gmatch":  lib.gmatch,
		"gsub":    lib.gsub,
		"len":     lib.len,
		"lower":   lib.lower,
		"match":   lib.match,
		"rep":     lib.rep,
		"reverse": lib.reverse,
		"sub":     lib.sub,
		"upper":   lib.upper,
	}
}

type stringLib struct {
	limits   stringLimits
	patterns *luapattern.Cache
}

func (lib *stringLib) len(L *lua.LState) int {
	L.Push(lua.LNumber(len(L.CheckString(1))))
	return 1
}

func (lib *stringLib) sub(L *lua.LState) int {
	s := L.CheckString(1)
	from, to := byteRange(len(s), checkInt(L, 2), optInt(L, 3, -1))
	L.Push(lua.LString(detach(s, from, to)))
	return 1
}

func (lib *stringLib) byte(L *lua.LState) int {
	s := L.CheckString(1)
	first := optInt(L, 2, 1)
	from, to := byteRange(len(s), first, optInt(L, 3, first))
	n := to - from
	if n > maxByteValues {
		L.RaiseError("string slice too long")
	}
	// The registry grows by a few values at a time: grow it once.
	top := L.GetTop()
	L.SetTop(top + n)
	L.SetTop(top)
	for ; from < to; from++ {
		L.Push(lua.LNumber(s[from]))
	}
	return n
}

func (lib *stringLib) char(L *lua.LState) int {
	made := make([]byte, L.GetTop())
	for i := range made {
		c := checkInt(L, i+1)
		if c < 0 || c > math.MaxUint8 {
			L.ArgError(i+1, "invalid value")
		}
		made[i] = byte(c)
	}
	L.Push(lua.LString(made))
	return 1
}

func (lib *stringLib) rep(L *lua.LState) int {
	s, n := L.CheckString(1), checkInt(L, 2)
	if n <= 0 || s == "" {
		L.Push(lua.LString(""))
		return 1
	}
	if n > lib.limits.maxBytes/len(s) {
		L.RaiseError("string.rep: the result would have %.0f bytes, the limit is %d",
			float64(len(s))*float64(n), lib.limits.maxBytes)
	}
	lib.beforeLong(L, len(s)*n)
	L.Push(lua.LString(strings.Repeat(s, n)))
	return 1
}

func (lib *stringLib) reverse(L *lua.LState) int {
	s := L.CheckString(1)
	lib.beforeLong(L, len(s))
	made := make([]byte, len(s))
	for i := range made {
		made[i] = s[len(s)-1-i]
	}
	L.Push(lua.LString(made))
	return 1
}

func (lib *stringLib) lower(L *lua.LState) int { return lib.switchCase(L, 'A', 'Z') }

func (lib *stringLib) upper(L *lua.LState) int { return lib.switchCase(L, 'a', 'z') }

// switchCase turns the letters from first to last into the other case. A letter
// is a byte here, as in the C locale: what is over 127 stays as it is.
func (lib *stringLib) switchCase(L *lua.LState, first, last byte) int {
	const caseBit = 'a' ^ 'A'
	s := L.CheckString(1)
	lib.beforeLong(L, len(s))
	i := 0
	for i < len(s) && (s[i] < first || s[i] > last) {
		i++
	}
	if i == len(s) {
		L.Push(lua.LString(s))
		return 1
	}
	made := []byte(s)
	for ; i < len(made); i++ {
		if first <= made[i] && made[i] <= last {
			made[i] ^= caseBit
		}
	}
	L.Push(lua.LString(made))
	return 1
}

// interrupted raises why the run must end, if it must.
func (lib *stringLib) interrupted(L *lua.LState) {
	if err := lib.askInterrupted(L); err != nil {
		L.RaiseError("%s", err)
	}
}

func (lib *stringLib) askInterrupted(L *lua.LState) error {
	if lib.limits.interrupted == nil {
		return nil
	}
	return lib.limits.interrupted(L)
}

// beforeLong comes before work on n bytes that nothing ends midway.
func (lib *stringLib) beforeLong(L *lua.LState, n int) {
	if n > longBytes {
		lib.interrupted(L)
	}
}

// byteRange turns a pair of Lua positions, counted from 1 and from the end when
// negative, into offsets of a string of n bytes with 0 <= from <= to <= n.
func byteRange(n, first, last int) (from, to int) {
	if first < 0 {
		first = max(first+n+1, 1)
	}
	if last < 0 {
		last += n + 1
	}
	from, to = max(first, 1)-1, min(last, n)
	if from >= to {
		return 0, 0
	}
	return from, to
}

// detach gives s[from:to], as a copy when it is a small part of a large string:
// a script that keeps one word of a line must not keep the line.
func detach(s string, from, to int) string {
	const large, small = 1024, 8
	part := s[from:to]
	if len(s) >= large && len(part) <= len(s)/small {
		return strings.Clone(part)
	}
	return part
}

// checkInt gives argument n as an int: cut off towards zero, the nearest int
// when it is outside of them, 0 for NaN. It raises when n is neither a number
// nor a string that reads as one.
func checkInt(L *lua.LState, n int) int {
	x, ok := toNumber(L.Get(n))
	if !ok {
		L.TypeError(n, lua.LTNumber)
	}
	switch {
	case math.IsNaN(x):
		return 0
	case x >= math.MaxInt:
		return math.MaxInt
	case x <= math.MinInt:
		// One more, so that a length can be added to it and taken from it.
		return math.MinInt + 1
	}
	return int(x)
}

// optInt is checkInt, and otherwise where argument n is nil or missing.
func optInt(L *lua.LState, n, otherwise int) int {
	if L.Get(n) == lua.LNil {
		return otherwise
	}
	return checkInt(L, n)
}

// stringResult collects a string that must not become longer than the limit.
type stringResult struct {
	L    *lua.LState
	lib  *stringLib
	name string // of the function, for the error
	made strings.Builder
	work int // done since the clock was looked at
}

// add appends s, or raises.
func (r *stringResult) add(s string) {
	r.reserve(len(s))
	r.made.WriteString(s)
}

// reserve raises when n more bytes would be too many, and looks at the clock now
// and then.
func (r *stringResult) reserve(n int) {
	if limit := r.lib.limits.maxBytes; n > limit-r.made.Len() {
		r.L.RaiseError("string.%s: the result would have at least %d bytes, the limit is %d", r.name, r.made.Len()+n, limit)
	}
	// A piece is work even when it is empty, more so than a byte.
	const piece = 16
	if r.work += piece + n; r.work >= longBytes {
		r.work = 0
		r.lib.interrupted(r.L)
	}
}
