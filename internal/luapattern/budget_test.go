package luapattern

import (
	"errors"
	"strings"
	"testing"
)

var errSpent = errors.New("spent")

// limit gives a Budget of about n steps, and where it counts what was made.
func limit(n int) (Budget, *int) {
	made := new(int)
	return func(steps int) error {
		*made += steps
		if *made >= n {
			return errSpent
		}
		return nil
	}, made
}

func TestBudgetEndsEveryKindOfWork(t *testing.T) {
	const n = 100_000
	a := strings.Repeat("a", 1<<20)
	for _, test := range []struct{ name, pattern, s string }{
		{"lazy in lazy", ".-.-.-b", a[:400]},
		{"greedy in greedy", "a*a*a*a*b", a[:150]},
		{"greedy with one at least", "a+a+a+a+b", a[:200]},
		{"options", strings.Repeat("a?", 40) + strings.Repeat("a", 40) + "b", a[:40]},
		{"greedy, nothing known of what follows", ".*.*.*%f[b]", a[:500]},
		{"a search for each byte", "a*b", a},
		{"a search with a prefix", "a.*b", a},
		{"balanced without end", "%b()", strings.Repeat("(", 10_000)},
		{"references back", "(a*)%1%1b", a[:10_000]},
		{"long references back", "(.*).-%1b", a[:100_000]},
		{"one long span", "[^b]+$", a},
		{"one long way to the first byte", "%d", a},
		{"one long way for a lazy one", "^.-b", a},
		{"one long way back", "^.*b", a},
		{"a chain of lazy ones that fail", strings.Repeat(".-", 2000) + "b", a[:5000]},
	} {
		t.Run(test.name, func(t *testing.T) {
			var m Match
			budget, made := limit(n)
			_, err := mustCompile(t, test.pattern).Find(test.s, 0, &m, budget)
			if !errors.Is(err, errSpent) {
				t.Errorf("%v after %d steps, want %v", err, *made, errSpent)
			}
			// One item may compare the whole subject, a step for 16 bytes.
			if limit := n + 3*StepsPerReport + len(test.s)/8; *made > limit {
				t.Errorf("%d steps, want at most %d", *made, limit)
			}
		})
	}
}

func TestStepsGoOnToTheNextUseOfAMatch(t *testing.T) {
	p := mustCompile(t, "a-b")
	var m Match
	budget, made := limit(10 * StepsPerReport)
	for i := range 1_000_000 {
		if _, err := p.Find("aaaac", 0, &m, budget); err != nil {
			if i < 1000 {
				t.Errorf("spent after %d matches, %d steps", i, *made)
			}
			return
		}
	}
	t.Error("a million short matches cost nothing")
}

func TestOrdinaryMatchesAskNoBudget(t *testing.T) {
	var m Match
	_, err := mustCompile(t, "^(%w+)%s*=%s*(.-)%s*$").Find("key = some value  ", 0, &m, func(int) error { return errSpent })
	if err != nil {
		t.Error(err)
	}
}
