package luaapi

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

func TestJSONDecode(t *testing.T) {
	luaTest(t, `
		local decode = dp.json.decode
		assert(decode("5") == 5 and decode(" -0.5e2 ") == -50 and decode('"x"') == "x")
		assert(decode("true") == true and decode("false") == false and decode("null") == dp.null)
		local v = decode('{"a": [1, [], {}], "b": {"c": null}, "": 2}')
		assert(#v.a == 3 and v.a[1] == 1 and #v.a[2] == 0 and next(v.a[3]) == nil and v.b.c == dp.null and v[""] == 2)
		assert(decode('"\\u0041\\n\\ud83d\\ude00"') == "A\n\240\159\152\128")
		assert(decode('{"a": 1, "a": 2}').a == 2)
		assert(decode("9007199254740993") == 9007199254740992)
		for text, want in pairs{
			[""] = "ends too early", [" "] = "ends too early", ["{"] = "ends too early", ["[1,"] = "ends too early",
			["x"] = "not JSON", ["{a: 1}"] = "not JSON", ["[1 2]"] = "not JSON", ["[1,]"] = "not JSON", ["01"] = "more text after",
			["{} {}"] = "more text after the JSON value, at byte", ["1e999"] = "the number 1e999 is out of range",
			['"\255"'] = "not UTF-8", ["NaN"] = "not JSON", ["'x'"] = "not JSON", ['{"a" 1}'] = "not JSON", ['{1: 2}'] = "not JSON",
			["nul"] = "ends too early", ["]"] = "not JSON", [("["):rep(2000)] = "more than 1000 levels",
		} do
			local ok, why = pcall(decode, text)
			assert(not ok and why:find("json.decode: ", 1, true), text)
			assert(why:find(want, 1, true), text:sub(1, 20) .. " gives: " .. why)
		end
		for _, wrong in ipairs{5, true, {}, dp.null} do
			assert(not pcall(decode, wrong))
		end
		assert(not pcall(decode))`)
}

func TestJSONEncode(t *testing.T) {
	luaTest(t, `
		local function is(want, ...)
			local got = dp.json.encode(...)
			assert(got == want, got .. ", want " .. want)
		end
		is("5", 5) is("-0.5", -0.5) is('"x"', "x") is("true", true) is("null", dp.null)
		is("[]", {}) is("[]", dp.array{}) is("[1,2]", {1, 2}) is('{"a":{"b":[]}}', {a = {b = {}}})
		is('{"value":5,"unit":"s"}', dp.Value(5, {unit = "s"}))
		is('{"v":3,"time":5,"location":{},"event":{"name":"x","vset":{"value":{"value":1}}}}', dp.Message{aspect = "x", value = 1, time = 5})
		is('[{"v":3,"time":5,"location":{},"event":{"name":"x","vset":{"value":{"value":1}}}}]', {dp.Message{aspect = "x", value = 1, time = 5}})
		-- as in a message: objects where the schema has objects
		is('{"location":{},"event":{"vset":{},"state":{}},"tags":[]}', {location = {}, event = {vset = {}, state = {}}, tags = {}})
		for want, wrong in pairs{
			["a.b[2]: NaN cannot be written as JSON"] = {a = {b = {1, 0/0}}}, ["json.encode: -infinity"] = -1/0,
			["a function cannot be written"] = print, ["is not UTF-8"] = "\255", ["[1]: a thread"] = {coroutine.create(print)},
			["more than 64 levels"] = (function() local t = {} for i = 1, 70 do t = {t} end return t end)(),
			["with both a list and keys"] = {1, a = 2},
		} do
			local ok, why = pcall(dp.json.encode, wrong)
			assert(not ok and why:find(want, 1, true), why)
		end
		local t = {}
		t.t = t
		local ok, why = pcall(dp.json.encode, t)
		assert(not ok and why:find("t: the table contains itself (a cycle)", 1, true), why)
		assert(not pcall(dp.json.encode) and not pcall(dp.json.encode, nil))
		local long = ("x"):rep(1e6)
		local t = {}
		for i = 1, 20 do t[i] = long end
		local ok, why = pcall(dp.json.encode, t)
		assert(not ok and why:find("larger than 16777216 bytes", 1, true), why)`)
}

