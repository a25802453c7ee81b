package nagios

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// whiteSpace separates the items of the performance data.
const whiteSpace = " \t\r\n\v\f"

// perfParser reads lines of performance data into an Output.
type perfParser struct {
	out  *Output
	seen map[string]struct{} // the labels so far
}

// line reads one line of performance data. An item never goes on in the next
// line, so a quote left open spoils no more than its own.
func (p *perfParser) line(line string) {
	for {
		line = strings.TrimLeft(line, whiteSpace)
		if line == "" {
			return
		}
		length := itemLength(line)
		p.item(line[:length])
		line = line[length:]
	}
}

// itemLength gives the length of the item that line begins with: up to the
// next white space outside of quotes.
//
// A quoted label has to be followed by its =, or by nothing. Where it is not,
// the quote that seems to close it may as well open the next label; then the
// item ends at the first white space, so that the next items are read.
//
// All lines' items together cost one pass: a quote is looked for up to the next
// odd run of quotes, and an item in between that begins with an even run is
// closed within it.
func itemLength(line string) int {
	from := 0
	if line[0] == '\'' {
		if _, after, closed := cutQuoted(line); closed && (after == "" || after[0] == '=' || isSpace(after[0])) {
			from = len(line) - len(after)
		}
	}
	if n := strings.IndexAny(line[from:], whiteSpace); n >= 0 {
		return from + n
	}
	return len(line)
}

// cutQuoted reads the quoted label that s begins with, its doubled quotes still
// doubled, and gives what follows it.
func cutQuoted(s string) (label, after string, closed bool) {
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			i++
			continue
		}
		return s[1:i], s[i+1:], true
	}
	return "", s, false
}

// item reads 'label'=value[unit];[warn];[crit];[min];[max].
func (p *perfParser) item(item string) {
	label, data, problem := cutLabel(item)
	if problem != "" {
		p.drop(item, "%s", problem)
		return
	}
	if _, found := p.seen[label]; found {
		p.drop(item, "the label %q was there before, and the first one counts", shorten(label))
		return
	}
	perf := Perf{Label: label, Name: Name(label)}

	// At most six: the fields, and in the last place what nobody has defined.
	fields := strings.SplitN(data, ";", 6)
	if problem := perf.setValue(fields[0]); problem != "" {
		p.drop(item, "%s", problem)
		return
	}
	for i, field := range fields[1:] {
		if field == "" {
			continue
		}
		if err := perf.setField(i, field); err != nil {
			p.drop(item, "%s: %s", fieldNames[i], err)
		}
	}
	if p.seen == nil {
		p.seen = make(map[string]struct{})
	}
	p.seen[label] = struct{}{}
	p.out.Perf = append(p.out.Perf, perf)
}

// cutLabel splits an item at the = after its label.
func cutLabel(item string) (label, data, problem string) {
	found := false
	if item[0] == '\'' {
		label, data, found = cutQuoted(item)
		if !found {
			return "", "", "the quote of the label is not closed"
		}
		if data, found = strings.CutPrefix(data, "="); !found {
			return "", "", "no = after the quoted label"
		}
		label = strings.ReplaceAll(label, "''", "'")
	} else {
		label, data, found = strings.Cut(item, "=")
		if !found {
			return "", "", "no = in it"
		}
		if strings.Contains(label, "'") {
			return "", "", "a quote in a label that is not quoted"
		}
	}
	if label == "" {
		return "", "", "the label is empty"
	}
	return label, data, ""
}

// setValue reads the value and its unit.
func (p *Perf) setValue(s string) (problem string) {
	switch s {
	case "":
		return "no value"
	case "U":
		p.Undetermined = true
		return ""
	}
	value, unit, err := cutNumber(s)
	if err != nil {
		return fmt.Sprintf("the value %q: %s", shorten(s), err)
	}
	if !validUnit(unit) {
		return fmt.Sprintf("the value %q: %q is not a unit", shorten(s), shorten(unit))
	}
	p.Value, p.Unit = value, strings.ToValidUTF8(unit, "\uFFFD")
	return ""
}

// fieldNames are the fields after the value, for reasons.
var fieldNames = [...]string{"warn", "crit", "min", "max", "after max"}

// setField reads the field at index, counted from the first after the value.
func (p *Perf) setField(index int, s string) (err error) {
	switch index {
	case 0:
		p.Warn, err = rangeField(s)
	case 1:
		p.Crit, err = rangeField(s)
	case 2:
		p.Min, err = numberField(s)
	case 3:
		p.Max, err = numberField(s)
	default:
		// Semicolons alone are plugins being tidy.
		if strings.Trim(s, ";") != "" {
			err = fmt.Errorf("the unknown field %q", shorten(s))
		}
	}
	return err
}

func rangeField(s string) (*Range, error) {
	r, err := ParseRange(s)
	if err != nil {
		return nil, err
	}
	return &r, nil
}

func numberField(s string) (*float64, error) {
	f, err := number(s)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", shorten(s), err)
	}
	return &f, nil
}

func (p *perfParser) drop(item, format string, args ...any) {
	p.out.Dropped = append(p.out.Dropped, Dropped{shorten(item), fmt.Sprintf(format, args...)})
}

// shorten cuts s to what fits in a log line.
func shorten(s string) string {
	const limit = 100 // bytes
	if len(s) <= limit {
		return s
	}
	end := limit
	for end > limit-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

func isSpace(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}
