package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"dumbprobe/internal/message"
)

// aspectField is the field that is event.name; all others are keys of location.
const aspectField = "aspect"

// Bounds of a template, and of what it makes: at most maxTemplate + maxFields*maxField bytes.
const (
	maxTemplate = 256
	maxFields   = 8
	maxField    = 128 // bytes of what a field stands for
)

// nameRules say what a peer's names, as subjects or tags, are made of: parts between dots.
type nameRules struct {
	what    string          // as in "a subject"
	letter  func(rune) bool // whether it can be in a part; what a field stands for has _ in place of any other
	nothing string          // stands for a field that the line does not have
}

// lineTemplate makes a name of a line: text in which {aspect} stands for event.name and {KEY} for what location has
// under KEY. The zero value is not valid.
type lineTemplate struct {
	rules  *nameRules
	parts  [][]templatePiece // between the dots
	fields bool              // there is a field, so a line has to be read
}

// templatePiece is text, or a field.
type templatePiece struct{ text, field string }

// parseTemplate reads a template. The error goes on after it, as in `has no ...`.
func parseTemplate(template string, rules *nameRules) (lineTemplate, error) {
	if len(template) > maxTemplate {
		return lineTemplate{}, fmt.Errorf("has %d bytes; at most %d are possible", len(template), maxTemplate)
	}
	t := lineTemplate{rules: rules}
	fields := 0
	for text := range strings.SplitSeq(template, ".") {
		part, err := parsePart(text, rules)
		if err != nil {
			return lineTemplate{}, err
		}
		for _, p := range part {
			if p.field != "" {
				fields++
			}
		}
		t.parts = append(t.parts, part)
	}
	if fields > maxFields {
		return lineTemplate{}, fmt.Errorf("has %d fields; at most %d are possible", fields, maxFields)
	}
	t.fields = fields > 0
	return t, nil
}

// parsePart reads what is between two dots of a template.
func parsePart(part string, rules *nameRules) (pieces []templatePiece, err error) {
	if part == "" {
		return nil, errors.New("has an empty part: there is a dot at its beginning or end, or there are two in a row")
	}
	for rest := part; rest != ""; {
		text, after, found := strings.Cut(rest, "{")
		if strings.Contains(text, "}") {
			return nil, errors.New("has a } without a { in the same part")
		}
		for _, r := range text {
			if !rules.letter(r) {
				return nil, fmt.Errorf("has %q, which cannot be in %s", r, rules.what)
			}
		}
		if text != "" {
			pieces = append(pieces, templatePiece{text: text})
		}
		if !found {
			break
		}
		field, after, closed := strings.Cut(after, "}")
		if !closed {
			return nil, errors.New("has a { without a } in the same part")
		}
		if !message.ValidName(field) {
			return nil, fmt.Errorf("has the field {%s}; a field is {aspect}, or a key of location: letters, digits and _", field)
		}
		pieces, rest = append(pieces, templatePiece{field: field}), after
	}
	return pieces, nil
}

// of returns the name of a line. It never fails: for what the line does not have, or has in another shape, the rules
// have a word.
func (t lineTemplate) of(line []byte) string {
	var m struct {
		Location map[string]any `json:"location"`
		Event    struct {
			Name any `json:"name"`
		} `json:"event"`
	}
	if t.fields {
		// A type that does not fit is left out, and the rest is read; a line that is no JSON has no field.
		_ = json.Unmarshal(line, &m)
	}
	var b []byte
	for i, part := range t.parts {
		if i > 0 {
			b = append(b, '.')
		}
		for _, p := range part {
			switch p.field {
			case "":
				b = append(b, p.text...)
			case aspectField:
				b = t.rules.appendField(b, m.Event.Name)
			default:
				b = t.rules.appendField(b, m.Location[p.field])
			}
		}
	}
	return string(b)
}

// appendField appends a value as (a piece of) one part.
func (r *nameRules) appendField(b []byte, value any) []byte {
	s, _ := value.(string)
	if s == "" {
		return append(b, r.nothing...)
	}
	begin := len(b)
	for _, c := range s {
		if !r.letter(c) {
			c = '_'
		}
		if len(b)-begin+utf8.RuneLen(c) > maxField {
			break
		}
		b = utf8.AppendRune(b, c)
	}
	return b
}
