package luaapi

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

const testStringBytes = 16 << 20

// newStringState gives a Lua state whose string table is ours.
func newStringState(t testing.TB, limits stringLimits) *lua.LState {
	t.Helper()
	L := lua.NewState(lua.Options{RegistryMaxSize: 1 << 20, SkipOpenLibs: true})
	t.Cleanup(L.Close)
	lua.OpenBase(L)
	lua.OpenTable(L)
	library := L.SetFuncs(L.NewTable(), stringFunctions(limits))
	L.SetGlobal("string", library)
	meta := L.NewTable()
	meta.RawSetString("__index", library)
	L.SetMetatable(lua.LString(""), meta)
	return L
}

// newGopherStringState gives a Lua state whose string table is gopher-lua's.
func newGopherStringState(t testing.TB) *lua.LState {
	t.Helper()
	L := lua.NewState(lua.Options{RegistryMaxSize: 1 << 20, SkipOpenLibs: true})
	t.Cleanup(L.Close)
	lua.OpenBase(L)
	lua.OpenTable(L)
	lua.OpenString(L)
	return L
}

// evaluate gives the values of Lua expressions, as "nil 1 [text]", or "!" and
// the error without the place it was raised at.
func evaluate(L *lua.LState, expressions string) string {
	top := L.GetTop()
	defer L.SetTop(top)
	if err := L.DoString("return " + expressions); err != nil {
		message := err.Error()
		var api *lua.ApiError
		if errors.As(err, &api) {
			message = api.Object.String()
		}
		if _, after, ok := strings.Cut(message, "<string>:1: "); ok {
			message = after
		}
		return "!" + message
	}
	shown := make([]string, 0, 4)
	for i := top + 1; i <= L.GetTop(); i++ {
		if v := L.Get(i); v.Type() == lua.LTString {
			shown = append(shown, "["+v.String()+"]")
		} else {
			shown = append(shown, v.String())
		}
	}
	return strings.Join(shown, " ")
}

// wantAll evaluates each pair of expressions and what they must give.
func wantAll(t *testing.T, pairs [][2]string) {
	t.Helper()
	L := newStringState(t, stringLimits{maxBytes: testStringBytes})
	for _, pair := range pairs {
		if got := evaluate(L, pair[0]); got != pair[1] {
			t.Errorf("%s\n got %s\nwant %s", pair[0], got, pair[1])
		}
	}
}

func TestStringTableHasLuasFunctionsButDump(t *testing.T) {
	functions := stringFunctions(stringLimits{})
	for _, name := range strings.Fields("byte char find format gfind gmatch gsub len lower match rep reverse sub upper") {
		if functions[name] == nil {
			t.Errorf("no string.%s", name)
		}
		delete(functions, name)
	}
	for name := range functions {
		t.Errorf("string.%s", name)
	}
}

func TestStringLenSubByteChar(t *testing.T) {
	wantAll(t, [][2]string{
		{`(""):len(), ("abc"):len(), ("a\0b"):len(), ("é"):len(), string.len(12)`, `0 3 3 2 2`},
		{`string.len()`, `!bad argument #1 to len (string expected, got nil)`},
		{`string.len({})`, `!bad argument #1 to len (string expected, got table)`},

		{`("hello"):sub(2, 4), ("hello"):sub(2), ("hello"):sub(-3), ("hello"):sub(-3, -2)`, `[ell] [ello] [llo] [ll]`},
		{`("hello"):sub(0), ("hello"):sub(-9, 2), ("hello"):sub(4, 99), ("hello"):sub(4, 3)`, `[hello] [he] [lo] []`},
		{`("hello"):sub(6), ("hello"):sub(9, 12), ("hello"):sub(1, -9), (""):sub(1)`, `[] [] [] []`},
		{`("hello"):sub(2, 1e300), ("hello"):sub(-1e300, 2), ("hello"):sub(1, 1/0), ("hello"):sub(1, -1/0)`, `[ello] [he] [hello] []`},
		{`("hello"):sub(2.9, 3.9), ("hello"):sub("2", " 0x3 "), ("hello"):sub(2, nil)`, `[el] [el] [ello]`},
		{`("hello"):sub()`, `!bad argument #2 to sub (number expected, got nil)`},
		{`("hello"):sub("x")`, `!bad argument #2 to sub (number expected, got string)`},
		{`("hello"):sub(1, {})`, `!bad argument #3 to sub (number expected, got table)`},

		{`("abc"):byte(), ("abc"):byte(2), ("abc"):byte(-1), ("\255\0"):byte(1)`, `97 98 99 255`},
		{`("abc"):byte(1, -1)`, `97 98 99`},
		{`("abc"):byte(0)`, ``},
		{`("abc"):byte(4)`, ``},
		{`(""):byte()`, ``},
		{`("abc"):byte(0, 2)`, `97 98`},
		{`("abc"):byte(3, 2)`, ``},
		{`select("#", ("a"):rep(65536):byte(1, -1))`, `65536`},
		{`("a"):rep(65537):byte(1, -1)`, `!string slice too long`},

		{`string.char(), string.char(72, 105), string.char(0, 255), string.char("65")`, "[] [Hi] [\x00\xff] [A]"},
		{`string.char(65, 256)`, `!bad argument #2 to char (invalid value)`},
		{`string.char(-1)`, `!bad argument #1 to char (invalid value)`},
		{`string.char("x")`, `!bad argument #1 to char (number expected, got string)`},
	})
}

