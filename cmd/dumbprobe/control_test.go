package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dumbprobe/internal/control"
)

// syncBuffer is written to while it is read.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// running is a daemon that runs in this process.
type running struct {
	t              *testing.T
	stdout, stderr syncBuffer
	signals        chan os.Signal
	ended          chan int // its exit status
}

// start runs a daemon until the test ends, or stop.
func start(t *testing.T, env map[string]string, args ...string) *running {
	t.Helper()
	r := &running{t: t, signals: make(chan os.Signal, 1), ended: make(chan int, 1)}
	go func() {
		r.ended <- run(process{args: args, stdout: &r.stdout, stderr: &r.stderr, signals: r.signals, getenv: getenv(env)})
	}()
	t.Cleanup(r.stop)
	r.until("the start", func() bool { return strings.Contains(r.stderr.String(), `"running"`) })
	return r
}

func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func (r *running) until(what string, cond func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain for %s; the log:\n%s", what, r.stderr.String())
		}
	}
}

// stop ends the daemon, which must not fail. It can be called twice.
func (r *running) stop() {
	select {
	case r.signals <- syscall.SIGTERM:
	default: // twice
	}
	select {
	case status := <-r.ended:
		if status != exitOK {
			r.t.Errorf("the daemon ended with %d; its log:\n%s", status, r.stderr.String())
		}
		r.ended <- exitOK
	case <-time.After(patience):
		r.t.Error("the daemon did not end")
	}
}

const quietChecks = `local dp = require "dumbprobe"
return {
  dp.Function{name = "disk /var", interval = 3600, call = function() return {html = "<b>"} end},
  dp.Function{name = "fails", interval = 3600, call = function() error("always") end},
  dp.ShellStream{name = "stream", command = {"sleep", "3600"}},
}
`

// shortDir is a folder whose path is short: that of a socket in it must not be long.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestTheControlSocketIsThereByDefault(t *testing.T) {
	script(t, "a.lua", quietChecks)
	for _, c := range []struct{ variable, socket string }{
		{"RUNTIME_DIRECTORY", "control.sock"},
		{"XDG_RUNTIME_DIR", "dumbprobe/control.sock"},
	} {
		dir := shortDir(t)
		env := map[string]string{c.variable: dir}
		socket := filepath.Join(dir, c.socket)
		d := start(t, env, "--checks", "a.lua")
		info, err := os.Lstat(socket)
		if err != nil || info.Mode() != fs.ModeSocket|0o600 {
			t.Errorf("%s: %v, %v", c.variable, info, err)
		}
		if got := runIn(process{getenv: getenv(env)}, "status"); got.status != exitOK || !strings.HasPrefix(got.stdout, "dumbprobe ") {
			t.Errorf("%s: %+v", c.variable, got)
		}
		// A second daemon of the user has none, and says so.
		second := start(t, env, "--checks", "a.lua")
		if log := second.stderr.String(); !strings.Contains(log, "there is no control socket") || !strings.Contains(log, "is served by another process") {
			t.Errorf("the log of the second:\n%s", log)
		}
		second.stop()
		if got := runIn(process{getenv: getenv(env)}, "status"); got.status != exitOK {
			t.Errorf("%s, when the second has ended: %+v", c.variable, got)
		}
		d.stop()
		if _, err := os.Lstat(socket); err == nil {
			t.Errorf("%s is left behind", socket)
		}
	}
}

func TestNoControlSocket(t *testing.T) {
	script(t, "a.lua", quietChecks)
	dir := shortDir(t)
	env := map[string]string{"XDG_RUNTIME_DIR": dir}
	for _, args := range []string{"--control off", "--control none", "--once"} {
		args := append(strings.Fields(args), "--checks", "a.lua")
		if args[0] == "--once" {
			runIn(process{getenv: getenv(env)}, args...)
		} else {
			start(t, env, args...)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			t.Errorf("%v: there is %v, %v", args, entries, err)
		}
	}
	if d := start(t, nil, "--checks", "a.lua"); strings.Contains(d.stderr.String(), "control socket") {
		t.Errorf("without a place for it there is a word about it:\n%s", d.stderr.String())
	}
}

