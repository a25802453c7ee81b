package main

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"dumbprobe/engine"
)

func TestReports(t *testing.T) {
	var stdout, stderr strings.Builder
	err := writeReports(&stdout, &stderr, []engine.ScriptReport{
		{Path: "a.lua", Entries: []engine.EntryReport{
			{Position: 1, Line: 3, Kind: "check", Class: "Function", Name: "one", Interval: 60, Schedule: "every 1m0s"},
			{Position: 2, Kind: "check", Class: "table", Name: "two", Schedule: "next_run"},
			{Position: 3, Line: 9, Kind: "handle", Class: "ShellStream", Name: "a\tname\x1b"},
		}},
		{Path: "b.lua", Object: true},
		{Path: "c.lua", Err: errors.Join(errors.New("first"), errors.New("second"))},
		{Path: "d.lua"},
	})
	const want = `SCRIPT  ENTRY  LINE  KIND           CLASS        NAME           INTERVAL
a.lua   1      3     check          Function     one            1m0s
a.lua   2      -     check          table        two            next_run
a.lua   3      9     handle         ShellStream  "a\tname\x1b"  -
b.lua   -      -     object         -            -              run_next
d.lua   -      -     an empty list  -            -              -
`
	if stdout.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &stdout, want)
	}
	if want := "dumbprobe: first\ndumbprobe: second\n"; stderr.String() != want {
		t.Errorf("stderr has %q, want %q", &stderr, want)
	}
	if want := "1 of 4 scripts cannot be loaded"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestValidateIsInterrupted(t *testing.T) {
	script(t, "slow.lua", `require "dumbprobe".sleep(60) return {}`)
	signals := make(chan os.Signal, 2)
	signals <- syscall.SIGHUP
	signals <- syscall.SIGINT
	got := runIn(process{signals: signals}, "validate", "--checks", "slow.lua", "--load-timeout", "1h")
	if want := "dumbprobe: interrupted\n"; got.status != exitFailed || got.stderr != want {
		t.Errorf("got %+v", got)
	}
}
