package luaapi

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"dumbprobe/internal/command"
)

func TestSmoke(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.lua")
	os.WriteFile(path, []byte(`
local dp = require "dumbprobe"
local Mine = dp.BaseCheck:extend{class = "Mine"}
function Mine:run() return {dp.Message{aspect="m", value = 1}, {a = 1/0}} end
return {
  dp.Function{call = function(x) return dp.Message{aspect = "f", value = x} end, args = {5}, interval = 5},
  dp.ShellCommand{command = "echo '{\"a\": 1} {\"b\":2}'", interval = 5, aspect="x", location={host="h"}},
  dp.Nagios{command = "echo 'OK | a=5;4;6'; exit 1", interval = 5},
  Mine{interval = 3},
  {next_run = function() return dp.time() end, run = function() local co = coroutine.wrap(function() dp.sleep(0.01); coroutine.yield(3) return 4 end) return {x = co() + co()} end},
  dp.ShellCommand{command = "echo 5", parse = function(o, c) return {n = tonumber(o)} end, interval = 5},
  dp.Function{call = function() while true do end end, interval = 5},
  dp.Function{call = function() local f = io.popen("sleep 10"); return f:read("*a") end, interval = 5},
  dp.Function{call = function() end, interval = 5},
}
`), 0o644)
	runner := command.NewRunner(command.Options{})
	defer runner.Close()
	log, _ := zap.NewDevelopment()
	vm := NewVM(path, Options{Commands: runner, Logger: log})
	s, err := vm.Load(context.Background(), RunOptions{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Entries {
		var b Batch
		done := make(chan error)
		go func() {
			var err error = Abandoned(0)
			defer func() { done <- err }()
			err = e.Run(context.Background(), RunOptions{Timeout: 300 * time.Millisecond}, &b)
		}()
		err := <-done
		t.Log(e.Position, e.Class, e.Line, "err:", err)
		for _, l := range b.Lines {
			t.Log(string(l))
		}
		t.Log(b.Problems, b.Warnings)
	}
	if err := vm.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}
