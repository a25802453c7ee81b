package message_test

import (
	"testing"

	"dumbprobe/internal/message"
)

func TestSeverityRanksExpectedWarningError(t *testing.T) {
	order := []message.Severity{message.Expected, message.Warning, message.Error}
	for i, a := range order {
		for j, b := range order {
			if got, want := a.Worse(b), i > j; got != want {
				t.Errorf("%q.Worse(%q) = %v, want %v", a, b, got, want)
			}
		}
	}
	if message.Severity("").Worse(message.Expected) || message.Expected.Worse("") {
		t.Error("a severity that was not given does not rank as expected")
	}
}

func TestSeverityValid(t *testing.T) {
	for s, want := range map[message.Severity]bool{
		message.Expected: true, message.Warning: true, message.Error: true,
		"": false, "critical": false, "Error": false,
	} {
		if got := s.Valid(); got != want {
			t.Errorf("%q.Valid() = %v, want %v", s, got, want)
		}
	}
}

func TestValueTypeValid(t *testing.T) {
	for typ, want := range map[message.ValueType]bool{
		message.Direct: true, message.Accumulative: true, message.Differential: true,
		"": false, "counter": false,
	} {
		if got := typ.Valid(); got != want {
			t.Errorf("%q.Valid() = %v, want %v", typ, got, want)
		}
	}
}