// What is decoded is encoded as it was.
func TestJSONRoundTrip(t *testing.T) {
	s := loadScript(t, checkOf(`return {}`))
	for _, text := range []string{
		`null`, `true`, `0`, `-1.5`, `"x"`, `[]`, `{}`, `[[]]`, `[{}]`, `{"a":{}}`, `{"a":[]}`, `{"a":{"b":{"c":[{},[],null]}}}`,
		`{"z":1,"y":2,"x":3}`, `9007199254740992`, `1e300`, `"\u0000\u2028"`, `[1,[2,[3,[4]]]]`, `{"location":[],"event":{"vset":[]}}`,
	} {
		got := s.encode(s.decode(text))
		if got != text {
			t.Errorf("%s is encoded as %s", text, got)
		}
	}
}

// A decoded object that was empty is an ordinary table.
func TestDecodedTablesCanBeChanged(t *testing.T) {
	luaTest(t, `
		local v = dp.json.decode('{"object": {}, "list": []}')
		v.object.a = 1
		v.list[1] = {}
		assert(dp.json.encode(v) == '{"object":{"a":1},"list":[[]]}', dp.json.encode(v))
		v = dp.json.decode("{}")
		v[1] = 5
		assert(dp.json.encode(v) == "[5]", dp.json.encode(v))
		assert(getmetatable(dp.json.decode('{"a": 1}')) == nil)
		setmetatable(dp.json.decode("{}"), {})
		setmetatable(dp.json.decode("[]"), {})`)
}

func (s *testScript) decode(text string) lua.LValue {
	s.t.Helper()
	v, err := s.tryDecode(text)
	if err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	return v
}

func (s *testScript) tryDecode(text string) (v lua.LValue, err error) {
	s.t.Helper()
	s.do(func(r *Run) { v, err = r.decodeJSON(text) })
	return v, err
}

func (s *testScript) encode(v lua.LValue) string {
	s.t.Helper()
	var out []byte
	s.do(func(*Run) {
		e := encoder{maxBytes: 1 << 20, maxDepth: 64}
		var err *message.PathError
		if out, err = e.any(nil, v); err != nil {
			s.t.Fatal(err)
		}
	})
	return string(out)
}

// with is the script in another test, as a fuzz target is one.
func (s *testScript) with(t testing.TB) *testScript {
	other := *s
	other.t = t
	return &other
}

// What is decoded has a limit.
func TestDecodeALot(t *testing.T) {
	s := loadScriptWith(t, checkOf(`return {}`), Limits{DecodedValues: 1000})
	list := s.decode("[" + strings.Repeat("1,", 998) + "1]").(*lua.LTable)
	if n := list.Len(); n != 999 {
		t.Errorf("the list has %d elements, want 999", n)
	}
	_, err := s.tryDecode("[" + strings.Repeat("1,", 999) + "1]")
	if err == nil || err.Error() != "the JSON text has more than 1000 values" {
		t.Errorf("one more gives %v", err)
	}
}

// Decoding counts for max_instructions, also within one call.
func TestDecodingCounts(t *testing.T) {
	s := loadScript(t, checkOf(`dp.json.decode("[" .. ("1,"):rep(100000) .. "1]") return {}`))
	o := s.wait(s.start(1, RunOptions{Timeout: longTime, MaxInstructions: 1_000_000}))
	var over *BudgetError
	if !errors.As(o.err, &over) {
		t.Errorf("it ended with %v", o.err)
	}
	if n := o.batch.Instructions; n > 1_100_000 {
		t.Errorf("it counted %d instructions before it ended", n)
	}
}

