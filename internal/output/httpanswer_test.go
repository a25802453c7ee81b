package output

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Whatever a peer answers is a success, a refusal of some lines at least, a reason to try again, or one to try fewer; and
// what is said of it is short, and can be shown.
func FuzzHTTPAnswer(f *testing.F) {
	f.Add(200, "", "", []byte(nil))
	f.Add(302, "https://user:pw@h.example/in?key=1#x", "", []byte("moved"))
	f.Add(503, "", "120", []byte("\x00\xff"))
	f.Fuzz(func(t *testing.T, code int, location, after string, body []byte) {
		if code < 100 || code > 999 { // net/http lets no other through
			return
		}
		h := http.Header{"Location": {location}, "Retry-After": {after}}
		for _, authorized := range []bool{false, true} {
			p := newPortion(maxPost)
			p.take(lines("1", "2", "3"), 1)
			taken, err := answer{code: code, header: h, body: body[:min(len(body), maxAnswer)]}.judge(&p, 3, 100, authorized)
			var drop *DropError
			switch {
			case taken != (code/100 == 2) || taken && err != nil:
				t.Errorf("%d: %v, %v", code, taken, err)
			case errors.As(err, &drop) && (code/100 != 4 || drop.Lines > 3):
				t.Errorf("%d: %d lines are dropped", code, drop.Lines)
			case err == nil:
				continue
			}
			text := err.Error()
			if len(text) > 2500 || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("the error is %d bytes: %q", len(text), text)
			}
		}
	})
}
