package output

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// answer is what the peer says.
type answer struct {
	code   int
	header http.Header
	body   []byte // the first maxAnswer bytes
	hide   *secrets
}

// judge says what an answer to a request of n lines, of so many bytes, means for them: they were taken, or the error of
// Send, or, with neither, that fewer lines are to be tried. credentials says whether the address has some.
func (a answer) judge(p *portion, n, size int, credentials bool) (taken bool, err error) {
	switch code := a.code; {
	case code/100 == 2:
		return true, nil
	case code == http.StatusRequestEntityTooLarge:
		if p.tooLarge(n, size) {
			return false, nil
		}
		return false, tooLarge("%d bytes: %w", size, a.error())
	case code == http.StatusBadRequest, code == http.StatusUnprocessableEntity:
		if p.refused(n, size) {
			return false, nil
		}
	case code == http.StatusUnauthorized && credentials:
		return false, a.again() // the files are read again then
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code/100 != 4:
		return false, a.again()
	}
	return false, &DropError{Reason: DropRefused, Lines: n, Err: a.error()}
}

// aboutLines says whether a refusal is because of what is in the request: judge has told the portion then.
func (a answer) aboutLines() bool {
	switch a.code {
	case http.StatusRequestEntityTooLarge, http.StatusBadRequest, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// error says what an answer was that is no success.
func (a answer) error() error {
	text := fmt.Sprintf("HTTP %d", a.code)
	if name := http.StatusText(a.code); name != "" {
		text += " " + name
	}
	if body := bytes.TrimSpace(a.hide.quotable(a.body)); len(body) > 0 {
		quoted := fmt.Sprintf("%q", body[:min(len(body), maxQuoted)])
		if len(body) > maxQuoted {
			quoted += "..."
		}
		text += ": " + quoted
	}
	switch {
	case a.code/100 == 3:
		text += " (redirects are not followed: have the destination's address be the one where messages are taken"
		if u, err := url.Parse(a.header.Get("Location")); err == nil && u.String() != "" {
			u.RawQuery, u.Fragment, u.User = "", "", nil // may be secret
			text += ", perhaps " + a.quotable([]byte(u.String()))
		}
		text += ")"
	case a.code == http.StatusUnauthorized:
		text += " (see the options token_file, login_file and headers_file)"
	}
	return errors.New(text)
}

// quotable is text as an error can show it: the first maxQuoted bytes, without secrets, in UTF-8.
func (a answer) quotable(text []byte) string {
	text = a.hide.quotable(text)
	return strings.ToValidUTF8(string(text[:min(len(text), maxQuoted)]), "\uFFFD")
}

// again is the error of an answer after which the same is to be sent once more.
func (a answer) again() error {
	err := a.error()
	if after := retryAfter(a.header, time.Now()); after > 0 {
		return &RetryAfterError{After: after, Err: err}
	}
	return err
}
