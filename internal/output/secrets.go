package output

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// secrets are what a request was sent with and an answer may say again: no error shows them.
type secrets []string

// leastSecret is the length in bytes of the shortest that is hidden. A shorter one, as the 1 of a tenant's header, would
// make a text unreadable and is no secret.
const leastSecret = 4

// secretsOf are the values of headers that readHeaders has read, and what Authorization is made of.
func secretsOf(h http.Header) secrets {
	var all secrets
	add := func(s string) {
		if len(s) >= leastSecret {
			all = append(all, s, url.QueryEscape(s), url.PathEscape(s))
		}
	}
	for name, values := range h {
		for _, value := range values {
			add(value)
			scheme, credentials, ok := strings.Cut(value, " ")
			if name != "Authorization" || !ok {
				continue
			}
			add(credentials)
			if login, err := base64.StdEncoding.DecodeString(credentials); strings.EqualFold(scheme, "Basic") && err == nil {
				add(string(login))
				_, password, _ := strings.Cut(string(login), ":")
				add(password)
			}
		}
	}
	// The longest first, so that nothing is left of one that has another in it.
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(all)
}

// hide puts *** in the place of all secrets in text.
func (s secrets) hide(text []byte) []byte {
	for _, secret := range s {
		text = bytes.ReplaceAll(text, []byte(secret), []byte(hidden))
	}
	return text
}

// hideIn has err say no secret. It is still what it was.
func (s secrets) hideIn(err error) error {
	text := err.Error()
	if hidden := string(s.hide([]byte(text))); hidden != text {
		return withText{hidden, err}
	}
	return err
}

type withText struct {
	text string
	err  error
}

func (e withText) Error() string { return e.text }
func (e withText) Unwrap() error { return e.err }
