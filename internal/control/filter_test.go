package control

import (
	"path"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "", false}, {"a", "a", true}, {"a", "ab", false},
		{"*", "", true}, {"*", "a/b c#1", true}, {"a*", "b", false}, {"*c", "abc", true}, {"a*c", "abbbc", true},
		{"a*c", "abbbcd", false}, {"*b*", "abc", true}, {"a**c", "ac", true}, {"*a*b*c*", "xxaxxbxxcxx", true},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"?", "é", true}, {"??", "é", false}, {"*?", "", false},
		{"[a]", "[a]", true}, {"[a]", "a", false}, {`a\*c`, "a*c", true}, {`a\*c`, "abc", false}, {`\?`, "?", true},
		{`\\`, `\`, true}, {`\`, `\`, true}, {"host.lua#*", "host.lua#3 Function", true}, {"?", "\xff", true},
	} {
		if got := Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) is %v", c.pattern, c.name, got)
		}
	}
}

func TestMatchTakesNoExponentialTime(t *testing.T) {
	t.Parallel()
	if Match(strings.Repeat("*a", 400)+"b", strings.Repeat("a", 1000)) {
		t.Error("it matches")
	}
}

func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{{"a*c", "abc"}, {`\*`, "*"}, {"*é?", "aéb"}, {"", ""}, {"[a", "[a"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		got := Match(pattern, name)
		if !Match(Literal(name), name) {
			t.Errorf("the literal of %q does not match it", name)
		}
		if Literal(pattern) == pattern && got != (pattern == name) {
			t.Errorf("%q without a wildcard matches %q: %v", pattern, name, got)
		}
		// Where the patterns of package path mean the same, they are the reference; a star of theirs can end within a
		// character.
		if !strings.ContainsAny(pattern, `[\`) && !strings.Contains(name, "/") && utf8.ValidString(pattern) {
			if want, err := path.Match(pattern, name); err == nil && got != want {
				t.Errorf("Match(%q, %q) is %v, path.Match says %v", pattern, name, got, want)
			}
		}
	})
}

func TestFilterOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query string
		want  Filter
		err   string
	}{
		{"", Filter{}, ""},
		{"name=a*&name=b+c%2F", Filter{Names: []string{"a*", "b c/"}}, ""},
		{"failed=true", Filter{Failed: true}, ""},
		{"failed=0", Filter{}, ""},
		{"failed=maybe", Filter{}, `failed="maybe" is not true or false`},
		{"nam=a", Filter{}, `unknown parameter "nam"; there are name and failed`},
		{"name=%zz", Filter{}, "the query cannot be read"},
		{strings.Repeat("name=a&", 101), Filter{}, "101 names are more than 100"},
		{"name=" + strings.Repeat("a", 1001), Filter{}, "a name has 1001 bytes, more than 1000"},
	} {
		got, err := filterOf(c.query)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%.40s: error %v, want %s", c.query, err, c.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%.40s: %+v, %v", c.query, got, err)
		}
		if again, err := filterOf(got.query()); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s: written and read again it is %+v, %v", c.query, again, err)
		}
	}
}

func FuzzFilterOf(f *testing.F) {
	f.Add("name=a&failed=true")
	f.Add("name=%2a;failed")
	f.Fuzz(func(t *testing.T, query string) {
		got, err := filterOf(query)
		if err != nil {
			return
		}
		if again, err := filterOf(got.query()); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%q: %+v, written and read again it is %+v, %v", query, got, again, err)
		}
		got.Wants("name")
	})
}
