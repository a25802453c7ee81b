package output

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The server takes a command of 4,096 bytes by default (max_control_line), which is the subject, the one that is
// answered to, and numbers: the bounds of a template are far below that.
var subjectRules = nameRules{what: "a subject", letter: func(r rune) bool { return !notInSubject(r) }, nothing: "_"}

// subjectTemplate makes a NATS subject of a line. The zero value is not valid.
type subjectTemplate struct {
	lineTemplate
	filter string // a subject with wildcards that takes all that the template makes
}

// parseSubject reads a template. The first token must be plain text: what a message says of itself then never leads
// out of it, as into the server's own subjects ($JS, $SYS). The error goes on after the template, as in `has no ...`.
func parseSubject(template string) (subjectTemplate, error) {
	t, err := parseTemplate(template, &subjectRules)
	if err != nil {
		return subjectTemplate{}, err
	}
	tokens := strings.Split(template, ".")
	for i, part := range t.parts {
		if len(part) > 1 || part[0].field != "" {
			tokens[i] = "*"
		}
	}
	if tokens[0] == "*" {
		return subjectTemplate{}, errors.New("begins with a field; what stands before the first dot must be plain, as dumbprobe")
	}
	if template[0] == '$' || template[0] == '_' {
		return subjectTemplate{}, fmt.Errorf("begins with %q; those subjects are the server's own", template[:1])
	}
	return subjectTemplate{t, strings.Join(tokens, ".")}, nil
}

// subject is that of a line.
func (t subjectTemplate) subject(line []byte) string { return t.of(line) }

// checkSubject is the check of an option that is a template.
func checkSubject(template string) error {
	_, err := parseSubject(template)
	return err
}

// notInSubject says whether r cannot be in a token of a subject.
func notInSubject(r rune) bool {
	return r == '.' || r == '*' || r == '>' || r == ' ' || r == utf8.RuneError || !unicode.IsPrint(r)
}
