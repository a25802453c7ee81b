package message

import "strconv"

// PathError says what in a message cannot be written, and where it is.
type PathError struct {
	// Path leads to the culprit from the message's root, for example
	// event.vset["a b"].value or event.vset.load1.threshold_high[0].name.
	// Names are joined as by [JoinKey], list positions as by [JoinIndex].
	Path string
	// Problem is what is wrong there, for a person: no capital, no full stop.
	Problem string
}

// Error gives the path, a colon and the problem.
func (e *PathError) Error() string {
	if e.Path == "" {
		return e.Problem
	}
	return e.Path + ": " + e.Problem
}

// In gives the same error as seen from one level up: parent is the path of
// what e.Path is relative to.
func (e *PathError) In(parent string) *PathError {
	switch {
	case parent == "":
		return e
	case e.Path == "":
		return &PathError{parent, e.Problem}
	case e.Path[0] == '[':
		return &PathError{parent + e.Path, e.Problem}
	default:
		return &PathError{parent + "." + e.Path, e.Problem}
	}
}

// JoinKey gives the path of the member key of the object at path:
// event.vset.load1, or event.vset["a b"] for a key that is not a [ValidName].
func JoinKey(path, key string) string {
	switch {
	case !ValidName(key):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	default:
		return path + "." + key
	}
}

// JoinIndex gives the path of the element at index, counted from 0, of the
// list at path.
func JoinIndex(path string, index int) string {
	return path + "[" + strconv.Itoa(index) + "]"
}
