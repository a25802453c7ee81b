package luapattern

import (
	"errors"
	"fmt"
)

// Errors of [Compile], worded as Lua words them. They are wrapped nowhere: a
// script sees the text as it is.
var (
	errEndsWithEscape = errors.New("malformed pattern (ends with '%')")
	errMissingBracket = errors.New("malformed pattern (missing ']')")
	errUnfinished     = errors.New("unfinished capture")
	errInvalidClose   = errors.New("invalid pattern capture")
	errInvalidIndex   = errors.New("invalid capture index")
	errTooMany        = errors.New("too many captures")
	errUnbalanced     = errors.New("unbalanced pattern")
	errFrontier       = errors.New("missing '[' after '%f' in pattern")
	errTooComplex     = fmt.Errorf("pattern too complex (more than %d items)", maxItems)
)

// Compile reads a pattern. It takes time and memory in proportion to the length
// of p. The Pattern holds on to no part of p.
func Compile(p string) (*Pattern, error) {
	c := compiler{src: p}
	if len(p) > 0 && p[0] == '^' {
		c.pattern.anchored = true
		c.at = 1
	}
	for c.at < len(p) {
		if err := c.item(); err != nil {
			return nil, err
		}
		if len(c.pattern.items) > maxItems {
			return nil, errTooComplex
		}
	}
	c.endLiteral()
	if len(c.open) > 0 {
		return nil, errUnfinished
	}
	result := c.pattern
	for i := range result.items {
		if it := &result.items[i]; it.isChoice() {
			it.follow = starts(result.items[i+1:])
			result.choices++
		}
	}
	if len(result.items) > 0 && result.items[0].op == opLiteral {
		result.prefix = result.items[0].text
	} else {
		result.first = starts(result.items)
	}
	return &result, nil
}

func (it *item) isChoice() bool { return opGreedy <= it.op && it.op <= opLazy }

// compiler is the state of one Compile.
type compiler struct {
	src     string
	at      int // offset in src of what comes next
	pattern Pattern
	literal []byte               // plain bytes read and not yet an item
	open    []uint8              // captures that have begun and not ended, innermost last
	kind    [MaxCaptures]capKind // of the captures begun so far
}

type capKind uint8

const (
	capOpen capKind = iota
	capText
	capPosition
)

// item reads one item of the pattern, or one plain byte.
func (c *compiler) item() error {
	switch c.src[c.at] {
	case '(':
		return c.openCapture()
	case ')':
		return c.closeCapture()
	case '$':
		if c.at == len(c.src)-1 {
			c.at++
			c.add(item{op: opEnd})
			return nil
		}
	case '%':
		if c.at+1 == len(c.src) {
			return errEndsWithEscape
		}
		switch e := c.src[c.at+1]; {
		case e == 'b':
			return c.balanced()
		case e == 'f':
			return c.frontier()
		case '0' <= e && e <= '9':
			return c.same(e)
		}
	}
	return c.single()
}

func (c *compiler) add(it item) {
	c.endLiteral()
	c.pattern.items = append(c.pattern.items, it)
}

// endLiteral makes an item of the plain bytes read so far.
func (c *compiler) endLiteral() {
	if len(c.literal) == 0 {
		return
	}
	c.pattern.items = append(c.pattern.items, item{op: opLiteral, text: string(c.literal)})
	c.literal = c.literal[:0]
}

func (c *compiler) openCapture() error {
	if c.pattern.captures == MaxCaptures {
		return errTooMany
	}
	index := uint8(c.pattern.captures)
	c.pattern.captures++
	c.at++
	if c.at < len(c.src) && c.src[c.at] == ')' {
		c.at++
		c.kind[index] = capPosition
		c.add(item{op: opPosition, index: index})
		return nil
	}
	c.open = append(c.open, index)
	c.add(item{op: opOpen, index: index})
	return nil
}

func (c *compiler) closeCapture() error {
	if len(c.open) == 0 {
		return errInvalidClose
	}
	index := c.open[len(c.open)-1]
	c.open = c.open[:len(c.open)-1]
	c.kind[index] = capText
	c.at++
	c.add(item{op: opClose, index: index})
	return nil
}

// same reads a reference back, %1 to %9.
func (c *compiler) same(digit byte) error {
	index := int(digit) - '1'
	if index < 0 || index >= c.pattern.captures || c.kind[index] == capOpen {
		return errInvalidIndex
	}
	c.at += 2
	if c.kind[index] == capPosition {
		c.add(item{op: opNever})
		return nil
	}
	c.add(item{op: opSame, index: uint8(index)})
	return nil
}

func (c *compiler) balanced() error {
	if c.at+3 >= len(c.src) {
		return errUnbalanced
	}
	c.add(item{op: opBalanced, first: c.src[c.at+2], last: c.src[c.at+3]})
	c.at += 4
	return nil
}

func (c *compiler) frontier() error {
	c.at += 2
	if c.at == len(c.src) || c.src[c.at] != '[' {
		return errFrontier
	}
	set, err := c.set()
	if err != nil {
		return err
	}
	c.add(item{op: opFrontier, set: set})
	return nil
}

// single reads what stands for one byte, and the repetition after it.
func (c *compiler) single() error {
	var set *byteSet // nil for the one byte plain
	plain := c.src[c.at]
	switch plain {
	case '.':
		set = &byteSet{}
		set.complement()
		c.at++
	case '[':
		var err error
		if set, err = c.set(); err != nil {
			return err
		}
	case '%':
		plain = c.src[c.at+1] // item made sure that there is one
		set, _ = classSet(plain)
		c.at += 2
	default:
		c.at++
	}

	it := item{op: opSet, set: set, any: set != nil && set.full()}
	if c.at < len(c.src) {
		switch c.src[c.at] {
		case '*':
			it.op = opGreedy
		case '+':
			it.op, it.atLeast = opGreedy, 1
		case '-':
			it.op = opLazy
		case '?':
			it.op = opOptional
		}
	}
	if it.op != opSet {
		c.at++
	}
	if set == nil {
		if it.op == opSet {
			c.literal = append(c.literal, plain)
			return nil
		}
		it.set = new(byteSet)
		it.set.add(plain)
	}
	c.add(it)
	return nil
}

// set reads a set from its [ to behind its ].
func (c *compiler) set() (*byteSet, error) {
	from := c.at + 1
	negated := from < len(c.src) && c.src[from] == '^'
	if negated {
		from++
	}
	end, err := setEnd(c.src, from)
	if err != nil {
		return nil, err
	}
	c.at = end + 1

	set := new(byteSet)
	members := c.src[from:end]
	for i := 0; i < len(members); i++ {
		switch {
		case members[i] == '%':
			i++ // setEnd made sure that there is one
			if class, ok := classSet(members[i]); ok {
				set.addSet(class)
			} else {
				set.add(members[i])
			}
		case i+2 < len(members) && members[i+1] == '-':
			set.addRange(members[i], members[i+2])
			i += 2
		default:
			set.add(members[i])
		}
	}
	if negated {
		set.complement()
	}
	return set, nil
}

// setEnd gives the offset of the ] that ends the set whose members begin at
// from. The first member may be a ] itself. Where the end is does not depend on
// ranges: in [a-%]] the range ends at %, and the ] behind it is a member.
func setEnd(src string, from int) (int, error) {
	for i := from; i < len(src); i++ {
		switch {
		case src[i] == '%':
			i++
		case src[i] == ']' && i > from:
			return i, nil
		}
	}
	return 0, errMissingBracket
}
