package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
)

func TestAReloadTakesTheNewContent(t *testing.T) {
	t.Parallel()
	const source = `
local shared = {n = 0}
return {dp.Function{name = "x", interval = 0.02, call = function() shared.n = shared.n + 1; return {version = %d, n = shared.n} end}}`
	path := lua(t, "a.lua", fmt.Sprintf(source, 1))
	d := launch(t, Options{Checks: []string{path}})
	d.messages(3, "the first version", key("version"))
	write(t, path, fmt.Sprintf(source, 2))
	d.reload()
	first := d.message("the second version", func(m msg) bool { return m.num("version") == 2 })
	if first.num("n") != 1 {
		t.Errorf("the state of the old version is still there: %s", first.raw)
	}
	all := d.messages(len(d.sent(key("version")))+5, "more", key("version"))
	at := slices.IndexFunc(all, func(m msg) bool { return m.num("version") == 2 })
	for _, m := range all[at:] {
		if m.num("version") != 2 {
			t.Error("the old version goes on")
		}
	}
}

func TestAFileThatFailsToLoadLeavesTheOldVersionRunning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, broken string
		want         []string // in the error, beside the path
	}{
		{"a syntax error", "\nreturn {\n  dp.Function{call = 5 5},\n}", []string{":3: ", "near '5'"}},
		{"an error at the top level", "\n\nerror('not now')", []string{":3: not now"}},
		{"no CHECKS", "local x = 5", []string{"returns nothing"}},
		{"an unknown field", "return {\ndp.Function{call = print, intervall = 5}}", []string{":2, entry 1", "`intervall`", "did you mean `interval`"}},
		{"two of one name", "return {\ndp.Function{call = print, interval = 5, name = 'a'},\ndp.Function{call = print, interval = 5, name = 'a'}}", []string{"entries 1 and 2", `"a"`}},
		{"a top level that never ends", "while true do end", []string{"timeout"}},
		{"no permission, or no file", "", []string{"no such file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const good = `local n = 0; return {dp.Function{name = "x", interval = 0.02, call = function() n = n + 1; return {n = n} end}}`
			path := lua(t, "a.lua", good)
			d := launch(t, Options{Checks: []string{path}, LoadTimeout: 300 * time.Millisecond})
			d.message("a run", key("n"))
			if c.broken == "" {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else {
				write(t, path, c.broken)
			}
			err := d.Reload(t.Context())
			var failed *ReloadError
			if !errors.As(err, &failed) || len(failed.Errs) != 1 {
				t.Fatalf("error %v", err)
			}
			l := d.log("the failure", told("", OutcomeLoadFailed))
			m := d.message("the failure", self("", OutcomeLoadFailed))
			conforms(t, m)
			for _, part := range append(c.want, path) {
				for what, text := range map[string]string{"error": err.Error(), "log line": l.Message, "comment": m.Event.Comment} {
					if !strings.Contains(text, part) {
						t.Errorf("%q is not in the %s: %s", part, what, text)
					}
				}
			}
			if l.ContextMap()["script"] != path || m.Location["script"] != path {
				t.Errorf("log fields %v, location %v", l.ContextMap(), m.Location)
			}
			before := len(d.sent(key("n")))
			all := d.messages(before+3, "more of the old version", key("n"))
			for i, m := range all {
				if m.num("n") != float64(i+1) {
					t.Fatalf("the old version began anew: message %d is %s", i+1, m.raw)
				}
			}
			write(t, path, good)
			d.reload()
			d.message("that it can be loaded again", self("", OutcomeOK))
			before = len(d.sent(key("n")))
			if all := d.messages(before+3, "the version that never stopped", key("n")); int(all[before+2].num("n")) != before+3 {
				t.Errorf("a file with its old content was loaded: message %d is %s", before+3, all[before+2].raw)
			}
			write(t, path, good+" -- changed")
			d.reload()
			d.messages(2, "the new version", func(m msg) bool { return m.num("n") == 1 })
		})
	}
}

func TestAFolderGainsAndLosesFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	source := func(name string) string {
		return fmt.Sprintf(`return {dp.Function{interval = 0.03, call = function() return {from = %q} end}}`, name)
	}
	from := func(name string) func(msg) bool { return func(m msg) bool { return m.keys["from"] == name } }
	write(t, at("a.lua"), source("a"))
	write(t, at("b.lua"), source("b"))
	d := launch(t, Options{Checks: []string{folder}})
	d.message("a", from("a"))
	d.message("b", from("b"))

	write(t, at("c.lua"), source("c"))
	write(t, at("broken.lua"), "return {")
	if err := os.Remove(at("a.lua")); err != nil {
		t.Fatal(err)
	}
	err := d.Reload(t.Context())
	if err == nil || !strings.Contains(err.Error(), at("broken.lua")) {
		t.Errorf("error %v", err)
	}
	d.message("c", from("c"))
	n := len(d.sent(from("b")))
	d.messages(n+3, "b goes on", from("b"))
	gone := len(d.sent(from("a")))
	d.messages(n+6, "b goes on", from("b"))
	if len(d.sent(from("a"))) != gone {
		t.Error("a goes on")
	}

	for _, name := range []string{"b.lua", "c.lua", "broken.lua"} {
		if err := os.Remove(at(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Reload(t.Context()); err != nil {
		t.Errorf("an empty folder is an error: %v", err)
	}
	if n := len(d.running()); n != 0 {
		t.Errorf("%d scripts run", n)
	}
	write(t, at("d.lua"), source("d"))
	d.reload()
	d.message("d", from("d"))
}

func TestAFolderThatIsMissingLeavesItsScriptsRunningAndTheOthersAreLoaded(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "checks")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	const source = `return {dp.Function{name = %q, interval = 0.03, call = function() return {[%q] = 1} end}}`
	write(t, filepath.Join(folder, "a.lua"), fmt.Sprintf(source, "a", "a"))
	write(t, filepath.Join(folder, "aa.lua"), fmt.Sprintf(source, "aa", "aa"))
	other := lua(t, "b.lua", fmt.Sprintf(source, "b", "b"))
	d := launch(t, Options{Checks: []string{folder, folder + "/a.lua", other}})
	d.message("a", key("a"))
	d.message("b", key("b"))

	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	write(t, other, fmt.Sprintf(source, "c", "c"))
	err := d.Reload(t.Context())
	if err == nil || !strings.Contains(err.Error(), "checks "+folder+": no such file or folder") {
		t.Errorf("error %v", err)
	}
	if m := d.message("the report", self("", OutcomeLoadFailed)); m.Location["script"] != folder {
		t.Errorf("%s", m.raw)
	}
	d.message("the new version of the other", key("c"))
	for _, name := range []string{"a", "aa"} {
		d.messages(len(d.sent(key(name)))+2, name+" goes on", key(name))
	}
	if n := len(d.running()); n != 3 {
		t.Errorf("%d scripts", n)
	}
	if err := os.Rename(folder+".away", folder); err != nil {
		t.Fatal(err)
	}
	d.reload()
	d.messages(len(d.sent(key("a")))+2, "a goes on", key("a"))
}

func TestARunOfTheOldVersionComesToItsEndAndTheNewOneDoesNotOverlapIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, entry string }{
		{"a function", `dp.Function{name = "x", interval = 0.05, call = run}`},
		{"a command", `dp.ShellCommand{name = "x", interval = 0.05, command = version == 1 and "read line < " .. gate .. "; echo" or "true", parse = function() return {version = version, at = dp.time()} end}`},
		{"a check with a next_run", `{check_name = function() return "x" end, next_run = function() return 0 end, run = run}`},
		{"a class", `(dp.BaseCheck:extend{run = run}){name = "x", interval = 0.05}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			gate := fifo(t)
			source := `
local version, gate = %d, %q
local function run()
  dp.log.info("began " .. version)
  if version == 1 then dp.command("read line < " .. gate) end
  return {version = version, at = dp.time()}
end
return {` + c.entry + `, dp.Function{interval = 0.05, name = "other", call = function() return {other = version} end}}`
			path := lua(t, "a.lua", fmt.Sprintf(source, 1, gate))
			d := launch(t, Options{Checks: []string{path}})
			d.message("the first version", key("other"))
			w := openFIFO(t, gate) // the run is under way
			write(t, path, fmt.Sprintf(source, 2, gate))
			d.reload()
			d.messages(3, "the second version of another check", func(m msg) bool { return m.num("other") == 2 })
			write(t, path, fmt.Sprintf(source, 3, gate))
			d.reload()
			d.messages(3, "the third version of another check", func(m msg) bool { return m.num("other") == 3 })
			if n := len(d.sent(key("version"))); n > 0 {
				t.Errorf("%d runs of the next versions while one of the first is under way", n)
			}
			fmt.Fprintln(w)
			w.Close()
			got := d.messages(3, "the runs", key("version"))
			if got[0].num("version") != 1 || got[1].num("version") != 3 || got[2].num("version") != 3 {
				t.Errorf("runs of the versions %v, %v, %v", got[0].keys, got[1].keys, got[2].keys)
			}
		})
	}
}

func TestAReloadKeepsTheScheduleOfChecksOfTheSameName(t *testing.T) {
	t.Parallel()
	const source = `
local version = %d
local function call(name) return {name = name, version = version} end
return {
  dp.Function{name = "hourly", interval = 3600, call = call, args = {"hourly"}},
  dp.Function{name = "cron", cron = "0 0 1 1 *", call = call, args = {"cron"}},
  dp.Function{name = "changed", interval = version == 1 and 3600 or 7200, call = call, args = {"changed"}},
  dp.Function{name = "renamed" .. version, interval = 3600, call = call, args = {"renamed"}},
  dp.Function{name = "quick", interval = 0.5, call = call, args = {"quick"}},
  dp.ShellCommand{name = "running", interval = 3600, command = "sleep 0.8", parse = function() return {name = "running", version = version} end},
}`
	path := lua(t, "a.lua", fmt.Sprintf(source, 1))
	d := launch(t, Options{Checks: []string{path}})
	of := func(name string, version float64) func(msg) bool {
		return func(m msg) bool { return m.keys["name"] == name && m.num("version") == version }
	}
	for _, name := range []string{"hourly", "changed", "renamed", "quick"} {
		d.message(name, of(name, 1))
	}
	entryDue := func(name string) time.Time {
		entry := &d.task(name).(*check).Entry
		d.until("the plan of "+name, func() bool { d.news.beat(); _, queued := d.loop.Due(entry); return queued })
		due, _ := d.loop.Due(entry)
		return due
	}
	gridOf := func(name string) time.Time {
		c := d.task(name).(*check)
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.plan.Grid
	}
	hourly, cron, grid := entryDue("hourly"), entryDue("cron"), gridOf("quick")

	write(t, path, fmt.Sprintf(source, 2))
	d.reload()
	for _, name := range []string{"changed", "renamed"} {
		d.message(name+" begins anew", of(name, 2))
	}
	d.message("the run of the first version", of("running", 1))
	d.messages(2, "the quick check", of("quick", 2))
	if moved := gridOf("quick").Sub(grid) % (500 * time.Millisecond); moved != 0 {
		t.Errorf("the quick check has moved by %s", moved)
	}
	for _, name := range []string{"hourly", "cron", "running"} {
		if n := len(d.sent(of(name, 2))); n > 0 {
			t.Errorf("%s ran %d times because of the reload", name, n)
		}
	}
	if due := entryDue("hourly"); !due.Equal(hourly) {
		t.Errorf("the hourly check has moved by %s", due.Sub(hourly))
	}
	if due := entryDue("cron"); !due.Equal(cron) {
		t.Errorf("the cron check has moved by %s", due.Sub(cron))
	}
	if wait := time.Until(entryDue("running")); wait < 3590*time.Second {
		t.Errorf("the check that was running is due in %s", wait)
	}
}

func TestAHandleWithAnotherSourceIsClosedBeforeItsNextVersionOpens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, entry string }{
		{"of the same name", `H{name = "x"}`},
		{"of another name", `H{name = "x" .. version}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := filepath.Join(t.TempDir(), "socket")
			source := `
local version = %d
local H = dp.BaseHandle:extend{class = "H", reopen = 3600}
function H:open()
  dp.log.info("open " .. version)
  self.reader = dp.reader.socket{address = "unixgram:` + address + `", listen = true, max_line = 1000 + version}
end
function H:close()
  dp.sleep(0.2)
  if self.reader then self.reader:close() end
  dp.log.info("closed " .. version)
end
return {dp.ShellStream{name = "s", command = "echo '{\"pid\": '$$'}'; trap 'sleep 0.2; exit' TERM; while :; do sleep 0.02; done # " .. version}, ` + c.entry + `}`
			path := lua(t, "a.lua", fmt.Sprintf(source, 1))
			d := launch(t, Options{Checks: []string{path}})
			d.log("the opening", says("open 1"))
			var pids []int
			pids = append(pids, int(d.messages(1, "the stream", key("pid"))[0].num("pid")))
			for version := 2; version <= 4; version++ {
				write(t, path, fmt.Sprintf(source, version))
				d.reload()
				if version == 3 {
					continue // two reloads, one right after the other
				}
				d.log("the opening", says(fmt.Sprintf("open %d", version)))
				all := d.messages(len(pids)+1, "the stream", key("pid"))
				for _, pid := range pids {
					if alive(pid) {
						t.Errorf("process %d of the version before is still there", pid)
					}
				}
				pids = append(pids, int(all[len(all)-1].num("pid")))
			}
			d.stop()
			open := ""
			for _, l := range d.logs.All() {
				switch what, version, _ := strings.Cut(l.Message, " "); what {
				case "open":
					if open != "" {
						t.Errorf("version %s was opened before %s was closed", version, open)
					}
					open = version
				case "closed":
					if open != version {
						t.Errorf("version %s was closed, which was not open", version)
					}
					open = ""
				}
			}
			if n := d.count(OutcomeOpenFailed); n > 0 {
				t.Errorf("%d openings failed", n)
			}
		})
	}
}

