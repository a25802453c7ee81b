package message_test

import (
	"regexp"
	"testing"

	"dumbprobe/internal/message"
)

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "load1": true, "_": true, "UPPER_lower_09": true,
		"": false, "a b": false, "a.b": false, "a-b": false, "é": false,
		"name\n": false, "\x00": false, "/": false, ":": false, "@": false, "[": false, "`": false, "{": false,
	} {
		if got := message.ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %v, want %v", name, got, want)
		}
	}
}

func FuzzValidNameIsTheRegexp(f *testing.F) {
	rule := regexp.MustCompile(`\A[a-zA-Z0-9_]+\z`)
	for _, s := range []string{"", "load1", "a b", "a\n", "é", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := message.ValidName(s), rule.MatchString(s); got != want {
			t.Errorf("ValidName(%q) = %v, want %v", s, got, want)
		}
	})
}
