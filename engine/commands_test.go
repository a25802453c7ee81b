package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// commandsOf is a script with n checks, each a command.
func commandsOf(n int, command string) string {
	return fmt.Sprintf(`
local list = {}
for i = 1, %d do
  list[i] = dp.ShellCommand{interval = 0.05, command = %q}
end
return list`, n, command)
}

// A script may have so many commands at once, whatever its checks start them with; those of other scripts do not
// wait behind them.
func TestTheCommandsOfAScriptHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	gate := filepath.Join(t.TempDir(), "gate")
	// Each command says that it runs, waits until the gate is open, and tells how many there are.
	command := fmt.Sprintf("touch %[1]s/$$; while ! test -e %[2]s; do sleep 0.02; done; ls %[1]s | wc -l; rm %[1]s/$$", folder, gate)
	greedy := lua(t, "greedy.lua", fmt.Sprintf(`
local command = %q
local function parse(out) return {greedy = tonumber(out)} end
return {
  dp.ShellCommand{interval = 3600, command = command, parse = parse},
  dp.ShellCommand{interval = 3600, command = command, parse = parse},
  dp.Function{interval = 3600, call = function() return parse(dp.command(command).stdout) end},
  dp.Function{interval = 3600, call = function() os.execute(command) return {greedy = 0} end},
  dp.Nagios{interval = 3600, name = "plugin", command = command},
  dp.Function{interval = 3600, call = function() local f = io.popen(command, "w") f:close() return {greedy = 0} end},
}`, command))
	modest := lua(t, "modest.lua", commandsOf(1, `echo '{"modest": 1}'`))
	d := launch(t, Options{Checks: []string{greedy, modest}, MaxCommands: 4, ScriptCommands: 2})
	running := func() int {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	eventually(t, "two commands of the greedy script", func() bool { return running() >= 2 })
	d.messages(5, "runs of the modest script, while the other has all it may", key("modest"))
	if n := running(); n != 2 {
		t.Errorf("%d commands of the script run, the limit is 2", n)
	}
	if n := len(d.sent(key("greedy"))); n > 0 {
		t.Errorf("%d commands have ended that wait for the test", n)
	}
	if s := d.commands.Stats(); s.Waiting < 4 || s.Running < 2 || s.Running > 3 {
		t.Errorf("the gauges say %+v, want 4 that wait and 2 that run", s)
	}
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d.message("the plugin's message", aspect("plugin"))
	for _, m := range d.messages(5, "the messages of the other checks of the script", key("greedy")) {
		if m.num("greedy") > 2 {
			t.Errorf("%v commands of the script ran, the limit is 2", m.num("greedy"))
		}
	}
}

// Who has to wait for a command comes to its turn in the order of arrival: no check, and no script, is served
// more often than another because it has more checks, or is shorter.
func TestTheQueueForCommandsIsFair(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	script := func(name string, n int) string {
		path := filepath.Join(folder, name+".lua")
		// Two commands at once take 10 ms each: the twelve checks want far more than there is.
		write(t, path, fmt.Sprintf(`
local list = {}
for i = 1, %d do
  list[i] = dp.ShellCommand{interval = 0.01, command = "sleep 0.01", parse = function() return {turn = %q .. i} end}
end
return list`, n, name))
		return path
	}
	d := launch(t, Options{Checks: []string{script("many", 10), script("one", 1), script("other", 1)}, MaxCommands: 2})
	const rounds = 20
	turns := map[string]int{}
	for _, m := range d.messages(12*rounds, "turns", key("turn")) {
		turns[m.keys["turn"].(string)]++
	}
	if len(turns) != 12 {
		t.Errorf("the turns are %v", turns)
	}
	for name, n := range turns {
		if n < rounds-5 || n > rounds+5 {
			t.Errorf("%s had %d turns, the mean is %d: %v", name, n, rounds, turns)
		}
	}
}
