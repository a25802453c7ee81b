package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// processLimit is what the daemon of this test may have of processes and threads, its commands' included.
const processLimit = 100

// fewProcesses is the name under which the test binary is a dumbprobe with that limit.
const fewProcesses = "dumbprobe-with-few-processes"

func mainWithFewProcesses() {
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: processLimit, Max: processLimit}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	main()
}

// Where few processes are allowed, commands wait for their turn. Where there can be none at all, their start is an
// error of theirs: it must not end the daemon, which can have no more threads either, nor hold up what needs no
// command.
func TestTheLimitOfProcessesEndsNoDaemon(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become a user that runs nothing else")
	}
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // the folder of the test, which only root may see
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "commands.lua"), `
local dp = require "dumbprobe"
local checks = {}
for i = 1, 60 do
  table.insert(checks, dp.ShellCommand{name = "command " .. i, interval = 1, first = "interval", command = {"true"},
    parse = function() return {c = "command"} end})
  table.insert(checks, dp.ShellStream{name = "stream " .. i, command = {"sleep", "1000"}, reopen = 0.1})
end
return checks`)
	writeFile(t, filepath.Join(dir, "other.lua"), `
local dp = require "dumbprobe"
local checks = {}
for i = 1, 20 do
  table.insert(checks, dp.Function{name = "other " .. i, interval = 0.1, call = function()
    for _ in io.lines("/proc/self/stat") do end
    return {c = "other"}
  end})
end
return checks`)
	// The kernel counts the processes and threads of a user. (It counts those of root, too, and lets it have more.)
	nobody := uint32(1<<20 + os.Getpid())
	asNobody := func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	d := startCounted(t, dir, asNobody, func(cmd *exec.Cmd) {
		cmd.Path, cmd.Err = "/proc/self/exe", nil // the test binary's folder may be root's
		cmd.Args[0] = fewProcesses
	})
	runs := func(what string, n int) {
		t.Helper()
		before := d.counts()[what]
		d.wait(fmt.Sprintf("%d messages of %s", n, what), func() bool { return d.counts()[what] >= before+n })
	}
	const refused = `cannot start \\"true\\": .*allow no more processes`
	d.wait("the start", func() bool { return d.logged(`"msg":"running"`) > 0 })
	var others []*exec.Cmd // the limit is the daemon's: these may have more
	for range processLimit {
		sleep := exec.Command("sleep", "1000")
		asNobody(sleep)
		if err := sleep.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = sleep.Process.Kill()
			_ = sleep.Wait()
		})
		others = append(others, sleep)
	}
	d.wait("commands that cannot be started", func() bool { return d.logged(refused) > 0 })
	runs("other", 1000)
	if n := d.counts()["command"]; n > 0 {
		t.Errorf("%d commands ran, although there cannot be a process", n)
	}

	for _, sleep := range others {
		_ = sleep.Process.Kill()
		_ = sleep.Wait() // a zombie counts
	}
	runs("command", 100)
	before := d.logged(refused)
	runs("command", 200)
	if n := d.logged(refused) - before; n > 0 {
		t.Errorf("%d commands were not started, although each has its turn", n)
	}
	if d.logged(`ulimit -u.* is 100, .*: at most \d+ commands run at once, not 64, and \d+ streams, not 1024`) != 1 {
		t.Error("it was not logged that fewer commands run at once")
	}
	d.wait("a stream too many", func() bool { return d.logged(`sleep 1000\\" was not started: too many streams at once`) > 0 })
	if n := d.logged(`"check":"other.*"outcome":"(error|timeout|stuck)"`); n > 0 {
		t.Errorf("%d checks that need no command failed", n)
	}
}
