package luaapi

import (
	"math"
	"math/rand/v2"

	lua "github.com/yuin/gopher-lua"
)

// standardModules is Lua's own library as scripts get it: what is not listed is not there.
func standardModules() []Module {
	return []Module{
		baseLibrary(),
		coroutineLibrary(),
		{Name: "debug", Global: "debug", Standard: true, Doc: "Only the traceback.", Functions: []Function{
			{Name: "traceback", Signature: "[message [, level]]", Doc: "The calls that led here, as text.", call: traceback},
		}},
		ioLibrary(),
		mathLibrary(),
		osLibrary(),
		{Name: "package", Global: "package", Standard: true, Doc: "What require works with.", Functions: []Function{
			{Name: "seeall", Signature: "module", Doc: "Lets a module see the globals."},
		}, Constants: []Constant{
			{Name: "loaded", Type: typeTable, Doc: "The modules that were loaded."},
			{Name: "loaders", Type: typeTable, Doc: "What require asks, in turn."},
			{Name: "preload", Type: typeTable, Doc: "The daemon's modules."},
		}},
		stringLibrary(),
		tableLibrary(),
	}
}

func mathLibrary() Module {
	m := Module{Name: "math", Global: "math", Standard: true, Doc: "Mathematics.", Constants: []Constant{
		{Name: "huge", Type: typeNumber, Doc: "Infinity."},
		{Name: "pi", Type: typeNumber, Doc: "3.14159..."},
	}}
	for _, row := range [][3]string{
		{"abs", "x", "Absolute value."}, {"acos", "x", "Arc cosine."}, {"asin", "x", "Arc sine."}, {"atan", "x", "Arc tangent."},
		{"atan2", "y, x", "Arc tangent of y/x, by quadrant."}, {"ceil", "x", "Rounds up."}, {"cos", "x", "Cosine."},
		{"cosh", "x", "Hyperbolic cosine."}, {"deg", "x", "Radians to degrees."}, {"exp", "x", "e to the power of x."},
		{"floor", "x", "Rounds down."}, {"fmod", "x, y", "Remainder, with the sign of x."}, {"frexp", "x", "Mantissa and exponent."},
		{"ldexp", "m, e", "m times 2 to the power of e."}, {"log", "x", "Natural logarithm."}, {"log10", "x", "Logarithm to base 10."},
		{"max", "x, ...", "The largest."}, {"min", "x, ...", "The smallest."}, {"mod", "x, y", "As fmod."},
		{"modf", "x", "Whole part and fraction."}, {"pow", "x, y", "x to the power of y."}, {"rad", "x", "Degrees to radians."},
		{"random", "[m [, n]]", "A random number."}, {"randomseed", "x", "Does nothing: random numbers are seeded by Go."},
		{"sin", "x", "Sine."}, {"sinh", "x", "Hyperbolic sine."}, {"sqrt", "x", "Square root."}, {"tan", "x", "Tangent."},
		{"tanh", "x", "Hyperbolic tangent."},
	} {
		f := Function{Name: row[0], Signature: row[1], Doc: row[2]}
		if f.Name == "randomseed" {
			f.call = func(*VM, *lua.LState) int { return 0 } // gopher-lua's seeds the whole process
		}
		if f.Name == "random" {
			f.call = random
		}
		m.Functions = append(m.Functions, f)
	}
	return m
}

// random is math.random. gopher-lua's panics where the interval is empty.
func random(_ *VM, L *lua.LState) int {
	x := rand.Float64()
	if L.GetTop() > 0 {
		low, high, arg := 1.0, float64(L.CheckNumber(1)), 1
		if L.GetTop() > 1 {
			low, high, arg = high, float64(L.CheckNumber(2)), 2
		}
		low, high = math.Floor(low), math.Floor(high)
		if !(low <= high) || !finite(low) || !finite(high) {
			L.RaiseError("bad argument #%d to math.random (the interval is empty)", arg)
		}
		x = low + math.Floor(x*(high-low+1))
	}
	L.Push(lua.LNumber(x))
	return 1
}

func stringLibrary() Module {
	m := Module{Name: "string", Global: "string", Standard: true, Doc: "Strings, byte by byte. What works on patterns stops at the check's deadline; no result has more than 16 MiB."}
	for _, row := range [][3]string{
		{"byte", "s [, i [, j]]", "The bytes of a string, as numbers."}, {"char", "...", "A string of bytes."},
		{"find", "s, pattern [, init [, plain]]", "Where a pattern matches, and its captures."},
		{"format", "format, ...", "Formats values as C's printf does."}, {"gfind", "s, pattern", "As gmatch."},
		{"gmatch", "s, pattern", "Iterates over the matches of a pattern."},
		{"gsub", "s, pattern, replacement [, n]", "Replaces matches by a string, a table's or a function's values."},
		{"len", "s", "The length in bytes."}, {"lower", "s", "ASCII letters in lower case."},
		{"match", "s, pattern [, init]", "The captures of the first match."}, {"rep", "s, n", "A string n times."},
		{"reverse", "s", "The bytes in reverse."}, {"sub", "s, i [, j]", "A part of a string."},
		{"upper", "s", "ASCII letters in upper case."},
	} {
		m.Functions = append(m.Functions, Function{Name: row[0], Signature: row[1], Doc: row[2], call: stringFunction(row[0])})
	}
	return m
}

func stringFunction(name string) func(vm *VM, L *lua.LState) int {
	return func(vm *VM, L *lua.LState) int { return vm.shared.strings[name](L) }
}