func TestStringUpperLowerReverseRep(t *testing.T) {
	wantAll(t, [][2]string{
		{`("aZ19[` + "`" + `{@"):upper(), ("aZ19[` + "`" + `{@"):lower()`, "[AZ19[`{@] [az19[`{@]"},
		{`("straße éÉ"):upper(), ("STRAßE éÉ"):lower()`, `[STRAßE éÉ] [straße éÉ]`},
		{`("\255\0a"):upper() == "\255\0A", (""):lower()`, `true []`},
		{`("abc"):reverse(), (""):reverse(), ("é"):reverse() == "\169\195"`, `[cba] [] true`},
		{`("ab"):rep(3), ("ab"):rep(1), ("ab"):rep(0), ("ab"):rep(-1), ("ab"):rep(2.9)`, `[ababab] [ab] [] [] [abab]`},
		{`(""):rep(1e12), ("a"):rep(-1e300), ("a"):rep(0/0)`, `[] [] []`},
		{`#("ab"):rep(8 * 1024 * 1024)`, `16777216`},
		{`("ab"):rep(8 * 1024 * 1024 + 1)`, `!string.rep: the result would have 16777218 bytes, the limit is 16777216`},
		{`("x"):rep(1e12)`, `!string.rep: the result would have 1000000000000 bytes, the limit is 16777216`},
		{`pcall(string.rep, ("x"):rep(1024), 2^53)`, `false [<string>:1: string.rep: the result would have 9223372036854775808 bytes, the limit is 16777216]`},
		{`#("x"):rep(1e300)`, `!string.rep: the result would have 9223372036854775808 bytes, the limit is 16777216`},
		{`("x"):rep()`, `!bad argument #2 to rep (number expected, got nil)`},
	})
}

func TestStringFind(t *testing.T) {
	wantAll(t, [][2]string{
		{`("hello"):find("l"), ("hello"):find("xyz"), ("hello"):find("l+")`, `3 nil 3 4`},
		{`("hello"):find("l", 4)`, `4 4`},
		{`("hello"):find("l", -1)`, `nil`},
		{`("hello"):find("l", -2)`, `4 4`},
		{`("hello"):find("h", -99)`, `1 1`},
		{`(""):find("")`, `1 0`},
		{`("abc"):find("")`, `1 0`},
		{`("abc"):find("", 3)`, `3 2`},
		{`("abc"):find("", 10)`, `4 3`},
		{`("abc"):find("x*", 10)`, `4 3`},
		{`("a.c"):find(".", 2)`, `2 2`},
		{`("abc."):find(".", 1, true)`, `4 4`},
		{`("a+b"):find("+", 1, true)`, `2 2`},
		{`("a+b"):find("+", 3, true)`, `nil`},
		{`("a+b"):find("a+", 1, false)`, `1 1`},
		{`("key = value"):find("^(%w+)%s*=%s*(%w+)$")`, `1 11 [key] [value]`},
		{`("key"):find("()e()")`, `2 2 2 3`},
		{`("abc"):find("^b", 2)`, `2 2`},
		{`("a\0b"):find("\0", 1, true)`, `2 2`},
		{`("a\0b"):find("%z")`, `2 2`},
		{`(12345):find(34)`, `!attempt to index a non-table object(number) with key 'find'`},
		{`string.find(12345, 34)`, `3 4`},
		{`("a"):find("%")`, `!malformed pattern (ends with '%')`},
		{`("a"):find("[a")`, `!malformed pattern (missing ']')`},
		{`("a"):find("(a")`, `!unfinished capture`},
		{`("a"):find("a)")`, `!invalid pattern capture`},
		{`("a"):find("%1")`, `!invalid capture index`},
		{`("a"):find(("()"):rep(33))`, `!too many captures`},
		{`("a"):find(("a?"):rep(20000))`, `!pattern too complex (more than 16384 items)`},
		{`("a"):find()`, `!bad argument #2 to find (string expected, got nil)`},
	})
}

