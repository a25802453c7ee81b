package state

import (
	"reflect"
	"strings"
	"testing"
)

// pair and table are how the tests see tables.
type pair struct{ key, value any }

type table struct {
	mark  Mark
	list  []any
	pairs []pair
}

type treeBuilder struct{}

func (treeBuilder) Null() any            { return nil }
func (treeBuilder) Bool(b bool) any      { return b }
func (treeBuilder) Number(f float64) any { return f }
func (treeBuilder) String(s string) any  { return s }
func (treeBuilder) Table(m Mark) any     { return &table{mark: m} }
func (treeBuilder) Append(t, v any)      { t.(*table).list = append(t.(*table).list, v) }
func (treeBuilder) Put(t, key, v any) {
	t.(*table).pairs = append(t.(*table).pairs, pair{key, v})
}

func appendTree(dst []byte, v any) []byte {
	switch x := v.(type) {
	case nil:
		return AppendNull(dst)
	case bool:
		return AppendBool(dst, x)
	case float64:
		return AppendNumber(dst, x)
	case string:
		return AppendString(dst, x)
	}
	t := v.(*table)
	dst = AppendTable(dst, t.mark)
	for _, item := range t.list {
		dst = appendTree(dst, item)
	}
	if len(t.pairs) > 0 {
		dst = AppendPairs(dst)
	}
	for _, p := range t.pairs {
		dst = appendTree(appendTree(dst, p.key), p.value)
	}
	return AppendEnd(dst)
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	deep := any("bottom")
	for range MaxDepth {
		deep = &table{list: []any{deep}}
	}
	for _, v := range []any{
		nil, true, false, 0.0, -1.5, 1e308, "", "\x00\xff", strings.Repeat("x", 300), &table{}, &table{mark: List}, &table{mark: Object},
		&table{list: []any{nil, "a", &table{}}, pairs: []pair{{"k", 1.0}, {true, &table{list: []any{1.0}}}, {0.5, nil}}}, deep,
	} {
		got, err := Decode(string(appendTree(nil, v)), treeBuilder{})
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%v comes back as %v, %v", v, got, err)
		}
	}
}

func TestWhatIsNoValue(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ data, want string }{
		{"", "ends too early"},
		{"\x03\x00", "ends too early"},
		{"\x04\x05abc", "ends too early"},
		{"\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "ends too early"},
		{"\x04\x81\x00a", "shortest form"},
		{"\x03\x00\x00\x00\x00\x00\x00\xf8\x7f", "not finite"},
		{"\x05", "ends too early"},
		{"\x05\x03\x07", "marked 3"},
		{"\x05\x00", "ends too early"},
		{"\x05\x00\x06\x00\x02\x07", "no string, number or boolean"},
		{"\x05\x00\x06\x05\x00\x07\x02\x07", "no string, number or boolean"},
		{"\x05\x00\x06\x06\x07", "the tag 6"},
		{"\x05\x00\x06\x02\x07", "the tag 7"},
		{"\x06", "the tag 6"},
		{"\x02\x02", "1 bytes follow"},
		{strings.Repeat("\x05\x00", 1000), "more than 64 levels"},
	} {
		if _, err := Decode(test.data, treeBuilder{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q gives %v, want %s", test.data, err, test.want)
		}
	}
}
