package output

import (
	"encoding/json"

	"dumbprobe/internal/message"
)

// schemaMessage is a line that conforms to the schema, and what it has beyond that.
type schemaMessage struct {
	message.Message
	vset       jsonObject // as it came; nil if there is none
	thresholds bool       // whether a value has some
	beyond     jsonObject // members that the schema does not know, under their whole names
	inValues   bool       // whether there are some in vset
}

// readMessage reads a message of the schema; false for every other line.
func readMessage(line jsonObject) (m schemaMessage, ok bool) {
	ok = true
	var version float64
	var event, location jsonObject
	for _, f := range line {
		switch f.key {
		case "v":
			version = number(f.value, &ok)
		case "time":
			m.Time = number(f.value, &ok)
		case "location":
			location = as[jsonObject](f.value, &ok)
		case "event":
			event = as[jsonObject](f.value, &ok)
		default:
			m.beyond = append(m.beyond, jsonMember{"message." + f.key, f.value})
		}
	}
	if location == nil || event == nil || version != message.SchemaVersion {
		return m, false
	}
	m.Location = make(map[string]string, len(location))
	for _, f := range location {
		m.Location[f.key] = as[string](f.value, &ok)
	}
	m.readEvent(event, &ok)
	if !ok {
		return m, false
	}
	_, err := m.Append(nil)
	return m, err == nil
}

func (m *schemaMessage) readEvent(event jsonObject, ok *bool) {
	for _, f := range event {
		switch f.key {
		case "name":
			m.Aspect = as[string](f.value, ok)
		case "state":
			m.readState(as[jsonObject](f.value, ok), ok)
		case "vset":
			m.vset = as[jsonObject](f.value, ok)
			for _, v := range m.vset {
				m.Values = append(m.Values, message.NamedValue{Name: v.key, Value: m.readValue(as[jsonObject](v.value, ok), ok)})
			}
		case "threshold_kept":
			m.ThresholdKept = as[string](f.value, ok)
		case "comment":
			m.Comment = as[string](f.value, ok)
		case "interval":
			m.Interval = number(f.value, ok)
		default:
			m.beyond = append(m.beyond, jsonMember{"event." + f.key, f.value})
		}
	}
}

func (m *schemaMessage) readState(state jsonObject, ok *bool) {
	for _, f := range state {
		switch f.key {
		case "value":
			m.State = as[string](f.value, ok)
		case "severity":
			m.Severity = message.Severity(as[string](f.value, ok))
		default:
			m.beyond = append(m.beyond, jsonMember{"event.state." + f.key, f.value})
		}
	}
}

func (m *schemaMessage) readValue(value jsonObject, ok *bool) (v message.Value) {
	found := false
	for _, f := range value {
		switch f.key {
		case "value":
			found = true
			if v.Null = f.value == nil; !v.Null {
				v.Number = number(f.value, ok)
			}
		case "unit":
			v.Unit = as[string](f.value, ok)
		case "type":
			v.Type = message.ValueType(as[string](f.value, ok))
		case "threshold_high":
			v.High = m.readThresholds(as[[]any](f.value, ok), ok)
		case "threshold_low":
			v.Low = m.readThresholds(as[[]any](f.value, ok), ok)
		default:
			m.inValues = true
		}
	}
	*ok = *ok && found
	return v
}

func (m *schemaMessage) readThresholds(list []any, ok *bool) (all []message.Threshold) {
	for _, one := range list {
		var t message.Threshold
		for _, f := range as[jsonObject](one, ok) {
			switch f.key {
			case "name":
				t.Name = as[string](f.value, ok)
			case "value":
				t.Limit = number(f.value, ok)
			case "severity":
				t.Severity = message.Severity(as[string](f.value, ok))
			}
		}
		m.thresholds = true
		all = append(all, t)
	}
	return all
}

// as is v of the type T. Where it is of another, ok becomes false.
func as[T any](v any, ok *bool) T {
	t, is := v.(T)
	*ok = *ok && is
	return t
}

// number is v as a float64. Where that is not possible, ok becomes false.
func number(v any, ok *bool) float64 {
	f, err := as[json.Number](v, ok).Float64()
	*ok = *ok && err == nil
	return f
}
