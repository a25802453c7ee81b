package output

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAddress(t *testing.T) {
	tests := []struct {
		in   string
		want Address
		out  string // what String gives, if not in
	}{
		{in: "stdout", want: Address{Scheme: "stdout"}},
		{in: "tcp:localhost:514", want: Address{Scheme: "tcp", Host: "localhost", Port: "514"}},
		{in: "tcp:192.0.2.1:1", want: Address{Scheme: "tcp", Host: "192.0.2.1", Port: "1"}},
		{in: "udp:a-b_c.example.org:65535", want: Address{Scheme: "udp", Host: "a-b_c.example.org", Port: "65535"}},
		{in: "tcp:[::1]:514", want: Address{Scheme: "tcp", Host: "::1", Port: "514"}},
		{in: "udp:[fe80::1%eth0]:514", want: Address{Scheme: "udp", Host: "fe80::1%eth0", Port: "514"}},
		{in: "tcp:h:0514", want: Address{Scheme: "tcp", Host: "h", Port: "514"}, out: "tcp:h:514"},
		{in: "unix:/run/collector.sock", want: Address{Scheme: "unix", Path: "/run/collector.sock"}},
		{in: "unix:relative:with:colons", want: Address{Scheme: "unix", Path: "relative:with:colons"}},
		{in: "unix:@abstract", want: Address{Scheme: "unix", Path: "@abstract"}},
		{in: "unix:" + strings.Repeat("p", 107), want: Address{Scheme: "unix", Path: strings.Repeat("p", 107)}},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseAddress(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			out := tt.out
			if out == "" {
				out = tt.in
			}
			if got.String() != out {
				t.Errorf("String gives %q, want %q", got, out)
			}
		})
	}
}

func TestParseAddressErrors(t *testing.T) {
	known := "known forms are " + Forms()
	tests := []struct{ in, want string }{
		{"", `destination "" is empty; ` + known},
		{"-", `destination "-": unknown kind "-", did you mean "stdout"?; ` + known},
		{"TCP:h:1", `destination "TCP:h:1": unknown kind "TCP", did you mean "tcp"?; ` + known},
		{"localhost:514", `destination "localhost:514": unknown kind "localhost"; ` + known},
		{"stdout:x", `destination "stdout:x": stdout takes nothing after it, but "x" follows`},
		{"tcp", `destination "tcp": the host is missing; the form is tcp:HOST:PORT`},
		{"tcp:", `destination "tcp:": the host is missing; the form is tcp:HOST:PORT`},
		{"tcp::514", `destination "tcp::514": the host is missing; the form is tcp:HOST:PORT`},
		{"udp:h", `destination "udp:h": the port is missing; the form is udp:HOST:PORT`},
		{"udp:h:", `destination "udp:h:": the port is missing; the form is udp:HOST:PORT`},
		{"tcp://h:514/", `destination "tcp://h:514/": written without slashes: tcp:h:514`},
		{"tcp:::1:514", `destination "tcp:::1:514": an IPv6 host goes in brackets: tcp:[::1]:514`},
		{"tcp:2001:db8:1:2:3:4:5:6", `destination "tcp:2001:db8:1:2:3:4:5:6": an IPv6 host goes in brackets, and the port is missing: tcp:[2001:db8:1:2:3:4:5:6]:PORT`},
		{"tcp:a:b:1", `destination "tcp:a:b:1": too many colons; the form is tcp:HOST:PORT`},
		{"tcp:[::1]", `destination "tcp:[::1]": the port is missing; the form is tcp:HOST:PORT`},
		{"tcp:[::1:514", `destination "tcp:[::1:514": the bracket is never closed`},
		{"tcp:[::1]514", `destination "tcp:[::1]514": "514" follows the bracket where a colon and the port belong`},
		{"tcp:[localhost]:1", `destination "tcp:[localhost]:1": brackets are for IPv6 addresses, and "localhost" is none`},
		{"tcp:h:0", `destination "tcp:h:0": port "0" is not a number from 1 to 65535`},
		{"tcp:h:65536", `destination "tcp:h:65536": port "65536" is not a number from 1 to 65535`},
		{"tcp:h:syslog", `destination "tcp:h:syslog": port "syslog" is not a number from 1 to 65535`},
		{"tcp:h:-1", `destination "tcp:h:-1": port "-1" is not a number from 1 to 65535`},
		{"tcp:h,ca=x:1", `destination "tcp:h,ca=x:1": host "h,ca=x": ',' cannot be in the name of a host`},
		{"tcp:a b:1", `destination "tcp:a b:1": host "a b": ' ' cannot be in the name of a host`},
		{"tcp:h:1?x=1", `destination "tcp:h:1": unknown option "x"; the options of tcp are catch_up, stall`},
		{"unix", `destination "unix": the path is missing; the form is unix:PATH`},
		{"unix:", `destination "unix:": the path is missing; the form is unix:PATH`},
		{"unix:a\x00b", `destination "unix:a\x00b": the path contains a zero byte`},
		{
			"unix:" + strings.Repeat("p", 108),
			`destination "unix:` + strings.Repeat("p", 108) + `": the path has 108 bytes; the path of a unix socket has at most 107`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			a, err := ParseAddress(tt.in)
			if err == nil {
				t.Fatalf("no error, but %+v", a)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{
		"stdout", "tcp:h:1", "tcp:[::1]:514", "udp:[fe80::1%a]:1", "unix:/run/x", "tcp:::1:514", "unix:@", "tcp:[]:1", "tcp:[::1%]]:1",
		"tls:h:1?ca=/a%26b&server_name=x", "file:/a b?mode=0600&sync=yes", "tcp:h:1?catch_up=5&catch_up=6", "unix:@a?b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			if !reflect.DeepEqual(a, Address{}) {
				t.Errorf("%q: an error and %+v", s, a)
			}
			return
		}
		again, err := ParseAddress(a.text(func(_ option, value string) (string, bool) { return value, true }))
		if err == nil {
			err = a.check()
		}
		if err != nil || !reflect.DeepEqual(again, a) {
			t.Errorf("%q is %+v, which is written %q and read as %+v, %v", s, a, a, again, err)
		}
	})
}
