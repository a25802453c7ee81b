package message

// Severity says how bad a state is.
//
// The empty string stands for "not given", which a reader of the schema takes
// as [Expected].
type Severity string

// The severities of the schema, from the least to the worst.
const (
	Expected Severity = "expected"
	Warning  Severity = "warning"
	Error    Severity = "error"
)

// Valid tells whether s is one of the severities of the schema. The empty
// string is not.
func (s Severity) Valid() bool {
	return s == Expected || s == Warning || s == Error
}

// Worse tells whether s is strictly worse than other. A severity that was not
// given, or that the schema does not know, ranks as [Expected].
func (s Severity) Worse(other Severity) bool {
	return s.rank() > other.rank()
}

func (s Severity) rank() int {
	switch s {
	case Error:
		return 2
	case Warning:
		return 1
	default:
		return 0
	}
}
