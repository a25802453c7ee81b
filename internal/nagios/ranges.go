package nagios

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Range is a threshold as plugins spell it: which values raise an alert.
type Range struct {
	Start float64 // -Inf: no lower end
	End   float64 // +Inf: no upper end
	// Inside is set by a leading @: alert inside the range, both ends included,
	// and not outside of it.
	Inside bool
}

// ParseRange reads [@][start:][end]. No start is 0, a start of ~ is minus
// infinity, no end after a colon is infinity; the start must not be greater
// than the end. Decimal commas are read as points.
func ParseRange(s string) (Range, error) {
	spelled, inside := strings.CutPrefix(s, "@")
	start, end, colon := strings.Cut(spelled, ":")
	if !colon {
		start, end = "", spelled
		if end == "" {
			return Range{}, errors.New("the range is empty")
		}
	}
	r := Range{Start: 0, End: math.Inf(1), Inside: inside}
	var err error
	switch start {
	case "":
	case "~":
		r.Start = math.Inf(-1)
	default:
		if r.Start, err = number(start); err != nil {
			return Range{}, fmt.Errorf("the start of the range %q: %w", shorten(s), err)
		}
	}
	if end != "" {
		if r.End, err = number(end); err != nil {
			return Range{}, fmt.Errorf("the end of the range %q: %w", shorten(s), err)
		}
	}
	if r.Start > r.End {
		return Range{}, fmt.Errorf("the range %q starts at %v, after its end %v", shorten(s), r.Start, r.End)
	}
	return r, nil
}

// Alerts tells whether v raises an alert: outside of the range, its ends not
// included, or, with Inside, within it, its ends included. NaN raises none.
func (r Range) Alerts(v float64) bool {
	if r.Inside {
		return r.Start <= v && v <= r.End
	}
	return v < r.Start || v > r.End
}
