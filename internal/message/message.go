package message

import (
	"fmt"
	"slices"
)

// SchemaVersion is the version of the schema that a [Message] is written in.
const SchemaVersion = 3

// NamedValue is a value and its name in the value set.
type NamedValue struct {
	Name  string // a ValidName, unique in its message
	Value Value
}

// Message is one measurement: a state, a set of values, or both.
type Message struct {
	Time     float64           // unix time of the event, in seconds
	Location map[string]string // where it happened; the keys are ValidNames
	Aspect   string            // what was measured; event.name on the wire

	State    string   // a ValidName; empty: not given
	Severity Severity // of State; empty: not given, which means Expected

	Values []NamedValue // written in this order

	ThresholdKept string  // the state when no threshold is exceeded; empty: not given, which means ok
	Comment       string  // for a person; empty: not given
	Interval      float64 // seconds between two such events; 0: not given
}

// Append validates m against the schema and appends it to dst as a JSON object
// on one line, without a newline. The error is a [*PathError], and dst then
// comes back at its old length.
func (m *Message) Append(dst []byte) ([]byte, error) {
	start := len(dst)
	dst, err := m.append(dst)
	if err != nil {
		return dst[:start], err
	}
	return dst, nil
}

func (m *Message) append(dst []byte) ([]byte, *PathError) {
	ok := true
	dst = append(dst, `{"v":3,"time":`...)
	if dst, ok = AppendNumber(dst, m.Time); !ok {
		return dst, &PathError{"time", numberProblem(m.Time)}
	}
	dst, err := appendLocation(dst, m.Location)
	if err != nil {
		return dst, err
	}

	if m.Aspect == "" {
		return dst, &PathError{"event.name", "is missing"}
	}
	dst = append(dst, `,"event":{"name":`...)
	if dst, ok = AppendString(dst, m.Aspect); !ok {
		return dst, &PathError{"event.name", stringProblem}
	}
	if m.State == "" && len(m.Values) == 0 {
		return dst, &PathError{"event", "has neither a state nor values"}
	}
	if dst, err = m.appendState(dst); err != nil {
		return dst, err
	}
	if dst, err = m.appendValues(dst); err != nil {
		return dst, err
	}
	if m.ThresholdKept != "" {
		dst = append(dst, `,"threshold_kept":`...)
		if dst, ok = AppendString(dst, m.ThresholdKept); !ok {
			return dst, &PathError{"event.threshold_kept", stringProblem}
		}
	}
	if m.Comment != "" {
		dst = append(dst, `,"comment":`...)
		if dst, ok = AppendString(dst, m.Comment); !ok {
			return dst, &PathError{"event.comment", stringProblem}
		}
	}
	if m.Interval != 0 {
		dst = append(dst, `,"interval":`...)
		if dst, ok = AppendNumber(dst, m.Interval); !ok {
			return dst, &PathError{"event.interval", numberProblem(m.Interval)}
		}
		if m.Interval < 0 {
			return dst, &PathError{"event.interval", "is negative"}
		}
	}
	return append(dst, "}}"...), nil
}

func (m *Message) appendState(dst []byte) ([]byte, *PathError) {
	if m.State == "" {
		if m.Severity != "" {
			return dst, &PathError{"event.state.value", "is missing, though a severity is given"}
		}
		return dst, nil
	}
	if !ValidName(m.State) {
		return dst, &PathError{"event.state.value", nameProblem(m.State)}
	}
	dst = append(dst, `,"state":{"value":"`...)
	dst = append(append(dst, m.State...), '"')
	if m.Severity != "" {
		if !m.Severity.Valid() {
			return dst, &PathError{"event.state.severity", fmt.Sprintf("%q is none of %q, %q and %q",
				string(m.Severity), Expected, Warning, Error)}
		}
		dst = append(dst, `,"severity":"`...)
		dst = append(append(dst, m.Severity...), '"')
	}
	return append(dst, '}'), nil
}

func (m *Message) appendValues(dst []byte) ([]byte, *PathError) {
	if len(m.Values) == 0 {
		return dst, nil
	}
	if name, found := m.duplicate(); found {
		return dst, &PathError{JoinKey("event.vset", name), "is given twice"}
	}
	dst = append(dst, `,"vset":{`...)
	for i := range m.Values {
		v := &m.Values[i]
		if !ValidName(v.Name) {
			return dst, &PathError{JoinKey("event.vset", v.Name), nameProblem(v.Name)}
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(append(dst, v.Name...), `":`...)
		var err *PathError
		if dst, err = appendValue(dst, &v.Value); err != nil {
			return dst, err.In(JoinKey("event.vset", v.Name))
		}
	}
	return append(dst, '}'), nil
}

// duplicate finds a name that two values share: in JSON one of them would be
// lost at the reader's.
func (m *Message) duplicate() (string, bool) {
	const few = 16 // up to here comparing all pairs beats filling a map
	if len(m.Values) <= few {
		for i := range m.Values {
			for j := range i {
				if m.Values[i].Name == m.Values[j].Name {
					return m.Values[i].Name, true
				}
			}
		}
		return "", false
	}
	seen := make(map[string]struct{}, len(m.Values))
	for i := range m.Values {
		seen[m.Values[i].Name] = struct{}{}
		if len(seen) <= i {
			return m.Values[i].Name, true
		}
	}
	return "", false
}

// appendLocation appends the member location, keys sorted, so that one message
// has one spelling.
func appendLocation(dst []byte, location map[string]string) ([]byte, *PathError) {
	dst = append(dst, `,"location":{`...)
	var room [8]string // keeps the keys of a usual location off the heap
	for i, key := range sortedKeys(room[:0], location) {
		if !ValidName(key) {
			return dst, &PathError{JoinKey("location", key), nameProblem(key)}
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(append(dst, key...), `":`...)
		var ok bool
		if dst, ok = AppendString(dst, location[key]); !ok {
			return dst, &PathError{JoinKey("location", key), stringProblem}
		}
	}
	return append(dst, '}'), nil
}

// sortedKeys appends the keys of location to keys, which is empty, and sorts
// them.
func sortedKeys(keys []string, location map[string]string) []string {
	for key := range location {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// DerivedState gives the state that a reader derives from the values'
// thresholds: the name and severity of the worst one exceeded (of the first
// value that has it), or ThresholdKept, "ok" when that is empty, and
// [Expected] when none is.
func (m *Message) DerivedState() (state string, severity Severity) {
	var worst Threshold
	found := false
	for i := range m.Values {
		t, exceeded := m.Values[i].Value.Exceeded()
		if exceeded && (!found || t.Severity.Worse(worst.Severity)) {
			worst, found = t, true
		}
	}
	switch {
	case found:
		return worst.Name, worst.Severity
	case m.ThresholdKept != "":
		return m.ThresholdKept, Expected
	default:
		return "ok", Expected
	}
}
