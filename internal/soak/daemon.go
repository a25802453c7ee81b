package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// daemon is the program under test.
type daemon struct {
	settings settings
	dir      string
	targets  []*target
	cmd      *exec.Cmd
	run      int
	ended    chan struct{} // closed when the present process has ended, and was not killed

	kills, peerKills, cuts int
}

// script makes numbered messages; it rests when there is a file "quiet".
const script = `local dp = require "dumbprobe"
local run, rate, n = tonumber(os.getenv("SOAK_RUN")), tonumber(os.getenv("SOAK_RATE")), 0
return {dp.Function{interval = 0.1, call = function()
  local f = io.open("quiet")
  if f then f:close() return {} end
  local all = {}
  for i = 1, rate / 10 do
    n = n + 1
    all[i] = {run = run, n = n, location = {host = "h" .. n % 5}, pad = "a message has about two hundred bytes; this one has them, too, so that what is counted is like what is sent by a check of a machine, more or less, in bytes"}
  end
  return all
end}}
`

func (d *daemon) start() error {
	path := filepath.Join(d.dir, "soak.lua")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(d.dir, "dumbprobe.log"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	binary, err := filepath.Abs(d.settings.binary)
	if err != nil {
		return err
	}
	args := []string{"run", "--checks", path, "--self-messages", "off", "--max-spool", "1GiB"}
	if !d.settings.memory {
		args = append(args, "--spool", filepath.Join(d.dir, "spool"), "--spool-sync", "1s")
	}
	for _, t := range d.targets {
		args = append(args, "--destination", t.address)
	}
	d.run++
	cmd := exec.Command(binary, args...)
	cmd.Dir = d.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = child()
	cmd.Env = append(os.Environ(), "SOAK_RUN="+strconv.Itoa(d.run), "SOAK_RATE="+strconv.Itoa(d.settings.rate))
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	d.cmd, d.ended = cmd, ended
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	return nil
}

func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.ended
}

// quiet has no more messages be made.
func (d *daemon) quiet() error {
	return os.WriteFile(filepath.Join(d.dir, "quiet"), nil, 0o600)
}

// stop ends the daemon as an operator does.
func (d *daemon) stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(30 * time.Second):
		return errors.New("the daemon does not end")
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the daemon has ended with the status %d; see its log", code)
	}
	return nil
}
