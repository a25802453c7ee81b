package message_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"testing"

	"dumbprobe/internal/message"

	"github.com/google/go-cmp/cmp"
)

func TestOverlayApply(t *testing.T) {
	type location = map[string]string
	both := message.Overlay{Aspect: "disk", Location: location{"host": "h", "fs": "/"}}
	for _, test := range []struct {
		name     string
		overlay  message.Overlay
		in, want string
	}{
		{"nothing to do but to compact", message.Overlay{}, `{ "event": null, "a": 1.00 }`, `{"event":null,"a":1.00}`},
		{"keys keep their places", both,
			`{"location":{"host":"x","port":"80","fs":"y"},"time":1,"event":{"comment":"c","name":"n","vset":{"a":{"value":1}}},"v":3}`,
			`{"location":{"host":"h","port":"80","fs":"/"},"time":1,"event":{"comment":"c","name":"disk","vset":{"a":{"value":1}}},"v":3}`},
		{"missing keys come last, in order", both, `{"event":{"comment":"c"},"location":{"port":"80"},"v":3}`,
			`{"event":{"comment":"c","name":"disk"},"location":{"port":"80","fs":"/","host":"h"},"v":3}`},
		{"missing objects are made", both, `{}`, `{"event":{"name":"disk"},"location":{"fs":"/","host":"h"}}`},
		{"null counts as missing, in its place", both, ` { "location" : null , "event" : null , "v" : 3 } `,
			`{"location":{"fs":"/","host":"h"},"event":{"name":"disk"},"v":3}`},
		{"empty objects are filled", both, `{"event":{},"location":{}}`, `{"event":{"name":"disk"},"location":{"fs":"/","host":"h"}}`},
		{"the aspect alone", message.Overlay{Aspect: "a \"b\""}, `{"location":[],"event":{"name":["x"]}}`, `{"location":[],"event":{"name":"a \"b\""}}`},
		{"the location alone", message.Overlay{Location: location{"host": "h"}}, `{"event":1,"location":{"host":{"x":[1,{}]}}}`, `{"event":1,"location":{"host":"h"}}`},
		{"keys spelled with escapes are the same keys", both, `{"\u0065vent":{"n\u0061me":"x"},"location":{"h\u006fst":"x"}}`,
			`{"\u0065vent":{"n\u0061me":"disk"},"location":{"h\u006fst":"h","fs":"/"}}`},
		{"the same keys deeper down are not touched", message.Overlay{Aspect: "a"}, `{"x":{"event":{"name":"n"}},"y":"}{","event":{"event":{"name":"n"}}}`,
			`{"x":{"event":{"name":"n"}},"y":"}{","event":{"event":{"name":"n"},"name":"a"}}`},
		{"the rest keeps its spelling", message.Overlay{Aspect: "a"}, `{"a":[1.0,-0,1E5,"\ud83d\ude00\/"],"":{},"b":true,"event":{}}`,
			`{"a":[1.0,-0,1E5,"\ud83d\ude00\/"],"":{},"b":true,"event":{"name":"a"}}`},
		{"more keys than usual", message.Overlay{Location: location{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "6", "g": "7", "h": "8", "i": "9", "j": "10"}},
			`{"location":{"j":0,"x":0}}`,
			`{"location":{"j":"10","x":0,"a":"1","b":"2","c":"3","d":"4","e":"5","f":"6","g":"7","h":"8","i":"9"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := []byte(test.in)
			got, err := test.overlay.Apply([]byte("x"), in)
			if err != nil || string(got) != "x"+test.want {
				t.Errorf("got  %s, %v\nwant x%s", got, err, test.want)
			}
			if string(in) != test.in {
				t.Errorf("the object became %s", in)
			}
		})
	}
}

func TestOverlayApplySaysWhatIsWrong(t *testing.T) {
	type location = map[string]string
	both := message.Overlay{Aspect: "disk", Location: location{"host": "h"}}
	for _, test := range []struct {
		name     string
		overlay  message.Overlay
		in, want string
	}{
		{"event is a list", both, `{"event":[]}`, "event: is a list, not an object"},
		{"event is a string", both, `{"event":"x"}`, "event: is a string, not an object"},
		{"location is a number", both, `{"location":-1}`, "location: is a number, not an object"},
		{"location is a boolean", both, `{"location":false}`, "location: is a boolean, not an object"},
		{"aspect is not UTF-8", message.Overlay{Aspect: "\xff"}, "{}", "event.name: a string that is not valid UTF-8 cannot be written as JSON"},
		{"location is not UTF-8", message.Overlay{Location: location{"a": "\xff"}}, "{}", "location.a: a string that is not valid UTF-8 cannot be written as JSON"},
		{"key of the location", message.Overlay{Location: location{"a b": ""}}, "{}",
			`location["a b"]: "a b" is not a valid name (letters, digits and _ only, at least one)`},
		{"no object", both, "[]", `a list where a JSON object was expected at byte 0 of "[]"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.overlay.Apply([]byte("x"), []byte(test.in))
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if string(got) != "x" {
				t.Errorf("dst is %q", got)
			}
		})
	}
}