func TestStringMatch(t *testing.T) {
	wantAll(t, [][2]string{
		{`("hello"):match("l+"), ("hello"):match("x")`, `[ll] nil`},
		{`("load: 0.15"):match("(%a+):%s*([%d.]+)")`, `[load] [0.15]`},
		{`("abc"):match("()b()")`, `2 3`},
		{`("abcabc"):match("b", 3), ("abc"):match("a", 2), ("abc"):match(".-"), ("abc"):match("", 9)`, `[b] nil [] []`},
		{`("  trim me  "):match("^%s*(.-)%s*$")`, `[trim me]`},
		{`("THE (quick) fox"):match("%((%a+)%)")`, `[quick]`},
		{`string.match("x", "((a)|x)")`, `nil`},
	})
}

func TestStringGmatch(t *testing.T) {
	L := newStringState(t, stringLimits{maxBytes: testStringBytes})
	if err := L.DoString(`
		function all(s, pattern)
			local found = {}
			for a, b in string.gmatch(s, pattern) do
				found[#found + 1] = b and (a .. "=" .. b) or a
			end
			return table.concat(found, ",")
		end`); err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]string{
		{`all("one two  three", "%a+")`, `[one,two,three]`},
		{`all("a=1, b=2", "(%w+)=(%w+)")`, `[a=1,b=2]`},
		{`all("abc", "()")`, `[1,2,3,4]`},
		{`all("abc", "x*")`, `[,,,]`},
		{`all("abc", "%w*")`, `[abc,]`},
		{`all("", ".")`, `[]`},
		{`all("^a^a", "^a")`, `[^a,^a]`},
		{`all("aaa", "^a")`, `[]`},
		{`type(string.gmatch("a", "a")), string.gfind("ab", "b")()`, `[function] [b]`},
		{`string.gmatch("a", "(")`, `!unfinished capture`},
		{`string.gmatch("a")`, `!bad argument #2 to gmatch (string expected, got nil)`},
		{`select("#", string.gmatch("a", "b")())`, `0`},
		{`(function() local f = string.gmatch("a", "a"); return f(), (f()), (f()) end)()`, `[a] nil nil`},
	} {
		if got := evaluate(L, pair[0]); got != pair[1] {
			t.Errorf("%s\n got %s\nwant %s", pair[0], got, pair[1])
		}
	}
}

