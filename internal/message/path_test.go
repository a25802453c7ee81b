package message_test

import (
	"testing"

	"dumbprobe/internal/message"
)

func TestPathError(t *testing.T) {
	for _, test := range []struct {
		path, parent, want string
	}{
		{"event.name", "", "event.name: bad"},
		{"", "", "bad"},
		{"", "event", "event: bad"},
		{"value", "event.vset.a", "event.vset.a.value: bad"},
		{"[0].name", "event.list", "event.list[0].name: bad"},
		{`["a b"]`, "location", `location["a b"]: bad`},
	} {
		err := &message.PathError{Path: test.path, Problem: "bad"}
		if got := err.In(test.parent).Error(); got != test.want {
			t.Errorf("%q in %q: %q, want %q", test.path, test.parent, got, test.want)
		}
	}
}

func TestJoinKeyQuotesWhatIsNoName(t *testing.T) {
	for _, test := range []struct{ path, key, want string }{
		{"", "event", "event"},
		{"event", "name", "event.name"},
		{"event.vset", "a b", `event.vset["a b"]`},
		{"event.vset", "", `event.vset[""]`},
		{"event.vset", "a\"\xff", `event.vset["a\"\xff"]`},
		{"", "a b", `["a b"]`},
	} {
		if got := message.JoinKey(test.path, test.key); got != test.want {
			t.Errorf("JoinKey(%q, %q) = %s, want %s", test.path, test.key, got, test.want)
		}
	}
	if got, want := message.JoinIndex("event.list", 3), "event.list[3]"; got != want {
		t.Errorf("JoinIndex: %s, want %s", got, want)
	}
}