func TestOverlayEmpty(t *testing.T) {
	for _, test := range []struct {
		overlay message.Overlay
		want    bool
	}{
		{message.Overlay{}, true},
		{message.Overlay{Location: map[string]string{}}, true},
		{message.Overlay{Aspect: "a"}, false},
		{message.Overlay{Location: map[string]string{"a": ""}}, false},
	} {
		if got := test.overlay.Empty(); got != test.want {
			t.Errorf("%+v: %v, want %v", test.overlay, got, test.want)
		}
	}
}

func FuzzOverlayApply(f *testing.F) {
	for _, s := range []string{
		"{}", `{"event":{"name":"x"},"location":{"host":"y"}}`, `{"event":null,"location":null}`,
		`{"event":[]}`, `{"\u0065vent":{}}`, `{"a":1,"event":{"b":[1,{"name":2}]},"a":2}`, ` {"location" : {"a" : 1 } } `,
	} {
		f.Add([]byte(s), "aspect", "host", "web01")
	}
	f.Fuzz(func(t *testing.T, in []byte, aspect, key, place string) {
		o := message.Overlay{Aspect: aspect, Location: map[string]string{key: place, "fs": "/"}}
		got, err := o.Apply([]byte("x"), in)
		if err != nil {
			if string(got) != "x" {
				t.Fatalf("%q: dst is %q after an error", in, got)
			}
			_, isPath := errors.AsType[*message.PathError](err)
			_, isSyntax := errors.AsType[*message.SyntaxError](err)
			if !isPath && !isSyntax {
				t.Fatalf("%q: the error is a %T", in, err)
			}
			return
		}
		got = got[1:]
		if bytes.ContainsAny(got, "\n\r") {
			t.Fatalf("%q: %q is not one line", in, got)
		}
		before, after := object(t, bytes.Trim(in, "\v\f \t\r\n")), object(t, got)
		eventBefore, event := object(t, []byte(before["event"])), object(t, []byte(after["event"]))
		placeBefore, place2 := object(t, []byte(before["location"])), object(t, []byte(after["location"]))
		set(t, eventBefore, "name", aspect, aspect != "")
		for k, v := range o.Location {
			set(t, placeBefore, k, v, true)
		}
		if aspect != "" {
			same(t, eventBefore, event)
			delete(before, "event")
			delete(after, "event")
		}
		same(t, placeBefore, place2)
		delete(before, "location")
		delete(after, "location")
		same(t, before, after)
	})
}

// object reads a JSON object, its values compact; null or nothing is an empty one.
func object(t *testing.T, data []byte) map[string]string {
	t.Helper()
	members := map[string]json.RawMessage{}
	if len(data) > 0 && string(data) != "null" && data[0] == '{' {
		if err := json.Unmarshal(data, &members); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
	}
	texts := map[string]string{}
	for key, value := range members {
		var buf bytes.Buffer
		if err := json.Compact(&buf, value); err != nil {
			t.Fatal(err)
		}
		texts[key] = buf.String()
	}
	return texts
}

// set sets a member of an object that object has read.
func set(t *testing.T, members map[string]string, key, value string, do bool) {
	t.Helper()
	if !do {
		return
	}
	text, ok := message.AppendString(nil, value)
	if !ok {
		t.Fatalf("%q was written though it is not UTF-8", value)
	}
	members[key] = string(text)
}

func same(t *testing.T, want, got map[string]string) {
	t.Helper()
	if !maps.Equal(want, got) {
		t.Fatal(cmp.Diff(want, got))
	}
}

func BenchmarkOverlayApply(b *testing.B) {
	o := message.Overlay{Aspect: "disk", Location: map[string]string{"host": "web02", "rack": "r1"}}
	buf := make([]byte, 0, 4096)
	b.SetBytes(int64(len(pretty)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = o.Apply(buf[:0], pretty); err != nil {
			b.Fatal(err)
		}
	}
}