func TestStringGsub(t *testing.T) {
	wantAll(t, [][2]string{
		{`("hello world"):gsub("o", "0")`, `[hell0 w0rld] 2`},
		{`("hello world"):gsub("o", "0", 1)`, `[hell0 world] 1`},
		{`("hello"):gsub("l", "L", 0)`, `[hello] 0`},
		{`("hello"):gsub("l", "L", -1)`, `[hello] 0`},
		{`("hello"):gsub("x", "y")`, `[hello] 0`},
		{`("hello"):gsub("", "-")`, `[-h-e-l-l-o-] 6`},
		{`("hello"):gsub("x*", "-")`, `[-h-e-l-l-o-] 6`},
		{`("abc"):gsub("%w*", "x")`, `[xx] 2`},
		{`(""):gsub("", "x")`, `[x] 1`},
		{`(""):gsub("%w", "x")`, `[] 0`},
		{`("abc"):gsub("^%w", "x")`, `[xbc] 1`},
		{`("abc"):gsub("^b", "x")`, `[abc] 0`},
		{`("aaa"):gsub("^a", "x")`, `[xaa] 1`},
		{`("abc"):gsub("$", "!")`, `[abc!] 1`},
		{`("abc"):gsub("%w", "%0%0")`, `[aabbcc] 3`},
		{`("abc"):gsub("%w", "%1")`, `[abc] 3`},
		{`("hello world"):gsub("(%w+) (%w+)", "%2 %1")`, `[world hello] 1`},
		{`("abc"):gsub("()b()", "<%1,%2>")`, `[a<2,3>c] 1`},
		{`("abc"):gsub("b", "%%")`, `[a%c] 1`},
		{`("abc"):gsub("b", "%.")`, `[a.c] 1`},
		{`("abc"):gsub("b", "%2")`, `!invalid capture index`},
		{`("abc"):gsub("(b)", "%2")`, `!invalid capture index`},
		{`("abc"):gsub("b", "%")`, `!invalid use of '%' in replacement string`},
		{`("abc"):gsub("b", 42)`, `[a42c] 1`},
		{`("  a  b "):gsub("%s+", " ")`, `[ a b ] 3`},
		{`("abc"):gsub("[ac]", "")`, `[b] 2`},
		{`("abc"):gsub(".+", "")`, `[] 1`},

		{`("$a $b $c"):gsub("%$(%w)", {a = "1", b = 2, c = false})`, `[1 2 $c] 3`},
		{`("abc"):gsub("%w", {})`, `[abc] 3`},
		{`("abc"):gsub("()%w", {"x", "y"})`, `[xyc] 3`},
		{`("abc"):gsub("b", setmetatable({}, {__index = function(_, key) return key:upper() end}))`, `[aBc] 1`},
		{`("abc"):gsub("b", {b = {}})`, `!invalid replacement value (a table)`},
		{`("abc"):gsub("b", {b = true})`, `!invalid replacement value (a boolean)`},

		{`("abc"):gsub("%w", function(c) return c:upper() end)`, `[ABC] 3`},
		{`("abc"):gsub("%w", function(c) if c == "b" then return "<" .. c .. ">" end end)`, `[a<b>c] 3`},
		{`("abc"):gsub("%w", function() return false end)`, `[abc] 3`},
		{`("abc"):gsub("%w", function() return 1.5 end)`, `[1.51.51.5] 3`},
		{`("a=1"):gsub("(%w)=(%w)", function(...) return select("#", ...) end)`, `[2] 1`},
		{`("ab"):gsub("()", function(at) return at end)`, `[1a2b3] 3`},
		{`("abc"):gsub("b", function() return {} end)`, `!invalid replacement value (a table)`},
		{`("abc"):gsub("b", function() return function() end end)`, `!invalid replacement value (a function)`},
		{`("abc"):gsub("b", function() error("mine", 0) end)`, `!mine`},
		{`("abc"):gsub("%w", function(c) return (c:gsub(".", "%0%0")) end)`, `[aabbcc] 3`},

		{`("abc"):gsub("b")`, `!bad argument #3 to gsub (string/function/table expected, got nil)`},
		{`("abc"):gsub("b", true)`, `!bad argument #3 to gsub (string/function/table expected, got boolean)`},
		{`("abc"):gsub("(", "x")`, `!unfinished capture`},
		{`("a"):rep(1024):gsub(".", ("b"):rep(20000))`, `!string.gsub: the result would have at least 16780000 bytes, the limit is 16777216`},
		{`("a"):rep(1024):gsub(".", function() return ("b"):rep(20000) end)`, `!string.gsub: the result would have at least 16780000 bytes, the limit is 16777216`},
	})
}