func TestAnObjectEndsBeforeItsNextVersionBegins(t *testing.T) {
	t.Parallel()
	gate := fifo(t)
	const source = `
local object = {}
function object:run_next()
  dp.log.info("called %d")
  %s
  return {version = %d}
end
return object`
	path := lua(t, "a.lua", fmt.Sprintf(source, 1, `dp.command("read line < `+gate+`")`, 1))
	d := launch(t, Options{Checks: []string{path}})
	w := openFIFO(t, gate)
	for version := 2; version <= 3; version++ {
		write(t, path, fmt.Sprintf(source, version, "dp.sleep(3600)", version))
		d.reload()
	}
	w.Close()
	d.message("what the old version found", func(m msg) bool { return m.num("version") == 1 })
	d.log("the newest version", says("called 3"))
	if len(d.logs.Filter(says("called 2")).All()) > 0 {
		t.Error("the version between them was called")
	}
	write(t, path, fmt.Sprintf(source, 4, "dp.sleep(0.01)", 4))
	d.reload() // ends a sleep of an hour
	d.messages(3, "the version after a sleep", func(m msg) bool { return m.num("version") == 4 })
}

func TestAReloadOfOneFileLeavesTheResultsOfTheOthersAlone(t *testing.T) {
	t.Parallel()
	const other = `
local n = 0
return {dp.Function{interval = 0.05, name = "other", call = function() n = n + 1; dp.sleep(0.01); return {n = n, at = dp.time()} end}}`
	a := lua(t, "a.lua", "return {}")
	d := launch(t, Options{Checks: []string{a, lua(t, "b.lua", other)}, LoadTimeout: 300 * time.Millisecond})
	for i := range 12 {
		switch i % 3 {
		case 0:
			write(t, a, "return {")
		case 1:
			write(t, a, "return {dp.Function{interval = 0.01, call = function() return {} end}}")
		case 2:
			write(t, a, "while true do end")
		}
		if err := d.Reload(t.Context()); (err == nil) != (i%3 == 1) {
			t.Errorf("reload %d: %v", i, err)
		}
		d.messages(len(d.sent(key("n")))+2, "the other file", key("n"))
	}
	if n := d.count(OutcomeTimeout) + d.count(OutcomeCancelled) + d.count(OutcomeError); n > 0 {
		t.Errorf("%d failures", n)
	}
	// b is loaded again as well, and begins to count anew; it keeps its pace.
	all := d.sent(key("n"))
	for i, m := range all[1:] {
		if gap := m.num("at") - all[i].num("at"); gap < 0.005 {
			t.Errorf("two runs within %.3f s", gap)
		}
	}
}

