package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
)

const oneCheck = `
local dp = require "dumbprobe"
return {dp.Function{name = "one", interval = 60, call = function() return {n = 1} end}}
`

func TestOnce(t *testing.T) {
	script(t, "a.lua", oneCheck)
	for _, args := range []string{"--checks a.lua --once", "run --checks a.lua --once", "--once run --checks a.lua"} {
		if got := runIn(process{}, strings.Fields(args)...); got.status != exitOK || got.stdout != `{"n":1}`+"\n" {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

func TestDaemonInProcess(t *testing.T) {
	script(t, "a.lua", oneCheck)
	signals := make(chan os.Signal, 1)
	r, w := io.Pipe()
	isolated := 0
	status := make(chan int)
	go func() {
		status <- run(process{
			args: []string{"--checks", "a.lua"}, stdout: w, stderr: io.Discard, signals: signals,
			isolate: func() error { isolated++; return nil },
		})
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil || line != `{"n":1}`+"\n" {
		t.Errorf("got %q, %v", line, err)
	}
	signals <- syscall.SIGTERM
	if got := <-status; got != exitOK {
		t.Errorf("the status is %d", got)
	}
	if isolated != 1 {
		t.Errorf("isolate was called %d times", isolated)
	}
}

func TestErrorsOfTheDaemonAreLogged(t *testing.T) {
	script(t, "bad.lua", "return {\n  1 +\n}\n")
	got := runIn(process{}, "--checks", "bad.lua", "--log-level", "error")
	if got.status != exitFailed || got.stdout != "" {
		t.Errorf("got %+v", got)
	}
	var line struct{ Level, Msg string }
	if err := json.Unmarshal([]byte(got.stderr), &line); err != nil {
		t.Fatalf("%v in %q", err, got.stderr)
	}
	if line.Level != "error" || !strings.HasPrefix(line.Msg, "cannot load bad.lua: bad.lua:3: ") {
		t.Errorf("got %+v", line)
	}
}

func TestErrorsAreOnStderrWhenTheLogIsElsewhere(t *testing.T) {
	script(t, "empty.lua", "")
	writeFile(t, "log.yaml", "outputPaths: [daemon.log]\n")
	got := runIn(process{}, "--checks", "empty.lua", "--logging", "log.yaml")
	if got.status != exitFailed || !strings.HasPrefix(got.stderr, "dumbprobe: cannot load empty.lua: ") || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("got %+v", got)
	}
	log, err := os.ReadFile("daemon.log")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "cannot load empty.lua: ") {
		t.Errorf("the log is %s", log)
	}
}

func TestLogIsReadableOnATerminal(t *testing.T) {
	script(t, "a.lua", "print('hello')\nreturn {}")
	got := runIn(process{terminal: true}, "--checks", "a.lua", "--once")
	if got.status != exitOK || !strings.Contains(got.stderr, "  INFO  hello  ") {
		t.Errorf("got %+v", got)
	}
}
