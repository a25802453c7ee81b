package control

import (
	"fmt"
	"net/url"
	"strconv"
	"unicode/utf8"
)

// Filter is what of a status is wanted. The zero value wants everything.
type Filter struct {
	Names  []string // patterns, see Match, of checks and handles; scripts and destinations are left out then
	Failed bool     // only what is wrong
}

const (
	maxPatterns     = 100
	maxPatternBytes = 1000
)

// filterOf reads the query of GET /v1/status.
func filterOf(query string) (f Filter, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return f, fmt.Errorf("the query cannot be read: %w", err)
	}
	for key, of := range values {
		switch key {
		case "name":
			f.Names = of
		case "failed":
			if f.Failed, err = strconv.ParseBool(of[len(of)-1]); err != nil {
				return f, fmt.Errorf("failed=%q is not true or false", of[len(of)-1])
			}
		default:
			return f, fmt.Errorf("unknown parameter %q; there are name and failed", key)
		}
	}
	if len(f.Names) > maxPatterns {
		return f, fmt.Errorf("%d names are more than %d", len(f.Names), maxPatterns)
	}
	for _, name := range f.Names {
		if len(name) > maxPatternBytes {
			return f, fmt.Errorf("a name has %d bytes, more than %d", len(name), maxPatternBytes)
		}
	}
	return f, nil
}

func (f Filter) query() string {
	values := url.Values{"name": f.Names}
	if f.Failed {
		values.Set("failed", "true")
	}
	return values.Encode()
}

// Wants tells whether the name matches one of the patterns, or there are none.
func (f Filter) Wants(name string) bool {
	for _, pattern := range f.Names {
		if Match(pattern, name) {
			return true
		}
	}
	return len(f.Names) == 0
}

// Match tells whether a name matches a pattern: * stands for any characters, also none, ? for one, and a
// backslash takes away the meaning of what follows it. Everything else, brackets included, stands for itself,
// since names contain any character. It takes time proportional to the product of the lengths at most.
func Match(pattern, name string) bool {
	p, n := 0, 0
	star, from := -1, 0 // the pattern after the last *, and where in the name that is tried next
	for n < len(name) {
		_, size := utf8.DecodeRuneInString(name[n:])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			p++
			star, from = p, n
			continue
		case p < len(pattern) && pattern[p] == '?':
			p++
			n += size
			continue
		case p < len(pattern):
			at := p
			if pattern[at] == '\\' && at+1 < len(pattern) {
				at++
			}
			if pattern[at] == name[n] {
				p = at + 1
				n++
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, size = utf8.DecodeRuneInString(name[from:])
		from += size
		p, n = star, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// Literal is the pattern that matches s alone.
func Literal(s string) string {
	var b []byte
	for i := range len(s) {
		switch s[i] {
		case '*', '?', '\\':
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return string(b)
}