func TestStringFormat(t *testing.T) {
	wantAll(t, [][2]string{
		{`(""):format(), ("abc"):format(1), ("100%%"):format(), ("%d%%"):format(5)`, `[] [abc] [100%] [5%]`},
		{`("%d %i"):format(42, -42)`, `[42 -42]`},
		{`("%d %d %d %d"):format(3.9, -3.9, 0.5, -0.5)`, `[3 -3 0 0]`},
		{`("[%5d] [%-5d] [%05d] [%+d] [% d] [%.3d] [%8.3d] [%-08d] [%08.3d]"):format(42, 42, 42, 42, 42, 42, 42, 42, 42)`,
			`[[   42] [42   ] [00042] [+42] [ 42] [042] [     042] [42      ] [     042]]`},
		{`("[%05d] [%+d] [% d] [%.0d] [%.d]"):format(-42, -42, -42, 0, 0)`, `[[-0042] [-42] [-42] [] []]`},
		{`("%d %d"):format("12", " 0x10 "), ("%d"):format("010"), ("%.1f"):format("1e1")`, `[12 16] [10] [10.0]`},
		{`("%d"):format(-2^63), ("%d"):format(2^53)`, `[-9223372036854775808] [9007199254740992]`},
		{`("%u %u"):format(42, -1)`, `[42 18446744073709551615]`},
		{`("%o %#o %#o %x %X %#x %#X %#x"):format(8, 8, 0, 255, 255, 255, 255, 0)`, `[10 010 0 ff FF 0xff 0XFF 0]`},
		{`("[%08x] [%#8x] [%#08x] [%-#8x]"):format(255, 255, 255, 255)`, `[[000000ff] [    0xff] [0x0000ff] [0xff    ]]`},
		{`("%x %x %u"):format(-1, 2^63, 2^63)`, `[ffffffffffffffff 8000000000000000 9223372036854775808]`},
		{`("[%c%c] [%3c] [%-3c]"):format(72, 105, 65, 66)`, `[[Hi] [  A] [B  ]]`},
		{`("%c"):format(0) == "\0"`, `true`},

		{`("%f %f %.2f %.0f %5.1f|%-8.2f|%08.2f|%+.1f"):format(1, -0.5, 3.14159, 2.5, 2.25, 1.5, -1.5, 1)`,
			`[1.000000 -0.500000 3.14 2   2.2|1.50    |-0001.50|+1.0]`},
		{`("%e %.2e %E %.0e %#.0e"):format(12345, 12345, 0.00012, 5, 5)`, `[1.234500e+04 1.23e+04 1.200000E-04 5e+00 5.e+00]`},
		{`("%g %g %g %g %g %G"):format(100000, 1000000, 1e-5, 0.0001, 1/3, 1e-10)`, `[100000 1e+06 1e-05 0.0001 0.333333 1E-10]`},
		{`("%.3g %.10g %.0g %#g %.14g"):format(1234, 0.1, 15, 1.5, 2^53)`, `[1.23e+03 0.1 2e+01 1.50000 9.007199254741e+15]`},
		{`("%f %5.1f %e %G %05f %+f %d"):format(1/0, -1/0, 0/0, 1/0, 1/0, 1/0, 1)`, `[inf  -inf nan INF   inf +inf 1]`},
		{`("%a %A %.1a %a %a %a"):format(1.5, 255, 1.5, 0, -0.1, 2^100)`, `[0x1.8p+0 0X1.FEP+7 0x1.8p+0 0x0p+0 -0x1.999999999999ap-4 0x1p+100]`},
		{`("[%10a] [%010a] [%-10a] [%#a]"):format(1, 1, 1, 1)`, `[[    0x1p+0] [0x00001p+0] [0x1p+0    ] [0x1.p+0]]`},

		{`("%s %s %s %s"):format("a", 1, true, nil)`, `[a 1 true nil]`},
		{`("[%5s] [%-5s] [%.2s] [%5.1s] [%.0s]"):format("abc", "abc", "abc", "abc", "abc")`, `[[  abc] [abc  ] [ab] [    a] []]`},
		{`("%s"):format(setmetatable({}, {__tostring = function() return "mine" end}))`, `[mine]`},
		{`("%s"):format(setmetatable({}, {__tostring = function() return {} end}))`, `!'__tostring' must return a string`},
		{`("%s"):format("a\0b") == "a\0b", #("%s"):format(("x"):rep(200))`, `true 200`},
		{`("%q"):format("a \"b\" \\ \n \r \0 c")`, "[\"a \\\"b\\\" \\\\ \\\n \\r \\000 c\"]"},
		{`("%q"):format(12)`, `["12"]`},

		{`("%d"):format("x")`, `!bad argument #2 to 'format' (number expected, got string)`},
		{`("%s %d"):format(1, {})`, `!bad argument #3 to 'format' (number expected, got table)`},
		{`("%d"):format()`, `!bad argument #2 to 'format' (no value)`},
		{`("%s"):format()`, `!bad argument #2 to 'format' (no value)`},
		{`("%d"):format(nil)`, `!bad argument #2 to 'format' (number expected, got nil)`},
		{`("%q"):format({})`, `!bad argument #2 to 'format' (string expected, got table)`},
		{`("%d"):format(1e300)`, `!bad argument #2 to 'format' (number has no integer representation)`},
		{`("%d"):format(2^63)`, `!bad argument #2 to 'format' (number has no integer representation)`},
		{`("%d"):format(0/0)`, `!bad argument #2 to 'format' (number has no integer representation)`},
		{`("%i"):format(1/0)`, `!bad argument #2 to 'format' (number has no integer representation)`},
		{`("%x"):format(2^64)`, `!bad argument #2 to 'format' (number has no integer representation)`},
		{`("%c"):format(0/0)`, `!bad argument #2 to 'format' (number has no integer representation)`},
		{`("%y"):format(1)`, `!invalid option '%y' to 'format'`},
		{`("%5y"):format(1)`, `!invalid option '%y' to 'format'`},
		{`("%"):format(1)`, `!invalid option '%' to 'format'`},
		{`("%-5.2"):format(1)`, `!invalid option '%' to 'format'`},
		{`("%100d"):format(1)`, `!invalid format (width or precision too long)`},
		{`("%.100d"):format(1)`, `!invalid format (width or precision too long)`},
		{`#("%99.99f"):format(1), #("%.99f"):format(1e300)`, `101 401`},
		{`("%-+ #0-d"):format(1)`, `!invalid format (repeated flags)`},
		{`("%s%s"):format(("x"):rep(9000000), ("x"):rep(9000000))`, `!string.format: the result would have at least 18000000 bytes, the limit is 16777216`},
	})
}

