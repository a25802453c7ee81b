package output

import (
	"errors"
	"strings"
)

// errLogin says that an address has an @ where a user and a password would be.
var errLogin = errors.New("no user and password in an address, where everyone sees them; they are in files")

// hasHost says whether what follows the scheme begins with a host, where people write a user and a password.
func (k kind) hasHost() bool { return strings.Contains(k.form, "HOST") }

// loginIn says whether what follows the ? of an address is the rest of a password: it has an @, and not in the value of
// an option.
func (k kind) loginIn(query string) bool {
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		_, known := k.option(name)
		if strings.Contains(name, "@") || strings.Contains(value, "@") && !known {
			return true
		}
	}
	return false
}

// withoutLogin takes the user and the password that somebody may have written into an address out of what an error
// shows: all from the scheme to the last @, and the options behind it.
func withoutLogin(s string) string {
	at := strings.LastIndexByte(s, '@')
	scheme, _, ok := strings.Cut(s, ":")
	if at < 0 || !ok || len(scheme) > at {
		return s
	}
	host, _, _ := strings.Cut(s[at:], "?")
	return scheme + ":" + hidden + host
}
