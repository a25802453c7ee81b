package message

import (
	"fmt"
	"math"
)

// ValueType says how a value changes from one message to the next. The empty
// string stands for "not given", which the schema takes as [Direct].
type ValueType string

// The types of the schema.
const (
	Direct       ValueType = "direct"       // the value as it is now
	Accumulative ValueType = "accumulative" // a counter that only grows
	Differential ValueType = "differential" // a counter that is reset by reading
)

// Valid tells whether t is one of the types of the schema. The empty string is
// not.
func (t ValueType) Valid() bool {
	return t == Direct || t == Accumulative || t == Differential
}

// Threshold is a limit of a value. Its name becomes the state, and its
// severity the state's severity, when the value passes the limit.
type Threshold struct {
	Name     string   // a ValidName
	Limit    float64  // finite, in the unit of the value
	Severity Severity // Warning or Error
}

// Value is one member of a message's value set.
type Value struct {
	Number float64 // not read when Null
	Null   bool    // the value could not be measured
	Unit   string  // empty: not given
	Type   ValueType

	High []Threshold // exceeded by a greater number
	Low  []Threshold // exceeded by a lesser number
}

// SetAbove adds the threshold that a number greater than limit exceeds, or
// replaces the high threshold of the same name. The limit has to be finite,
// name a [ValidName] and severity [Warning] or [Error]; if not, v is left as it
// was.
func (v *Value) SetAbove(limit float64, name string, severity Severity) error {
	return set(&v.High, Threshold{name, limit, severity})
}

// SetBelow is [Value.SetAbove] for the threshold that a number less than limit
// exceeds.
func (v *Value) SetBelow(limit float64, name string, severity Severity) error {
	return set(&v.Low, Threshold{name, limit, severity})
}

func set(list *[]Threshold, t Threshold) error {
	if field, problem := t.problem(); problem != "" {
		return fmt.Errorf("threshold's %s: %s", field, problem)
	}
	for i := range *list {
		if (*list)[i].Name == t.Name {
			(*list)[i] = t
			return nil
		}
	}
	*list = append(*list, t)
	return nil
}

// problem names the first field, as the schema spells it, that the schema does
// not allow, and what is wrong with it. Both are empty when all is well.
func (t *Threshold) problem() (field, problem string) {
	switch {
	case !ValidName(t.Name):
		return "name", nameProblem(t.Name)
	case math.IsNaN(t.Limit) || math.IsInf(t.Limit, 0):
		return "value", numberProblem(t.Limit)
	case t.Severity != Warning && t.Severity != Error:
		return "severity", fmt.Sprintf("%q is neither %q nor %q", string(t.Severity), Warning, Error)
	}
	return "", ""
}

// Exceeded gives the worst threshold that v passes, and false when it passes
// none. A limit is passed by a number strictly beyond it; a null passes none.
//
// The worst is the one of the highest severity, among those the farthest limit
// (the greatest of the high ones, the least of the low ones), and a high one
// rather than a low one where the two overlap.
func (v *Value) Exceeded() (Threshold, bool) {
	if v.Null {
		return Threshold{}, false
	}
	var worst Threshold
	found := false
	for _, t := range v.High {
		if v.Number > t.Limit &&
			(!found || t.Severity.Worse(worst.Severity) ||
				!worst.Severity.Worse(t.Severity) && t.Limit > worst.Limit) {
			worst, found = t, true
		}
	}
	high := found
	for _, t := range v.Low {
		if v.Number < t.Limit &&
			(!found || t.Severity.Worse(worst.Severity) ||
				!high && !worst.Severity.Worse(t.Severity) && t.Limit < worst.Limit) {
			worst, found, high = t, true, false
		}
	}
	return worst, found
}

// AppendValue appends v to dst as the JSON object of the schema's value set.
// The error is a [*PathError] whose path starts at the value, and dst then
// comes back at its old length.
func AppendValue(dst []byte, v *Value) ([]byte, error) {
	dst, err := appendValue(dst, v)
	if err != nil {
		return dst, err
	}
	return dst, nil
}

// appendValue is AppendValue with an error that callers can put under a path.
func appendValue(dst []byte, v *Value) ([]byte, *PathError) {
	start := len(dst)
	ok := true
	dst = append(dst, `{"value":`...)
	if v.Null {
		dst = append(dst, "null"...)
	} else if dst, ok = AppendNumber(dst, v.Number); !ok {
		return dst[:start], &PathError{"value", numberProblem(v.Number)}
	}
	if v.Unit != "" {
		dst = append(dst, `,"unit":`...)
		if dst, ok = AppendString(dst, v.Unit); !ok {
			return dst[:start], &PathError{"unit", stringProblem}
		}
	}
	if v.Type != "" {
		if !v.Type.Valid() {
			return dst[:start], &PathError{"type", fmt.Sprintf("%q is none of %q, %q and %q",
				string(v.Type), Direct, Accumulative, Differential)}
		}
		dst = append(dst, `,"type":"`...)
		dst = append(append(dst, v.Type...), '"')
	}
	dst, err := appendThresholds(dst, "threshold_high", v.High)
	if err == nil {
		dst, err = appendThresholds(dst, "threshold_low", v.Low)
	}
	if err != nil {
		return dst[:start], err
	}
	return append(dst, '}'), nil
}

func appendThresholds(dst []byte, field string, list []Threshold) ([]byte, *PathError) {
	if len(list) == 0 {
		return dst, nil
	}
	dst = append(append(append(dst, `,"`...), field...), `":[`...)
	for i := range list {
		t := &list[i]
		if name, problem := t.problem(); problem != "" {
			return dst, &PathError{JoinKey(JoinIndex(field, i), name), problem}
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		// Neither name nor severity can hold anything to escape.
		dst = append(dst, `{"name":"`...)
		dst = append(dst, t.Name...)
		dst = append(dst, `","value":`...)
		dst, _ = AppendNumber(dst, t.Limit)
		dst = append(dst, `,"severity":"`...)
		dst = append(dst, t.Severity...)
		dst = append(dst, `"}`...)
	}
	return append(dst, ']'), nil
}

// nameProblem says what is wrong with a name that is not a ValidName.
func nameProblem(name string) string {
	if name == "" {
		return "is missing"
	}
	return fmt.Sprintf("%q is not a valid name (%s)", name, nameRule)
}
