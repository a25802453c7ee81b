package output

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/tinylib/msgp/msgp"
)

// recordOf converts a line, and reads what came out.
func recordOf(t *testing.T, line string) map[string]any {
	t.Helper()
	b, _ := appendFluentRecord([]byte("before"), []byte(line))
	b, ok := bytes.CutPrefix(b, []byte("before"))
	v, rest, err := msgp.ReadIntfBytes(b)
	if !ok || err != nil || len(rest) > 0 {
		t.Fatalf("%q becomes % x: %v, %d bytes are left", line, b, err, len(rest))
	}
	return v.(map[string]any)
}

func TestFluentRecord(t *testing.T) {
	type object = map[string]any
	tests := []struct {
		name, line string
		want       object
	}{
		{"nothing", `{}`, object{}},
		{"each kind", `{"s":"x","t":true,"f":false,"n":null,"o":{},"a":[1,[],"y"]}`, object{"s": "x", "t": true, "f": false, "n": nil, "o": object{}, "a": []any{uint64(1), []any{}, "y"}}},
		{"white space", " { \"a\" : [ 1 ,\t2 ] , \"b\" : { } } ", object{"a": []any{uint64(1), uint64(2)}, "b": object{}}},
		{"escapes", `{"a\"b":"\u00e9\n\\\ud83d\ude00\/"}`, object{"a\"b": "é\n\\😀/"}},
		{"an integer beyond float64", `{"n":9007199254740993}`, object{"n": uint64(9007199254740993)}},
		{"the largest", `{"n":18446744073709551615,"m":-9223372036854775808}`, object{"n": uint64(math.MaxUint64), "m": int64(math.MinInt64)}},
		{"beyond 64 bits", `{"n":18446744073709551616}`, object{"n": 18446744073709551616.0}},
		{"floats stay floats", `{"n":1.0,"m":1e3,"l":0.1,"k":-0}`, object{"n": 1.0, "m": 1000.0, "l": 0.1, "k": math.Copysign(0, -1)}},
		{"beyond float64", `{"n":1e400,"m":-1e400,"l":1e-400}`, object{"n": "1e400", "m": "-1e400", "l": 0.0}},
		{"a string", `"x"`, object{"message": "x"}},
		{"a list", `[1]`, object{"message": []any{uint64(1)}}},
		{"a number", `17`, object{"message": uint64(17)}},
		{"no JSON", `{"a":`, object{"message": `{"a":`}},
		{"no UTF-8", "{\"a\":\"\xff\"}", object{"a": "\uFFFD"}},
		{"half a pair", `{"a":"\ud800"}`, object{"a": "\uFFFD"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := recordOf(t, tt.line)
			if diff := cmp.Diff(unsigned(tt.want), unsigned(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// unsigned makes integers that are not negative uint64: which type a reader gives depends on their size.
func unsigned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = unsigned(v[k])
		}
		return out
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, unsigned(e))
		}
		return out
	case int64:
		if v >= 0 {
			return uint64(v)
		}
	case float64:
		if v == 0 && math.Signbit(v) {
			return "-0"
		}
	}
	return v
}

func TestFluentRecordCountsAreShort(t *testing.T) {
	for _, tt := range []struct {
		members int
		header  string
	}{{0, "80"}, {15, "8f"}, {16, "de0010"}, {65535, "deffff"}, {65536, "df00010000"}} {
		var line strings.Builder
		line.WriteByte('{')
		for i := range tt.members {
			if i > 0 {
				line.WriteByte(',')
			}
			fmt.Fprintf(&line, `"k%d":[%d]`, i, i)
		}
		line.WriteByte('}')
		b, _ := appendFluentRecord(nil, []byte(line.String()))
		if got := hex.EncodeToString(b[:len(tt.header)/2]); got != tt.header {
			t.Errorf("%d members: the header is %s, want %s", tt.members, got, tt.header)
		}
		if got := recordOf(t, line.String()); len(got) != tt.members {
			t.Errorf("%d members: %d came out", tt.members, len(got))
		}
	}
}

func TestFluentRecordPutsAsTextWhatIsTooDeep(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 40) + `"]}\""` + strings.Repeat(`}`, 40)
	var v any = recordOf(t, deep)
	depth := 0
	for m, ok := v.(map[string]any); ok; m, ok = v.(map[string]any) {
		v = m["a"]
		depth++
	}
	want := strings.Repeat(`{"a":`, 40-fluentDepth) + `"]}\""` + strings.Repeat(`}`, 40-fluentDepth)
	if depth != fluentDepth || v != want {
		t.Errorf("%d deep there is %q, want %q", depth, v, want)
	}
}

