package luapattern

import "strings"

// StepsPerReport is about how many steps a match makes between two calls of its
// [Budget].
const StepsPerReport = 4096

// A Budget is told how many steps a match has made since it was told last. An
// error from it ends the match, and is what [Pattern.Find] returns. A step is
// one byte looked at or one item tried, nanoseconds; comparing long runs of
// bytes costs one step in sixteen of them.
type Budget func(steps int) error

// A Match is where a pattern matched: s[Start:End] of the subject. It can be
// used again for other patterns and subjects; steps not yet reported to a Budget
// go on to its next use. The zero value is ready. It is not safe for concurrent
// use.
type Match struct {
	Start, End int

	captures int
	caps     [MaxCaptures]Capture
	steps    int      // made and not yet reported
	frames   []choice // for patterns with many choices
}

// A Capture is s[Start:End] of the subject; of a position capture, written (),
// Position is true and both are the byte offset, counted from 0.
type Capture struct {
	Start, End int
	Position   bool
}

// Captures is how many captures the pattern has.
func (m *Match) Captures() int { return m.captures }

// Capture gives capture i, counted from 0. It panics when there is none.
func (m *Match) Capture(i int) Capture { return m.caps[:m.captures][i] }

// localChoices is how many frames a match keeps on the Go stack.
const localChoices = 8

// Find looks for the first match of p in s that begins at byte offset init or
// later; a pattern anchored with ^ matches at init only. It writes what it found
// to m, whose positions mean nothing after a false or an error. The error is
// that of b, which may be nil for no limit.
func (p *Pattern) Find(s string, init int, m *Match, b Budget) (bool, error) {
	start := max(init, 0)
	if start > len(s) {
		return false, nil
	}
	m.captures = p.captures
	var local [localChoices]choice
	r := run{items: p.items, s: s, m: m, budget: b, frames: local[:]}
	if p.choices > len(local) {
		if len(m.frames) < p.choices {
			m.frames = make([]choice, p.choices)
		}
		r.frames = m.frames
	}

	for ; ; start++ {
		switch {
		case p.anchored:
		case p.prefix != "":
			skipped := strings.Index(s[start:], p.prefix)
			if skipped < 0 {
				return false, r.tick(1 + (len(s)-start)/16)
			}
			if err := r.tick(1 + skipped/16); err != nil {
				return false, err
			}
			start += skipped
		case p.first != nil:
			var err error
			if start, err = r.scan(start, p.first, false); err != nil || start == len(s) {
				return false, err
			}
		}
		end, err := r.match(start)
		if err != nil {
			return false, err
		}
		if end >= 0 {
			m.Start, m.End = start, end
			return true, nil
		}
		if p.anchored || start >= len(s) {
			return false, nil
		}
	}
}
