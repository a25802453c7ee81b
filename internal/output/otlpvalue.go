package output

import (
	"encoding/json"
	"math"
	"strconv"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
)

// otlpDepth is how deep a value nests. Each level is three in Protobuf, of which some readers take 100. What is deeper
// is put as JSON text.
const otlpDepth = 24

// jsonObject is an object with its members in their order. No key is there twice: the last one counts.
type jsonObject []jsonMember

type jsonMember struct {
	key   string
	value any // jsonObject, []any, string, json.Number, bool or nil
}

func (o jsonObject) get(key string) any {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// readJSON reads a line; false when it is none of JSON.
func readJSON(line []byte) (any, bool) {
	if !json.Valid(line) {
		return nil, false
	}
	r := jsonReader{jsonWalker{json: validUTF8(line)}}
	return r.value(0), true
}

type jsonReader struct{ jsonWalker }

// value reads the value that comes next. depth is how many containers are around it.
func (r *jsonReader) value(depth int) any {
	switch c := r.peek(); c {
	case '{', '[':
		switch {
		case depth == otlpDepth:
			return string(r.skip())
		case c == '{':
			return r.object(depth + 1)
		}
		return r.list(depth + 1)
	case '"':
		return string(r.text())
	case 't':
		r.i += len("true")
		return true
	case 'f':
		r.i += len("false")
		return false
	case 'n':
		r.i += len("null")
		return nil
	}
	return json.Number(r.number())
}

func (r *jsonReader) list(depth int) []any {
	list := []any{}
	for r.i++; ; {
		switch r.peek() {
		case ']':
			r.i++
			return list
		case ',':
			r.i++
		}
		list = append(list, r.value(depth))
	}
}

func (r *jsonReader) object(depth int) jsonObject {
	object := jsonObject{}
	for r.i++; ; {
		switch r.peek() {
		case '}':
			r.i++
			return object.withoutRepeats()
		case ',':
			r.i++
			r.peek()
		}
		key := string(r.text())
		r.peek()
		r.i++ // the colon
		object = append(object, jsonMember{key, r.value(depth)})
	}
}

// withoutRepeats leaves of members with the same key the last value, in the first place.
func (o jsonObject) withoutRepeats() jsonObject {
	if len(o) < 2 {
		return o
	}
	at := make(map[string]int, len(o))
	kept := o[:0]
	for _, m := range o {
		if i, ok := at[m.key]; ok {
			kept[i].value = m.value
			continue
		}
		at[m.key] = len(kept)
		kept = append(kept, m)
	}
	return kept
}

// otlpValue is a value of JSON as one of OTLP. A whole number of 64 bits with a sign is an integer, any other the nearest
// float64, and one that no float64 comes near to, as 1e400, a string.
func otlpValue(v any) *commonpb.AnyValue {
	switch v := v.(type) {
	case jsonObject:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: otlpMembers(v)}}}
	case []any:
		list := make([]*commonpb.AnyValue, len(v))
		for i := range v {
			list[i] = otlpValue(v[i])
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: list}}}
	case string:
		return otlpString(v)
	case bool:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v}}
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil && v != "-0" {
			return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: n}}
		}
		if f, _ := v.Float64(); !math.IsInf(f, 0) {
			return otlpDouble(f)
		}
		return otlpString(v.String())
	}
	return &commonpb.AnyValue{} // null
}

func otlpMembers(o jsonObject) []*commonpb.KeyValue {
	list := make([]*commonpb.KeyValue, len(o))
	for i, m := range o {
		list[i] = &commonpb.KeyValue{Key: m.key, Value: otlpValue(m.value)}
	}
	return list
}

func otlpString(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

func otlpDouble(f float64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: f}}
}