func TestFluentTime(t *testing.T) {
	tests := []struct {
		literal              string
		seconds, nanoseconds uint32
		ok                   bool
	}{
		{"0", 0, 0, true},
		{"1376261660", 1376261660, 0, true},
		{"1795469588.423164", 1795469588, 423164000, true},
		{"1795469588.000000001", 1795469588, 1, true},
		{"1795469588.9999999999", 1795469588, 999999999, true},
		{"1.5e9", 1500000000, 0, true},
		{"15.5e-1", 1, 550000000, true},
		{"1.123456789e1", 11, 234567890, true},
		{"4294967295.5", 4294967295, 500000000, true},
		{"4294967296", 0, 0, false},
		{"1e300", 0, 0, false},
		{"1e400", 0, 0, false},
		{"-1", 0, 0, false},
		{"", 0, 0, false},
	}
	for _, tt := range tests {
		s, ns, ok := lineTime([]byte(tt.literal))
		if near := int64(ns) - int64(tt.nanoseconds); s != tt.seconds || near < -1 || near > 1 || ok != tt.ok {
			t.Errorf("%s is %d s, %d ns, %v; want %d, %d, %v", tt.literal, s, ns, ok, tt.seconds, tt.nanoseconds, tt.ok)
		}
	}
	for line, want := range map[string]string{
		`{"time":17,"a":{"time":18}}`: "17",
		`{"a":{"time":18}}`:           "",
		`{"time":"17"}`:               "",
		`{"time":1,"time":-2.5}`:      "-2.5",
		`{"time":1,"time":null}`:      "",
		`[{"time":1}]`:                "",
		`{"\u0074ime":3}`:             "3",
	} {
		if _, got := appendFluentRecord(nil, []byte(line)); string(got) != want {
			t.Errorf("the time of %s is %q, want %q", line, got, want)
		}
	}
}

// What comes out says the same as the JSON: every member, in its order, every number.
func FuzzFluentRecord(f *testing.F) {
	for _, line := range []string{
		`{"v":3,"time":1795469588.423164,"location":{"host":"web01"},"event":{"name":"disk space","vset":{"free":{"value":256719822848,"unit":"B","threshold_low":[{"name":"low","value":10000000000}]}}}}`,
		`{"a":[],"b":{},"c":-0,"d":1e400,"e":18446744073709551616,"f":"\ud83d\ude00","a":1}`, `[1,2]`, `"x"`, `nul`, ``, ` `, "\xff",
		strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40),
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		b, when := appendFluentRecord(nil, slices.Clone(line))
		rest, err := msgp.Skip(b)
		if err != nil || len(rest) > 0 {
			t.Fatalf("% x: %v, %d bytes are left", b, err, len(rest))
		}
		if msgp.NextType(b) != msgp.MapType {
			t.Fatalf("% x is no map", b)
		}
		if when != nil {
			lineTime(when)
		}
		text := strings.ToValidUTF8(string(line), "\uFFFD")
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if !json.Valid([]byte(text)) {
			if size, _, _ := msgp.ReadMapHeaderBytes(b); size != 1 {
				t.Fatalf("% x is no map of one", b)
			}
			return
		}
		if first := strings.TrimLeft(text, " \t\r\n"); first[0] == '{' {
			b = sameAs(t, d, b, 0)
		} else {
			size, in, err := msgp.ReadMapHeaderBytes(b)
			key, in, err2 := msgp.ReadStringBytes(in)
			if err != nil || err2 != nil || size != 1 || key != "message" {
				t.Fatalf("% x is not a map of a message", b)
			}
			b = sameAs(t, d, in, 1)
		}
		if len(b) > 0 {
			t.Fatalf("%d bytes are left", len(b))
		}
	})
}