// FuzzDecode: no text panics; what is decoded is JSON for encoding/json too, and is encoded as valid JSON
// that decodes to the same.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"a": [1, 2.5, "x", null, true], "b": {}}`, `[]`, `"\ud800"`, `1e400`, `{"a":1,"a":2}`, "\xff", `[[[[[[`, `{"":{"":{}}}`, `-0`, `[1,]`, "\"\xff\"",
	} {
		f.Add(seed)
	}
	s := loadScript(f, checkOf(`return {}`))
	f.Fuzz(func(t *testing.T, text string) {
		s := s.with(t)
		v, err := s.tryDecode(text)
		if err != nil {
			if json.Valid([]byte(text)) && utf8.ValidString(text) && len(text) < 900 && !strings.Contains(err.Error(), "out of range") {
				t.Fatalf("valid JSON is refused: %q: %v", text, err)
			}
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("what is no JSON is decoded: %q", text)
		}
		e := encoder{maxBytes: 1 << 20, maxDepth: 1100}
		out, perr := e.any(nil, v)
		if perr != nil {
			t.Fatalf("%q is decoded and not encoded: %v", text, perr)
		}
		if !json.Valid(out) {
			t.Fatalf("%q is encoded as %q", text, out)
		}
		again, err := s.tryDecode(string(out))
		if err != nil || !sameValue(v, again) {
			t.Fatalf("%q is encoded as %q, which is another value: %v", text, out, err)
		}
	})
}

// FuzzEncode: whatever value Lua can hold, the encoder gives valid JSON or an error.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("\x01\x02abc\x03\x04\x05\x06\x07"))
	f.Add([]byte("\x05\x01\x05\x02\x06\x06\x06\xff\xff"))
	s := loadScript(f, checkOf(`return {}`))
	f.Fuzz(func(t *testing.T, recipe []byte) {
		s := s.with(t)
		m := valueMaker{s: s, recipe: recipe}
		v := m.value(0)
		e := encoder{maxBytes: 1 << 16, maxDepth: 20}
		out, err := e.any(nil, v)
		if err == nil && (!json.Valid(out) || !utf8.Valid(out)) {
			t.Fatalf("no JSON: %q", out)
		}
		if err == nil {
			again, err := s.tryDecode(string(out))
			if err != nil {
				t.Fatalf("%q is not decoded: %v", out, err)
			}
			if second, perr := e.any(nil, again); perr != nil || string(second) != string(out) {
				t.Fatalf("%q is decoded and encoded as %q, %v", out, second, perr)
			}
		}
	})
}

// valueMaker makes a Lua value of bytes.
type valueMaker struct {
	s      *testScript
	recipe []byte
	tables []*lua.LTable
}

func (m *valueMaker) next() byte {
	if len(m.recipe) == 0 {
		return 0
	}
	b := m.recipe[0]
	m.recipe = m.recipe[1:]
	return b
}

func (m *valueMaker) text() string {
	n := min(int(m.next()%8), len(m.recipe))
	s := string(m.recipe[:n])
	m.recipe = m.recipe[n:]
	return s
}

func (m *valueMaker) value(depth int) lua.LValue {
	switch kind := m.next() % 12; {
	case kind == 1:
		return lua.LString(m.text())
	case kind == 2:
		return lua.LBool(m.next()%2 == 0)
	case kind == 3:
		bits := uint64(0)
		for range 8 {
			bits = bits<<8 | uint64(m.next())
		}
		return lua.LNumber(math.Float64frombits(bits))
	case kind == 4:
		return m.s.vm.shared.null
	case kind <= 8 && depth < 25:
		t := m.s.vm.state.CreateTable(0, 0)
		m.tables = append(m.tables, t)
		if kind == 5 {
			t.Metatable = m.s.vm.shared.arrayMeta
		}
		for range m.next() % 6 {
			v := m.value(depth + 1)
			if kind == 6 {
				t.RawSet(lua.LNumber(m.next()%7), v)
			} else if kind == 7 {
				t.RawSetString(m.text(), v)
			} else {
				t.Append(v)
			}
		}
		return t
	case kind == 9 && len(m.tables) > 0:
		return m.tables[int(m.next())%len(m.tables)] // maybe a cycle
	}
	return lua.LNumber(m.next())
}

func sameValue(a, b lua.LValue) bool {
	x, isTable := a.(*lua.LTable)
	if !isTable {
		return a == b
	}
	y, ok := b.(*lua.LTable)
	if !ok {
		return false
	}
	n := 0
	for key, v := x.Next(lua.LNil); key != lua.LNil; key, v = x.Next(key) {
		n++
		if !sameValue(v, y.RawGet(key)) {
			return false
		}
	}
	for key, _ := y.Next(lua.LNil); key != lua.LNil; key, _ = y.Next(key) {
		n--
	}
	return n == 0 && isArray(x) == isArray(y)
}
