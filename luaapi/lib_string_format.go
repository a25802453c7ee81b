package luaapi

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// formatSpec is one conversion of string.format, %[flags][width][.precision]verb,
// with the meaning it has in C.
type formatSpec struct {
	minus, plus, space, alt, zero bool

	width     int // 0 for none
	precision int // -1 for none
	verb      byte
}

// parseFormatSpec reads the conversion at the beginning of s, which is what
// comes behind a %, and gives its length. The limits and the errors are Lua's.
func parseFormatSpec(s string) (spec formatSpec, n int, err error) {
	const mostFlags, mostDigits = 5, 2
	spec.precision = -1
flags:
	for ; n < len(s); n++ {
		switch s[n] {
		case '-':
			spec.minus = true
		case '+':
			spec.plus = true
		case ' ':
			spec.space = true
		case '#':
			spec.alt = true
		case '0':
			spec.zero = true
		default:
			break flags
		}
		if n == mostFlags {
			return spec, 0, errors.New("invalid format (repeated flags)")
		}
	}
	digits := func() (value int) {
		for from := n; n < len(s) && n < from+mostDigits && '0' <= s[n] && s[n] <= '9'; n++ {
			value = value*10 + int(s[n]-'0')
		}
		return value
	}
	spec.width = digits()
	if n < len(s) && s[n] == '.' {
		n++
		spec.precision = digits()
	}
	if n == len(s) {
		return spec, 0, errors.New("invalid option '%' to 'format'")
	}
	if '0' <= s[n] && s[n] <= '9' {
		return spec, 0, errors.New("invalid format (width or precision too long)")
	}
	spec.verb = s[n]
	if strings.IndexByte("diuoxXceEfgGqsaA", spec.verb) < 0 {
		return spec, 0, fmt.Errorf("invalid option '%%%c' to 'format'", spec.verb)
	}
	return spec, n + 1, nil
}

func (lib *stringLib) format(L *lua.LState) int {
	s := L.CheckString(1)
	out := stringResult{L: L, lib: lib, name: "format"}
	for arg := 2; ; {
		at := strings.IndexByte(s, '%')
		if at < 0 {
			break
		}
		out.add(s[:at])
		s = s[at+1:]
		if strings.HasPrefix(s, "%") {
			out.add("%")
			s = s[1:]
			continue
		}
		spec, n, err := parseFormatSpec(s)
		if err != nil {
			L.RaiseError("%s", err)
		}
		s = s[n:]
		out.convert(&spec, arg)
		arg++
	}
	out.add(s)
	L.Push(lua.LString(out.made.String()))
	return 1
}

// convert appends argument arg as spec wants it.
func (r *stringResult) convert(spec *formatSpec, arg int) {
	if arg > r.L.GetTop() {
		r.badFormat(arg, "no value")
	}
	switch spec.verb {
	case 's':
		s := toDisplay(r.L, r.L.Get(arg))
		if spec.precision >= 0 && spec.precision < len(s) {
			s = s[:spec.precision]
		}
		r.pad(spec, s)
	case 'q':
		r.quote(arg)
	case 'c':
		r.pad(spec, string([]byte{byte(r.signed(arg))}))
	case 'd', 'i':
		x := r.signed(arg)
		u := uint64(x)
		if x < 0 {
			u = -u
		}
		r.padNumber(spec, spec.sign(x < 0), "", spec.digits(u, 10), spec.precision < 0)
	case 'u':
		r.padNumber(spec, "", "", spec.digits(r.unsigned(arg), 10), spec.precision < 0)
	case 'o':
		digits := spec.digits(r.unsigned(arg), 8)
		if spec.alt && !strings.HasPrefix(digits, "0") {
			digits = "0" + digits
		}
		r.padNumber(spec, "", "", digits, spec.precision < 0)
	case 'x', 'X':
		u, prefix := r.unsigned(arg), ""
		if spec.alt && u != 0 {
			prefix = "0x"
		}
		digits := spec.digits(u, 16)
		if spec.verb == 'X' {
			prefix, digits = strings.ToUpper(prefix), strings.ToUpper(digits)
		}
		r.padNumber(spec, "", prefix, digits, spec.precision < 0)
	default:
		r.float(spec, r.number(arg))
	}
}

// badFormat raises what is wrong with argument arg of format.
func (r *stringResult) badFormat(arg int, problem string) {
	r.L.RaiseError("bad argument #%d to 'format' (%s)", arg, problem)
}

// number gives argument arg, or raises when it is no number and does not read
// as one.
func (r *stringResult) number(arg int) float64 {
	v := r.L.Get(arg)
	x, ok := toNumber(v)
	if !ok {
		r.badFormat(arg, "number expected, got "+v.Type().String())
	}
	return x
}

// signed gives argument arg cut off towards zero.
func (r *stringResult) signed(arg int) int64 {
	x := math.Trunc(r.number(arg))
	if !(x >= math.MinInt64 && x < -math.MinInt64) { // not for NaN either
		r.badFormat(arg, "number has no integer representation")
	}
	return int64(x)
}

// unsigned is signed for the conversions of unsigned numbers: a negative number
// is what its 64 bits are without a sign.
func (r *stringResult) unsigned(arg int) uint64 {
	if x := math.Trunc(r.number(arg)); x >= -math.MinInt64 && x < math.MaxUint64 {
		return uint64(x)
	}
	return uint64(r.signed(arg))
}

