package output

import (
	"strings"
	"testing"
)

// What is wrong and has an @ may have a password before it, with whatever in it.
func TestNoWrongAddressShowsALogin(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"http://ali:S3C?RET@h/", "http://ali:S3C/RET@h/", "http://ali:S3C#RET@h/", "http:ali:S3C?RET@h", "http://S3C?RET@h/",
		"https://ali:S3C?ca=RET@h/", "https://ali:S3C?server_name=RET@h/", "http://ali:S3C?query=RET@h/", "https://S3C:RET?ca=c@h/",
		"tls:ali:S3C?ca=RET@h:1", "nats:ali:S3C?user=RET@h:1", "otlp://ali:S3C?RET@h", "fluent:ali:S3C?tag=RET@h:1",
		"http://ali:S3C?R&gzip=yes&ET@h/", "http://ali:80?R&gzip=yes&ET@h/", "http://ali:80?gzip=RET@h/", "http://ali:80?RET&gzip=x@h/",
		"http://ali:80?gzip=RET&timeout=x@h/", "nats:ali:80?stall=RET@h:1", "http://ali:80?RET=RET@h/", "http://ali:80?gzip=yes&gzip=RET@h/",
		"http://ali:S3C?=RET@h/", "http://ali:S3C?RET=x@h/", "http://ali:S3C?RET@h/?gzip=no", "http://ali:S3C@h/?token_file=/x@y",
		"http://ali:S3C%40?RET%40h/", "http://ali:S3C?ca%3DRET@h", "http://ali:S3C%40RET", "tcp:ali:S3C%40h:1",
		"udp://ali:S3C@h:1", "http://[S3C]@h/", "http://[::1]S3C@h/", "tcp:ali::S3C@h:1", "http://h/S3C%zz@h/",
		"htp://ali:S3C?RET@h/", "HTTP://ali:S3C?ca=RET@h", "HTTP:ali:S3C@h", "ali:S3C?RET@h:80", "//ali:S3C?RET@h", "http//ali:S3C?RET@h",
		"S3C:RET@h", "S3C@h:80", "S3C@h://x", "S3C%40h://x", "S3C@h", "S3C?@", "://S3C@h", "",
	} {
		t.Run(s, func(t *testing.T) {
			a, err := ParseAddress(s)
			if err == nil {
				t.Fatalf("no error, but %v", a)
			}
			for _, part := range []string{"S3C", "RET", "ali"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("the error shows %s: %v", part, err)
				}
			}
		})
	}
}

// Nor does what a program has put together.
func TestNoWrongAddressOfAProgramShowsALogin(t *testing.T) {
	t.Parallel()
	for _, a := range []Address{
		{Scheme: "http", Host: "ali:S3C@h", Port: "80", Path: "/"},
		{Scheme: "nats", Host: "ali:S3C%40h", Port: "80"},
		{Scheme: "http", Host: "h", Port: "80", Path: "/", Options: map[string]string{"gzip": "S3C@h"}},
		{Scheme: "http://ali:S3C@h"},
	} {
		if err := a.check(); err == nil || strings.Contains(err.Error(), "S3C") {
			t.Errorf("the error is %v", err)
		}
	}
}

func TestWrongAddressesWithLoginsAreExplained(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{
			"http://ali:baba@h/in",
			`destination "http:***": no user and password in an address, where everyone sees them; ` +
				`the options token_file, login_file, headers_file name files with them; the form is http://HOST:PORT/PATH`,
		},
		{
			"nats:ali:baba@h:4222",
			`destination "nats:***": no user and password in an address, where everyone sees them; ` +
				`the options creds, password_file name files with them; the form is nats:HOST:PORT`,
		},
		{"tcp:ali:baba@h:1", `destination "tcp:***": no user and password in an address, where everyone sees them; the form is tcp:HOST:PORT`},
		{
			"tcp:h:1?stal=me@home",
			`destination "tcp:***": an option is unknown or wrong (an @ may be the end of a password, so it is not shown which one): ` +
				`no user and password in an address, where everyone sees them; the form is tcp:HOST:PORT; the options are catch_up, stall`,
		},
		{"htp://ali:baba@h/", `destination "htp:***": unknown kind "htp"; known forms are ` + Forms()},
		{"HTTP://ali:baba@h/", `destination "HTTP:***": unknown kind "HTTP", did you mean "http"?; known forms are ` + Forms()},
		{"ali:baba@h/", `destination "***": unknown kind "***"; known forms are ` + Forms()},
		// What is at a path is no login.
		{"unix:", `destination "unix:": the path is missing; the form is unix:PATH`},
		{"file:/a@b?x=1", `destination "file:/a@b": unknown option "x"; the options of file are catch_up, mode, sync`},
	} {
		t.Run(tt.in, func(t *testing.T) {
			if _, err := ParseAddress(tt.in); err == nil || err.Error() != tt.want {
				t.Errorf("the error is\n%v, want\n%v", err, tt.want)
			}
		})
	}
}

// Whatever is around it in the password.
func FuzzAddressLogin(f *testing.F) {
	f.Add("http://", "", "@h/")
	f.Fuzz(func(t *testing.T, before, within, after string) {
		const secret = "S3CRET"
		before, within, after = strings.ReplaceAll(before, secret, ""), strings.ReplaceAll(within, secret, ""), strings.ReplaceAll(after, secret, "")
		s := before + "ali:" + secret + within + secret + after + "@h"
		if k, ok := kinds[strings.SplitN(s, ":", 2)[0]]; ok && !k.hasHost() {
			return // a path is shown
		}
		if _, err := ParseAddress(s); err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the error shows a password: %v", s, err)
		}
	})
}
