package luapattern

import (
	"strings"
	"testing"
)

func TestCompileRefuses(t *testing.T) {
	for _, test := range []struct{ name, pattern, want string }{
		{"% at the end", "abc%", "malformed pattern (ends with '%')"},
		{"% alone", "%", "malformed pattern (ends with '%')"},
		{"% behind ^", "^%", "malformed pattern (ends with '%')"},
		{"a set without end", "[abc", "malformed pattern (missing ']')"},
		{"a set of nothing", "[]", "malformed pattern (missing ']')"},
		{"a negated set of nothing", "[^]", "malformed pattern (missing ']')"},
		{"a set that ends with %", "[a%", "malformed pattern (missing ']')"},
		{"a set whose end is escaped", "[a%]", "malformed pattern (missing ']')"},
		{"a [ alone", "[", "malformed pattern (missing ']')"},
		{"a [^ alone", "[^", "malformed pattern (missing ']')"},
		{"a range without end", "[a-", "malformed pattern (missing ']')"},
		{"a capture without end", "a(b", "unfinished capture"},
		{"a ( at the end", "a(", "unfinished capture"},
		{"the outer capture without end", "((a)", "unfinished capture"},
		{"a ) too many", "a)", "invalid pattern capture"},
		{"a ) too many behind a capture", "(a))", "invalid pattern capture"},
		{"a reference to capture 0", "(a)%0", "invalid capture index"},
		{"a reference to no capture", "%1", "invalid capture index"},
		{"a reference to a later capture", "%1(a)", "invalid capture index"},
		{"a reference to a capture still open", "(a%1)", "invalid capture index"},
		{"a reference behind the last", "(a)(b)%3", "invalid capture index"},
		{"thirty-three captures", strings.Repeat("(a)", 33), "too many captures"},
		{"thirty-three positions", strings.Repeat("()", 33), "too many captures"},
		{"%b at the end", "%b", "unbalanced pattern"},
		{"%b with one byte", "%b(", "unbalanced pattern"},
		{"%f at the end", "%f", "missing '[' after '%f' in pattern"},
		{"%f without a set", "%fa", "missing '[' after '%f' in pattern"},
		{"%f with a set without end", "%f[a", "malformed pattern (missing ']')"},
		{"more items than there may be", strings.Repeat(".?", 200_000), "pattern too complex (more than 16384 items)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Compile(test.pattern)
			if err == nil || err.Error() != test.want {
				t.Errorf("Compile(%.40q): %v, want %s", test.pattern, err, test.want)
			}
		})
	}
}

func TestCompileCountsARunOfPlainBytesOnce(t *testing.T) {
	plain := strings.Repeat("x%.", 100_000)
	if p := mustCompile(t, plain); len(p.items) != 1 {
		t.Errorf("%d items, want 1", len(p.items))
	}
	if got := find(t, plain, strings.Repeat("x.", 100_001), 0); got != "0-200000" {
		t.Error(got)
	}
}
