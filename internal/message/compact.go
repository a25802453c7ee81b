package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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
// schema. The error is a [*SyntaxError], and dst then comes back at its old
// length.
func Compact(dst []byte, object []byte) ([]byte, error) {
	begin := skipSpace(object, 0)
	object = object[begin:trimSpace(object, begin)]
	err := looksLikeObject(object)
	if err == nil {
		// With the room made here json.Compact works in place and allocates nothing.
		dst = slices.Grow(dst, len(object))
		buf := bytes.NewBuffer(dst)
		if json.Compact(buf, object) == nil {
			return buf.Bytes(), nil
		}
		err = syntaxError(object)
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
