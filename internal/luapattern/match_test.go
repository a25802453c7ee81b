package luapattern

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// show writes a result as "start-end" in offsets counted from 0, with each
// capture after it: its text in brackets, or @ and its offset; "none" for no
// match.
func show(s string, found bool, m *Match) string {
	if !found {
		return "none"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d-%d", m.Start, m.End)
	for i := range m.Captures() {
		if c := m.Capture(i); c.Position {
			fmt.Fprintf(&b, " @%d", c.Start)
		} else {
			fmt.Fprintf(&b, " [%s]", s[c.Start:c.End])
		}
	}
	return b.String()
}

func mustCompile(t testing.TB, pattern string) *Pattern {
	t.Helper()
	p, err := Compile(pattern)
	if err != nil {
		t.Fatalf("Compile(%q): %v", pattern, err)
	}
	return p
}

func find(t testing.TB, pattern, s string, init int) string {
	t.Helper()
	var m Match
	found, err := mustCompile(t, pattern).Find(s, init, &m, nil)
	if err != nil {
		t.Fatalf("Find(%q, %q): %v", pattern, s, err)
	}
	return show(s, found, &m)
}

func TestFind(t *testing.T) {
	for _, test := range []struct {
		name, pattern, s string
		init             int
		want             string
	}{
		{"the empty pattern matches at once", "", "abc", 0, "0-0"},
		{"the empty pattern matches at init", "", "abc", 2, "2-2"},
		{"the empty pattern matches at the end", "", "abc", 3, "3-3"},
		{"nothing matches behind the end", "", "abc", 4, "none"},
		{"a negative init is the beginning", "b", "abc", -9, "1-2"},
		{"plain bytes match themselves", "lo w", "hello world", 0, "3-7"},
		{"the first match wins", "ab", "xxabab", 0, "2-4"},
		{"init leaves out what is before it", "ab", "xxabab", 3, "4-6"},
		{"a match ends with the subject", "bc", "abc", 0, "1-3"},
		{"plain bytes longer than the subject", "abcd", "abc", 0, "none"},
		{"a zero byte is a byte", "b\x00c", "ab\x00cd", 0, "1-4"},
		{"bytes over 127 are bytes", "\xc3.", "a\xc3\xa9b", 0, "1-3"},

		{"dot is any byte", "a.c", "a\nc", 0, "0-3"},
		{"dot needs a byte", "abc.", "abc", 0, "none"},
		{"%a letters", "%a+", "12aZ[`{@34", 0, "2-4"},
		{"%A all but letters", "%A+", "ab1 \xe9z", 0, "2-5"},
		{"%c control characters", "%c+", "a\x00\x1f\x7f b", 0, "1-4"},
		{"%d digits", "%d+", "a0189:b", 0, "1-5"},
		{"%D all but digits", "%D+", "12ab3", 0, "2-4"},
		{"%g bytes that print", "%g+", " \t!~\x7f", 0, "2-4"},
		{"%G all but those", "%G+", "!~ \x7f", 0, "2-4"},
		{"%l lower case", "%l+", "ABcdE", 0, "2-4"},
		{"%L all but lower case", "%L+", "abCD1e", 0, "2-5"},
		{"%p punctuation", "%p+", "a!/:@[`{~b", 0, "1-9"},
		{"%P all but punctuation", "%P+", "!a \n!", 0, "1-4"},
		{"%s space", "%s+", "a \t\n\v\f\rb", 0, "1-7"},
		{"%S all but space", "%S+", " ab\x00c ", 0, "1-5"},
		{"%u upper case", "%u+", "abCDe", 0, "2-4"},
		{"%U all but upper case", "%U+", "ABcd1E", 0, "2-5"},
		{"%w letters and digits", "%w+", "_aZ09_", 0, "1-5"},
		{"%W all but letters and digits", "%W+", "a_\xe9 b", 0, "1-4"},
		{"%x hexadecimal digits", "%x+", "g09afAFG", 0, "1-7"},
		{"%X all but hexadecimal digits", "%X+", "afgz0", 0, "2-4"},
		{"%z the zero byte", "%z+", "a\x00\x00b", 0, "1-3"},
		{"%Z all but the zero byte", "%Z+", "\x00ab\x00", 0, "1-3"},
		{"% takes the meaning from punctuation", "%(%)%.%%%+%-%*%?%[%^%$", "a().%+-*?[^$", 0, "1-12"},
		{"% before a letter that is no class", "%q%é", "aqé", 0, "1-4"},
		{"% before a byte over 127", "%\xc1", "a\xc1\xe1", 0, "1-2"},

		{"a set", "[abc]+", "xxcabxx", 0, "2-5"},
		{"a set with a range", "[a-c]+", "zabcd", 0, "1-4"},
		{"a set with ranges and classes", "[a-c%d_]+", "-b2_d", 0, "1-4"},
		{"a set that is negated", "[^a-c]+", "abxyc", 0, "2-4"},
		{"a set with ] first", "[]]+", "a]]b", 0, "1-3"},
		{"a set with ] first, negated", "[^]]+", "]ab]", 0, "1-3"},
		{"a range that begins with ]", "[]-a]+", "\\]^_`ab", 0, "1-6"},
		{"a set with ] escaped", "[%]x]+", "a]x]b", 0, "1-4"},
		{"a set with - last", "[a-]+", "xa-ax", 0, "1-4"},
		{"a set with - first", "[-a]+", "xa-ax", 0, "1-4"},
		{"a class begins no range", "[%a-z]+", "1b-z1", 0, "1-4"},
		{"a range that ends with %", "[!-%a]+", " !$%ab", 0, "1-5"},
		{"a range ends with % and the ] behind it is a member", "[!-%]]+", " $%]^", 0, "1-4"},
		{"a range the wrong way round is empty", "[z-a]", "amz-", 0, "none"},
		{"digits in a set are digits", "[%1]", "a1", 0, "1-2"},
		{"^ not first in a set", "[a^]+", "x^a^x", 0, "1-4"},
		{"a dot in a set", "[.]", "a.", 0, "1-2"},

		{"* takes all", "a*", "aaab", 0, "0-3"},
		{"* takes nothing", "a*", "baaa", 0, "0-0"},
		{"* gives back", "a*ab", "aaab", 0, "0-4"},
		{"+ needs one", "a+", "baab", 0, "1-3"},
		{"+ gives back", "a+ab", "xaaab", 0, "1-5"},
		{"+ keeps one", "a+ab", "xab", 0, "none"},
		{"- takes little", "a-b", "aaab", 0, "0-4"},
		{"- takes nothing", "a-", "aaa", 0, "0-0"},
		{"- to the first end", "<.->", "x<a><b>", 0, "1-4"},
		{"* to the last end", "<.*>", "x<a><b>", 0, "1-7"},
		{"? takes one", "ab?c", "abc", 0, "0-3"},
		{"? takes none", "ab?c", "ac", 0, "0-2"},
		{"? gives back", "a?ab", "xab", 0, "1-3"},
		{"a repetition of a set", "[ab]*c", "xabbac", 0, "1-6"},
		{"a repetition of a class", "%d*%.%d+", "v12.50", 0, "1-6"},
		{"repetitions one after the other", "a*a?a-b", "aaab", 0, "0-4"},
		{"* first is itself", "*a", "a*a", 0, "1-3"},
		{"* on *", "**", "a**b", 1, "1-3"},
		{"* behind a capture is itself", "(a)*", "aa*", 0, "1-3 [a]"},
		{"* behind %b is itself", "%b()*", "()()*", 0, "2-5"},
		{"+ behind a reference back is itself", "(a)%1+", "aaa+", 0, "1-4 [a]"},

		{"^ holds at init", "^b", "abc", 1, "1-2"},
		{"^ does not search", "^b", "abc", 0, "none"},
		{"^ elsewhere is itself", "a^", "aa^", 0, "1-3"},
		{"^ alone", "^", "abc", 2, "2-2"},
		{"$ holds at the end", "b$", "bab", 0, "2-3"},
		{"$ elsewhere is itself", "a$b", "ab a$b", 0, "3-6"},
		{"$ can be repeated", "a$*b", "a$$b", 0, "0-4"},
		{"$ alone", "$", "abc", 0, "3-3"},
		{"^ and $", "^a*$", "aaa", 0, "0-3"},
		{"^$ of nothing", "^$", "", 0, "0-0"},
		{"$ behind a capture", "(b)$", "ab", 0, "1-2 [b]"},
		{"$ in a capture is itself", "(a$)", "aa$", 0, "1-3 [a$]"},

		{"a capture", "(%a+)", "12ab3", 0, "2-4 [ab]"},
		{"captures one after the other", "(%w+)=(%w*)", "  key=value", 0, "2-11 [key] [value]"},
		{"captures count where they begin", "((a)(b))", "xab", 0, "1-3 [ab] [a] [b]"},
		{"a capture of nothing", "(a*)b", "b", 0, "0-1 []"},
		{"a position", "()", "abc", 2, "2-2 @2"},
		{"positions", "()ll()", "hello", 0, "2-4 @2 @4"},
		{"a position inside a capture", "(a()b)", "ab", 0, "0-2 [ab] @1"},
		{"a capture follows what is given back", "(a*)(a)", "aaa", 0, "0-3 [aa] [a]"},
		{"a lazy capture", "(.-)(b+)$", "abab", 0, "0-4 [aba] [b]"},
		{"thirty-two captures", strings.Repeat("()", 32), "a", 0, "0-0" + strings.Repeat(" @0", 32)},

		{"a reference back", "(%w)%1", "abccd", 0, "2-4 [c]"},
		{"a reference back to a longer text", "(%a+) %1", "the the end", 0, "0-7 [the]"},
		{"a reference back makes a match go back", "(a*)b%1$", "aaabaa", 0, "1-6 [aa]"},
		{"a reference back to nothing", "(x*)a%1", "ba", 0, "1-2 []"},
		{"a reference back longer than what is left", "(abc)%1", "abcab", 0, "none"},
		{"a reference back to a position never matches", "()%1", "aa", 0, "none"},
		{"the ninth", "(a)(b)(c)(d)(e)(f)(g)(h)(i)%9", "abcdefghii", 0, "0-10 [a] [b] [c] [d] [e] [f] [g] [h] [i]"},
		{"a quoted string", `(["'])(.-)%1`, `say "it's" so`, 0, `4-10 ["] [it's]`},

		{"balanced", "%b()", "f(a(b)c)d)", 0, "1-8"},
		{"balanced nowhere", "%b()", "f((a)", 0, "2-5"},
		{"balanced not at all", "%b()", "f(((", 0, "none"},
		{"balanced with the same byte twice", "%b''", "a'b'c'", 0, "1-4"},
		{"balanced in between", "x%b[]y", "[x][a]yx[b]y", 0, "7-12"},
		{"balanced with odd bytes", "%b%%", "a%b%c", 0, "1-4"},

		{"the frontier of a word", "%f[%a]%a+", "12 abc", 0, "3-6"},
		{"the frontier at the beginning", "%f[%w]%w+", "THE end", 0, "0-3"},
		{"the frontier at the end", "%w+%f[%W]", "the END", 4, "4-7"},
		{"the frontier at the end is a zero byte", "%f[%z]", "aba", 0, "3-3"},
		{"no frontier inside", "%f[%a]b", "ab b", 0, "3-4"},
		{"a frontier with a negated set", "%f[^%l]%u*", "abCD", 0, "2-4"},
		{"init is no frontier", "%f[%a]%a", "abc d", 1, "4-5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := find(t, test.pattern, test.s, test.init); got != test.want {
				t.Errorf("%q in %q from %d: %s, want %s", test.pattern, test.s, test.init, got, test.want)
			}
		})
	}
}

