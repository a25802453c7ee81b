package output

import (
	"errors"
	"fmt"
	"strings"
)

// errLogin says that an address has an @ where a user and a password would be.
var errLogin = errors.New("no user and password in an address, where everyone sees them")

// mayShowLogin says whether an address that is wrong may have a user and a password in it, as people write them before
// the host. Where the password begins and ends nobody can say then: it may have any of : / ? # & and = in it.
func mayShowLogin(s string) bool { return strings.Contains(s, "@") || strings.Contains(s, "%40") }

// withoutLogin is what an error shows of such an address: the scheme, where it is one and not the user.
func withoutLogin(s string) string {
	scheme, rest, _ := strings.Cut(s, ":")
	_, known := kinds[strings.ToLower(scheme)]
	if known || strings.HasPrefix(rest, "//") && strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz+") == "" {
		return scheme + ":" + hidden
	}
	return hidden
}

// hasHost says whether what follows the scheme begins with a host.
func (k kind) hasHost() bool { return strings.Contains(k.form, "HOST") }

// wrongPlace is the error about an address, written s, that does not say where a destination is, because of err.
func (k kind) wrongPlace(s string, err error) error {
	if k.hasHost() && mayShowLogin(s) {
		return fmt.Errorf("destination %q: %w", withoutLogin(s), k.loginError())
	}
	return wrong(s, err)
}

// wrongOptions is the error about an address, written s, whose options are wrong, because of err.
func (k kind) wrongOptions(s string, err error) error {
	if k.hasHost() && mayShowLogin(s) {
		return fmt.Errorf("destination %q: an option is unknown or wrong (an @ may be the end of a password, so it is not shown which one): %w; the options are %s",
			withoutLogin(s), k.loginError(), strings.Join(k.optionNames(), ", "))
	}
	return wrong(s, err)
}

// wrong shows s without the values of options, which may be secret.
func wrong(s string, err error) error {
	where, _, _ := strings.Cut(s, "?")
	return fmt.Errorf("destination %q: %w", where, err)
}

// loginError says what to do in the place of writing a password into an address. It quotes nothing of that.
func (k kind) loginError() error {
	var files []string
	for _, o := range k.options {
		if o.login {
			files = append(files, o.name)
		}
	}
	if len(files) == 0 {
		return fmt.Errorf("%w; the form is %s", errLogin, k.form)
	}
	return fmt.Errorf("%w; the options %s name files with them; the form is %s", errLogin, strings.Join(files, ", "), k.form)
}