func TestStringFormatQReadsBack(t *testing.T) {
	L := newStringState(t, stringLimits{maxBytes: testStringBytes})
	var every []byte
	for c := range 256 {
		every = append(every, byte(c))
	}
	L.SetGlobal("every", lua.LString(every))
	if got := evaluate(L, `loadstring("return " .. ("%q"):format(every))() == every`); got != "true" {
		t.Error(got)
	}
}

func TestNumbersInStringsAreLuas(t *testing.T) {
	for _, test := range []struct {
		s    string
		want float64
	}{
		{"0", 0}, {"12", 12}, {"-3.5", -3.5}, {" \t\n\v\f\r7 ", 7}, {"1e3", 1000}, {".5", .5}, {"5.", 5}, {"+1", 1},
		{"0x1F", 31}, {"-0xa", -10}, {"010", 10}, {"08", 8}, {"1e999", math.Inf(1)},
	} {
		if got, ok := parseLuaNumber(test.s); !ok || got != test.want {
			t.Errorf("%q: %v, %v; want %v", test.s, got, ok, test.want)
		}
	}
	for _, s := range []string{"", " ", "x", "1x", "1 2", "--1", "+-1", "1_000", "0b1", "0o7", "0x", "0x1p2", "0x1.8", "0xg", "inf", "nan", "infinity", "e5", ".", "1e"} {
		if got, ok := parseLuaNumber(s); ok {
			t.Errorf("%q: %v, want none", s, got)
		}
	}
}

func TestStringsWithoutPatternsAgreeWithGopherLua(t *testing.T) {
	agree(t, []string{
		`("hello"):sub(2, -2), ("hello"):byte(1), ("hello"):rep(3), ("hello"):reverse(), ("Hello"):upper(), ("Hello"):lower()`,
		`("%d %5.2f %s %x"):format(42, 1.5, "a", 255)`,
	})
}

func TestPatternsAgreeWithGopherLua(t *testing.T) {
	var expressions []string
	subjects := []string{"", "hello world", "key = value", "  trim  ", "a,b,,c", "THE (quick) fox", "12.5%", "/usr/lib/x.so", "x=1;y=22", "[a](b)", "aXbXc"}
	patterns := []string{
		"l+", "o", "%a+", "%d+", "%s+", "(%w+)", "(%w+)%s*=%s*(%w+)", "^%s*(.-)%s*$", "[^,]*", "([^,]+),([^,]+)", "%((%a+)%)", "%b()",
		"[%w_]+", "^(.*)/([^/]*)$", "%.(%w+)$", "(%d+)%.(%d+)", ".-X", "%u%u+", "[a-f%d]+", "(.)%1", "()%w()", "e?l?", "%%$", "x*",
	}
	for _, s := range subjects {
		for _, p := range patterns {
			// An empty match behind the end is where gopher-lua differs, so that
			// patterns that can be empty are only found once.
			expressions = append(expressions, fmt.Sprintf("(%q):find(%q)", s, p))
		}
	}
	agree(t, expressions)
}

