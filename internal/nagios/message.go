package nagios

import (
	"math"
	"strings"

	"dumbprobe/internal/message"
)

// State gives the state and severity that an exit code stands for. Codes other
// than 0, 1 and 2, negative ones (signals) included, are unknown.
func State(code int) (state string, severity message.Severity) {
	switch code {
	case 0:
		return "ok", message.Expected
	case 1:
		return "warning", message.Warning
	case 2:
		return "critical", message.Error
	default:
		return "unknown", message.Error
	}
}

// maxComment bounds the comment, in characters.
const maxComment = 1024

// Message makes the message of a plugin that printed out and exited with code.
// Aspect, location and time are left to the caller.
//
// The state is left out when a reader can derive it: some value that was
// measured has a threshold, and the worst exceeded threshold (or ok, when all
// are kept) gives the same state and severity as the code. Otherwise the
// code's state stays in. The text of the first line is the comment; long text,
// min and max are not sent.
func Message(out Output, code int) message.Message {
	m := message.Message{Comment: comment(out.Text)}
	if len(out.Perf) > 0 {
		m.Values = make([]message.NamedValue, len(out.Perf))
	}
	derivable, inside := false, false
	for i := range out.Perf {
		v := value(&out.Perf[i])
		m.Values[i] = message.NamedValue{Name: out.Perf[i].Name, Value: v}
		derivable = derivable || !v.Null && len(v.High)+len(v.Low) > 0
		inside = inside || insideRange(&out.Perf[i])
	}
	state, severity := State(code)
	// With a range that the schema cannot express, the thresholds never tell the whole.
	if derivable = derivable && !inside; derivable {
		derived, derivedSeverity := m.DerivedState()
		derivable = derived == state && derivedSeverity == severity
	}
	if !derivable {
		m.State, m.Severity = state, severity
	}
	return m
}

// insideRange tells of a range that alerts inside of it, which the schema has no threshold for.
func insideRange(p *Perf) bool {
	return p.Warn != nil && p.Warn.Inside || p.Crit != nil && p.Crit.Inside
}

func value(p *Perf) message.Value {
	v := message.Value{Number: p.Value, Null: p.Undetermined, Unit: p.Unit}
	if p.Unit == "c" {
		v.Unit, v.Type = "", message.Accumulative
	}
	// The schema's thresholds alert outside of a range only. One of the two
	// without the other would derive a state that the plugin does not mean.
	if insideRange(p) {
		return v
	}
	for _, limit := range [...]struct {
		r    *Range
		code int
	}{{p.Warn, 1}, {p.Crit, 2}} {
		if limit.r == nil {
			continue
		}
		name, severity := State(limit.code)
		// The errors: a limit that is not finite, which is asked here, and a
		// name or severity that the schema does not know, which State never gives.
		if !math.IsInf(limit.r.End, 0) {
			_ = v.SetAbove(limit.r.End, name, severity)
		}
		if !math.IsInf(limit.r.Start, 0) {
			_ = v.SetBelow(limit.r.Start, name, severity)
		}
	}
	return v
}

// comment makes a text that JSON can carry, of a bounded length.
func comment(text string) string {
	// Cut the bytes first, so that this does not walk through a megabyte: no
	// character is shorter than a byte, and none longer than four.
	text = text[:min(len(text), 4*maxComment)]
	text = strings.ToValidUTF8(text, "\uFFFD")
	n := 0
	for i := range text {
		if n == maxComment {
			return strings.TrimRight(text[:i], whiteSpace)
		}
		n++
	}
	return text
}