func TestAControlSocketThatWasAskedForMustBe(t *testing.T) {
	script(t, "a.lua", quietChecks)
	socket := filepath.Join(shortDir(t), "s")
	start(t, nil, "--checks", "a.lua", "--control", socket)
	for path, want := range map[string]string{
		socket:                               "is served by another process, another dumbprobe perhaps",
		"none/s":                             "its folder has to be there",
		"a.lua":                              "something else is there, which is no socket",
		"/tmp/" + strings.Repeat("long", 30): "has 125 bytes, and the path of a unix socket at most 107",
	} {
		got := runIn(process{}, "--checks", "a.lua", "--control", path)
		if got.status != exitFailed || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if got := runIn(process{}, "status", "--control", socket); got.status != exitOK {
		t.Errorf("the first one: %+v", got)
	}
}

func TestClientsWithoutADaemon(t *testing.T) {
	t.Chdir(shortDir(t))
	for _, command := range []string{"status", "reload", "run-check x"} {
		args := append(strings.Fields(command), "--control", "none.sock")
		if got := runIn(process{}, args...); got.status != exitUnreachable || got.stdout != "" ||
			got.stderr != "dumbprobe: no daemon is to be reached at none.sock, which does not exist: is it running, and is that its --control?\n" {
			t.Errorf("%s: %+v", command, got)
		}
	}
	dir := t.TempDir()
	got := runIn(process{getenv: getenv(map[string]string{"XDG_RUNTIME_DIR": dir})}, "status")
	if want := "dumbprobe: no daemon is to be reached: there is no control socket at " + dir + "/dumbprobe/control.sock, nor at /run/dumbprobe/control.sock; give its path by --control PATH\n"; got.status != exitUnreachable || got.stderr != want {
		t.Errorf("got %+v", got)
	}
}

func TestADaemonThatDoesNotAnswer(t *testing.T) {
	socket := filepath.Join(shortDir(t), "s")
	l, err := control.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := runIn(process{}, "reload", "--control", socket, "--wait", "0.05")
	if got.status != exitUnreachable || !strings.Contains(got.stderr, "has not answered in time") {
		t.Errorf("got %+v", got)
	}
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGINT
	got = runIn(process{signals: signals}, "status", "--control", socket)
	if got.status != exitFailed || got.stderr != "dumbprobe: interrupted\n" {
		t.Errorf("got %+v", got)
	}
}

func TestCompletionOfNamesOfTheRunningDaemon(t *testing.T) {
	script(t, "a.lua", quietChecks)
	socket := filepath.Join(shortDir(t), "s")
	start(t, nil, "--checks", "a.lua", "--control", socket)
	for _, c := range []struct{ args, want string }{
		{"run-check|--control|" + socket + "|", "disk /var\nfails\n:4\n"},
		{"run-check|--control|" + socket + "|f", "fails\n:4\n"},
		{"run-check|--control|" + socket + "|*", ":4\n"},
		{"run-check|--control|" + socket + "|fails|", ":4\n"},
		{"status|--control|" + socket + "|", "disk /var\nfails\nstream\n:4\n"},
		{"status|--control|none|", ":4\n"},
		{"reload|", ":4\n"},
		{"reload|--wait|", ":4\n"},
		{"run|--control|", "sock\n:8\n"},
	} {
		if got := runIn(process{}, append([]string{"__complete"}, strings.Split(c.args, "|")...)...); got.stdout != c.want {
			t.Errorf("%s: got %q, want %q", c.args, got.stdout, c.want)
		}
	}
}

func TestStatusCommand(t *testing.T) {
	script(t, "a.lua", quietChecks)
	socket := filepath.Join(shortDir(t), "s")
	d := start(t, nil, "--checks", "a.lua", "--control", socket)
	status := func(args ...string) ran {
		return runIn(process{}, append([]string{"status", "--control", socket}, args...)...)
	}
	d.until("the failure", func() bool { return strings.Contains(status().stdout, "always") })
	for _, c := range []struct {
		args       string
		status     int
		has, lacks []string
		stderr     string
	}{
		{"", exitOK, []string{"disk /var", "fails", "stream", "FAILING", "DESTINATION", "a.lua"}, nil, ""},
		{"d*", exitOK, []string{"disk /var"}, []string{"fails", "stream", "DESTINATION"}, ""},
		{"d*|stream", exitOK, []string{"disk /var", "stream"}, []string{"fails"}, ""},
		{"--failed", exitOK, []string{"fails", "FAILING"}, []string{"disk /var", "DESTINATION", "SCRIPT"}, ""},
		{"disk*|--failed", exitOK, nil, []string{"disk /var"}, ""},
		{"nix|fails", exitFailed, []string{"fails"}, nil, "dumbprobe: no check or handle is named \"nix\"; dumbprobe status lists all\n"},
	} {
		got := status(strings.FieldsFunc(c.args, func(r rune) bool { return r == '|' })...)
		if got.status != c.status || got.stderr != c.stderr {
			t.Errorf("%s: %+v", c.args, got)
		}
		for _, text := range c.has {
			if !strings.Contains(got.stdout, text) {
				t.Errorf("%s: no %q in\n%s", c.args, text, got.stdout)
			}
		}
		for _, text := range c.lacks {
			if strings.Contains(got.stdout, text) {
				t.Errorf("%s: %q in\n%s", c.args, text, got.stdout)
			}
		}
	}
	d.until("the stream", func() bool { return strings.Contains(status("stream").stdout, "open ") })
	var s control.Status
	if got := status("--json"); json.Unmarshal([]byte(got.stdout), &s) != nil || s.Daemon.PID != os.Getpid() || len(s.Checks) != 2 || len(s.Handles) != 1 || s.Handles[0].PID == 0 {
		t.Errorf("%+v", got)
	}
}

// TestEverythingAtOnce is for the race detector.
func TestEverythingAtOnce(t *testing.T) {
	script(t, "a.lua", quietChecks)
	socket := filepath.Join(shortDir(t), "s")
	d := start(t, nil, "--checks", "a.lua", "--control", socket)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			var got ran
			want := exitOK
			switch i % 4 {
			case 0:
				got = runIn(process{}, "status", "--control", socket)
			case 1:
				got = runIn(process{}, "reload", "--control", socket)
			case 2:
				got = runIn(process{}, "run-check", "disk /var", "--control", socket)
				if got.stdout != "{\"html\":\"<b>\"}\n" {
					t.Errorf("it has sent %q", got.stdout)
				}
			case 3:
				want = exitFailed
				got = runIn(process{}, "run-check", "fails", "--control", socket)
				if !strings.Contains(got.stderr, "a.lua:4: always") {
					t.Errorf("it says %q", got.stderr)
				}
			}
			if got.status != want {
				t.Errorf("%d: %+v", i%4, got)
			}
		})
		if i%10 == 0 {
			writeFile(t, "new.lua", fmt.Sprintf("%s-- %d", quietChecks, i))
			if err := os.Rename("new.lua", "a.lua"); err != nil {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
	if n := strings.Count(d.stderr.String(), "looking for scripts that have changed"); n > 25 {
		t.Errorf("25 requests made %d reloads", n)
	}
}

func TestAClientThatWaitsLearnsOfTheEnd(t *testing.T) {
	script(t, "a.lua", `local dp = require "dumbprobe"
return {dp.Function{name = "slow", interval = 3600, first = "interval", call = function() dp.sleep(3600) return {} end}}`)
	socket := filepath.Join(shortDir(t), "s")
	d := start(t, nil, "--checks", "a.lua", "--control", socket, "--grace", "0")
	done := make(chan ran, 1)
	go func() { done <- runIn(process{}, "run-check", "slow", "--control", socket) }()
	client := control.NewClient(socket)
	defer client.Close()
	d.until("the run", func() bool {
		s, err := client.Status(context.Background(), control.Filter{})
		return err == nil && len(s.Checks) == 1 && s.Checks[0].State == control.CheckRunning
	})
	d.stop()
	if got := <-done; got.status != exitFailed || !strings.Contains(got.stderr, "dumbprobe: slow: cancelled: ") {
		t.Errorf("got %+v", got)
	}
}