// sameAs compares the next JSON value with the next object, and returns what follows that.
func sameAs(t *testing.T, d *json.Decoder, b []byte, depth int) []byte {
	t.Helper()
	begin := d.InputOffset()
	token, err := d.Token()
	must(t, err)
	switch token := token.(type) {
	case json.Delim:
		if depth == fluentDepth {
			for open := 1; open > 0; {
				next, err := d.Token()
				must(t, err)
				if delim, ok := next.(json.Delim); ok && (delim == '{' || delim == '[') {
					open++
				} else if ok {
					open--
				}
			}
			text, rest, err := msgp.ReadStringBytes(b)
			if err != nil || !json.Valid([]byte(text)) || len(text) > int(d.InputOffset()-begin) {
				t.Fatalf("too deep: %q, %v", text, err)
			}
			return rest
		}
		var size uint32
		if token == '{' {
			size, b, err = msgp.ReadMapHeaderBytes(b)
		} else {
			size, b, err = msgp.ReadArrayHeaderBytes(b)
		}
		must(t, err)
		count := uint32(0)
		for ; d.More(); count++ {
			if token == '{' {
				b = sameAs(t, d, b, depth+1) // a key is a string
			}
			b = sameAs(t, d, b, depth+1)
		}
		_, err = d.Token()
		must(t, err)
		if count != size {
			t.Fatalf("%d members, and the header says %d", count, size)
		}
		return b
	case string:
		got, rest, err := msgp.ReadStringBytes(b)
		if err != nil || got != token || !utf8.ValidString(got) {
			t.Fatalf("%q is %q, %v", token, got, err)
		}
		return rest
	case bool:
		got, rest, err := msgp.ReadBoolBytes(b)
		if err != nil || got != token {
			t.Fatalf("%v is %v, %v", token, got, err)
		}
		return rest
	case nil:
		rest, err := msgp.ReadNilBytes(b)
		must(t, err)
		return rest
	case json.Number:
		v, rest, err := msgp.ReadIntfBytes(b)
		must(t, err)
		f, parseErr := token.Float64()
		switch v := v.(type) {
		case int64:
			if n, err := token.Int64(); err != nil || n != v {
				t.Fatalf("%s is %d", token, v)
			}
		case uint64:
			if n, err := strconv.ParseUint(token.String(), 10, 64); err != nil || n != v {
				t.Fatalf("%s is %d", token, v)
			}
		case float64:
			if parseErr != nil || f != v || math.Signbit(f) != math.Signbit(v) {
				t.Fatalf("%s is %v", token, v)
			}
		case string:
			if parseErr == nil || v != token.String() {
				t.Fatalf("%s is %q", token, v)
			}
		default:
			t.Fatalf("%s is %v", token, v)
		}
		return rest
	}
	t.Fatalf("a token %v", token)
	return nil
}

// fluentBenchLine is a message as a check of a host makes it.
const fluentBenchLine = `{"v":3,"time":1795469588.423164,"location":{"filesystem":"/","host":"web01"},"event":{"name":"disk space","vset":{"free":{"value":256719822848,"unit":"B","threshold_low":[{"name":"low","value":10000000000,"severity":"warning"},{"name":"full","value":1000000000,"severity":"error"}]}}}}`

func BenchmarkFluentChunk(b *testing.B) {
	line := []byte(fluentBenchLine)
	batch := Batch{Origin: "o"}
	for range 512 {
		batch.Lines = append(batch.Lines, line)
	}
	for name, c := range map[string]*fluentChunks{
		"one tag":    newFluentChunks(tagTemplate(b, "dumbprobe"), false, 1<<20),
		"template":   newFluentChunks(tagTemplate(b, "dumbprobe.{host}.{aspect}"), false, 1<<20),
		"compressed": newFluentChunks(tagTemplate(b, "dumbprobe"), true, 1<<20),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tags := c.tagsOf(batch.Lines)
				for i := 0; i < len(batch.Lines); {
					_, n, err := c.next(batch, tags, i)
					if err != nil {
						b.Fatal(err)
					}
					i += n
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch.Lines)), "ns/line")
		})
	}
}
