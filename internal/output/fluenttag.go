package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// fluentUnknown stands in a tag for what a message has not.
const fluentUnknown = "unknown"

// fluentTagMax is how long a tag may be, in bytes. That of a template is cut.
const fluentTagMax = 255

// fluentTagTemplate is text and placeholders in turn, text first.
type fluentTagTemplate []string

// checkFluentTag says what is wrong with the option tag.
func checkFluentTag(s string) error {
	if len(s) > fluentTagMax {
		return fmt.Errorf("has %d bytes; at most %d are possible", len(s), fluentTagMax)
	}
	t := parseFluentTag(s)
	if len(t)%2 == 0 {
		return errors.New("has a brace that is never closed")
	}
	for i, part := range t {
		for _, r := range part {
			switch {
			case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			case i%2 == 0 && (r == '.' || r == '-'):
			case i%2 == 0:
				return fmt.Errorf("contains %q; a tag consists of letters, digits, dots, hyphens and underscores", r)
			default:
				return fmt.Errorf("has %q in braces, which is no name of a location's key, and not {aspect}", part)
			}
		}
		if i%2 == 1 && part == "" {
			return errors.New("has {}; in braces stands aspect, or the name of a location's key, as {host}")
		}
	}
	if text := strings.Join(t, "x"); strings.HasPrefix(text, ".") || strings.HasSuffix(text, ".") || strings.Contains(text, "..") {
		return errors.New("has an empty part: between two dots, at its beginning or at its end")
	}
	return nil
}

// parseFluentTag cuts a template at its braces. A brace that is never closed gives an even number of parts.
func parseFluentTag(s string) (t fluentTagTemplate) {
	for open := false; ; open = !open {
		delimiter := "{"
		if open {
			delimiter = "}"
		}
		part, rest, found := strings.Cut(s, delimiter)
		t = append(t, part)
		if !found {
			return t
		}
		s = rest
	}
}

// of returns the tag of a line.
func (t fluentTagTemplate) of(line []byte) string {
	if len(t) == 1 {
		return t[0]
	}
	var m struct {
		Location map[string]any
		Event    struct{ Name any }
	}
	_ = json.Unmarshal(line, &m) // what it is not, is unknown
	var b strings.Builder
	for i, part := range t {
		switch {
		case i%2 == 0:
			b.WriteString(part)
		case part == "aspect":
			writeTagPart(&b, m.Event.Name)
		default:
			writeTagPart(&b, m.Location[part])
		}
	}
	return b.String()[:min(b.Len(), fluentTagMax)]
}

// writeTagPart writes what a placeholder stands for as one part of a tag: whatever is no letter, digit, hyphen or
// underscore becomes an underscore, so also the dots of a host's name.
func writeTagPart(b *strings.Builder, value any) {
	text, _ := value.(string)
	if text == "" {
		text = fluentUnknown
	}
	for _, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
}
