package output

// fluentTagMax is how long a tag may be, in bytes: servers make names of files of it. A longer one is cut.
const fluentTagMax = 255

var tagRules = nameRules{
	what: "a tag: it consists of letters, digits, dots, hyphens and underscores", letter: inTag, nothing: "unknown",
}

// fluentTagTemplate makes a tag of a line. The zero value is not valid.
type fluentTagTemplate struct{ lineTemplate }

// parseFluentTag reads the option tag. The error goes on after it, as in `has no ...`.
func parseFluentTag(s string) (fluentTagTemplate, error) {
	t, err := parseTemplate(s, &tagRules)
	return fluentTagTemplate{t}, err
}

// checkFluentTag is the check of the option tag.
func checkFluentTag(s string) error {
	_, err := parseFluentTag(s)
	return err
}

// of returns the tag of a line.
func (t fluentTagTemplate) of(line []byte) string {
	tag := t.lineTemplate.of(line)
	return tag[:min(len(tag), fluentTagMax)] // it is ASCII, which can be cut anywhere
}

// inTag says whether r can be in a part of a tag.
func inTag(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}
