package luapattern

import (
	"fmt"
	"strings"
)

// reference matches a pattern by reading it again at every step, by recursion
// and without limits: what the manual says, in few words. Its patterns are well
// formed.
type reference struct {
	p, s string
	caps []Capture
	open []int
}

func referenceFind(pattern, s string, init int) string {
	rest, anchored := strings.CutPrefix(pattern, "^")
	for start := max(init, 0); start <= len(s); start++ {
		r := &reference{p: rest, s: s}
		if end := r.match(0, start); end >= 0 {
			var b strings.Builder
			fmt.Fprintf(&b, "%d-%d", start, end)
			for _, c := range r.caps {
				if c.Position {
					fmt.Fprintf(&b, " @%d", c.Start)
				} else {
					fmt.Fprintf(&b, " [%s]", s[c.Start:c.End])
				}
			}
			return b.String()
		}
		if anchored {
			break
		}
	}
	return "none"
}

// match matches the pattern from offset p on at offset s, and gives the end.
// The captures of a failed attempt are put back.
func (r *reference) match(p, s int) int {
	caps, open := append([]Capture(nil), r.caps...), append([]int(nil), r.open...)
	end := r.try(p, s)
	if end < 0 {
		r.caps, r.open = caps, open
	}
	return end
}

func (r *reference) try(p, s int) int {
	rest := r.p[p:]
	switch {
	case rest == "":
		return s
	case strings.HasPrefix(rest, "()"):
		r.caps = append(r.caps, Capture{Start: s, End: s, Position: true})
		return r.match(p+2, s)
	case rest[0] == '(':
		r.open = append(r.open, len(r.caps))
		r.caps = append(r.caps, Capture{Start: s})
		return r.match(p+1, s)
	case rest[0] == ')':
		r.caps[r.open[len(r.open)-1]].End = s
		r.open = r.open[:len(r.open)-1]
		return r.match(p+1, s)
	case rest == "$":
		if s == len(r.s) {
			return s
		}
		return -1
	case strings.HasPrefix(rest, "%b"):
		depth := 0
		for i := s; i < len(r.s); i++ {
			switch {
			case i > s && r.s[i] == rest[3]:
				if depth--; depth == 0 {
					return r.match(p+4, i+1)
				}
			case r.s[i] == rest[2]:
				depth++
			case i == s:
				return -1
			}
		}
		return -1
	case strings.HasPrefix(rest, "%f"):
		at := func(i int) byte {
			if i < 0 || i >= len(r.s) {
				return 0
			}
			return r.s[i]
		}
		n := r.length(p + 2)
		if !r.single(p+2, at(s-1)) && r.single(p+2, at(s)) {
			return r.match(p+2+n, s)
		}
		return -1
	case len(rest) > 1 && rest[0] == '%' && '1' <= rest[1] && rest[1] <= '9':
		c := r.caps[rest[1]-'1']
		if c.Position || !strings.HasPrefix(r.s[s:], r.s[c.Start:c.End]) {
			return -1
		}
		return r.match(p+2, s+c.End-c.Start)
	}

	n := r.length(p)
	fits := func(i int) bool { return i < len(r.s) && r.single(p, r.s[i]) }
	switch after := r.p[p+n:]; {
	case after != "" && strings.IndexByte("*+", after[0]) >= 0:
		i := s
		for fits(i) {
			i++
		}
		for ; i >= s; i-- {
			if i == s && after[0] == '+' {
				break
			}
			if end := r.match(p+n+1, i); end >= 0 {
				return end
			}
		}
		return -1
	case after != "" && after[0] == '-':
		for i := s; ; i++ {
			if end := r.match(p+n+1, i); end >= 0 {
				return end
			}
			if !fits(i) {
				return -1
			}
		}
	case after != "" && after[0] == '?':
		if fits(s) {
			if end := r.match(p+n+1, s+1); end >= 0 {
				return end
			}
		}
		return r.match(p+n+1, s)
	}
	if !fits(s) {
		return -1
	}
	return r.match(p+n, s+1)
}

// length is how long the item for one byte at offset p of the pattern is.
func (r *reference) length(p int) int {
	switch r.p[p] {
	case '%':
		return 2
	case '[':
		i := p + 1
		if r.p[i] == '^' {
			i++
		}
		for first := true; first || r.p[i] != ']'; first = false {
			if r.p[i] == '%' {
				i++
			}
			i++
		}
		return i + 1 - p
	}
	return 1
}

// single reports whether the item for one byte at offset p of the pattern
// stands for c.
func (r *reference) single(p int, c byte) bool {
	item := r.p[p : p+r.length(p)]
	switch item[0] {
	case '.':
		return true
	case '%':
		return referenceClass(item[1], c)
	case '[':
		members, negated := strings.CutPrefix(item[1:len(item)-1], "^")
		for members != "" {
			switch {
			case members[0] == '%':
				if referenceClass(members[1], c) {
					return !negated
				}
				members = members[2:]
			case len(members) > 2 && members[1] == '-':
				if members[0] <= c && c <= members[2] {
					return !negated
				}
				members = members[3:]
			default:
				if members[0] == c {
					return !negated
				}
				members = members[1:]
			}
		}
		return negated
	}
	return item[0] == c
}

func referenceClass(letter, c byte) bool {
	within := func(ranges string) bool {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= c && c <= ranges[i+1] {
				return true
			}
		}
		return false
	}
	ranges := map[byte]string{
		'a': "azAZ", 'c': "\x00\x1f\x7f\x7f", 'd': "09", 'g': "!~", 'l': "az", 'p': "!/:@[`{~",
		's': "\t\r  ", 'u': "AZ", 'w': "09azAZ", 'x': "09afAF", 'z': "\x00\x00",
	}
	if members, ok := ranges[letter]; ok {
		return within(members)
	}
	if members, ok := ranges[letter+'a'-'A']; ok && 'A' <= letter && letter <= 'Z' {
		return !within(members)
	}
	return letter == c
}