func agree(t *testing.T, expressions []string) {
	t.Helper()
	ours, theirs := newStringState(t, stringLimits{maxBytes: testStringBytes}), newGopherStringState(t)
	for _, e := range expressions {
		if got, want := evaluate(ours, e), evaluate(theirs, e); got != want {
			t.Errorf("%s: %s, gopher-lua says %s", e, got, want)
		}
	}
}

func TestSmallPartsDoNotKeepLargeStrings(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	for _, test := range []struct{ from, to int }{{0, 0}, {5, 10}, {0, 1 << 16}, {0, 1 << 19}, {0, 1 << 20}} {
		if got := detach(large, test.from, test.to); got != large[test.from:test.to] {
			t.Errorf("%d to %d: %d bytes", test.from, test.to, len(got))
		}
	}
	if n := testing.AllocsPerRun(10, func() { _ = detach(large, 0, 1<<19) }); n != 0 {
		t.Errorf("half of the string: %v allocations, want none", n)
	}
}

// Each of these ran for seconds to hours in gopher-lua, whatever the deadline.
func TestStringFunctionsEndAtTheDeadline(t *testing.T) {
	errDeadline := errors.New("deadline exceeded")
	for _, expression := range []string{
		`("a"):rep(400):find(".-.-.-b")`,
		`("a"):rep(150):find("a*a*a*a*b")`,
		`("a"):rep(400):match("(.-)(.-)(.-)b")`,
		`("a"):rep(400):gmatch(".-.-.-b")()`,
		`("a"):rep(400):gsub(".-.-.-b", "x")`,
		`("("):rep(2e5):gsub("%b()", "x")`,
		`("a"):rep(2e5):gsub(".-b", "x")`,
		`("a"):rep(1e6):find(("a?"):rep(200) .. "b")`,
		`("a"):rep(5e6):gsub("", ("%1"):rep(1e6))`,
		`(function() while true do ("a"):rep(1e6) end end)()`,
		`(function() local s = ("a"):rep(1e6); while true do s:upper() s:reverse() s:find("b", 1, true) end end)()`,
		`(function() local s = ("a"):rep(1e6); while true do s:gsub("b", "") end end)()`,
		`(function() local f = ("%%"):rep(1e6); while true do f:format() end end)()`,
		`(function() local s = ("\\0"):rep(1e6); while true do ("%q"):format(s) end end)()`,
	} {
		t.Run(expression, func(t *testing.T) {
			begun := time.Now()
			L := newStringState(t, stringLimits{maxBytes: testStringBytes, interrupted: func(*lua.LState) error {
				if time.Since(begun) > 50*time.Millisecond {
					return errDeadline
				}
				return nil
			}})
			got := evaluate(L, expression)
			took := time.Since(begun)
			if !strings.HasSuffix(got, "deadline exceeded") {
				t.Errorf("%.80s", got)
			}
			// Generous, for a busy machine under the race detector.
			if took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestGsubIsLinear(t *testing.T) {
	L := newStringState(t, stringLimits{maxBytes: testStringBytes})
	for _, expression := range []string{
		`#("a"):rep(1e6):gsub("a", "bb")`,
		`#("a "):rep(1e6):gsub("%s+", " ")`,
		`#("a"):rep(1e6):gsub("a", function() end)`,
		`#("a"):rep(1e6):gsub("a", {})`,
	} {
		begun := time.Now()
		if got := evaluate(L, expression); strings.HasPrefix(got, "!") {
			t.Errorf("%s: %s", expression, got)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%s took %v", expression, took)
		}
	}
}

func TestAnIteratorCanBeCalledFromAnotherCoroutine(t *testing.T) {
	L := newStringState(t, stringLimits{maxBytes: testStringBytes})
	lua.OpenCoroutine(L)
	got := evaluate(L, `(function()
		local f = string.gmatch("a b c", "%a")
		local other = coroutine.wrap(function() coroutine.yield(f()) return f() end)
		return other(), f(), other()
	end)()`)
	if want := "[a] [b] [c]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
