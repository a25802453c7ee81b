package luapattern

// byteSet is a set of bytes, one bit each.
type byteSet [4]uint64

func (s *byteSet) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }

func (s *byteSet) add(c byte) { s[c>>6] |= 1 << (c & 63) }

// addRange adds first to last, both included; nothing when last comes first.
func (s *byteSet) addRange(first, last byte) {
	for c := int(first); c <= int(last); c++ {
		s.add(byte(c))
	}
}

func (s *byteSet) addSet(other *byteSet) {
	for i := range s {
		s[i] |= other[i]
	}
}

func (s *byteSet) complement() {
	for i := range s {
		s[i] = ^s[i]
	}
}

// full reports whether every byte is in the set.
func (s *byteSet) full() bool { return *s == byteSet{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)} }

// classSet gives the bytes that %letter stands for; ok is false where letter
// names no class and %letter is that byte itself. The classes are those of the
// C locale: a byte over 127 is in none of them, and so in every complement.
func classSet(letter byte) (set *byteSet, ok bool) {
	set = new(byteSet)
	switch letter | 0x20 { // in lower case
	case 'a':
		set.addRange('a', 'z')
		set.addRange('A', 'Z')
	case 'c':
		set.addRange(0, 31)
		set.add(127)
	case 'd':
		set.addRange('0', '9')
	case 'g':
		set.addRange('!', '~')
	case 'l':
		set.addRange('a', 'z')
	case 'p':
		set.addRange('!', '/')
		set.addRange(':', '@')
		set.addRange('[', '`')
		set.addRange('{', '~')
	case 's':
		set.addRange('\t', '\r')
		set.add(' ')
	case 'u':
		set.addRange('A', 'Z')
	case 'w':
		set.addRange('0', '9')
		set.addRange('a', 'z')
		set.addRange('A', 'Z')
	case 'x':
		set.addRange('0', '9')
		set.addRange('a', 'f')
		set.addRange('A', 'F')
	case 'z':
		set.add(0)
	default:
		return nil, false
	}
	switch {
	case 'a' <= letter && letter <= 'z':
	case 'A' <= letter && letter <= 'Z':
		set.complement()
	default: // the bit above made a letter of something else
		return nil, false
	}
	return set, true
}