// sign gives what stands before a number.
func (spec *formatSpec) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case spec.plus:
		return "+"
	case spec.space:
		return " "
	}
	return ""
}

// digits gives the digits of u, as many as the precision wants at least. The
// digits of 0 are none when the precision is 0.
func (spec *formatSpec) digits(u uint64, base int) string {
	if u == 0 && spec.precision == 0 {
		return ""
	}
	s := strconv.FormatUint(u, base)
	if missing := spec.precision - len(s); missing > 0 {
		s = strings.Repeat("0", missing) + s
	}
	return s
}

// float appends x, for %a %e %f %g and their upper case.
func (r *stringResult) float(spec *formatSpec, x float64) {
	sign := spec.sign(math.Signbit(x) && !math.IsNaN(x))
	x = math.Abs(x)
	verb := spec.verb | 0x20 // in lower case
	prefix, digits, mayZero := "", "", true
	switch {
	case math.IsNaN(x):
		digits, mayZero = "nan", false
	case math.IsInf(x, 0):
		digits, mayZero = "inf", false
	case verb == 'a':
		digits = strconv.FormatFloat(x, 'x', spec.precision, 64)
		prefix, digits = digits[:2], digits[2:]
		// C writes no more digits of an exponent than it has.
		at := strings.IndexByte(digits, 'p') + 2
		exponent := strings.TrimLeft(digits[at:], "0")
		if exponent == "" {
			exponent = "0"
		}
		digits = digits[:at] + exponent
		if spec.alt && !strings.Contains(digits, ".") {
			digits = strings.Replace(digits, "p", ".p", 1)
		}
	default:
		precision := spec.precision
		if precision < 0 {
			precision = 6
		}
		layout := "%.*" + string(verb)
		if spec.alt {
			layout = "%#.*" + string(verb)
		}
		digits = fmt.Sprintf(layout, precision, x)
	}
	if verb != spec.verb {
		prefix, digits = strings.ToUpper(prefix), strings.ToUpper(digits)
	}
	r.padNumber(spec, sign, prefix, digits, mayZero)
}

// padNumber appends a number, filled up to the width with spaces or, where the
// flag asks for them and mayZero allows them, with zeros.
func (r *stringResult) padNumber(spec *formatSpec, sign, prefix, digits string, mayZero bool) {
	if missing := spec.width - len(sign) - len(prefix) - len(digits); spec.zero && mayZero && !spec.minus && missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	r.pad(spec, sign+prefix+digits)
}

// pad appends s, filled up to the width with spaces.
func (r *stringResult) pad(spec *formatSpec, s string) {
	missing := max(spec.width-len(s), 0)
	r.reserve(missing + len(s))
	if spec.minus {
		r.made.WriteString(s)
	}
	for range missing {
		r.made.WriteByte(' ')
	}
	if !spec.minus {
		r.made.WriteString(s)
	}
}

// quote appends argument arg as a Lua string literal. As in Lua, flags, width
// and precision mean nothing to it.
func (r *stringResult) quote(arg int) {
	v := r.L.Get(arg)
	if !lua.LVCanConvToString(v) {
		r.badFormat(arg, "string expected, got "+v.Type().String())
	}
	s := v.String()
	r.add(`"`)
	for s != "" {
		at := strings.IndexAny(s, "\"\\\n\r\x00")
		if at < 0 {
			break
		}
		r.add(s[:at])
		switch s[at] {
		case '\r':
			r.add(`\r`)
		case 0:
			r.add(`\000`)
		default:
			r.add(`\`)
			r.add(s[at : at+1])
		}
		s = s[at+1:]
	}
	r.add(s)
	r.add(`"`)
}

// toDisplay is Lua's tostring.
func toDisplay(L *lua.LState, v lua.LValue) string {
	if s, ok := v.(lua.LString); ok {
		return string(s)
	}
	v = L.ToStringMeta(v)
	if !lua.LVCanConvToString(v) {
		L.RaiseError("'__tostring' must return a string")
	}
	return v.String()
}

// toNumber gives a number, or what a string reads as in Lua: decimal or, after
// 0x, hexadecimal, with white space around it. It takes none of what gopher-lua
// takes from Go: a leading 0 for octal, 0b, 0o, digits with _ between them, inf
// and nan.
func toNumber(v lua.LValue) (x float64, ok bool) {
	switch v := v.(type) {
	case lua.LNumber:
		return float64(v), true
	case lua.LString:
		return parseLuaNumber(string(v))
	}
	return 0, false
}

func parseLuaNumber(s string) (x float64, ok bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	unsigned := strings.TrimLeft(s, "+-")
	if len(s)-len(unsigned) > 1 {
		return 0, false
	}
	if hex, isHex := strings.CutPrefix(strings.ToLower(unsigned), "0x"); isHex {
		if hex == "" || strings.Trim(hex, "0123456789abcdef") != "" {
			return 0, false
		}
		s += "p0" // Go has no hexadecimal number with a fraction without it
	} else if unsigned == "" || strings.Trim(unsigned, "0123456789.eE+-") != "" {
		return 0, false
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(x, 0) { // out of range is infinite, as in C
		return 0, false
	}
	return x, true
}
