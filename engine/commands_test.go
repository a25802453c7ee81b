package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dumbprobe/internal/command"
	"dumbprobe/internal/control"
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

// Who has to wait for a command comes to its turn in the order of arrival within its script, and scripts take turns: no
// check is served more often than another of its script because it is shorter, and no script more often because it has
// more checks.
func TestTheQueueForCommandsIsFair(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	script := func(name string, n int) string {
		path := filepath.Join(folder, name+".lua")
		// Two commands at once take 10 ms each: the checks want far more than there is.
		write(t, path, fmt.Sprintf(`
local list = {}
for i = 1, %d do
  list[i] = dp.ShellCommand{interval = 0.01, command = "sleep 0.01", parse = function() return {turn = %q .. i} end}
end
return list`, n, name))
		return path
	}
	d := launch(t, Options{Checks: []string{script("many", 10), script("few", 4), script("other", 4)}, MaxCommands: 2})
	const all = 180
	turns, scripts := map[string]int{}, map[string]int{}
	for _, m := range d.messages(all, "turns", key("turn")) {
		name := m.keys["turn"].(string)
		turns[name]++
		scripts[strings.TrimRight(name, "0123456789")]++
	}
	if len(turns) != 18 {
		t.Errorf("the turns are %v", turns)
	}
	for name, n := range turns {
		mean := all / 3 / map[byte]int{'m': 10, 'f': 4, 'o': 4}[name[0]]
		if n < mean/2 || n > 2*mean {
			t.Errorf("%s had %d turns, the mean in its script is %d: %v", name, n, mean, turns)
		}
	}
	for name, n := range scripts {
		if n < all/3*2/3 || n > all/3*4/3 {
			t.Errorf("%s had %d turns of %d: %v", name, n, all, scripts)
		}
	}
}

// Commands that hang keep the commands of another file waiting for a moment at most, however many there are: every run
// of the other file's check is done.
func TestCommandsThatHangLeaveThoseOfOtherFilesRunning(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	hanging, other := filepath.Join(folder, "hanging.lua"), filepath.Join(folder, "other.lua")
	write(t, hanging, `
local list = {}
for i = 1, 30 do
  list[i] = dp.ShellCommand{interval = 60, command = {"sleep", "1000"}, name = "hangs " .. i}
end
return list`)
	write(t, other, `return {dp.ShellCommand{name = "other", interval = 0.1, command = {"echo", '{"other":1}'}}}`)
	d := launch(t, Options{Checks: []string{hanging, other}, MaxCommands: 8})
	eventually(t, "as many that hang as may", func() bool { return d.commands.Stats().Running >= 6 })
	before := len(d.messages(1, "a run", key("other")))
	d.messages(before+20, "runs beside those that hang", key("other"))
	if s := d.status("other"); s.Outcome != "ok" && s.Outcome != "skipped" {
		t.Errorf("the status is %+v", s)
	}
}

// Checks whose commands have to wait are late, and none is lost, however short their timeout is.
func TestChecksThatWaitForACommandsTurnAreLateAndNotLost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.lua")
	// A round of all takes seconds.
	write(t, path, `
local list = {}
for i = 1, 10 do
  list[2 * i - 1] = dp.ShellCommand{interval = 3600, timeout = 2, command = "sleep 0.3; echo '{\"done\":1}'"}
  list[2 * i] = dp.Function{interval = 3600, timeout = 2, call = function() dp.command("sleep 0.3") return {done = 2} end}
end
return list`)
	d := launch(t, Options{Checks: []string{path}, MaxCommands: 2})
	d.messages(20, "a result of each", key("done"))
	if s := d.commands.Stats(); s.NoSlot != 0 || s.LongestWait < 2*time.Second {
		t.Errorf("the statistics are %+v", s)
	}
}

// One script of several can take three quarters of the streams, over all its versions; the others have theirs.
func TestTheStreamsOfAScriptHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	greedy := `
local version, opened = VERSION, {}
return {
  dp.ShellStream{name = "stream", command = {"sleep", "1000"}},
  dp.Function{name = "more", interval = 0.1, call = function()
    while true do
      local ok, reader = pcall(dp.reader.command, {command = {"sleep", "1000"}})
      if not ok then
        return {version = version, opened = #opened, why = reader}
      end
      table.insert(opened, reader)
    end
  end},
}`
	path := lua(t, "greedy.lua", strings.Replace(greedy, "VERSION", "1", 1))
	d := launch(t, Options{Checks: []string{path, lua(t, "modest.lua", `
return {dp.ShellStream{command = [[echo '{"modest":1}']], reopen = 0.1}}`)}}, func(e *Engine) {
		e.commands.Close()
		e.commands = command.NewRunner(command.Options{MaxStreams: 40})
	})
	for _, version := range []float64{1, 2} {
		m := d.message("the check that opens more", func(m msg) bool { return m.num("version") == version && m.num("opened") >= 25 })
		const says = "too many streams at once: the script has 30 of the 40 of all scripts: close those that are done with, or give some checks a file of their own"
		if why, _ := m.keys["why"].(string); m.num("opened") > 30 || !strings.Contains(why, says) {
			t.Errorf("version %v of the script has opened %v: %s", version, m.num("opened"), why)
		}
		if n := d.commands.Stats().Streams; n > 31 {
			t.Errorf("there are %d streams, 30 of the one script and 1 of the other are allowed", n)
		}
		n := len(d.sent(key("modest")))
		d.messages(n+3, "lines of the stream of the other script", key("modest"))
		if version == 1 {
			write(t, path, strings.Replace(greedy, "VERSION", "2", 1))
			d.reload()
		}
	}
	status := d.Status(control.Filter{})
	if status.Commands.NoStream == 0 || status.Scripts[0].Streams != 30 {
		t.Errorf("the status has %+v and %+v", status.Commands, status.Scripts)
	}
}
