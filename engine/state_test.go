package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"dumbprobe/internal/state"
)

// stateTurns is a check that counts its runs in its state.
const stateTurns = `dp.Function{name = "turns", interval = 0.02, call = function() return {version = %d, n = dp.state:incr("n")} end}`

// increasing wants numbers that grow by one.
func increasing(t *testing.T, all []msg) {
	t.Helper()
	for i, m := range all {
		if i > 0 && m.num("n") != all[i-1].num("n")+1 {
			t.Fatalf("after %v comes %v", all[i-1].num("n"), m.num("n"))
		}
	}
}

func TestStateGoesOnAfterAReload(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", fmt.Sprintf("return {"+stateTurns+"}", 1))
	d := launch(t, Options{Checks: []string{path}})
	d.messages(3, "the first version", key("n"))
	for version := 2; version <= 5; version++ {
		write(t, path, fmt.Sprintf("return {"+stateTurns+"}", version))
		d.reload()
		d.message("the new version", func(m msg) bool { return m.num("version") == float64(version) })
	}
	increasing(t, d.sent(key("n")))
}

// A check is known by its name: what it keeps goes with it to another file.
func TestStateGoesWithACheckToAnotherFile(t *testing.T) {
	t.Parallel()
	a := lua(t, "a.lua", fmt.Sprintf("return {"+stateTurns+"}", 1))
	b := lua(t, "b.lua", "return {}")
	d := launch(t, Options{Checks: []string{a, b}})
	d.messages(3, "the first file's", key("n"))
	write(t, a, "return {}")
	d.reload()
	write(t, b, fmt.Sprintf("return {"+stateTurns+"}", 2))
	d.reload()
	d.message("the second file's", func(m msg) bool { return m.num("version") == 2 })
	increasing(t, d.sent(key("n")))
}

func TestStateGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	source := "return {" + stateTurns + `,
  dp.ShellStream{name = "lines", command = "while echo x; do sleep 0.02; done", parse = function() return {line = dp.state:incr("lines")} end},
}`
	last, lines := 0.0, 0.0
	for version := range 3 {
		path := lua(t, "a.lua", fmt.Sprintf(source, version))
		object := lua(t, "b.lua", `return {run_next = function() dp.sleep(0.02) return {turn = dp.state:incr("turn")} end}`)
		d := launch(t, Options{Checks: []string{path, object}, StateDir: dir})
		all := d.messages(3, "runs", key("n"))
		if all[0].num("n") != last+1 {
			t.Errorf("after %v comes %v", last, all[0].num("n"))
		}
		if first := d.messages(3, "lines", key("line"))[0].num("line"); first != lines+1 {
			t.Errorf("after line %v comes line %v", lines, first)
		}
		d.message("a turn after the last", func(m msg) bool { return m.num("turn") > float64(3*version) })
		d.stop()
		all = d.sent(key("n"))
		increasing(t, all)
		last = all[len(all)-1].num("n")
		sent := d.sent(key("line"))
		lines = sent[len(sent)-1].num("line")
	}
}

func TestOnceKeepsState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := lua(t, "a.lua", fmt.Sprintf("return {"+stateTurns+"}", 1))
	for want := 1.0; want <= 3; want++ {
		d := prepare(t, Options{Checks: []string{path}, StateDir: dir})
		if err := d.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all := d.out.all(); len(all) != 1 || all[0].num("n") != want {
			t.Errorf("run %v sent %v", want, all)
		}
	}
}

