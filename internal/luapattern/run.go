package luapattern

import "strings"

// run is the state of one Find. It lives on the Go stack.
type run struct {
	items  []item
	s      string
	m      *Match
	budget Budget
	frames []choice // as many as there are choices in items
	depth  int      // frames in use
}

// choice is a repetition that can be tried again with another length.
type choice struct {
	item  int // index of the repetition
	at    int // offset in the subject behind the length tried last
	limit int // the last offset to try, for all but lazy ones
}

// tick counts n steps, and reports them when there are enough.
func (r *run) tick(n int) error {
	r.m.steps += n
	if r.m.steps < StepsPerReport {
		return nil
	}
	return r.report()
}

func (r *run) report() error {
	n := r.m.steps
	r.m.steps = 0
	if r.budget == nil {
		return nil
	}
	return r.budget(n)
}

// scan gives the offset of the first byte at or after i that is not in set, or,
// when while is false, of the first that is; len(s) when there is none.
func (r *run) scan(i int, set *byteSet, while bool) (int, error) {
	for {
		from := i
		for stop := min(len(r.s), i+StepsPerReport); i < stop; i++ {
			if set.has(r.s[i]) != while {
				return i, r.tick(i - from)
			}
		}
		if err := r.tick(i - from); err != nil || i == len(r.s) {
			return i, err
		}
	}
}

// balance gives the offset behind the last that balances the first at s[i], or
// -1 when there is none.
func (r *run) balance(i int, first, last byte) (int, error) {
	if i == len(r.s) || r.s[i] != first {
		return -1, nil
	}
	depth := 1
	for i++; i < len(r.s); i++ {
		if err := r.tick(1); err != nil {
			return -1, err
		}
		switch r.s[i] { // where both are the same byte, the second ends it
		case last:
			depth--
			if depth == 0 {
				return i + 1, nil
			}
		case first:
			depth++
		}
	}
	return -1, nil
}

// match matches all items at offset at, and gives the offset behind the match,
// or -1 for none.
func (r *run) match(at int) (int, error) {
	r.depth = 0
	next := 0
	for next < len(r.items) {
		if err := r.tick(1); err != nil {
			return -1, err
		}
		end, err := r.item(next, at)
		if err != nil {
			return -1, err
		}
		if end >= 0 {
			next, at = next+1, end
			continue
		}
		next, at, err = r.retry()
		if err != nil || at < 0 {
			return -1, err
		}
	}
	return at, nil
}

// item matches one item at offset at, and gives the offset behind it, or -1.
func (r *run) item(index, at int) (int, error) {
	it := &r.items[index]
	here := at < len(r.s) // there is a byte to match
	switch it.op {
	case opLiteral:
		if here && r.s[at] == it.text[0] {
			r.m.steps += len(it.text) / 16
			if strings.HasPrefix(r.s[at:], it.text) {
				return at + len(it.text), nil
			}
		}
	case opSet:
		if here && it.set.has(r.s[at]) {
			return at + 1, nil
		}
	case opGreedy:
		end := len(r.s)
		if !it.any {
			var err error
			if end, err = r.scan(at, it.set, true); err != nil {
				return -1, err
			}
		}
		nearest := at + int(it.atLeast)
		if end < nearest {
			return -1, nil
		}
		if end > nearest {
			r.push(choice{item: index, at: end, limit: nearest})
		}
		return end, nil
	case opOptional:
		if here && it.set.has(r.s[at]) {
			r.push(choice{item: index, at: at + 1, limit: at})
			return at + 1, nil
		}
		return at, nil
	case opLazy:
		r.push(choice{item: index, at: at})
		return at, nil
	case opOpen:
		r.m.caps[it.index] = Capture{Start: at}
		return at, nil
	case opClose:
		r.m.caps[it.index].End = at
		return at, nil
	case opPosition:
		r.m.caps[it.index] = Capture{Start: at, End: at, Position: true}
		return at, nil
	case opSame:
		again := r.s[r.m.caps[it.index].Start:r.m.caps[it.index].End]
		r.m.steps += len(again) / 16
		if strings.HasPrefix(r.s[at:], again) {
			return at + len(again), nil
		}
	case opBalanced:
		return r.balance(at, it.first, it.last)
	case opFrontier:
		var before, after byte // 0 stands for both ends of the subject
		if at > 0 {
			before = r.s[at-1]
		}
		if here {
			after = r.s[at]
		}
		if !it.set.has(before) && it.set.has(after) {
			return at, nil
		}
	case opEnd:
		if !here {
			return at, nil
		}
	case opNever:
	}
	return -1, nil
}

func (r *run) push(c choice) {
	r.frames[r.depth] = c
	r.depth++
}

// retry takes the next length of the innermost repetition that has one left. It
// gives the item to go on with and the offset to go on at, -1 for none.
//
// Going on where follow rules a match out is a waste and no error, so the loops
// below can stop anywhere to have their steps counted.
func (r *run) retry() (next, at int, err error) {
	for r.depth > 0 {
		c := &r.frames[r.depth-1]
		it := &r.items[c.item]
		from := c.at
		if it.op == opLazy {
			stop := min(len(r.s), from+StepsPerReport)
			for c.at < stop && it.set.has(r.s[c.at]) {
				c.at++
				if it.follow == nil || c.at == stop || it.follow.has(r.s[c.at]) {
					return c.item + 1, c.at, r.tick(c.at - from)
				}
			}
			r.depth--
			if err := r.tick(1 + c.at - from); err != nil {
				return 0, -1, err
			}
			continue
		}
		stop := max(c.limit, from-StepsPerReport)
		for c.at--; it.follow != nil && c.at > stop && !it.follow.has(r.s[c.at]); {
			c.at--
		}
		if c.at == c.limit {
			r.depth--
		}
		return c.item + 1, c.at, r.tick(from - c.at)
	}
	return 0, -1, nil
}
