package message

// ValidName tells whether s can name a state, a value, a threshold or a key of
// the location: ^[a-zA-Z0-9_]+$, where $ is the end of the string and nothing
// else.
func ValidName(s string) bool {
	// A loop and not a regexp: this runs for every name of every message.
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_') {
			return false
		}
	}
	return s != ""
}

// The rule of [ValidName], as the end of an error for a person.
const nameRule = "letters, digits and _ only, at least one"