func TestFindInLongSubjects(t *testing.T) {
	const n = 300_000
	a := strings.Repeat("a", n)
	for _, test := range []struct{ pattern, s, want string }{
		{"^a*.?$", a, fmt.Sprintf("0-%d", n)},
		{"^a-.?$", a, fmt.Sprintf("0-%d", n)},
		{"^a*.?b$", a, "none"},
		{".-b", a + "b", fmt.Sprintf("0-%d", n+1)},
		{".*b", "b" + a, "0-1"},
		{"%s", a + " ", fmt.Sprintf("%d-%d", n, n+1)},
		{"%b()", "(" + a + ")", fmt.Sprintf("0-%d", n+2)},
		{a + "$", a, fmt.Sprintf("0-%d", n)},
		{"^(.-)%1$", a[:2000], fmt.Sprintf("0-2000 [%s]", a[:1000])},
	} {
		if got := find(t, test.pattern, test.s, 0); got != test.want {
			t.Errorf("%.20q: %.60s, want %.60s", test.pattern, got, test.want)
		}
	}
}

func TestFindWithMoreChoicesThanTheStackHolds(t *testing.T) {
	for _, n := range []int{localChoices, localChoices + 1, 5000} {
		s := strings.Repeat("a", n)
		if got, want := find(t, "^"+strings.Repeat("a?", n)+"$", s, 0), fmt.Sprintf("0-%d", n); got != want {
			t.Errorf("%d choices: %s, want %s", n, got, want)
		}
	}
}

