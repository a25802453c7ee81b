package message_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"dumbprobe/internal/message"

	"github.com/google/go-cmp/cmp"
)

// collect gives the objects in data, and the error that ended them.
func collect(data []byte) (objects []string, problem string) {
	for object, err := range message.Objects(data) {
		if err != nil {
			return objects, err.Error()
		}
		objects = append(objects, string(object))
	}
	return objects, ""
}

func TestObjects(t *testing.T) {
	for _, test := range []struct {
		name, in string
		want     []string
		problem  string
	}{
		{"nothing", "", nil, ""},
		{"white space", " \n\n", nil, ""},
		{"one", `{"a":1}`, []string{`{"a":1}`}, ""},
		{"one a line", "{\"a\":1}\n{\"b\":2}\r\n", []string{`{"a":1}`, `{"b":2}`}, ""},
		{"end to end", `{}{"b":{}}{}`, []string{"{}", `{"b":{}}`, "{}"}, ""},
		{"other white space", "\f{}\v\t{} \f", []string{"{}", "{}"}, ""},
		{"over lines", "{\n \"a\": [\n1\n]\n}\n{}", []string{"{\n \"a\": [\n1\n]\n}", "{}"}, ""},
		{"braces and quotes in strings", `{"}\"{":"\\"}{"a":"]}"}`, []string{`{"}\"{":"\\"}`, `{"a":"]}"}`}, ""},
		{"garbage alone", "command not found", nil, `no JSON object at byte 0 of "command not found"`},
		{"garbage after objects", "{} {}\nWARNING: x\n{}", []string{"{}", "{}"}, `no JSON object at byte 6 of "WARNING: x\n{}"`},
		{"a comma in between", "{},{}", []string{"{}"}, `no JSON object at byte 2 of ",{}"`},
		{"a list", "{}\n[{}]", []string{"{}"}, `a list where a JSON object was expected at byte 3 of "[{}]"`},
		{"null", "null", nil, `null where a JSON object was expected at byte 0 of "null"`},
		{"cut off", `{}{"a":`, []string{"{}"}, `unexpected end of JSON input at byte 7 of "{\"a\":"`},
		{"cut off in a string", `{"a\`, nil, `unexpected end of JSON input at byte 4 of "{\"a\\"`},
		{"brackets crossed", "{} {\"a\":[}\n{}", []string{"{}"}, `invalid character '}' looking for beginning of value at byte 9 of "{\"a\":[}\n{}"`},
		{"syntax", "{}\n{a:1}\n{}", []string{"{}"}, `invalid character 'a' looking for beginning of object key string at byte 4 of "{a:1}"`},
		{"not UTF-8", "{}{\"\xff\":1}", []string{"{}"}, `not valid UTF-8 at byte 4 of "{\"\xff\":1}"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, problem := collect([]byte(test.in))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if problem != test.problem {
				t.Errorf("got  %s\nwant %s", problem, test.problem)
			}
		})
	}
}

func TestObjectsStopsWhenAsked(t *testing.T) {
	n := 0
	for range message.Objects([]byte("{}{}{}")) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d objects", n)
	}
}

func TestObjectsEndsAfterAnError(t *testing.T) {
	n := 0
	for _, err := range message.Objects([]byte("x{}")) {
		if n++; err == nil {
			t.Error("something follows the garbage")
		}
	}
	if n != 1 {
		t.Errorf("%d iterations", n)
	}
}

func TestObjectsCannotBeAppendedInto(t *testing.T) {
	data := []byte(`{"a":1}{"b":2}`)
	for object, err := range message.Objects(data) {
		if err != nil {
			t.Fatal(err)
		}
		_ = append(object, "xxx"...)
	}
	if string(data) != `{"a":1}{"b":2}` {
		t.Errorf("data became %s", data)
	}
}

func FuzzObjects(f *testing.F) {
	for _, s := range []string{"", "{}{}", "{\"a\":\"}\"}\n {\"b\":[]}", "{} x", "{\"a\":[}]", "[{}]", "{\"\xff\":1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		var all [][]byte
		failed := false
		for object, err := range message.Objects(in) {
			if failed {
				t.Fatalf("%q: something follows an error", in)
			}
			if failed = err != nil; failed {
				continue
			}
			if !json.Valid(object) || !utf8.Valid(object) || object[0] != '{' {
				t.Fatalf("%q: %q is no object", in, object)
			}
			all = append(all, object)
		}
		if !bytes.Equal(in, before) {
			t.Fatal("the data was changed")
		}
		// What was taken, and white space, is all there is.
		rest := in
		for _, object := range all {
			rest = bytes.TrimLeft(rest, " \t\r\n\v\f")
			if !bytes.HasPrefix(rest, object) {
				t.Fatalf("%q: %q is not next", in, object)
			}
			rest = rest[len(object):]
		}
		if rest = bytes.TrimLeft(rest, " \t\r\n\v\f"); failed != (len(rest) > 0) {
			t.Fatalf("%q: failed is %v with %q left", in, failed, rest)
		}
	})
}

func BenchmarkObjects(b *testing.B) {
	data := []byte(strings.Repeat(string(pretty), 100))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range message.Objects(data) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
