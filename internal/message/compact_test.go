package message_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
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
		{"the order of keys stays", `{"z":1,"a":2,"y":3}`, `{"z":1,"a":2,"y":3}`},
		{"one key in many objects", `{"a":{"a":[{"a":1},{"a":2},{"b":{"a":3},"a":"a"}]},"b":"a"}`, `{"a":{"a":[{"a":1},{"a":2},{"b":{"a":3},"a":"a"}]},"b":"a"}`},
		{"keys that differ", `{"":1,"a":2,"A":3,"\\":4,"\\\\":5,"\u0000":6,"b a":7}`, `{"":1,"a":2,"A":3,"\\":4,"\\\\":5,"\u0000":6,"b a":7}`},
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
		{"a key twice", `{"a":1,"b":2,"a":3}`, `the key a a second time, at byte 13 of "{\"a\":1,\"b\":2,\"a\":3}"`},
		{"a key twice, further down", ` {"x":[{"a b":1}, {"event":{"c":{"c":1},"c":2 , "c" : 3}}]}`,
			`the key x[1].event.c a second time, at byte 40 of "{\"x\":[{\"a b\":1}, {\"event\":{\"c\":{\"c\":1},\"c\":2 , \"c\" : 3}}]}"`},
		{"a key that is no name, twice", `{"event":{"a b":1,"c":{},"a b":1}}`, `the key event["a b"] a second time, at byte 25 of "{\"event\":{\"a b\":1,\"c\":{},\"a b\":1}}"`},
		{"a key spelled in two ways", `{"h\u006fst":1,"host":2}`, `the key host a second time, at byte 15 of "{\"h\\u006fst\":1,\"host\":2}"`},
		{"an empty key twice", `{"":[{"":1}],"":2}`, `the key [""] a second time, at byte 13 of "{\"\":[{\"\":1}],\"\":2}"`},
		{"a key after an object with many", `{"a":{` + keys(0, 100) + `},"b":{` + keys(0, 100) + `},"a":1}`, `the key a a second time, at byte 1593 of ` + excerpted(`{"a":{`+keys(0, 100))},
		{"one of many keys twice", `{` + keys(0, 100) + `,` + keys(7, 8) + `}`, `the key k7 a second time, at byte 791 of ` + excerpted(`{`+keys(0, 100))},
		{"one of many keys twice, spelled in two ways", `{` + keys(0, 100) + `,"\u006b7":1}`, `the key k7 a second time, at byte 791 of ` + excerpted(`{`+keys(0, 100))},
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

// keys are the members k7, k8, … of an object.
func keys(from, to int) string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf(`"k%d":0`, i))
	}
	return strings.Join(all, ",")
}

// excerpted is how an error quotes a long text.
func excerpted(text string) string { return strconv.Quote(text[:60] + "…") }

// An object with very many keys costs no more for each of them than one with a few: to compare each with each takes
// minutes.
func TestCompactOfManyKeysIsLinear(t *testing.T) {
	start := time.Now()
	if _, err := message.Compact(nil, []byte(`{`+keys(0, 200_000)+`}`)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 25*time.Second {
		t.Errorf("200,000 keys took %v", took)
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
	for _, s := range []string{"{}", ` {"a" : [1, 2.50]} `, `{"a":{"a":1,"b":2},"\u0061":3}`, "[1]", "{} {}", `{"a":"\u2028"}`, "{\"a\":\"\xff\"}", `{"a":{"b":null}}`, ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := message.Compact([]byte("x"), in)
		trimmed := bytes.Trim(in, " \t\r\n\v\f")
		valid := json.Valid(trimmed) && utf8.Valid(trimmed) && trimmed[0] == '{'
		if valid && err == nil && keyTwice(t, trimmed) {
			t.Fatalf("%q: a key is there twice, and it is taken", in)
		}
		if valid && err != nil { // then because of a number, of a surrogate that encoding/json replaces, or of a key
			var v map[string]any
			refused := json.Unmarshal(trimmed, &v) != nil || bytes.Contains(trimmed, []byte(`\u`)) || keyTwice(t, trimmed)
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

// keyTwice tells whether an object in valid JSON has a key twice.
func keyTwice(t *testing.T, data []byte) bool {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var walk func() bool
	walk = func() bool {
		token, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		open, isDelim := token.(json.Delim)
		if !isDelim {
			return false
		}
		twice, seen := false, map[string]bool{}
		for decoder.More() {
			if open == '{' {
				key, err := decoder.Token()
				if err != nil {
					t.Fatal(err)
				}
				twice = twice || seen[key.(string)]
				seen[key.(string)] = true
			}
			twice = walk() || twice
		}
		if _, err := decoder.Token(); err != nil {
			t.Fatal(err)
		}
		return twice
	}
	return walk()
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
