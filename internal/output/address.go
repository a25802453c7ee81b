package output

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Address says where a destination is, and how it is to be treated. The zero value is not valid.
type Address struct {
	Scheme string // one of kinds
	Host   string // name, IPv4 or IPv6 (without brackets), of kinds that have one
	Port   string // 1 to 65535, decimal, of kinds that have a host
	// Path is of unix, where one that begins with @ is in the abstract namespace; of file; and of a URL, as it is
	// written there.
	Path string

	// Options are what followed the question mark, decoded. Nil if there were none.
	Options map[string]string
}

// maxUnixPath is what sun_path of unix(7) holds, less the zero at its end, in bytes.
const maxUnixPath = 107

// ParseAddress reads an address in one of the forms of the register of kinds, as `stdout`, `tcp:HOST:PORT` or
// `unix:PATH`, with options at its end: `tls:HOST:PORT?ca=/etc/ca.pem&server_name=x`. An IPv6 host stands in
// brackets, the port is a number. The error says what is wrong with s and how it should look. It quotes s without the
// values of its options, which may be secret; and of one with an @ or %40, before which a password may be, the scheme
// alone.
func ParseAddress(s string) (Address, error) {
	where, query, asked := strings.Cut(s, "?")
	scheme, rest, _ := strings.Cut(where, ":")
	k, ok := kinds[scheme]
	if !ok {
		return Address{}, unknownScheme(s)
	}
	a := Address{Scheme: scheme}
	err := k.parse(&a, rest)
	if err != nil {
		return Address{}, k.wrongPlace(s, err)
	}
	if asked {
		a.Options, err = k.parseOptions(scheme, query)
	}
	if err == nil {
		err = k.checkOptions(scheme, a.Options)
	}
	if err != nil {
		return Address{}, k.wrongOptions(s, err)
	}
	return a, nil
}

// unknownScheme is the error about an address, written s, of no kind.
func unknownScheme(s string) error {
	where, _, _ := strings.Cut(s, "?")
	if mayShowLogin(s) {
		where = withoutLogin(s)
	}
	scheme, _, _ := strings.Cut(where, ":")
	hint := ""
	if _, ok := kinds[strings.ToLower(scheme)]; ok {
		hint = fmt.Sprintf(", did you mean %q?", strings.ToLower(scheme))
	} else if where == "-" {
		hint = `, did you mean "stdout"?`
	}
	if where == "" {
		return fmt.Errorf("destination %q is empty; known forms are %s", where, Forms())
	}
	return fmt.Errorf("destination %q: unknown kind %q%s; known forms are %s", where, scheme, hint, Forms())
}

// String returns the address with all its options, the secret ones as ***.
func (a Address) String() string {
	return a.text(a.inText)
}

func (Address) inText(o option, value string) (string, bool) {
	if o.secret {
		value = hidden
	}
	return value, true
}

// Name returns what the destination is called in the log, in statistics and on the disk, and what makes it
// another one: the address with those options only that say where the lines go. It shows no secret, and stays
// as it is when a certificate or a limit is changed.
func (a Address) Name() string {
	return a.text(a.inName)
}

func (Address) inName(o option, value string) (string, bool) { return value, o.where && !o.secret }

// text writes the address with the options and values that show lets through.
func (a Address) text(show func(o option, value string) (string, bool)) string {
	k, ok := kinds[a.Scheme]
	if !ok {
		return a.Scheme
	}
	return a.Scheme + k.tail(a) + k.tailOptions(a.Options, show)
}

// check says what is wrong with an address that ParseAddress may not have made.
func (a Address) check() error {
	k, ok := kinds[a.Scheme]
	if !ok {
		return unknownScheme(a.Scheme)
	}
	if err := k.parse(&Address{Scheme: a.Scheme}, strings.TrimPrefix(k.tail(a), ":")); err != nil {
		return k.wrongPlace(a.String(), err)
	}
	if err := k.checkOptions(a.Scheme, a.Options); err != nil {
		return k.wrongOptions(a.String(), err)
	}
	return nil
}

func (a Address) hostPort() string { return net.JoinHostPort(a.Host, a.Port) }

func parseNothing(a *Address, rest string) error {
	if rest != "" {
		return fmt.Errorf("%s takes nothing after it, but %q follows", a.Scheme, rest)
	}
	return nil
}

func tailNothing(Address) string { return "" }

func parsePath(a *Address, path string) error {
	switch {
	case path == "":
		return fmt.Errorf("the path is missing; the form is %s:PATH", a.Scheme)
	case len(path) > maxUnixPath:
		return fmt.Errorf("the path has %d bytes; the path of a unix socket has at most %d", len(path), maxUnixPath)
	case strings.ContainsRune(path, 0):
		return errors.New("the path contains a zero byte")
	}
	a.Path = path
	return nil
}

func tailPath(a Address) string { return ":" + a.Path }

func parseHostPort(a *Address, rest string) error {
	form := a.Scheme + ":HOST:PORT"
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		return fmt.Errorf("written without slashes: %s:%s", a.Scheme, strings.TrimRight(after, "/"))
	}
	host, port, err := splitHostPort(a.Scheme, rest)
	if err != nil {
		return err
	}
	if host == "" {
		return fmt.Errorf("the host is missing; the form is %s", form)
	}
	if port == "" {
		return fmt.Errorf("the port is missing; the form is %s", form)
	}
	if err := checkHost(host); err != nil {
		return err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("port %q is not a number from 1 to 65535", port)
	}
	a.Host, a.Port = host, strconv.FormatUint(n, 10)
	return nil
}

func tailHostPort(a Address) string { return ":" + a.hostPort() }

// splitHostPort separates the two; either may come out empty.
func splitHostPort(scheme, s string) (host, port string, err error) {
	if inside, ok := strings.CutPrefix(s, "["); ok {
		host, port, ok = strings.Cut(inside, "]")
		if !ok {
			return "", "", errors.New("the bracket is never closed")
		}
		if !isIPv6(host) {
			return "", "", fmt.Errorf("brackets are for IPv6 addresses, and %q is none", host)
		}
		if port != "" && port[0] != ':' {
			return "", "", fmt.Errorf("%q follows the bracket where a colon and the port belong", port)
		}
		return host, strings.TrimPrefix(port, ":"), nil
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", nil
	}
	host, port = s[:i], s[i+1:]
	if !strings.Contains(host, ":") {
		return host, port, nil
	}
	if isIPv6(host) {
		return "", "", fmt.Errorf("an IPv6 host goes in brackets: %s:[%s]:%s", scheme, host, port)
	}
	if isIPv6(s) {
		return "", "", fmt.Errorf("an IPv6 host goes in brackets, and the port is missing: %s:[%s]:PORT", scheme, s)
	}
	return "", "", fmt.Errorf("too many colons; the form is %s:HOST:PORT", scheme)
}

func isIPv6(s string) bool {
	ip, err := netip.ParseAddr(s)
	return err == nil && ip.Is6()
}

// checkHost refuses what no resolver could find.
func checkHost(host string) error {
	if isIPv6(host) {
		return nil
	}
	for _, r := range host {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
		default:
			return fmt.Errorf("host %q: %q cannot be in the name of a host", host, r)
		}
	}
	if len(host) > 253 {
		return fmt.Errorf("the host's name has %d characters; at most 253 are possible", len(host))
	}
	return nil
}
