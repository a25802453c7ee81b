package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// counting is a command that counts, a line each 2 ms: 1, 2, 3, ...
const counting = `"i=0; while :; do i=$((i+1)); echo $i; sleep 0.002; done"`

// inSequence waits for a number that is larger than after, and fails if one is missing, doubled or out of order.
func inSequence(t *testing.T, d *daemon, name string, after float64) (last float64) {
	t.Helper()
	d.message(fmt.Sprintf("a number above %v", after), func(m msg) bool { return m.num(name) > after })
	for i, m := range d.sent(key(name)) {
		if m.num(name) != float64(i+1) {
			t.Fatalf("number %d of the stream is %s", i+1, m.raw)
		}
		last = m.num(name)
	}
	return last
}

func TestAStreamWhoseSourceDidNotChangeGoesOnThroughReloads(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]string{
		"a stream": `dp.ShellStream{name = "x", command = ` + counting + `, parse = function(line) return {n = tonumber(line), version = version} end}`,
		"a stream without a parse function": `dp.ShellStream{name = "x", aspect = "version " .. version,
  command = [[i=0; while :; do i=$((i+1)); echo "{\"n\": $i, \"version\": 0}"; sleep 0.002; done]]}`,
		"a stream of another name": `dp.ShellStream{name = "x" .. version, command = ` + counting + `, parse = function(line) return {n = tonumber(line), version = version} end}`,
		"a stream without a name":  `unpack(many())`,
		"a handle of the script's own": `(dp.BaseHandle:extend{
  open = function(self) self.reader = dp.reader.command{command = ` + counting + `} end,
  read_messages = function(self)
    local all = {}
    for i, line in ipairs(self.reader:take()) do all[i] = {n = tonumber(line), version = version} end
    return all
  end,
  close = function(self) self.reader:close(); assert(self.reader:eof() and #self.reader:take() == 0) end,
}){name = "x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := `
local version = %d
function many()
  local all = {}
  for i = 1, version % 5 do
    all[i] = dp.Function{interval = 3600, call = function() return {} end}
  end
  all[#all + 1] = dp.ShellStream{command = ` + counting + `, parse = function(line) return {n = tonumber(line), version = version} end}
  return all
end
return {` + entry + `}`
			source = strings.Replace(source, "% 5", "%% 5", 1)
			path := lua(t, "a.lua", fmt.Sprintf(source, 0))
			d := launch(t, Options{Checks: []string{path}})
			last := inSequence(t, d, "n", 3)
			for version := 1; version <= 50; version++ {
				write(t, path, fmt.Sprintf(source, version))
				d.reload()
				if version%3 == 0 {
					continue // the next comes at once
				}
				last = inSequence(t, d, "n", last)
			}
			inSequence(t, d, "n", last+10)
			if !strings.Contains(name, "without a parse") {
				d.message("the new parse function", func(m msg) bool { return m.num("version") == 50 })
			}
			d.stop()
			if n := d.count(OutcomeEOF) + d.count(OutcomeError) + d.count(OutcomeOpenFailed) + d.count(OutcomeDropped); n > 0 {
				t.Errorf("%d failures", n)
			}
		})
	}
}

func TestAStreamIsKeptAlthoughItsOldVersionHangs(t *testing.T) {
	t.Parallel()
	source := `
local version = %d
return {
  dp.ShellStream{name = "x", command = ` + counting + `, parse = function(line) return {n = tonumber(line)} end},
  dp.Function{name = "hanging", interval = 3600, timeout = 60, call = function() if version == 1 then dp.log.info("` + holdVM + `") end return {} end},
}`
	path := lua(t, "a.lua", fmt.Sprintf(source, 1))
	d := launch(t, Options{Checks: []string{path}})
	d.log("the hold", says(holdVM))
	sent := 0.0
	for _, m := range d.sent(key("n")) {
		sent = m.num("n")
	}
	write(t, path, fmt.Sprintf(source, 2))
	d.reload()
	inSequence(t, d, "n", sent+20)
	d.letGo()
	inSequence(t, d, "n", sent+40)
}

func TestAnUnchangedFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	const body = `
local m = require "shared"
local n = 0
return {
  dp.Function{name = NAME, interval = 0.02, call = function() n = n + 1; return {[NAME] = n, value = m.value} end},
  dp.ShellStream{name = NAME .. " stream", command = "echo '{\"pid\": '$$'}'; exec sleep 3600"},
}`
	write(t, filepath.Join(folder, "a.lua"), `local NAME = "a"`+body)
	write(t, filepath.Join(folder, "b.lua"), `local NAME = "b"`+strings.Replace(body, `require "shared"`, `{}`, 1))
	for _, module := range []string{"x", "shared"} {
		if err := os.Mkdir(filepath.Join(folder, module), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	module := filepath.Join(folder, "shared", "init.lua")
	write(t, module, `return {value = 1}`)
	d := launch(t, Options{Checks: []string{filepath.Join(folder, "a.lua"), filepath.Join(folder, "b.lua")}})
	d.messages(2, "the streams", key("pid"))
	first := d.find("a")
	goesOn := func(what string) {
		t.Helper()
		for _, k := range []string{"a", "b"} {
			before := len(d.sent(key(k)))
			for i, m := range d.messages(before+2, what, key(k)) {
				if m.num(k) != float64(i+1) {
					t.Fatalf("%s: message %d is %s", what, i+1, m.raw)
				}
			}
		}
	}
	d.reload()
	goesOn("nothing has changed")
	now := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(folder, "a.lua"), now, now); err != nil {
		t.Fatal(err)
	}
	d.reload()
	goesOn("only the time of a file has changed")
	if d.find("a") != first {
		t.Error("the file was loaded again")
	}
	write(t, module, `return {value = 2}`)
	d.reload()
	d.message("the new module", func(m msg) bool { return m.num("a") == 1 && m.num("value") == 2 })
	write(t, filepath.Join(folder, "shared.lua"), `return {value = 3}`)
	d.reload()
	d.message("the module that now comes first", func(m msg) bool { return m.num("a") == 1 && m.num("value") == 3 })
	before := len(d.sent(key("b")))
	for i, m := range d.messages(before+2, "the other file", key("b")) {
		if m.num("b") != float64(i+1) {
			t.Fatalf("the other file: message %d is %s", i+1, m.raw)
		}
	}
	if n := len(d.sent(key("pid"))); n != 2 {
		t.Errorf("the streams were opened %d times", n)
	}
}

// find gives the script whose file has that name without .lua.
func (d *daemon) find(name string) *script {
	for _, s := range d.running() {
		if strings.TrimSuffix(filepath.Base(s.path), ".lua") == name {
			return s
		}
	}
	return nil
}

func TestNamesMayMoveBetweenFilesInOneReloadButNeverRunTwice(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	a, b := filepath.Join(folder, "a.lua"), filepath.Join(folder, "b.lua")
	check := func(name, from string) string {
		return fmt.Sprintf(`dp.Function{name = %q, interval = 3600, call = function() return {from = %q, name = %q} end}`, name, from, name)
	}
	stream := `dp.ShellStream{name = "counter", command = ` + counting + `, parse = function(line) return {n = tonumber(line)} end}`
	write(t, a, "return {"+check("x", "a")+", "+stream+"}")
	write(t, b, "return {"+check("y", "b")+"}")
	d := launch(t, Options{Checks: []string{folder}})
	last := inSequence(t, d, "n", 3)
	write(t, a, "return {"+check("y", "a")+"}")
	write(t, b, "return {"+check("x", "b")+", "+stream+"}")
	d.reload()
	last = inSequence(t, d, "n", last)
	if names := fmt.Sprint(d.find("a").has("y"), d.find("b").has("x"), d.find("b").has("counter")); names != "true true true" {
		t.Errorf("the names have not moved: %s", names)
	}

	write(t, a, "return {"+check("x", "a")+", "+stream+"}") // good in itself
	write(t, b, "return {"+check("y", "b")+", 5}")
	if err := d.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), `the name "x" is taken by `+b) || !strings.Contains(err.Error(), "entry 2") {
		t.Errorf("error %v", err)
	}
	inSequence(t, d, "n", last)
	if names := fmt.Sprint(d.find("a").has("y"), d.find("b").has("x")); names != "true true" {
		t.Errorf("the old versions do not go on: %s", names)
	}
}

func TestHundredsOfReloadsAtOnceOfGoodAndBadFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	good := func(i, version int) string {
		return fmt.Sprintf(`
local version = %[2]d
return {
  dp.Function{name = "f%[1]d", interval = 0.02, call = function() dp.sleep(0.003); return {["f%[1]d"] = version} end},
  dp.ShellStream{name = "s%[1]d", command = %[3]s, parse = function(line) return {["s%[1]d"] = tonumber(line)} end},
}`, i, version, counting)
	}
	file := func(i int) string { return filepath.Join(folder, fmt.Sprintf("%d.lua", i)) }
	const files = 4
	for i := range files {
		write(t, file(i), good(i, 0))
	}
	d := launch(t, Options{Checks: []string{folder}})
	d.message("a run", key("f0"))
	var reloads sync.WaitGroup
	for n := range 500 {
		reloads.Go(func() {
			i := n % files
			text := good(i, n)
			if n%3 == 0 {
				text = "return {" // and whatever a file is that is being written
			}
			_ = os.WriteFile(file(i), []byte("local dp = require \"dumbprobe\"; "+text), 0o644)
			err := d.Reload(context.Background())
			if err != nil && !strings.Contains(err.Error(), "syntax error") && !strings.Contains(err.Error(), "returns nothing") {
				t.Error(err)
			}
		})
	}
	reloads.Wait()
	for i := range files {
		write(t, file(i), good(i, 1000+i))
	}
	d.reload()
	for i := range files {
		d.message("the last version", func(m msg) bool { return m.num(fmt.Sprintf("f%d", i)) == float64(1000+i) })
		inSequence(t, d, fmt.Sprintf("s%d", i), 10)
	}
	d.stop()
	if n := d.count(OutcomeOpenFailed) + d.count(OutcomeError) + d.count(OutcomeTimeout) + d.count(OutcomeEOF); n > 0 {
		t.Errorf("%d failures", n)
	}
}

// The fresh version is in the status as soon as it has taken over, and nobody is to see a check that never ran.
func TestWhatIsKnownOfAVersionIsKnownOfTheNextOneBeforeThatStarts(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"a list":    `return {dp.Function{name = "f", interval = 1, call = function() return {} end}, dp.ShellStream{name = "s", command = "cat"}}`,
		"an object": `return {check_name = function() return "o" end, run_next = function() return {} end}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := prepare(t, Options{Checks: []string{lua(t, "a.lua", source)}})
			old := d.script()
			fresh, err := d.load(t.Context(), old.path)
			if err != nil {
				t.Fatal(err)
			}
			defer fresh.close(time.Second)
			if err := fresh.adopt(nil); err != nil {
				t.Fatal(err)
			}
			succeed([]*script{old}, []*script{fresh})
			for i, task := range fresh.tasks {
				same := false
				switch next := task.(type) {
				case *check:
					same = next.record.Load() == old.tasks[i].(*check).record.Load()
				case *object:
					same = next.record.Load() == old.tasks[i].(*object).record.Load()
				case *handle:
					same = next.record.Load() == old.tasks[i].(*handle).record.Load()
				}
				if !same {
					t.Errorf("%s begins with nothing", task.title())
				}
			}
		})
	}
}
