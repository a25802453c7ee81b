package message

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
)

// The functions of this file walk over JSON that is known to be valid and,
// where they say so, compact. They keep the spelling of everything: a decoder
// of encoding/json would lose the order of keys, and would turn an escaped
// lone surrogate into U+FFFD.

// members iterates over the members of a compact, valid JSON object. A key is
// as it is spelled, with its quotes.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for i := 1; object[i] != '}'; {
			if object[i] == ',' {
				i++
			}
			colon := stringEnd(object, i)
			end := valueEnd(object, colon+1)
			if !yield(object[i:colon], object[colon+1:end]) {
				return
			}
			i = end
		}
	}
}

// valueEnd gives the index after the JSON value that begins at data[i], or
// len(data) when it has no end.
func valueEnd(data []byte, i int) int {
	for depth := 0; i < len(data); {
		switch data[i] {
		case '"':
			i = stringEnd(data, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			depth--
			i++
		default:
			if depth == 0 {
				return scalarEnd(data, i)
			}
			i++
		}
		if depth == 0 {
			return i
		}
	}
	return len(data)
}

// stringEnd gives the index after the JSON string that begins at data[i], or
// len(data) when it has no end.
func stringEnd(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

// scalarEnd gives the index after the number or literal that begins at data[i]
// in compact JSON.
func scalarEnd(data []byte, i int) int {
	for i < len(data) && data[i] != ',' && data[i] != ']' && data[i] != '}' {
		i++
	}
	return i
}

// indexKey gives the index in names of the one that a key, as members yields
// it, spells, or -1.
func indexKey(names []string, key []byte) int {
	text := key[1 : len(key)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		var decoded string
		if json.Unmarshal(key, &decoded) != nil {
			return -1 // not reached: the key is valid JSON
		}
		return slices.Index(names, decoded)
	}
	for i, name := range names {
		if name == string(text) {
			return i
		}
	}
	return -1
}
