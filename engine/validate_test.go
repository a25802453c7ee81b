package engine

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dumbprobe/luaapi"
)

func TestValidateSaysWhatTheScriptsAre(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name, source string) string {
		path := filepath.Join(folder, name)
		write(t, path, source)
		return path
	}
	list := at("1.lua", `return {
  dp.Function{call = function() error("validate runs no check") end, interval = 90, name = "every"},
  dp.Function{call = function() end, cron = "*/5 8-18 * * mon-fri"},

  {next_run = function() error("nor does it ask next_run") end, run = function() end},
  dp.ShellStream{command = "touch `+folder+`/opened", name = "stream"},
}`)
	object := at("2.lua", `return {run_next = function() error("nor does it call run_next") end}`)
	syntax := at("3.lua", "return {\n  dp.Function{\n")
	several := at("4.lua", `return {
  dp.Function{call = function() end, intervall = 1},
  5,
  dp.Function{call = function() end, cron = "x"},
}`)
	taken := at("5.lua", `return {dp.Function{call = function() end, interval = 1, name = "every"}}`)
	after := at("6.lua", `return {dp.Function{call = function() end, interval = 0.5}}`)

	reports, err := Validate(t.Context(), Options{Checks: []string{folder}})
	if err != nil {
		t.Fatal(err)
	}
	type want struct {
		path    string
		object  bool
		entries []EntryReport
		err     []string // parts of it
	}
	wants := []want{
		{path: list, entries: []EntryReport{
			{Position: 1, Line: 2, Kind: "check", Class: "Function", Name: "every", Interval: 90, Schedule: "every 1m30s"},
			{Position: 2, Line: 3, Kind: "check", Class: "Function", Name: "1.lua#2 Function", Schedule: "cron */5 8-18 * * mon-fri"},
			{Position: 3, Line: 5, Kind: "check", Class: "table", Name: "1.lua#3 table", Schedule: "next_run"},
			{Position: 4, Line: 6, Kind: "handle", Class: "ShellStream", Name: "stream"},
		}},
		{path: object, object: true},
		{path: syntax, err: []string{"cannot load " + syntax, "syntax error"}},
		{path: several, err: []string{several + ":2, entry 1", "`intervall`", "did you mean `interval`", "entry 2", "the number 5"}},
		{path: taken, err: []string{`the name "every" is taken by ` + list}},
		{path: after, entries: []EntryReport{
			{Position: 1, Line: 1, Kind: "check", Class: "Function", Name: "6.lua#1 Function", Interval: 0.5, Schedule: "every 500ms"},
		}},
	}
	if len(reports) != len(wants) {
		t.Fatalf("%d reports, want %d", len(reports), len(wants))
	}
	for i, w := range wants {
		r := reports[i]
		if r.Path != w.path || r.Object != w.object || !reflect.DeepEqual(r.Entries, w.entries) {
			t.Errorf("got %+v\nwant %+v", r, w)
		}
		if (r.Err == nil) != (w.err == nil) {
			t.Errorf("%s: error %v", r.Path, r.Err)
			continue
		}
		var load *luaapi.LoadError
		if r.Err != nil && !errors.As(r.Err, &load) {
			t.Errorf("%s: a %T", r.Path, r.Err)
		}
		for _, part := range w.err {
			if !strings.Contains(r.Err.Error(), part) {
				t.Errorf("%q is not in the error: %v", part, r.Err)
			}
		}
	}
	if matches, _ := filepath.Glob(folder + "/opened"); matches != nil {
		t.Error("a handle was opened")
	}
}

func TestValidateErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		checks []string
		want   string
	}{
		{"nothing given", nil, "no script is given"},
		{"a missing file", []string{"gone.lua"}, "checks gone.lua: no such file"},
		{"an empty folder", []string{t.TempDir()}, "there is no script"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Validate(t.Context(), Options{Checks: c.checks})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestNewAndRunErrors(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", "return {}")
	t.Run("options are checked by New", func(t *testing.T) {
		for want, o := range map[string]Options{
			"no script is given":  {Stdout: &recorder{news: newPulse()}},
			"is not off, changes": {Checks: []string{path}, SelfMessages: "sometimes", Stdout: &recorder{news: newPulse()}},
			"no standard output":  {Checks: []string{path}},
		} {
			if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		}
	})
	t.Run("a script that does not load is reported, and the others run", func(t *testing.T) {
		bad := lua(t, "bad.lua", "return {")
		good := lua(t, "good.lua", "return {dp.Function{interval = 3600, call = function() return {good = true} end}}")
		d := launch(t, Options{Checks: []string{bad, good}})
		d.message("the message of the good one", func(m msg) bool { return m.keys["good"] == true })
		d.message("the report of the bad one", func(m msg) bool {
			return m.Event.State.Value == string(OutcomeLoadFailed) && m.Location["script"] == bad
		})
	})
	t.Run("it is an error when no script loads, and all are named", func(t *testing.T) {
		a, b := lua(t, "a.lua", "return {"), lua(t, "b.lua", "error('no')")
		d := prepare(t, Options{Checks: []string{a, b}})
		err := d.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), a) || !strings.Contains(err.Error(), b+":1: no") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a missing file is an error at the start", func(t *testing.T) {
		d := prepare(t, Options{Checks: []string{path + "x"}})
		if err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a folder without scripts is an error at the start", func(t *testing.T) {
		d := prepare(t, Options{Checks: []string{t.TempDir()}})
		if err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no script") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a top level that never ends is an error at the load's timeout", func(t *testing.T) {
		endless := lua(t, "a.lua", "while true do end")
		d := prepare(t, Options{Checks: []string{endless}, LoadTimeout: 100_000_000})
		if err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "timeout: the deadline of 100ms passed") {
			t.Errorf("error %v", err)
		}
	})
}
