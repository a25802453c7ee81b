package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// clockChecks are a thousand checks of all kinds: "fast" ones that run each second, and "slow" ones that have a run
// each hour, or half of it. Those named "slow interval" go by no clock that can be set.
const clockChecks = `
local dp = require "dumbprobe"
local checks = {}
local function add(class, name, options)
  options.name, options.call = name, function() return {c = name} end
  table.insert(checks, class(options))
end
local function own(name, seconds)
  local self = {}
  function self:check_name() return name end
  function self:next_run() return dp.time() + seconds end
  function self:run() return {c = name} end
  table.insert(checks, self)
end
for i = 1, 200 do
  add(dp.Function, "fast interval " .. i, {interval = 1, first = "spread"})
  add(dp.Function, "fast align " .. i, {interval = 1, align = true, splay = 1})
  add(dp.Function, "fast cron " .. i, {cron = "@every 1s", splay = 1})
  own("fast next_run " .. i, 1)
end
for i = 1, 50 do
  add(dp.Function, "slow interval " .. i, {interval = 3600, first = "interval"})
  add(dp.Function, "slow align " .. i, {interval = 3600, align = true, splay = 1})
  add(dp.Function, "slow cron " .. i, {cron = "0 * * * *", splay = 1})
  own("slow next_run " .. i, 1800)
end
return checks
`

// The wall clock of the daemon is set, the daemon is stopped, the machine sleeps: each check runs at most once for
// all that it missed, and then goes on as before.
func TestThousandChecksWhenTheClockStepsOrStops(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute, and -short is given")
	}
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.lua"), clockChecks)
	d := startCounted(t, dir)
	d.wait("a run of each fast check", d.eachFast(1))
	clocks := moveClocks(t, d.cmd.Process.Pid)

	// To 31 minutes after the next hour: no point of the slow checks is near then.
	now := time.Now()
	wall, monotonic := now.Truncate(time.Hour).Add(91*time.Minute).Sub(now).Truncate(time.Second), time.Duration(0)
	d.phase("to half past", func() { clocks.set(t, wall, 0) })
	for name, n := range d.counts() {
		if n == 0 && !strings.HasPrefix(name, "slow interval") {
			t.Errorf("%s did not run when the clock was set over its time", name)
		}
	}

	for _, step := range []struct {
		what            string
		wall, monotonic time.Duration
		stops           bool // the process does not run meanwhile
		slow            int  // runs of the slow checks that go by the clock
		noticed         bool // that the clock was set
	}{
		{what: "an hour forward", wall: time.Hour, slow: 1, noticed: true},
		{what: "an hour back", wall: -time.Hour, slow: 0, noticed: true},
		{what: "stopped for a minute", wall: time.Minute, monotonic: time.Minute, stops: true},
		{what: "the machine sleeps for eight hours", wall: 8 * time.Hour, stops: true, slow: 1, noticed: true},
	} {
		wall += step.wall
		monotonic += step.monotonic
		steps := d.logged(`the clock was set`)
		before := d.counts()
		d.phase(step.what, func() {
			if step.stops {
				clocks.pause(t)
				defer clocks.resume(t)
			}
			clocks.set(t, wall, monotonic)
		})
		for name, n := range d.counts() {
			want := step.slow
			if strings.HasPrefix(name, "slow interval") {
				want = 0
			}
			if got := n - before[name]; strings.HasPrefix(name, "slow") && got != want {
				t.Errorf("%s: %s ran %d times, want %d", step.what, name, got, want)
			}
		}
		if noticed := d.logged(`the clock was set`) > steps; noticed != step.noticed {
			t.Errorf("%s: a step of the clock was logged: %v, want %v", step.what, noticed, step.noticed)
		}
	}
	// The minute of a check that runs each second: what fell out is counted.
	if d.logged(`"outcome":"skipped".*"skipped":(5[5-9]|6[0-5])\b`) == 0 {
		t.Error("no check has counted the runs that fell out while the daemon was stopped")
	}
	if n := d.logged(`"outcome":"(error|timeout|stuck)"`); n > 0 {
		t.Errorf("%d runs failed", n)
	}
}

