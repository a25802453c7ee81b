package nagios

const (
	rootLabel = "/"
	rootName  = "_root"

	hexDigits = "0123456789abcdef"
)

// Name turns a label into a valid name of the schema, readable and without
// collisions, as the package's documentation describes. The label may be any
// bytes; the empty one gives the empty string, which is not a valid name.
//
// Why no two labels share a name: a name can be read back, left to right, at
// each position as the first of these that fits,
//
//  1. __ is a slash,
//  2. _x, pairs of lower-case hexadecimal digits, and _ are those bytes,
//  3. any other character is itself,
//
// and what Name writes for a label reads back as that label. A letter or digit
// it writes begins with no underscore and falls under 3; a slash falls under
// 1; a run of escaped bytes begins with _x and so cannot fall under 1, falls
// under 2, and ends where it ends because an underscore is no digit. That
// leaves the underscore kept as itself: it is kept only where what follows
// makes neither 1 nor 2 of it. Were two labels to share a name, it would read
// back as both. The label / stands outside: it takes the name _root, which
// would read back as the label _root, and that one label takes _x5f_root,
// which reads back as _root and so is no other label's.
func Name(label string) string {
	if label == rootLabel {
		return rootName
	}
	if plain(label) {
		return label
	}
	name := make([]byte, 0, 2*len(label)+8)
	for i := 0; i < len(label); {
		switch {
		case label[i] == '/':
			name = append(name, "__"...)
			i++
		case !escaped(label, i):
			name = append(name, label[i])
			i++
		default:
			name = append(name, "_x"...)
			for i < len(label) && label[i] != '/' && escaped(label, i) {
				name = append(name, hexDigits[label[i]>>4], hexDigits[label[i]&0xf])
				i++
			}
			name = append(name, '_')
		}
	}
	return string(name)
}

// plain tells whether label is a name already.
func plain(label string) bool {
	for i := range len(label) {
		if escaped(label, i) {
			return false
		}
	}
	return true
}

// escaped tells whether the byte at i cannot be kept as itself. (It says so of
// a slash too, which Name writes in its own way.)
func escaped(label string, i int) bool {
	if label[i] != '_' {
		return !alphanumeric(label[i])
	}
	if i == 0 && label == rootName {
		return true
	}
	rest := label[i+1:]
	if rest == "" {
		return false
	}
	if !alphanumeric(rest[0]) {
		// Another underscore, or something written with one in front.
		return true
	}
	return likeEscape(rest)
}

// likeEscape tells whether rest, when written after an underscore, would be
// read back as an escape: x, pairs of hexadecimal digits, and then anything
// that is an underscore or is written with one in front. It looks no further
// than the next such character, so Name is linear.
func likeEscape(rest string) bool {
	if rest[0] != 'x' {
		return false
	}
	i := 1
	for i < len(rest) && hexadecimal(rest[i]) {
		i++
	}
	digits := i - 1
	return digits >= 2 && digits%2 == 0 && i < len(rest) && !alphanumeric(rest[i])
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func hexadecimal(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f'
}
