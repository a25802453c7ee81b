package luaapi

import (
	"encoding/json"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

// note keeps the worst severity of what a run found: a check may run sooner after a state that is not
// expected (retry_interval).
func (b *Batch) note(s message.Severity) {
	if s.Worse(b.Worst) {
		b.Worst = s
	}
}

// severityOf is the severity of a message that is a plain table: its state's, or where it has none, that of the worst
// threshold that is exceeded.
func severityOf(t *lua.LTable) message.Severity {
	event, _ := t.RawGetString("event").(*lua.LTable)
	if event == nil {
		return message.Expected
	}
	if state, ok := event.RawGetString("state").(*lua.LTable); ok {
		return message.Severity(textOf(state.RawGetString("severity")))
	}
	if vset, ok := event.RawGetString("vset").(*lua.LTable); ok {
		return severityOfTable(vset)
	}
	return message.Expected
}

// severityOfTable is the worst severity of a value set that is a plain table.
func severityOfTable(vset *lua.LTable) message.Severity {
	worst := message.Expected
	for it := entriesOf(vset); it.next(); {
		switch x := it.value.(type) {
		case *lua.LUserData:
			worst = worse(worst, x)
		case *lua.LTable:
			number, ok := x.RawGetString("value").(lua.LNumber)
			if !ok {
				continue
			}
			for field, sign := range map[string]float64{"threshold_high": 1, "threshold_low": -1} {
				list, _ := x.RawGetString(field).(*lua.LTable)
				for i := 1; list != nil && i <= list.Len(); i++ {
					t, _ := list.RawGetInt(i).(*lua.LTable)
					if t == nil {
						continue
					}
					limit, ok := t.RawGetString("value").(lua.LNumber)
					severity := message.Severity(textOf(t.RawGetString("severity")))
					if ok && sign*float64(number) > sign*float64(limit) && severity.Worse(worst) {
						worst = severity
					}
				}
			}
		}
	}
	return worst
}

// worse is the worse of a severity and that of a Value's thresholds.
func worse(worst message.Severity, v lua.LValue) message.Severity {
	if ud, ok := v.(*lua.LUserData); ok {
		if value, ok := ud.Value.(*valueObject); ok {
			if t, exceeded := value.Exceeded(); exceeded && t.Severity.Worse(worst) {
				return t.Severity
			}
		}
	}
	return worst
}

// severityOfMessage is severityOf for a message made in Go.
func severityOfMessage(m *message.Message) message.Severity {
	if m.State != "" {
		return m.Severity
	}
	_, s := m.DerivedState()
	return s
}

// severityOfJSON is severityOf for a message that never was in Lua. What is no message of the schema is as
// expected.
func severityOfJSON(line []byte) message.Severity {
	var m struct {
		Event struct {
			State *struct {
				Severity message.Severity `json:"severity"`
			} `json:"state"`
			Vset map[string]struct {
				Value *float64        `json:"value"`
				High  []jsonThreshold `json:"threshold_high"`
				Low   []jsonThreshold `json:"threshold_low"`
			} `json:"vset"`
		} `json:"event"`
	}
	if json.Unmarshal(line, &m) != nil {
		return message.Expected
	}
	if m.Event.State != nil {
		return m.Event.State.Severity
	}
	worst := message.Expected
	for _, v := range m.Event.Vset {
		if v.Value == nil {
			continue
		}
		for _, t := range v.High {
			if *v.Value > t.Value && t.Severity.Worse(worst) {
				worst = t.Severity
			}
		}
		for _, t := range v.Low {
			if *v.Value < t.Value && t.Severity.Worse(worst) {
				worst = t.Severity
			}
		}
	}
	return worst
}

type jsonThreshold struct {
	Value    float64          `json:"value"`
	Severity message.Severity `json:"severity"`
}
