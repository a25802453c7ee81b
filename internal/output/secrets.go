package output

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
)

// secrets are what a peer was sent, or has, to know us by: passwords, tokens, keys. A peer may say them again, as they
// are or in one of spellings, so no error shows them. Nil is none.
type secrets struct {
	patterns func() patterns // made when there is an error at last: that takes a millisecond for long tokens
}

func newSecrets(texts ...string) *secrets {
	return &secrets{sync.OnceValue(func() patterns { return patternsOf(texts) })}
}

const (
	// leastSecret is the length in bytes of the shortest secret that is hidden. A shorter one, as the 1 of a tenant's
	// header, is in many words: without them nobody could read the error.
	leastSecret = 4
	// leastPart is the length in bytes of the shortest part of a secret that is hidden where the rest is missing, since
	// somebody has cut the text. Of a secret that is shorter, parts are shown.
	leastPart = 8
	// spelledIn is how many spellings one in the other are looked through, as in a URL that is in JSON.
	spelledIn = 2
	// maxSearched is how much of what a peer says is looked through, in bytes: more than an error quotes. An answer that is
	// made to take long, of 64 KiB, took half a second.
	maxSearched = 4 << 10
)

// secretsOf are the values of headers that readHeaders has read, without the word that an Authorization begins with. Of a
// login also the password, and both as they are before Base64.
func secretsOf(h http.Header) *secrets {
	var all []string
	for name, values := range h {
		for _, value := range values {
			scheme, credentials, ok := strings.Cut(value, " ")
			if !ok || !strings.HasSuffix(name, "Authorization") {
				all = append(all, value)
				continue
			}
			credentials = strings.TrimSpace(credentials)
			all = append(all, credentials)
			if login, err := base64.StdEncoding.DecodeString(credentials); strings.EqualFold(scheme, "Basic") && err == nil {
				_, password, _ := strings.Cut(string(login), ":")
				all = append(all, string(login), password)
			}
		}
	}
	return newSecrets(all...)
}

// hide returns text with *** in the place of all secrets of leastSecret bytes or more, and of all parts of them of
// leastPart bytes or more. What is cut is to be cut after that.
func (s *secrets) hide(text []byte) []byte {
	if s == nil {
		return text
	}
	f := finder{patterns: s.patterns(), covered: make([]bool, len(text))}
	f.search(asItIs(text), spelledIn)
	var out []byte
	for i, c := range text {
		switch {
		case !f.covered[i]:
			out = append(out, c)
		case i == 0 || !f.covered[i-1]:
			out = append(out, hidden...)
		}
	}
	return out
}

// quotable is what may be quoted of a text, which may be long: the beginning, without secrets.
func (s *secrets) quotable(text []byte) []byte { return s.hide(text[:min(len(text), maxSearched)]) }

// hideIn has err say no secret, and not more than is looked through for one. It is still what it was.
func (s *secrets) hideIn(err error) error {
	if s == nil || err == nil {
		return err
	}
	text := err.Error()
	if hidden := string(s.quotable([]byte(text))); hidden != text {
		if len(text) > maxSearched {
			hidden += "..."
		}
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

// patterns are what is looked for. They are never written to.
type patterns struct {
	short [][]byte                 // secrets of less than leastPart bytes
	parts map[[leastPart]byte]bool // of the others
}

func patternsOf(texts []string) patterns {
	p := patterns{parts: map[[leastPart]byte]bool{}}
	for _, text := range texts {
		for _, secret := range append(inBase64(text), text) {
			if len(secret) >= leastSecret && len(secret) < leastPart {
				p.short = append(p.short, []byte(secret))
			}
			for i := range len(secret) - leastPart + 1 {
				p.parts[[leastPart]byte([]byte(secret[i:i+leastPart]))] = true
			}
		}
	}
	return p
}

// finder finds secrets in a text.
type finder struct {
	patterns
	covered []bool // which bytes of the text are of a secret
}

// search covers what is secret in r, and in what r stands for by so many spellings, one in the other.
func (f *finder) search(r reading, depth int) {
	for i := range len(r.text) - leastPart + 1 {
		if f.parts[[leastPart]byte(r.text[i:])] {
			f.cover(r, i, i+leastPart)
		}
	}
	for _, secret := range f.short {
		for i := range r.text {
			if bytes.HasPrefix(r.text[i:], secret) {
				f.cover(r, i, i+len(secret))
			}
		}
	}
	for _, read := range spellings {
		if next, ok := r.as(read); ok && depth > 0 {
			f.search(next, depth-1)
		}
	}
}

func (f *finder) cover(r reading, from, to int) {
	for i := r.from[from]; i < r.to[to-1]; i++ {
		f.covered[i] = true
	}
}

// inBase64 returns what there is of secret in the Base64 of any text that has it, by both alphabets of RFC 4648. There,
// the first and the last character may have bits of what is beside it.
func inBase64(secret string) (forms []string) {
	for shift := range 3 {
		shifted := append(make([]byte, shift), secret...)
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			form := alphabet.EncodeToString(shifted)[(shift*8+5)/6:]
			forms = append(forms, form)
			if len(shifted)%3 != 0 && form != "" {
				forms = append(forms, form[:len(form)-1])
			}
		}
	}
	return forms
}
