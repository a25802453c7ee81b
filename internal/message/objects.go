package message

import (
	"encoding/json"
	"iter"
)

// Objects iterates over the JSON objects in data, which follow one another
// with any white space or nothing in between, as commands print them: one a
// line, spread over lines, or end to end. Each is a part of data, not a copy,
// and not necessarily compact.
//
// What is not an object yields a [*SyntaxError], its offset counted from the
// start of data, and ends the iteration: what follows cannot be trusted to be
// the start of anything.
func Objects(data []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := skipSpace(data, 0); i < len(data); i = skipSpace(data, i) {
			end := i + objectEnd(data[i:])
			if err := checkObject(data[i:end]); err != nil {
				err.Offset += i
				yield(nil, err)
				return
			}
			if !yield(data[i:end:end], nil) {
				return
			}
			i = end
		}
	}
}

// checkObject checks that data is one valid JSON object. Its error counts from
// the start of data.
func checkObject(data []byte) *SyntaxError {
	err := looksLikeObject(data)
	if err == nil && !json.Valid(data) {
		err = syntaxError(data)
	}
	return err
}

// objectEnd gives the index after the object that data begins with. When data
// does not begin with a valid object it gives some index that makes the error
// a good one: as much as was looked at.
func objectEnd(data []byte) int {
	if data[0] != '{' {
		return len(data)
	}
	return valueEnd(data, 0)
}
