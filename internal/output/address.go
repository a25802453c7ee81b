package output

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Address says where a destination is. The zero value is not valid.
type Address struct {
	Scheme string // stdout, tcp, udp or unix
	Host   string // name, IPv4 or IPv6 (without brackets), of tcp and udp
	Port   string // 1 to 65535, decimal, of tcp and udp
	Path   string // of unix; one that begins with @ is in the abstract namespace
}

// maxUnixPath is what sun_path of unix(7) holds, less the zero at its end, in bytes.
const maxUnixPath = 107

// ParseAddress reads `stdout`, `tcp:HOST:PORT`, `udp:HOST:PORT` or `unix:PATH`. An IPv6 host stands in
// brackets, the port is a number. The error quotes s, says what is wrong with it and how it should look.
func ParseAddress(s string) (Address, error) {
	scheme, rest, _ := strings.Cut(s, ":")
	k, ok := kinds[scheme]
	if !ok {
		return Address{}, unknownScheme(s, scheme)
	}
	a := Address{Scheme: scheme}
	if err := k.parse(&a, rest); err != nil {
		return Address{}, fmt.Errorf("destination %q: %w", s, err)
	}
	return a, nil
}

func unknownScheme(s, scheme string) error {
	hint := ""
	if _, ok := kinds[strings.ToLower(scheme)]; ok {
		hint = fmt.Sprintf(", did you mean %q?", strings.ToLower(scheme))
	} else if s == "-" {
		hint = `, did you mean "stdout"?`
	}
	if s == "" {
		return fmt.Errorf("destination %q is empty; known forms are %s", s, forms())
	}
	return fmt.Errorf("destination %q: unknown kind %q%s; known forms are %s", s, scheme, hint, forms())
}

// String returns the address as ParseAddress reads it.
func (a Address) String() string {
	k, ok := kinds[a.Scheme]
	if !ok {
		return a.Scheme
	}
	return a.Scheme + k.tail(a)
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
		return errors.New("the path is missing; the form is unix:PATH")
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

// checkHost refuses what no resolver could find. It also keeps characters such as ? and , free for options.
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
