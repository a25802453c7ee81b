package message_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"dumbprobe/internal/message"
)

func TestCompact(t *testing.T) {
	for _, test := range []struct {
		name, in, want string
	}{
		{"empty object", "{}", "{}"},
		{"white space goes", " {\r\n\t\"a\" : [ 1 , 2 ] ,\"b\": { } }\n\v\f", `{"a":[1,2],"b":{}}`},
		{"white space in strings stays", `{"a b":" c "}`, `{"a b":" c "}`},
		{"the order of keys stays", `{"z":1,"a":2,"z":3}`, `{"z":1,"a":2,"z":3}`},
		{"the spelling of numbers stays", `{"a":1.00,"b":1E+03,"c":123456789012345678901}`, `{"a":1.00,"b":1E+03,"c":123456789012345678901}`},
		{"the spelling of strings stays", `{"\u0061":"\/<&>\\\ud83d\uDE00\\ud800"}`, `{"\u0061":"\/<&>\\\ud83d\uDE00\\ud800"}`},
		{"large and small numbers", `{"a":-1e308,"b":1e-400,"c":0e999}`, `{"a":-1e308,"b":1e-400,"c":0e999}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := message.Compact([]byte("x"), []byte(test.in))
			if err != nil || string(got) != "x"+test.want {
				t.Errorf("got %s, %v, want x%s", got, err, test.want)
			}
		})
	}
}

func TestCompactSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name, in, want string
	}{
		{"empty", "", `nothing where a JSON object was expected at byte 0 of ""`},
		{"white space", " \n ", `nothing where a JSON object was expected at byte 3 of ""`},
		{"list", " [1]", `a list where a JSON object was expected at byte 1 of "[1]"`},
		{"number", "12", `a number where a JSON object was expected at byte 0 of "12"`},
		{"string", `"a"`, `a string where a JSON object was expected at byte 0 of "\"a\""`},
		{"boolean", "true", `a boolean where a JSON object was expected at byte 0 of "true"`},
		{"null", "null", `null where a JSON object was expected at byte 0 of "null"`},
		{"garbage", "OK - fine", `no JSON object at byte 0 of "OK - fine"`},
		{"byte order mark", "\uFEFF{}", `no JSON object at byte 0 of "\ufeff{}"`},
		{"two objects", "{} {}", `invalid character '{' after top-level value at byte 3 of "{} {}"`},
		{"cut off", ` {"a":1`, `unexpected end of JSON input at byte 7 of "{\"a\":1"`},
		{"cut off in a literal", `{"a":tr`, `unexpected end of JSON input at byte 7 of "{\"a\":tr"`},
		{"a space where it cannot be", `{"a":tr }`, `invalid character ' ' in literal true (expecting 'u') at byte 7 of "{\"a\":tr }"`},
		{"syntax", ` {"a":}`, `invalid character '}' looking for beginning of value at byte 6 of "{\"a\":}"`},
		{"newline in a string", "{\"a\":\"\n\"}", `invalid character '\n' in string literal at byte 6 of "{\"a\":\"\n\"}"`},
		{"not UTF-8", "{\"a\":\"\xff\"}", `not valid UTF-8 at byte 6 of "{\"a\":\"\xff\"}"`},
		{"a number that is too large", ` {"a":[1,-1e400]}`, `a number that is too large for a float64 at byte 9 of "{\"a\":[1,-1e400]}"`},
		{"a number of too many digits", `{"a":1` + strings.Repeat("0", 309) + `}`, `a number that is too large for a float64 at byte 5 of "{\"a\":1` + strings.Repeat("0", 54) + `…"`},
		{"half of a surrogate pair", `{"a":"x\ud800"}`, `half of a surrogate pair, which is no character, at byte 7 of "{\"a\":\"x\\ud800\"}"`},
		{"the other half", `{"a\uDC00":1}`, `half of a surrogate pair, which is no character, at byte 3 of "{\"a\\uDC00\":1}"`},
		{"two halves that are no pair", `{"a":"\ud800\u0041"}`, `half of a surrogate pair, which is no character, at byte 6 of "{\"a\":\"\\ud800\\u0041\"}"`},
		{"the excerpt is short", `{"a":` + strings.Repeat("é", 1000), `invalid character 'Ã' looking for beginning of value at byte 5 of "{\"a\":` +
			strings.Repeat("é", 27) + `…"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := message.Compact([]byte("x"), []byte(test.in))
			if _, ok := errors.AsType[*message.SyntaxError](err); !ok || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if string(got) != "x" {
				t.Errorf("dst is %q", got)
			}
		})
	}
}

func TestCompactBoundsTheDepth(t *testing.T) {
	nested := func(depth int) []byte {
		return []byte(`{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}")
	}
	if _, err := message.Compact(nil, nested(10_000)); err != nil {
		t.Errorf("10,000 deep: %v", err)
	}
	if _, err := message.Compact(nil, nested(10_001)); err == nil {
		t.Error("10,001 deep was taken")
	}
	if _, err := message.Compact(nil, []byte(strings.Repeat(`{"a":`, 1_000_000))); err == nil {
		t.Error("a million objects left open were taken")
	}
}

func FuzzCompact(f *testing.F) {
	for _, s := range []string{"{}", ` {"a" : [1, 2.50]} `, "[1]", "{} {}", `{"a":"\u2028"}`, "{\"a\":\"\xff\"}", `{"a":{"b":null}}`, ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := message.Compact([]byte("x"), in)
		trimmed := bytes.Trim(in, " \t\r\n\v\f")
		valid := json.Valid(trimmed) && utf8.Valid(trimmed) && trimmed[0] == '{'
		if valid && err != nil { // then because of a number, or of a surrogate that encoding/json replaces
			var v map[string]any
			refused := json.Unmarshal(trimmed, &v) != nil || bytes.Contains(trimmed, []byte(`\u`))
			if !refused {
				t.Fatalf("%q is refused: %v", in, err)
			}
			valid = false
		}
		if valid != (err == nil) {
			t.Fatalf("%q: valid is %v, but the error %v", in, valid, err)
		}
		if err != nil {
			if string(got) != "x" {
				t.Fatalf("%q: dst is %q after an error", in, got)
			}
			e, _ := errors.AsType[*message.SyntaxError](err)
			if e.Offset < 0 || e.Offset > len(in) {
				t.Fatalf("%q: offset %d", in, e.Offset)
			}
			return
		}
		var want bytes.Buffer
		if err := json.Compact(&want, trimmed); err != nil || string(got) != "x"+want.String() {
			t.Fatalf("%q: got %q, want %q, %v", in, got, want.String(), err)
		}
		if bytes.ContainsAny(got, "\n\r") {
			t.Fatalf("%q: %q is not one line", in, got)
		}
	})
}

var pretty = []byte(`{
  "v": 3, "time": 1376261660,
  "location": {"host": "web01.example.net", "filesystem": "/"},
  "event": {
    "name": "disk space",
    "vset": {"free": {"value": 1.5, "unit": "GB"}, "total": {"value": 12.5, "unit": "GB"}},
    "comment": "nearly full"
  }
}
`)

func BenchmarkCompact(b *testing.B) {
	buf := make([]byte, 0, 4096)
	b.SetBytes(int64(len(pretty)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = message.Compact(buf[:0], pretty); err != nil {
			b.Fatal(err)
		}
	}
}
