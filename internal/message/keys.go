package message

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// manyKeys is from how many keys of an object on a map finds one faster than a
// look at each, which would take long for those of an object with thousands.
const manyKeys = 16

// keySets has the keys of the objects that a walk over valid JSON is in. It is
// a value, of which the changed one is given back: then its room is on the
// stack, and most messages allocate nothing.
type keySets struct {
	keys [][]byte              // of all of them, the innermost last; what they spell
	open []int                 // for each object: where in keys its own begin
	many []map[string]struct{} // for each object: its keys, if they are many; else nil
}

// begin is the start of an object.
func (s keySets) begin() keySets {
	s.open = append(s.open, len(s.keys))
	s.many = append(s.many, nil)
	return s
}

// end is the end of one.
func (s keySets) end() keySets {
	last := len(s.open) - 1
	s.keys = s.keys[:s.open[last]]
	s.open, s.many = s.open[:last], s.many[:last]
	return s
}

// add adds a key, spelled as in JSON with its quotes, to the innermost object.
// It is false when the object has that key already.
func (s keySets) add(spelled []byte) (keySets, bool) {
	key := keyText(spelled)
	last := len(s.open) - 1
	seen := s.many[last]
	if seen != nil {
		_, twice := seen[string(key)]
		if !twice {
			seen[string(key)] = struct{}{}
		}
		return s, !twice
	}
	own := s.keys[s.open[last]:]
	for _, other := range own {
		if string(other) == string(key) {
			return s, false
		}
	}
	s.keys = append(s.keys, key)
	if len(own)+1 >= manyKeys {
		seen = make(map[string]struct{}, 4*manyKeys)
		for _, key := range s.keys[s.open[last]:] {
			seen[string(key)] = struct{}{}
		}
		s.many[last] = seen
	}
	return s, true
}

// keyText gives what a key of valid JSON spells, which has its quotes.
func keyText(spelled []byte) []byte {
	if bytes.IndexByte(spelled, '\\') < 0 {
		return spelled[1 : len(spelled)-1]
	}
	var text string
	if err := json.Unmarshal(spelled, &text); err != nil {
		return spelled // not reached: the key is valid JSON
	}
	return []byte(text)
}

// isKey tells whether a string of valid JSON that ends at i is the key of a
// member.
func isKey(data []byte, i int) bool {
	i = skipSpace(data, i)
	return i < len(data) && data[i] == ':'
}

// keyPath gives the path of the member of valid JSON whose key is at data[at],
// the end of it if it is long.
func keyPath(data []byte, at int) string {
	type frame struct { // an object or a list that at is in
		list  bool
		index int    // of the element
		key   []byte // of the member
	}
	var frames []frame
	for i := 0; i <= at; {
		last := len(frames) - 1
		switch data[i] {
		case '{', '[':
			frames = append(frames, frame{list: data[i] == '['})
		case '}', ']':
			frames = frames[:last]
		case ',':
			frames[last].index++
		case '"':
			end := stringEnd(data, i)
			if isKey(data, end) {
				frames[last].key = keyText(data[i:end])
			}
			i = end
			continue
		}
		i++
	}
	path := ""
	for _, f := range frames {
		if f.list {
			path = JoinIndex(path, f.index)
		} else {
			path = JoinKey(path, string(f.key))
		}
		path = tail(path)
	}
	return path
}

// tail gives the end of a text, short enough for a log line.
func tail(text string) string {
	const limit = 200
	if len(text) <= limit {
		return text
	}
	begin := len(text) - limit
	for !utf8.RuneStart(text[begin]) {
		begin++
	}
	return "…" + text[begin:]
}