func TestARunThatFailsLeavesTheStateOfTheOneBefore(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local runs = 0
return {dp.Function{name = "x", interval = 0.02, call = function()
  runs = runs + 1
  local n = dp.state:incr("n")
  if runs == 2 then error("broken") end
  if runs == 3 then return end
  return {n = n, runs = runs}
end}}`)}})
	m := d.message("the fourth run", func(m msg) bool { return m.num("runs") == 4 })
	if m.num("n") != 2 {
		t.Errorf("it is number %v of those that went well", m.num("n"))
	}
}

func TestASecondDaemonDoesNotGetTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := lua(t, "a.lua", "return {}")
	prepare(t, Options{Checks: []string{path}, StateDir: dir})
	_, err := New(Options{Checks: []string{path}, StateDir: dir, Stdout: io.Discard})
	var busy *state.BusyError
	if !errors.As(err, &busy) || !strings.Contains(err.Error(), dir) {
		t.Errorf("the second one gets %v", err)
	}
}

// What is lost is told of in the log, as a message and by a counter; and the daemon runs.
func TestDamagedStateIsReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "state.db"), "no state at all")
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", fmt.Sprintf("return {"+stateTurns+"}", 1))}, StateDir: dir})
	d.log("a line about it", says("the state of all checks is lost"))
	d.message("a message about it", func(m msg) bool { return m.Event.Name == selfAspect && m.state() == string(OutcomeState) })
	if d.message("a run", key("n")).num("n") != 1 || d.count(OutcomeState) != 1 {
		t.Errorf("%d losses are counted", d.count(OutcomeState))
	}
	d.message("word that all is well again", func(m msg) bool { return m.Event.Name == selfAspect && m.state() == string(OutcomeOK) })
}

func TestStateThatCannotBeSavedIsReportedAndTheChecksGoOn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", fmt.Sprintf("return {"+stateTurns+"}", 1))}, StateDir: dir})
	d.message("a run", key("n"))
	if err := os.Rename(dir, dir+" away"); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "in the way")
	d.message("a message about it", func(m msg) bool { return m.Event.Name == selfAspect && m.state() == string(OutcomeState) })
	d.messages(len(d.sent(key("n")))+3, "more runs", key("n"))
	d.stop()
	increasing(t, d.sent(key("n")))
	d.log("a line about what is lost", says("are lost"))
	d.Close()
	if n := len(d.logs.Filter(says("are lost")).All()); n != 1 {
		t.Errorf("it is said %d times", n)
	}
}

// Many checks in several files, with reloads in between: each counts every one of its runs.
func TestStateOfManyChecksUnderReloads(t *testing.T) {
	t.Parallel()
	const checks = 100
	dir := filepath.Join(t.TempDir(), "state")
	source := func(file string, version int) string {
		return fmt.Sprintf(`
local version = %d
local list = {}
for i = 1, %d do
  local name = %q .. i
  list[i] = dp.Function{name = name, interval = 0.05, first = "spread", call = function()
    local t = dp.state:get("t", {})
    t.n = (t.n or 0) + 1
    dp.state:set("t", t)
    dp.state:delta("d", t.n)
    return {name = name, n = t.n, same = dp.state:incr("n") == t.n}
  end}
end
return list`, version, checks, file)
	}
	a, b := lua(t, "a.lua", source("a", 0)), lua(t, "b.lua", source("b", 0))
	d := launch(t, Options{Checks: []string{a, b}, StateDir: dir})
	for version := 1; version <= 5; version++ {
		d.messages(len(d.sent(key("n")))+checks, "runs", key("n"))
		var writes sync.WaitGroup
		writes.Go(func() { write(t, a, source("a", version)) })
		writes.Go(func() { write(t, b, source("b", version)) })
		writes.Wait()
		d.reload()
	}
	d.stop()
	seen := map[string]float64{}
	for _, m := range d.sent(key("n")) {
		name, _ := m.keys["name"].(string)
		if m.num("n") != seen[name]+1 || m.keys["same"] != true {
			t.Fatalf("%s: after %v comes %s", name, seen[name], m.raw)
		}
		seen[name] = m.num("n")
	}
	if len(seen) != 2*checks {
		t.Errorf("%d checks have run", len(seen))
	}
	db, err := state.Open(state.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, n := range seen {
		got, _ := db.Begin(name).Get("n")
		if !slices.Equal([]byte(got), state.AppendNumber(nil, n)) {
			t.Errorf("%s has run %v times, and on disk there is %q", name, n, got)
		}
	}
}
