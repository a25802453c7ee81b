package luapattern

// MaxCaptures is how many captures a pattern may have, as in Lua.
const MaxCaptures = 32

// maxItems bounds what a pattern compiles to, and with it the memory of a match.
// A run of plain bytes counts once, so no pattern that means something comes
// near it.
const maxItems = 1 << 14

// A Pattern is a compiled pattern. It never changes after [Compile], and is safe
// for concurrent use.
type Pattern struct {
	items    []item
	anchored bool // began with ^
	captures int
	choices  int // items that can be tried again, the frames of a match
	// What an unanchored match begins with, to find where it can: the text, or
	// else one byte of the set; neither when there is no telling.
	prefix string
	first  *byteSet
}

// op says what an item does. Those from opGreedy to opLazy are the choices.
type op uint8

const (
	opLiteral  op = iota // the bytes of text
	opSet                // one byte of set
	opGreedy             // as many bytes of set as can be, not fewer than atLeast
	opOptional           // one byte of set, or none
	opLazy               // as few bytes of set as will do
	opOpen               // capture index begins
	opClose              // capture index ends
	opPosition           // capture index is the position
	opSame               // the bytes of capture index again
	opBalanced           // from first to the last that balances it
	opFrontier           // between a byte outside of set and one inside
	opEnd                // the end of the subject
	opNever              // matches nothing: a reference back to a position
)

type item struct {
	op          op
	atLeast     uint8
	any         bool // set holds every byte
	index       uint8
	first, last byte
	text        string
	set         *byteSet
	// follow holds the bytes one of which must come where the next item
	// starts; nil when unknown. It only saves attempts that would fail.
	follow *byteSet
}

// starts gives the bytes one of which a match of items must begin with, or nil
// when there is no telling.
func starts(items []item) *byteSet {
	for i := range items {
		switch it := &items[i]; it.op {
		case opOpen, opClose, opPosition:
			continue
		case opLiteral:
			set := new(byteSet)
			set.add(it.text[0])
			return set
		case opSet:
			return it.set
		case opGreedy:
			if it.atLeast > 0 {
				return it.set
			}
			return nil
		default:
			return nil
		}
	}
	return nil
}
