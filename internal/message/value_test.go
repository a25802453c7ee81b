package message_test

import (
	"errors"
	"math"
	"testing"

	"dumbprobe/internal/message"

	"github.com/google/go-cmp/cmp"
)

func TestSetAddsAndReplacesByName(t *testing.T) {
	var v message.Value
	for _, err := range []error{
		v.SetAbove(10, "high", message.Warning),
		v.SetAbove(20, "very_high", message.Error),
		v.SetAbove(15, "high", message.Error),
		v.SetBelow(1, "high", message.Warning), // low ones have names of their own
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := message.Value{
		High: []message.Threshold{{"high", 15, message.Error}, {"very_high", 20, message.Error}},
		Low:  []message.Threshold{{"high", 1, message.Warning}},
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Error(diff)
	}
}

func TestSetRefusesWhatTheSchemaDoesNotAllow(t *testing.T) {
	for _, test := range []struct {
		name      string
		threshold message.Threshold
		want      string
	}{
		{"NaN", message.Threshold{"a", math.NaN(), message.Error}, "threshold's value: NaN cannot be written as JSON"},
		{"infinity", message.Threshold{"a", math.Inf(-1), message.Error}, "threshold's value: -infinity cannot be written as JSON"},
		{"no name", message.Threshold{"", 1, message.Error}, "threshold's name: is missing"},
		{"invalid name", message.Threshold{"a b", 1, message.Error},
			`threshold's name: "a b" is not a valid name (letters, digits and _ only, at least one)`},
		{"expected", message.Threshold{"a", 1, message.Expected},
			`threshold's severity: "expected" is neither "warning" nor "error"`},
		{"no severity", message.Threshold{"a", 1, ""}, `threshold's severity: "" is neither "warning" nor "error"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var v message.Value
			th := test.threshold
			for _, err := range []error{
				v.SetAbove(th.Limit, th.Name, th.Severity),
				v.SetBelow(th.Limit, th.Name, th.Severity),
			} {
				if err == nil || err.Error() != test.want {
					t.Errorf("got %v, want %s", err, test.want)
				}
			}
			if len(v.High)+len(v.Low) > 0 {
				t.Errorf("the value was changed: %v", v)
			}
		})
	}
}

func TestExceeded(t *testing.T) {
	warn := func(name string, limit float64) message.Threshold {
		return message.Threshold{Name: name, Limit: limit, Severity: message.Warning}
	}
	crit := func(name string, limit float64) message.Threshold {
		return message.Threshold{Name: name, Limit: limit, Severity: message.Error}
	}
	type list []message.Threshold
	for _, test := range []struct {
		name  string
		value message.Value
		want  string // name of the threshold; empty: none
	}{
		{"no thresholds", message.Value{Number: 5}, ""},
		{"equal to a high limit is kept", message.Value{Number: 10, High: list{warn("w", 10)}}, ""},
		{"greater than a high limit", message.Value{Number: 10.1, High: list{warn("w", 10)}}, "w"},
		{"equal to a low limit is kept", message.Value{Number: 10, Low: list{warn("w", 10)}}, ""},
		{"less than a low limit", message.Value{Number: 9.9, Low: list{warn("w", 10)}}, "w"},
		{"null exceeds nothing", message.Value{Null: true, Number: 99, High: list{warn("w", 10)}, Low: list{warn("l", 100)}}, ""},
		{"NaN exceeds nothing", message.Value{Number: math.NaN(), High: list{warn("w", 10)}}, ""},
		{"the highest severity wins", message.Value{Number: 50, High: list{crit("c", 10), warn("w", 40)}}, "c"},
		{"in any order", message.Value{Number: 50, High: list{warn("w", 40), crit("c", 10)}}, "c"},
		{"then the greatest high limit", message.Value{Number: 50, High: list{warn("a", 10), warn("b", 30), warn("c", 20)}}, "b"},
		{"then the least low limit", message.Value{Number: 1, Low: list{warn("a", 10), warn("b", 3), warn("c", 5)}}, "b"},
		{"limits that are not reached do not count", message.Value{Number: 15, High: list{warn("w", 10), crit("c", 20)}}, "w"},
		{"a low one of a higher severity beats a high one", message.Value{Number: 5, High: list{warn("h", 1)}, Low: list{crit("l", 9)}}, "l"},
		{"a high one beats a low one of the same severity", message.Value{Number: 5, High: list{warn("h", 1)}, Low: list{warn("l", 9)}}, "h"},
		{"and one of a lower severity", message.Value{Number: 5, High: list{crit("h", 1)}, Low: list{warn("l", 9), warn("m", 8)}}, "h"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, exceeded := test.value.Exceeded()
			if exceeded != (test.want != "") || got.Name != test.want {
				t.Errorf("got %v, %v, want %q", got, exceeded, test.want)
			}
		})
	}
}

func TestAppendValue(t *testing.T) {
	for _, test := range []struct {
		name  string
		value message.Value
		want  string
	}{
		{"number", message.Value{Number: 12.5}, `{"value":12.5}`},
		{"null does not look at the number", message.Value{Null: true, Number: math.NaN()}, `{"value":null}`},
		{"everything", message.Value{
			Number: 4, Unit: "MB/\"s\"", Type: message.Differential,
			High: []message.Threshold{{"warning", 10, message.Warning}, {"critical", 20.5, message.Error}},
			Low:  []message.Threshold{{"low", -1, message.Error}},
		}, `{"value":4,"unit":"MB/\"s\"","type":"differential",` +
			`"threshold_high":[{"name":"warning","value":10,"severity":"warning"},{"name":"critical","value":20.5,"severity":"error"}],` +
			`"threshold_low":[{"name":"low","value":-1,"severity":"error"}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := message.AppendValue([]byte("x"), &test.value)
			if err != nil || string(got) != "x"+test.want {
				t.Errorf("got  %s, %v\nwant x%s", got, err, test.want)
			}
		})
	}
}

func TestAppendValueNamesThePath(t *testing.T) {
	for _, test := range []struct {
		name, want string
		value      message.Value
	}{
		{"NaN", "value: NaN cannot be written as JSON", message.Value{Number: math.NaN()}},
		{"infinity", "value: +infinity cannot be written as JSON", message.Value{Number: math.Inf(1)}},
		{"unit", "unit: a string that is not valid UTF-8 cannot be written as JSON", message.Value{Unit: "\xff"}},
		{"type", `type: "counter" is none of "direct", "accumulative" and "differential"`, message.Value{Type: "counter"}},
		{"name of a threshold", "threshold_high[1].name: is missing",
			message.Value{High: []message.Threshold{{"a", 1, message.Error}, {"", 1, message.Error}}}},
		{"limit of a threshold", "threshold_low[0].value: NaN cannot be written as JSON",
			message.Value{Low: []message.Threshold{{"a", math.NaN(), message.Error}}}},
		{"severity of a threshold", `threshold_low[0].severity: "bad" is neither "warning" nor "error"`,
			message.Value{Low: []message.Threshold{{"a", 1, "bad"}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := message.AppendValue([]byte("x"), &test.value)
			if _, ok := errors.AsType[*message.PathError](err); !ok || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if string(got) != "x" {
				t.Errorf("dst is %q", got)
			}
		})
	}
}