// countedDaemon is the binary, with the number of messages {c = NAME} that it has sent, by name.
type countedDaemon struct {
	t   *testing.T
	cmd *exec.Cmd
	log string // path of its log

	ended chan struct{} // closed at the end of its stdout

	mu   sync.Mutex // protects following fields
	runs map[string]int
}

// startCounted runs the scripts of a folder until the test ends.
func startCounted(t *testing.T, dir string, adjust ...func(*exec.Cmd)) *countedDaemon {
	t.Helper()
	d := &countedDaemon{t: t, log: filepath.Join(t.TempDir(), "log"), ended: make(chan struct{}), runs: map[string]int{}}
	d.cmd = exec.Command("dumbprobe", "--checks", dir, "--control", "off")
	d.cmd.Env = append(os.Environ(), "GORACE="+raceOptions)
	log, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d.cmd.Stderr = log
	stdout, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range adjust {
		f(d.cmd)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.ended)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			name, found := strings.CutPrefix(lines.Text(), `{"c":"`)
			if found {
				d.mu.Lock()
				d.runs[strings.TrimSuffix(name, `"}`)]++
				d.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
		_ = d.cmd.Process.Signal(syscall.SIGCONT)
		<-d.ended
		if err := d.cmd.Wait(); err != nil {
			t.Errorf("the daemon ended with %v", err)
		}
		if t.Failed() {
			text, _ := os.ReadFile(d.log)
			t.Logf("the log:\n%s", text[max(0, len(text)-20_000):])
		}
	})
	return d
}

// counts are the runs so far; of slow checks, also those that have none.
func (d *countedDaemon) counts() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	counts := maps.Clone(d.runs)
	for i := 1; i <= 50; i++ {
		for _, kind := range []string{"interval", "align", "cron", "next_run"} {
			counts[fmt.Sprintf("slow %s %d", kind, i)] += 0
		}
	}
	return counts
}

// eachFast wants so many runs of each fast check from now on.
func (d *countedDaemon) eachFast(more int) func() bool {
	before := d.counts()
	return func() bool {
		now, fast := d.counts(), 0
		for name, n := range now {
			if strings.HasPrefix(name, "fast") {
				if n-before[name] < more {
					return false
				}
				fast++
			}
		}
		return fast == 800
	}
}

// phase does something to the daemon, and waits until each fast check has run five times after it: none may stand
// still, and none may run more often than each second, but for a run that was due meanwhile.
func (d *countedDaemon) phase(what string, do func()) {
	d.t.Helper()
	before, start := d.counts(), time.Now()
	do()
	d.wait("five runs of each fast check, "+what, d.eachFast(5))
	took, burst := time.Since(start).Seconds(), 0
	for name, n := range d.counts() {
		if strings.HasPrefix(name, "fast") && float64(n-before[name]) > took+3 {
			if burst++; burst <= 3 {
				d.t.Errorf("%s: %s ran %d times in %.1f s", what, name, n-before[name], took)
			}
		}
	}
	if burst > 3 {
		d.t.Errorf("%s: as did %d more checks", what, burst-3)
	}
}

// wait waits for a condition; patience bounds it.
func (d *countedDaemon) wait(what string, cond func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(patience); !cond(); {
		select {
		case <-d.ended:
			d.t.Fatalf("the daemon has ended, waiting for %s", what)
		default:
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(20 * time.Millisecond) // between two looks; nothing depends on how long it is
	}
}

// logged is how many lines of the log match.
func (d *countedDaemon) logged(pattern string) (n int) {
	d.t.Helper()
	text, err := os.ReadFile(d.log)
	if err != nil {
		d.t.Fatal(err)
	}
	return len(regexp.MustCompile(pattern).FindAll(text, -1))
}
