package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// SyntaxError says why bytes are not the JSON object that was expected.
type SyntaxError struct {
	Offset  int    // of the byte that cannot be, counted from 0
	Problem string // what is wrong, for a person
	Excerpt string // the start of what should have been an object
}

// Error gives the problem, the offset and, quoted, the excerpt.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at byte %d of %q", e.Problem, e.Offset, e.Excerpt)
}

// Compact appends object to dst on one line: without the white space between
// tokens, everything else as it is spelled, the order of keys included. object
// has to hold exactly one JSON object, in UTF-8, nested at most 10,000 deep,
// with or without white space around it; it does not have to conform to the
// schema. A number that no float64 holds, or half of a surrogate pair, is
// refused, and so is an object with one key twice: receivers make different
// things of them. The error is a [*SyntaxError], and dst then comes back at its
// old length.
func Compact(dst []byte, object []byte) ([]byte, error) {
	begin := skipSpace(object, 0)
	object = object[begin:trimSpace(object, begin)]
	err := looksLikeObject(object)
	if err == nil {
		// With the room made here json.Compact works in place and allocates nothing.
		dst = slices.Grow(dst, len(object))
		buf := bytes.NewBuffer(dst)
		switch {
		case json.Compact(buf, object) != nil:
			err = syntaxError(object)
		default:
			if err = unreadable(object); err == nil {
				return buf.Bytes(), nil
			}
		}
	}
	err.Offset += begin
	return dst, err
}

// looksLikeObject checks what encoding/json does not: that data, which has no
// white space around it, is an object and not some other value, and that it is
// UTF-8.
func looksLikeObject(data []byte) *SyntaxError {
	if len(data) == 0 {
		return &SyntaxError{0, "nothing where a JSON object was expected", ""}
	}
	if data[0] != '{' {
		problem := "no JSON object"
		if kind := kindOf(data[0]); kind != "" {
			problem = kind + " where a JSON object was expected"
		}
		return &SyntaxError{0, problem, excerpt(data)}
	}
	if !utf8.Valid(data) {
		return &SyntaxError{invalidUTF8(data), "not valid UTF-8", excerpt(data)}
	}
	return nil
}

// syntaxError says what encoding/json does not like about data. It reads data
// once more because only json.Unmarshal counts the offset.
func syntaxError(data []byte) *SyntaxError {
	var discard json.RawMessage
	err := json.Unmarshal(data, &discard)
	e := &SyntaxError{0, fmt.Sprint(err), excerpt(data)}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		// encoding/json counts the bytes it has read, so the culprit is the last
		// of them, unless what is missing is one more. It tries the end of the
		// input as a space, and sometimes blames that.
		e.Offset = int(syntax.Offset) - 1
		blamesEnd := e.Offset == len(data)-1 && data[e.Offset] != ' ' && strings.HasPrefix(e.Problem, "invalid character ' '")
		if blamesEnd || e.Problem == endOfInput {
			e.Offset, e.Problem = len(data), endOfInput
		}
	}
	return e
}

// unreadable finds in valid JSON what its grammar allows, and readers choke on
// or change in silence: a number beyond float64, as 1e400, half of a surrogate
// pair in a string, as "\ud800", and a key that an object has twice.
func unreadable(data []byte) *SyntaxError {
	var keyRoom [2 * manyKeys][]byte // more than most messages have at once: nothing is allocated
	var openRoom [8]int
	var manyRoom [8]map[string]struct{}
	sets := keySets{keyRoom[:0], openRoom[:0], manyRoom[:0]}
	for i := 0; i < len(data); {
		switch c := data[i]; {
		case c == '{':
			sets = sets.begin()
			i++
		case c == '}':
			sets = sets.end()
			i++
		case c == '"':
			end, bad := textEnd(data, i+1)
			if bad {
				return &SyntaxError{end, "half of a surrogate pair, which is no character,", excerpt(data)}
			}
			if isKey(data, end) {
				var fresh bool
				if sets, fresh = sets.add(data[i:end]); !fresh {
					return &SyntaxError{i, "the key " + keyPath(data, i) + " a second time,", excerpt(data)}
				}
			}
			i = end
		case c == '-' || '0' <= c && c <= '9':
			begin, long := i, false
			for i++; i < len(data) && (data[i] >= '0' && data[i] <= '9' || data[i] == '.' || data[i] == 'e' || data[i] == 'E' || data[i] == '+' || data[i] == '-'); i++ {
				long = long || data[i]|0x20 == 'e'
			}
			if long || i-begin > 300 {
				if _, err := strconv.ParseFloat(string(data[begin:i]), 64); err != nil {
					return &SyntaxError{begin, "a number that is too large for a float64", excerpt(data)}
				}
			}
		default:
			i++
		}
	}
	return nil
}

// textEnd gives the index after a string of valid JSON, whose text begins at
// i; or, and then bad is set, that of half of a surrogate pair in it.
func textEnd(data []byte, i int) (end int, bad bool) {
	for {
		switch data[i] {
		case '"':
			return i + 1, false
		case '\\':
			if data[i+1] != 'u' {
				i += 2
				continue
			}
			switch r := escaped(data, i); {
			case !utf16.IsSurrogate(r):
				i += 6
			case utf16.DecodeRune(r, escaped(data, i+6)) == utf8.RuneError:
				return i, true
			default:
				i += 12
			}
		default:
			i++
		}
	}
}

// escaped is the character of the escape \uXXXX at i; 0 if there is none.
func escaped(data []byte, i int) rune {
	if i+6 > len(data) || data[i] != '\\' || data[i+1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(data[i+2:i+6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}

// endOfInput is what encoding/json says about JSON that is cut off.
const endOfInput = "unexpected end of JSON input"

// kindOf names the kind of JSON value that begins with c, with its article, or
// gives "" when none does.
func kindOf(c byte) string {
	switch {
	case c == '{':
		return "an object"
	case c == '[':
		return "a list"
	case c == '"':
		return "a string"
	case c == '-' || '0' <= c && c <= '9':
		return "a number"
	case c == 't' || c == 'f':
		return "a boolean"
	case c == 'n':
		return "null"
	}
	return ""
}

// skipSpace gives the index of the first byte of data, at i or after, that is
// not white space. It takes all of ASCII's, two more than JSON's, because
// commands print form feeds between records.
func skipSpace(data []byte, i int) int {
	for i < len(data) && isSpace(data[i]) {
		i++
	}
	return i
}

// trimSpace gives the index after the last byte of data, at begin or after,
// that is not white space.
func trimSpace(data []byte, begin int) int {
	end := len(data)
	for end > begin && isSpace(data[end-1]) {
		end--
	}
	return end
}

func isSpace(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}

// invalidUTF8 gives the index of the first byte of data that is not UTF-8.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

// excerpt gives the start of data, short enough for a log line.
func excerpt(data []byte) string {
	const limit = 60
	if len(data) <= limit {
		return string(data)
	}
	end := limit
	for end > limit-utf8.UTFMax && !utf8.RuneStart(data[end]) {
		end--
	}
	return string(data[:end]) + "…"
}