func TestManyReloadsAtOnceUnderLoad(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for i := range 3 {
		write(t, filepath.Join(folder, fmt.Sprintf("%d.lua", i)), fmt.Sprintf(`
local checks = {}
for i = 1, 20 do
  checks[i] = dp.Function{name = "f%d-" .. i, interval = 0.02, call = function() dp.sleep(0.003); return {n = i} end}
end
checks[21] = dp.ShellStream{name = "s%d", command = "while :; do echo '{\"s\": 1}'; sleep 0.05; done", reopen = 0.1}
checks[22] = {next_run = function() return dp.time() + 0.01 end, run = function() return {own = 1} end}
return checks`, i, i))
	}
	write(t, filepath.Join(folder, "object.lua"), `return {run_next = function() dp.sleep(0.02); return {object = 1} end}`)
	d := launch(t, Options{Checks: []string{folder}})
	d.message("a run", key("n"))
	var reloads sync.WaitGroup
	for i := range 50 {
		reloads.Go(func() {
			if i%10 == 0 {
				_ = os.WriteFile(filepath.Join(folder, "broken.lua"), []byte("return {"), 0o644)
			}
			err := d.Reload(context.Background())
			if err != nil && !strings.Contains(err.Error(), "broken.lua") {
				t.Error(err)
			}
		})
	}
	reloads.Wait()
	for _, k := range []string{"n", "s", "own", "object"} {
		d.messages(len(d.sent(key(k)))+3, "all goes on: "+k, key(k))
	}
	d.stop()
	if n := d.count(OutcomeOpenFailed) + d.count(OutcomeError) + d.count(OutcomeTimeout); n > 0 {
		t.Errorf("%d failures", n)
	}
}