func TestMatchCanBeUsedAgain(t *testing.T) {
	var m Match
	for _, test := range []struct{ pattern, s, want string }{
		{"(a)(b)()", "ab", "0-2 [a] [b] @2"},
		{"(b)", "ab", "1-2 [b]"},
		{"b", "ab", "1-2"},
		{"(a)()", "xa", "1-2 [a] @2"},
	} {
		found, err := mustCompile(t, test.pattern).Find(test.s, 0, &m, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := show(test.s, found, &m); got != test.want {
			t.Errorf("%q: %s, want %s", test.pattern, got, test.want)
		}
	}
}

func TestPatternIsSafeForConcurrentUse(t *testing.T) {
	p := mustCompile(t, "(%w+)%s*=%s*(%w+)()")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var m Match
			for range 100 {
				found, err := p.Find("  key = value;", 0, &m, nil)
				if got, want := show("  key = value;", found, &m), "2-13 [key] [value] @13"; err != nil || got != want {
					t.Errorf("%s, %v; want %s", got, err, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestFindDoesNotAllocate(t *testing.T) {
	p := mustCompile(t, "^(%a+)%s-(%d*)$")
	var m Match
	if n := testing.AllocsPerRun(100, func() { _, _ = p.Find("load 15", 0, &m, nil) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
