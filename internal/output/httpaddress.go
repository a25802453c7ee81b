package output

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// plainPort is the port of a scheme whose addresses may leave it out.
func plainPort(scheme string) string {
	switch scheme {
	case "https":
		return "443"
	case "http":
		return "80"
	case "otlp", "otlp+tls":
		return "4318"
	}
	return ""
}

// parseURL reads what follows the scheme of a URL: //HOST[:PORT][/PATH], also without the slashes before the host.
func parseURL(a *Address, rest string) error {
	form := a.Scheme + "://HOST[:PORT]/PATH"
	rest = strings.TrimPrefix(rest, "//")
	where, path := rest, "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		where, path = rest[:i], rest[i:]
	}
	if strings.Contains(where, "@") {
		return errLogin // also in the zone of an IPv6 address, where anything can be
	}
	host, port, err := splitHostPort(a.Scheme, where)
	switch {
	case err != nil:
		return fmt.Errorf("%w (the form is %s)", err, form)
	case host == "":
		return fmt.Errorf("the host is missing; the form is %s", form)
	case port == "" && strings.HasSuffix(where, ":"):
		return fmt.Errorf("the port is missing after the colon; the form is %s", form)
	}
	at := Address{Scheme: a.Scheme}
	if err := parseHostPort(&at, net.JoinHostPort(host, cmp.Or(port, plainPort(a.Scheme)))); err != nil {
		return err
	}
	if err := checkURLPath(path); err != nil {
		return err
	}
	a.Host, a.Port, a.Path = at.Host, at.Port, path
	return nil
}

// checkURLPath refuses a path that cannot be in a request as it is.
func checkURLPath(path string) error {
	if strings.Contains(path, "#") {
		return errors.New("a # in the path is written %23; a fragment is nothing that a server gets")
	}
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' {
			return fmt.Errorf("%q in the path is written %%%02X", string(rune(c)), c)
		}
	}
	if _, err := url.PathUnescape(path); err != nil {
		return errors.New("the path has a % that two hexadecimal digits do not follow; a % itself is written %25")
	}
	return nil
}

// tailURL is the reverse of parseURL. A port that is understood is left out.
func tailURL(a Address) string {
	host := a.hostPort()
	if a.Port == plainPort(a.Scheme) {
		host = strings.TrimSuffix(host, ":"+a.Port)
	}
	return "://" + host + a.Path
}

// checkQuery refuses what cannot follow the ? of a URL.
func checkQuery(query string) error {
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return fmt.Errorf("is no query: %q in it is written %%%02X, and the %% of that %%25", string(rune(c)), c)
		}
	}
	return nil
}