func TestAReloadBeforeRunAndAfterTheEndDoesNothing(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `dp.log.info("loaded"); return {}`)
	d := prepare(t, Options{Checks: []string{path}})
	d.reload()
	if n := len(d.logs.Filter(says("loaded")).All()); n > 0 {
		t.Error("a reload before Run loads")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	d.log("the load", says("loaded"))
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	write(t, path, "return {")
	d.reload()
	if n := len(d.logs.Filter(says("loaded")).All()); n != 1 {
		t.Errorf("loaded %d times", n)
	}
}

func TestAFailureIsForgottenWithItsCheckAndRememberedWithItsName(t *testing.T) {
	t.Parallel()
	const check = `
local function check(name, run)
  return {check_name = function() return name end, next_run = function() return dp.time() + 0.03 end, run = run}
end
`
	path := lua(t, "a.lua", check+`return {
  check("stays", function() error("no") end),
  check("goes", function() error("no") end),
}`)
	d := launch(t, Options{Checks: []string{path}})
	d.message("a failure", self("stays", OutcomeError))
	d.message("a failure", self("goes", OutcomeError))
	write(t, path, check+`return {
  check("new", function() return {} end),
  check("stays", function() return {n = 1} end),
}`)
	d.reload()
	d.message("the recovery, although the check has moved", self("stays", OutcomeOK))
	d.stop()
	d.voice.mu.Lock()
	defer d.voice.mu.Unlock()
	if len(d.voice.said) != 0 {
		t.Errorf("remembered: %v", d.voice.said)
	}
}

