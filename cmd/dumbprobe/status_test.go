package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"dumbprobe/internal/control"
)

var update = flag.Bool("update", false, "write the golden files anew")

// someStatus has one of each.
func someStatus() *control.Status {
	const now = 1795487603.5
	return &control.Status{
		Daemon: control.DaemonStatus{
			Version: "v1.2.3", PID: 4711, State: "running", Now: now, Started: now - 93784, Uptime: 93784,
			Checks: 6, Handles: 3, Failing: 5, Messages: 123456, Dropped: 7,
			Lateness:   control.Lateness{P50: 0.000576, P99: 0.00128, Max: 0.0204},
			LastReload: &control.ReloadResult{Started: now - 600, Errors: []control.ReloadError{{Script: "b.lua", Text: "b.lua:2: x"}}},
			Reloading:  true,
		},
		Commands: control.Commands{Running: 64, Waiting: 12, Limit: 64, Streams: 2, NoStream: 3, Stuck: 1, LongestWait: 3.21},
		Scripts: []control.Script{
			{Path: "/etc/dumbprobe/checks/host.lua", State: "ok", Loaded: now - 93783, SHA256: strings.Repeat("0123456789abcdef", 4), Checks: 5, Handles: 3, CommandsRunning: 4, CommandsWaiting: 12, Memory: 300 << 20},
			{Path: "/etc/dumbprobe/checks/own.lua", State: "replaced", Loaded: now - 3, SHA256: strings.Repeat("fedcba9876543210", 4), Checks: 1},
			{Path: "/etc/dumbprobe/checks/b.lua", State: "broken", Errors: []string{"b.lua:2: syntax error near ')' (column 3)", "b.lua:7: another\x1b[31m"}},
		},
		Checks: []control.Check{
			{Name: "disk space", Class: "Function", Script: "/etc/dumbprobe/checks/host.lua", State: "idle", Outcome: "ok", Since: now - 93000, LastRun: now - 12.2, NextRun: now + 47.8, Duration: 0.00035, Lateness: 0.00012, Runs: 1563},
			{Name: "web", Class: "Nagios", Script: "/etc/dumbprobe/checks/host.lua", State: "running", RunningSince: now - 4, Outcome: "timeout", Since: now - 3700, LastRun: now - 64, Duration: 60, Lateness: 0.0021, Runs: 900, Failures: 62, Streak: 62,
				Failure: &control.Failure{Outcome: "timeout", Error: "timeout: the deadline of 1m0s passed", Time: now - 4}},
			{Name: "new", Class: "Function", Script: "/etc/dumbprobe/checks/host.lua", State: "idle", NextRun: now + 90000},
			{Name: "held\n", Class: "Own", Script: "/etc/dumbprobe/checks/host.lua", State: "quarantined", Outcome: "stuck", Since: now - 7, NextRun: now + 53, Runs: 1, Failures: 1, Streak: 1,
				Failure: &control.Failure{Outcome: "stuck", Error: "the script has been stuck", Time: now - 7}},
			{Name: "own.lua#1 table", Class: "table", Script: "/etc/dumbprobe/checks/own.lua", State: "queued", RunningSince: now - 0.2, Outcome: "ok", Since: now - 2, LastRun: now - 1, Runs: 2, Duration: 1.25},
			{Name: "asks", Class: "table", Script: "/etc/dumbprobe/checks/host.lua", State: "idle", NextRun: now - 0.1,
				PlanFailure: &control.Failure{Outcome: "next_run_failed", Error: "host.lua:9: no\n idea", Time: now - 1}},
		},
		Handles: []control.Handle{
			{Name: "iostat", Class: "ShellStream", Script: "/etc/dumbprobe/checks/host.lua", State: "open", Since: now - 93783, PID: 4712, Opens: 1, Lines: 93000, Messages: 93000},
			{Name: "log", Class: "ShellStream", Script: "/etc/dumbprobe/checks/host.lua", State: "closed", Since: now - 10, Reopens: now + 50, Lines: 3, Failures: 1,
				Failure: &control.Failure{Outcome: "eof", Error: "the handle came to its end", Time: now - 10}},
			{Name: "syslog", Class: "table", Script: "/etc/dumbprobe/checks/host.lua", State: "open", Since: now - 1, Address: "0.0.0.0:514"},
		},
		Destinations: []control.Destination{
			{Address: "stdout", State: "connected", Spool: "memory", Sent: 123456},
			{Address: "tcp:collector.example.net:3638", State: "lost", Spool: "disk", SpoolBytes: 1 << 20, Queued: 512, Oldest: 3725, Sent: 100000, Dropped: 22944, LastError: "connection refused"},
		},
	}
}

func TestStatusTable(t *testing.T) {
	one := someStatus()
	one.Checks, one.Handles = one.Checks[:2], one.Handles[:1]
	empty := &control.Status{Daemon: control.DaemonStatus{Version: "v1", PID: 1, State: "starting", Now: 1795487603, Started: 1795487603}}
	for _, c := range []struct {
		name   string
		status *control.Status
		part   bool
	}{{"all", someStatus(), false}, {"part", one, true}, {"empty", empty, false}} {
		t.Run(c.name, func(t *testing.T) {
			var got bytes.Buffer
			if err := writeStatus(&got, c.status, c.part, time.UTC); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "status_"+c.name+".txt")
			if *update {
				writeFile(t, golden, got.String())
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
			for line := range strings.Lines(got.String()) {
				if n := utf8.RuneCountInString(line); n > 121 {
					t.Errorf("a line has %d characters: %s", n, line)
				}
				if strings.ContainsRune(line, '\x1b') {
					t.Errorf("a line would change the terminal: %q", line)
				}
			}
		})
	}
}

func TestTimesForPeople(t *testing.T) {
	for seconds, want := range map[float64]string{-1: "0s", 0: "0s", 59.4: "59s", 59.6: "1m00s", 3599: "59m59s", 3600: "1h00m", 86399: "23h59m", 86400: "1d00h", 1e9: "11574d01h"} {
		if got := age(seconds); got != want {
			t.Errorf("age(%v) is %s, want %s", seconds, got, want)
		}
	}
	for seconds, want := range map[float64]string{0: "0s", 0.000012: "12µs", 0.00049: "490µs", 0.0012: "1.2ms", 0.012: "12ms", 0.999: "999ms", 1.25: "1.2s", 9.96: "10s", 75: "1m15s"} {
		if got := short(seconds); got != want {
			t.Errorf("short(%v) is %s, want %s", seconds, got, want)
		}
	}
}
