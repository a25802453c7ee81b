package output

import (
	"bytes"
	"html"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// reading is what a text stands for.
type reading struct {
	text     []byte
	from, to []int // where each byte of text is in the original: from its first byte to before the byte at to
}

func asItIs(text []byte) reading {
	r := reading{text: text, from: make([]int, len(text)), to: make([]int, len(text))}
	for i := range text {
		r.from[i], r.to[i] = i, i+1
	}
	return r
}

// as reads r once more, by a spelling. It returns false if that changes nothing.
func (r reading) as(read spelling) (next reading, changed bool) {
	if !slices.ContainsFunc(r.text, func(c byte) bool { return !plain(c) }) {
		return r, false
	}
	for i := 0; i < len(r.text); {
		var char []byte
		n := 0
		if !plain(r.text[i]) {
			char, n = read(r.text[i:])
		}
		changed = changed || n > 0
		if n == 0 {
			char, n = r.text[i:i+1], 1
		}
		for _, c := range char {
			next.text, next.from, next.to = append(next.text, c), append(next.from, r.from[i]), append(next.to, r.to[i+n-1])
		}
		i += n
	}
	return next, changed
}

// plain says whether no spelling of a character begins with c.
func plain(c byte) bool { return c < utf8.RuneSelf && c != '\\' && c != '&' && c != '%' && c != '+' }

// spelling returns the bytes that the first n bytes of a text stand for; n is 0 if they stand for themselves.
type spelling func(text []byte) (char []byte, n int)

// spellings are how programs write a text into another one.
var spellings = []spelling{backslashed, entity, percented, formed, latin}

// backslashed is a character as in JSON and in the languages of programs: \", \/, \u00e9, two of these for one beyond
// U+FFFF, \U0001f600, and \xe9 for a byte. Of the short names only \t can stand for what a secret has.
func backslashed(text []byte) ([]byte, int) {
	if len(text) < 2 || text[0] != '\\' {
		return nil, 0
	}
	switch c := text[1]; c {
	case 't':
		return []byte{'\t'}, 2
	case 'x':
		if b, ok := hexNumber(text, 2, 2); ok {
			return []byte{byte(b)}, 4
		}
	case 'U':
		if r, ok := hexNumber(text, 2, 8); ok {
			return utf8.AppendRune(nil, r), 10
		}
	case 'u':
		r, ok := hexNumber(text, 2, 4)
		if !ok {
			break
		}
		if low, ok := hexNumber(text, 8, 4); ok && utf16.IsSurrogate(r) && bytes.HasPrefix(text[6:], []byte(`\u`)) {
			return utf8.AppendRune(nil, utf16.DecodeRune(r, low)), 12
		}
		return utf8.AppendRune(nil, r), 6
	default:
		if c > ' ' && c < '0' || c > '9' && c < 'A' || c > 'Z' && c < 'a' || c > 'z' && c < 0x7f {
			return text[1:2], 2
		}
	}
	return nil, 0
}

// entity is a character as in HTML and XML: &amp; &#43; &#x2b;
func entity(text []byte) ([]byte, int) {
	const longest = 40
	end := bytes.IndexByte(text[:min(len(text), longest)], ';')
	if text[0] != '&' || end < 0 {
		return nil, 0
	}
	name := string(text[:end+1])
	if char := html.UnescapeString(name); char != name {
		return []byte(char), end + 1
	}
	return nil, 0
}

// percented is a byte as in a URL: %2F or %2f.
func percented(text []byte) ([]byte, int) {
	if b, ok := hexNumber(text, 1, 2); ok && text[0] == '%' {
		return []byte{byte(b)}, 3
	}
	return nil, 0
}

// formed is a byte as in the query of a URL, where a plus sign stands for a space.
func formed(text []byte) ([]byte, int) {
	if text[0] == '+' {
		return []byte{' '}, 1
	}
	return percented(text)
}

// latin is a byte from 0x80 on where a header was taken for ISO 8859-1, as by some servers, and written in UTF-8.
func latin(text []byte) ([]byte, int) {
	if r, n := utf8.DecodeRune(text); r >= 0x80 && r <= 0xff && n == 2 {
		return []byte{byte(r)}, n
	}
	return nil, 0
}

// hexNumber reads so many hexadecimal digits of text from a byte on.
func hexNumber(text []byte, from, digits int) (rune, bool) {
	if len(text) < from+digits {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[from:from+digits]), 16, 32)
	return rune(n), err == nil
}
