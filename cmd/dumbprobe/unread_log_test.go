package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fullPipe is a pipe that takes nothing more until it is read.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	full := make([]byte, 4096)
	for err == nil {
		_ = w.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		_, err = w.Write(full)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	_ = w.SetWriteDeadline(time.Time{})
	return r, w
}

const loggingChecks = `local dp = require "dumbprobe"
local n = 0
return {
  dp.Function{name = "fails", interval = 0.02, call = function() error("always") end},
  dp.Function{name = "says", interval = 0.02, call = function() print("again") return {} end},
  dp.Function{name = "works", interval = 0.02, call = function() n = n + 1 return {n = n} end},
}
`

// runUnread runs the daemon with a log that is not read, and returns when checks have sent messages.
func runUnread(t *testing.T, stderr *os.File, args ...string) (signals chan<- os.Signal, ended <-chan int) {
	t.Helper()
	var stdout syncBuffer
	signal, status := make(chan os.Signal, 2), make(chan int, 1)
	args = append([]string{"--control", "off"}, args...)
	go func() { status <- run(process{args: args, stdout: &stdout, stderr: stderr, signals: signal}) }()
	waitUntil(t, "there are 20 messages", func() bool { return strings.Count(stdout.String(), `"n":`) >= 20 })
	return signal, status
}

func waitUntil(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit := time.After(patience)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !is() {
		select {
		case <-look.C:
		case <-limit:
			t.Fatal("waited in vain until ", what)
		}
	}
}

func mustEnd(t *testing.T, ended <-chan int, status int) {
	t.Helper()
	select {
	case got := <-ended:
		if got != status {
			t.Errorf("it ended with %d", got)
		}
	case <-time.After(patience):
		t.Fatal("it did not end")
	}
}

// The reader of the log may hang, or be stopped: less, a terminal, a logger.
func TestALogThatNobodyReadsHoldsUpNeitherTheChecksNorTheEnd(t *testing.T) {
	script(t, "a.lua", loggingChecks)
	r, w := fullPipe(t)
	signals, ended := runUnread(t, w, "--checks", "a.lua")
	signals <- syscall.SIGTERM
	mustEnd(t, ended, exitOK)
	// What was kept is still there, for who reads on.
	_ = r.SetReadDeadline(time.Now().Add(patience))
	lines := bufio.NewReader(r)
	for _, want := range []string{"dumbprobe starts", "always", "told to end"} {
		for line := ""; !strings.Contains(line, want); {
			var err error
			if line, err = lines.ReadString('\n'); err != nil {
				t.Fatalf("%v; %q is not in the log", err, want)
			}
		}
	}
	w.Close() // for what else is kept
}

func TestASecondSignalEndsTheDaemonThoughNobodyReadsItsLog(t *testing.T) {
	script(t, "a.lua", loggingChecks)
	over := filepath.Join(t.TempDir(), "over")
	writeFile(t, "b.lua", fmt.Sprintf(`return {require("dumbprobe").Function{name = "turns", interval = 1, call = function()
  while not os.remove(%q) do end
  return {}
end}}`, over))
	_, w := fullPipe(t)
	signals, ended := runUnread(t, w, "--checks", "a.lua", "--checks", "b.lua", "--timeout", "1h", "--grace", "1h")
	signals <- syscall.SIGTERM
	signals <- syscall.SIGTERM
	mustEnd(t, ended, exitFailed)
	w.Close() // for what is kept
	writeFile(t, over, "")
	waitUntil(t, "the check has ended", func() bool { _, err := os.Stat(over); return err != nil })
}

func TestAnErrorThatNobodyReadsDoesNotHoldUpTheEnd(t *testing.T) {
	_, w := fullPipe(t)
	ended := make(chan int, 1)
	go func() { ended <- run(process{args: []string{"--no-such-flag"}, stdout: io.Discard, stderr: w}) }()
	mustEnd(t, ended, exitUsage)
	w.Close()
}