func TestARunOfTheOldVersionKeepsItsDeadlineButNotPastTheStop(t *testing.T) {
	t.Parallel()
	gate := fifo(t)
	path := lua(t, "a.lua", `return {dp.ShellCommand{name = "x", interval = 3600, timeout = 3600, command = "read line < `+gate+`; echo '{\"n\": 1}'"}}`)
	d := launch(t, Options{Checks: []string{path}, Timeout: 200 * time.Millisecond, Grace: 300 * time.Millisecond})
	w := openFIFO(t, gate)
	defer w.Close()
	write(t, path, `return {
  dp.Function{name = "y", interval = 0.1, call = function() dp.sleep(3600) end}}`)
	d.reload()
	d.logged(4, "deadlines that have passed since", told("y", OutcomeTimeout)) // the engine's
	if d.count(OutcomeCancelled) > 0 {
		t.Error("the run of the old version was cancelled before its deadline")
	}
	if took := d.stop(); took > 5*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if n := len(d.logs.Filter(told("x", OutcomeCancelled)).All()); n != 1 {
		t.Error("the run of the old version was not cancelled at the end of the grace")
	}
}

func TestALineOfTheLogSaysWhatAReloadHasDone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	const good, broken = `return {dp.Function{interval = 3600, call = function() return {} end}} -- `, "return { -- "
	at := func(name string) string { return filepath.Join(folder, name+".lua") }
	write(t, at("a"), good)
	write(t, at("b"), good)
	d := launch(t, Options{Checks: []string{folder}})
	for i, c := range []struct {
		files                           map[string]string // "": gone
		level                           zapcore.Level
		text                            string
		loaded, unchanged, failed, gone int64
	}{
		{nil, zapcore.InfoLevel, "no script has changed", 0, 2, 0, 0},
		{map[string]string{"a": good, "b": good}, zapcore.InfoLevel, "the scripts were loaded again", 2, 0, 0, 0},
		{map[string]string{"a": good}, zapcore.InfoLevel, "the scripts were loaded again", 1, 1, 0, 0},
		{map[string]string{"a": good, "b": broken}, zapcore.WarnLevel, "not all scripts could be loaded again", 1, 0, 1, 0},
		{map[string]string{"a": broken}, zapcore.WarnLevel, "what has changed could not be loaded again", 0, 0, 2, 0},
		{map[string]string{"a": good, "b": good}, zapcore.InfoLevel, "the scripts were loaded again", 2, 0, 0, 0},
		{map[string]string{"a": broken}, zapcore.WarnLevel, "what has changed could not be loaded again", 0, 1, 1, 0},
		{map[string]string{"a": good, "b": ""}, zapcore.InfoLevel, "the scripts were loaded again", 1, 0, 0, 1},
		{map[string]string{"b": good}, zapcore.InfoLevel, "the scripts were loaded again", 1, 1, 0, 0},
		{map[string]string{"b": ""}, zapcore.InfoLevel, "no script has changed, but some are gone", 0, 1, 0, 1},
	} {
		for name, text := range c.files {
			if text != "" {
				write(t, at(name), text+strconv.Itoa(i))
			} else if err := os.Remove(at(name)); err != nil {
				t.Fatal(err)
			}
		}
		d.logs.TakeAll()
		_ = d.Reload(t.Context())
		lines := d.logs.Filter(func(l logEntry) bool { return l.ContextMap()["unchanged"] != nil }).All()
		if len(lines) != 1 {
			t.Fatalf("%d lines: %v", len(lines), lines)
		}
		l, fields := lines[0], lines[0].ContextMap()
		if l.Level != c.level || l.Message != c.text || fields["loaded"] != c.loaded || fields["unchanged"] != c.unchanged ||
			fields["failed"] != c.failed || fields["gone"] != c.gone {
			t.Errorf("after change %d: %s %s %v", i, l.Level, l.Message, fields)
		}
	}
}
