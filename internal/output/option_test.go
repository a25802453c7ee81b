package output

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dumbprobe/internal/spool"
)

// wide is a kind with every sort of option.
var wide = kind{
	form: "wide", parse: parseNothing, tail: tailNothing,
	options: []option{
		{name: "ca", value: "PATH"},
		{name: "token", value: "TEXT", secret: true, where: true, check: func(string) error { return errors.New("is too short") }},
		{name: "subject", value: "TEXT", where: true, required: true, doc: "where the lines go"},
		{name: "lines", value: "N", check: wholeNumber(1, 100)},
		{name: "wait", value: "DURATION", check: timeBetween(time.Second, time.Minute)},
		{name: "create", value: "yes|no", check: yesOrNo},
	},
}

func TestOptions(t *testing.T) {
	tests := []struct {
		name, query string
		want        map[string]string
		err         string
	}{
		{name: "values are what stands after the first equals sign", query: "ca=a=b", want: map[string]string{"ca": "a=b"}},
		{name: "a percent sign escapes", query: "ca=a%26b%25%20c&lines=7", want: map[string]string{"ca": "a&b% c", "lines": "7"}},
		{name: "a plus sign stands for itself", query: "ca=c++", want: map[string]string{"ca": "c++"}},
		{name: "a question mark in a value stands for itself", query: "ca=a?b", want: map[string]string{"ca": "a?b"}},
		{name: "a number", query: "lines=100", want: map[string]string{"lines": "100"}},
		{name: "a time", query: "wait=1m", want: map[string]string{"wait": "1m"}},
		{name: "an unknown option names the nearest", query: "lnes=1", err: `unknown option "lnes", did you mean "lines"?; the options of wide are ca, catch_up, create, lines, subject, token, wait`},
		{name: "an unknown option that is near to none", query: "verification=1", err: `unknown option "verification"; the options of wide are ca, catch_up, create, lines, subject, token, wait`},
		{name: "capitals", query: "CA=1", err: `unknown option "CA", did you mean "ca"?; the options of wide are ca, catch_up, create, lines, subject, token, wait`},
		{name: "twice", query: "ca=1&ca=2", err: `option ca is given twice`},
		{name: "nothing", query: "", err: `after the ? come options, as name=value&name=value; a name is missing`},
		{name: "a trailing ampersand", query: "ca=1&", err: `after the ? come options, as name=value&name=value; a name is missing`},
		{name: "a name without a value", query: "ca", err: `option ca has no value; written ca=VALUE`},
		{name: "an empty value", query: "ca=", err: `option ca has no value; written ca=PATH`},
		{name: "a broken escape", query: "ca=%zz", err: `option ca: its value has a % that two hexadecimal digits do not follow; a % itself is written %25`},
		{name: "a zero byte", query: "ca=%00", err: `option ca: its value contains a zero byte or a line's end`},
		{name: "a number out of range", query: "lines=101", err: `option lines: "101" is not a whole number from 1 to 100`},
		{name: "a time out of range", query: "wait=0s", err: `option wait: "0s" is not a time from 1s to 1m0s, as 500ms, 30s or 2m`},
		{name: "neither yes nor no", query: "create=true", err: `option create: "true" is none of yes, no`},
		{name: "a wrong secret is not shown", query: "token=abc", err: `option token: "***" is too short`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			query := tt.query
			if tt.err == "" {
				query += "&subject=x"
				tt.want["subject"] = "x"
			}
			got, err := wide.parseOptions("wide", query)
			if err == nil {
				err = wide.checkOptions("wide", got)
			}
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("the error is %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAMissingOptionIsNamed(t *testing.T) {
	err := wide.checkOptions("wide", nil)
	if want := "option subject is missing: where the lines go; written ?subject=TEXT"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

func TestOptionsAreWrittenAsTheyAreRead(t *testing.T) {
	want := map[string]string{"ca": "/a b/c++%&=?#é", "subject": "dumbprobe.{host}.{aspect}"}
	text := wide.tailOptions(want, func(_ option, value string) (string, bool) { return value, true })
	if exp := "?ca=/a%20b/c%2B%2B%25%26%3D%3F%23%C3%A9&subject=dumbprobe.{host}.{aspect}"; text != exp {
		t.Errorf("written %s, want %s", text, exp)
	}
	got, err := wide.parseOptions("wide", text[1:])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestANameShowsWhereTheLinesGoAndNoSecret(t *testing.T) {
	options := map[string]string{"ca": "x", "subject": "y", "token": "hush"}
	a := Address{Scheme: "stdout"}
	show := func(f func(o option, value string) (string, bool)) string { return wide.tailOptions(options, f) }
	if got, want := show(a.inName), "?subject=y"; got != want {
		t.Errorf("in a name: %s, want %s", got, want)
	}
	if got, want := show(a.inText), "?ca=x&subject=y&token=***"; got != want {
		t.Errorf("written: %s, want %s", got, want)
	}
}

// kept is a spool with an identity of its own.
type kept struct{ *spool.Memory }

func (kept) ID() string { return "kept" }

func (kept) Restored() int { return 0 }

func TestTheOriginIsTheSpools(t *testing.T) {
	if got := originOf(kept{}); got != "kept" {
		t.Errorf("the origin is %q", got)
	}
	if a, b := originOf(spool.NewMemory(0)), originOf(spool.NewMemory(0)); a == b || len(a) < 20 {
		t.Errorf("two spools in memory have the origins %q and %q", a, b)
	}
}

func TestBatchID(t *testing.T) {
	line := []byte("{}")
	b := Batch{Lines: [][]byte{line, line}, First: 7, Origin: originOf(spool.NewMemory(0))}
	rest := Batch{Lines: b.Lines[1:], First: 8, Origin: b.Origin}
	other := Batch{Lines: b.Lines, First: 7, Origin: originOf(spool.NewMemory(0))}
	changed := Batch{Lines: [][]byte{[]byte("{ }")}, First: 7, Origin: b.Origin}
	if b.ID(1) != rest.ID(0) {
		t.Errorf("one line has the ids %s and %s", b.ID(1), rest.ID(0))
	}
	seen := map[string]string{}
	for what, id := range map[string]string{
		"a line": b.ID(0), "an equal line after it": b.ID(1), "one of another spool": other.ID(0), "one with other bytes": changed.ID(0),
	} {
		if seen[id] != "" {
			t.Errorf("%s and %s have the id %s", what, seen[id], id)
		}
		seen[id] = what
		if len(id) > 70 {
			t.Errorf("%s has %d characters", id, len(id))
		}
	}
}
