package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"dumbprobe/internal/message"
)

const (
	// noToken stands in a subject for a field that the line does not have.
	noToken = "_"
	// aspectField is the field that is event.name; all others are keys of location.
	aspectField = "aspect"

	// The server takes a command of 4,096 bytes by default (max_control_line), which is the subject, the one that is
	// answered to, and numbers. A subject has at most maxTemplate + maxFields*maxToken of them.
	maxTemplate = 256
	maxFields   = 8
	maxToken    = 128
)

// subjectTemplate makes a NATS subject of a line: text in which {aspect} stands for event.name and {KEY} for what
// location has under KEY. The zero value is not valid.
type subjectTemplate struct {
	parts  []subjectPart
	filter string // a subject with wildcards that takes all that the template makes
	fields bool   // there is a field, so a line has to be read
}

// subjectPart is text, or a field.
type subjectPart struct{ text, field string }

// parseSubject reads a template. The first token must be plain text: what a message says of itself then never leads
// out of it, as into the server's own subjects ($JS, $SYS). The error goes on after the template, as in `has no ...`.
func parseSubject(template string) (t subjectTemplate, err error) {
	if len(template) > maxTemplate {
		return t, fmt.Errorf("has %d bytes; at most %d are possible", len(template), maxTemplate)
	}
	var filter []string
	for i, token := range strings.Split(template, ".") {
		parts, err := parseToken(token)
		if err != nil {
			return subjectTemplate{}, err
		}
		if i > 0 {
			t.parts = append(t.parts, subjectPart{text: "."})
		}
		t.parts = append(t.parts, parts...)
		if len(parts) == 1 && parts[0].field == "" {
			filter = append(filter, token)
			continue
		}
		if i == 0 {
			return subjectTemplate{}, errors.New("begins with a field; what stands before the first dot must be plain, as dumbprobe")
		}
		filter = append(filter, "*")
	}
	if template[0] == '$' || template[0] == '_' {
		return subjectTemplate{}, fmt.Errorf("begins with %q; those subjects are the server's own", template[:1])
	}
	fields := 0
	for _, p := range t.parts {
		if p.field != "" {
			fields++
		}
	}
	if fields > maxFields {
		return subjectTemplate{}, fmt.Errorf("has %d fields; at most %d are possible", fields, maxFields)
	}
	t.fields, t.filter = fields > 0, strings.Join(filter, ".")
	return t, nil
}

// parseToken reads what is between two dots of a template.
func parseToken(token string) (parts []subjectPart, err error) {
	if token == "" {
		return nil, errors.New("has an empty part: there is a dot at its beginning or end, or there are two in a row")
	}
	for rest := token; rest != ""; {
		text, after, found := strings.Cut(rest, "{")
		if i := strings.IndexFunc(text, notInSubject); i >= 0 || strings.Contains(text, "}") {
			if i < 0 {
				return nil, errors.New("has a } without a { in the same part")
			}
			r, _ := utf8.DecodeRuneInString(text[i:])
			return nil, fmt.Errorf("has %q, which cannot be in a subject", r)
		}
		if text != "" {
			parts = append(parts, subjectPart{text: text})
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
		parts, rest = append(parts, subjectPart{field: field}), after
	}
	return parts, nil
}

// checkSubject is the check of an option that is a template.
func checkSubject(template string) error {
	_, err := parseSubject(template)
	return err
}

// notInSubject says whether r cannot be in a token of a subject.
func notInSubject(r rune) bool {
	return r == '.' || r == '*' || r == '>' || r == ' ' || r == utf8.RuneError || !unicode.IsPrint(r)
}

// subject is that of a line. It never fails: what the line does not have, or has in another shape, is noToken.
func (t subjectTemplate) subject(line []byte) string {
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
	for _, p := range t.parts {
		switch p.field {
		case "":
			b = append(b, p.text...)
		case aspectField:
			b = appendToken(b, m.Event.Name)
		default:
			b = appendToken(b, m.Location[p.field])
		}
	}
	return string(b)
}

// appendToken appends a value as (a part of) one token: with _ for what cannot be in one, cut to maxToken bytes.
func appendToken(b []byte, value any) []byte {
	s, _ := value.(string)
	if s == "" {
		return append(b, noToken...)
	}
	begin := len(b)
	for _, r := range s {
		if notInSubject(r) {
			r = '_'
		}
		if len(b)-begin+utf8.RuneLen(r) > maxToken {
			break
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}
