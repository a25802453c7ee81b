package luapattern

import (
	"errors"
	"testing"
)

// FuzzFind checks that a match stays within its budget and its subject, and
// agrees with a matcher that is written for nothing but being read.
func FuzzFind(f *testing.F) {
	for _, seed := range []struct{ pattern, s string }{
		{"", ""}, {"a*a?a-b", "aaab"}, {"(a*(.)%w(%s*))", "THE (quick) fox"}, {"%f[%w]%a+%f[%W]", "THE (quick) fox"},
		{"%b()", "((a)"}, {"[]-a^%]]+", "]^a-"}, {"^(.-)()%1$", "abab"}, {"[^%d-x]?$*$", "12-x$"}, {"((a)(b?))%2%3-", "abab"},
		{"(a*)%1b", "aaaaab"}, {"**+-?", "**+-"}, {"%z%q%.", "\x00q."},
	} {
		f.Add(seed.pattern, seed.s, 0)
	}
	f.Fuzz(func(t *testing.T, pattern, s string, init int) {
		p, err := Compile(pattern)
		if err != nil {
			return
		}
		const n = 1 << 18
		var m Match
		budget, made := limit(n)
		found, err := p.Find(s, init, &m, budget)
		if most := n + 3*StepsPerReport + len(s) + len(pattern); *made > most {
			t.Errorf("%d steps, want at most %d", *made, most)
		}
		if errors.Is(err, errSpent) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if found {
			if max(init, 0) > m.Start || m.Start > m.End || m.End > len(s) {
				t.Fatalf("%q in %q from %d: %d-%d", pattern, s, init, m.Start, m.End)
			}
			for i := range m.Captures() {
				if c := m.Capture(i); c.Start < m.Start || c.End < c.Start || c.End > m.End {
					t.Fatalf("%q in %q: capture %d at %d-%d", pattern, s, i, c.Start, c.End)
				}
			}
		}
		if *made > n/16 || len(s) > 2000 {
			return // the reference has no budget
		}
		if got, want := show(s, found, &m), referenceFind(pattern, s, init); got != want {
			t.Errorf("%q in %q from %d: %s, the reference says %s", pattern, s, init, got, want)
		}
	})
}

// FuzzCompile checks that any bytes compile or give an error.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{"[", "[^", "[a-", "%", "%b", "%f[", "((", "(%1)", "[%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		p, err := Compile(pattern)
		if (p == nil) == (err == nil) {
			t.Errorf("%v, %v", p, err)
		}
	})
}
