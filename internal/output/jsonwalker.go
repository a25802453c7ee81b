package output

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// jsonWalker walks over valid JSON in UTF-8, which is much faster than json.Decoder's tokens.
type jsonWalker struct {
	json []byte
	i    int
}

// validUTF8 is line with U+FFFD in place of what is no UTF-8.
func validUTF8(line []byte) []byte {
	if utf8.Valid(line) {
		return line
	}
	return bytes.ToValidUTF8(line, []byte("\uFFFD"))
}

// peek goes to the next byte that is no white space, and returns it.
func (w *jsonWalker) peek() byte {
	for {
		switch c := w.json[w.i]; c {
		case ' ', '\t', '\r', '\n':
			w.i++
		default:
			return c
		}
	}
}

// text returns the string that comes next, decoded.
func (w *jsonWalker) text() []byte {
	begin := w.i
	plain := true
	for w.i++; w.json[w.i] != '"'; w.i++ {
		if w.json[w.i] == '\\' {
			plain = false
			w.i++
		}
	}
	w.i++
	if plain {
		return w.json[begin+1 : w.i-1]
	}
	var s string
	_ = json.Unmarshal(w.json[begin:w.i], &s) // valid, as all is
	return []byte(s)
}

// number returns the literal that comes next.
func (w *jsonWalker) number() []byte {
	begin := w.i
	for w.i < len(w.json) {
		switch c := w.json[w.i]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			w.i++
		default:
			return w.json[begin:w.i]
		}
	}
	return w.json[begin:]
}

// skip returns the container that comes next as it is spelled.
func (w *jsonWalker) skip() []byte {
	begin := w.i
	for depth := 0; ; {
		switch w.json[w.i] {
		case '"':
			for w.i++; w.json[w.i] != '"'; w.i++ {
				if w.json[w.i] == '\\' {
					w.i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if w.i++; depth == 0 {
			return w.json[begin:w.i]
		}
	}
}
