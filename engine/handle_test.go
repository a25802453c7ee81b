package engine

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap/zaptest/observer"
)

func TestAStreamsLinesAreSentAsTheyArrive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, parse string }{
		{"JSON objects, without parse", ""},
		{"by parse", "parse = function(line) return dp.json.decode(line) end,"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			gate := fifo(t)
			d := launch(t, Options{Checks: []string{lua(t, "a.lua", fmt.Sprintf(`
return {dp.ShellStream{command = {"cat", %q}, %s name = "x", reopen = 3600}}`, gate, c.parse))}})
			w := openFIFO(t, gate)
			for i := 1; i <= 3; i++ {
				fmt.Fprintf(w, "{\"n\": %d}\n", i)
				d.message("a line", func(m msg) bool { return m.num("n") == float64(i) })
			}
			if len(d.sent(self("x", ""))) > 0 {
				t.Error("something was wrong")
			}
			w.Close()
			d.message("the end", self("x", OutcomeEOF))
		})
	}
}

// openFIFO opens a FIFO for writing, once somebody reads it.
func openFIFO(t *testing.T, path string) *os.File {
	t.Helper()
	opened := make(chan *os.File, 1)
	go func() {
		f, _ := os.OpenFile(path, os.O_WRONLY, 0)
		opened <- f
	}()
	select {
	case f := <-opened:
		t.Cleanup(func() { f.Close() })
		return f
	case <-time.After(patience):
		t.Fatalf("nobody reads %s", path)
		return nil
	}
}

func TestAStreamThatEndsIsClosedAndReopenedThroughTheRunQueue(t *testing.T) {
	t.Parallel()
	again := lua(t, "a.lua", `
return {dp.ShellStream{command = "echo '{\"pid\": '$$'}'", reopen = 0.3, name = "x"}}`)
	late := lua(t, "b.lua", `
return {dp.ShellStream{command = "true", reopen = 600, name = "late"}}`)
	d := launch(t, Options{Checks: []string{again, late}, SelfMessages: SelfAll})

	opened := d.messages(3, "openings", key("pid"))
	for i := range opened[1:] {
		if gap := opened[i+1].at.Sub(opened[i].at); gap < 290*time.Millisecond || gap > 5*time.Second {
			t.Errorf("opened again after %s", gap)
		}
	}
	if m := d.message("the report", self("x", OutcomeEOF)); m.Event.Comment != "the handle came to its end; it is opened again in 300ms" {
		t.Errorf("comment %q", m.Event.Comment)
	}
	d.message("that it works again", self("x", OutcomeOK))

	d.message("the end of the other", self("late", OutcomeEOF))
	entry := &d.task("late").(*handle).Entry
	d.until("the entry in the run queue", func() bool { d.news.beat(); _, queued := d.loop.Due(entry); return queued })
	due, _ := d.loop.Due(entry)
	if wait := time.Until(due); wait < 570*time.Second || wait > 600*time.Second {
		t.Errorf("it is opened again in %s", wait)
	}
}

func TestAHandleThatCannotBeOpenedIsTriedAgainWithABackOff(t *testing.T) {
	t.Parallel()
	command := filepath.Join(t.TempDir(), "command")
	d := launch(t, Options{SelfMessages: SelfAll, Checks: []string{lua(t, "a.lua", fmt.Sprintf(`
local handle = dp.BaseHandle:extend{reopen = 0.1}
function handle:open() error("closed today") end
function handle:close() dp.log.info("close after a failed open") end
return {dp.ShellStream{command = {%q}, reopen = 0.1, name = "missing"}, handle{name = "raises"}}`, command))}})
	for _, name := range []string{"missing", "raises"} {
		failed := d.messages(5, "failures of "+name, self(name, OutcomeOpenFailed))
		for i, want := range []float64{0.1, 0.2, 0.4, 0.8} {
			if gap := failed[i+1].Time - failed[i].Time; gap < want*0.95 {
				t.Errorf("%s: failure %d came %.3f s after the one before, want %.2f", name, i+2, gap, want)
			}
		}
	}
	if n, m := len(d.logs.Filter(says("close after a failed open")).All()), len(d.sent(self("raises", OutcomeOpenFailed))); n < m-1 || n > m+1 {
		t.Errorf("closed %d times after %d failures", n, m)
	}
	if err := os.WriteFile(command, []byte("#!/bin/sh\necho '{\"opened\": 1}'\nexec sleep 3600\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.message("the opening", key("opened"))
	d.message("that it works again", self("missing", OutcomeOK))
}

func TestTheBackOffOfAHandleEndsAtTenTimesReopen(t *testing.T) {
	s := &script{}
	entry := mustLoad(t, `return {dp.ShellStream{command = "true", reopen = 2}}`).tasks[0].(*handle).entry
	h := newHandle(s, entry, "x")
	var waits []time.Duration
	for range 6 {
		waits = append(waits, h.backoff.Next())
	}
	if fmt.Sprint(waits) != "[2s 4s 8s 16s 20s 20s]" {
		t.Errorf("waits %v", waits)
	}
}

// mustLoad loads a script without running it.
func mustLoad(t *testing.T, source string) *script {
	t.Helper()
	d := prepare(t, Options{Checks: []string{lua(t, "a.lua", source)}})
	scripts, err := d.loadAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { scripts[0].close(time.Second) })
	return scripts[0]
}

func TestBadLinesAreReportedWhileTheOthersAreSent(t *testing.T) {
	t.Parallel()
	const lines = `printf '{"n": 1}\nbad one\n{"n": 2}\n[3]\n{"n": 4}\n{"n": 5, "n": 6}\n'; exec sleep 3600`
	d := launch(t, Options{SelfMessages: SelfAll, Checks: []string{lua(t, "a.lua", fmt.Sprintf(`
local function parse(line)
  if line == "[3]" then return nil end
  if line == "bad one" then error("cannot read it") end
  local m = dp.json.decode(line)
  return {{parsed = m.n}, {}, {parsed = m.n}}
end
return {
  dp.ShellStream{command = %q, name = "native"},
  dp.ShellStream{command = %q, parse = parse, name = "parsed"},
}`, lines, lines))}})
	d.messages(3, "the good lines", key("n"))
	d.messages(6, "what parse made of the good lines", key("parsed"))
	native := d.log("the bad line", func(l observer.LoggedEntry) bool {
		return told("native", OutcomeDropped)(l) && strings.Contains(l.Message, `"bad one"`)
	})
	if !strings.Contains(native.Message, "no JSON object at byte 0") {
		t.Errorf("logged %q", native.Message)
	}
	for _, c := range []struct{ check, text string }{
		{"native", `"[3]"`}, {"native", "the key n a second time, at byte 9 of"}, {"parsed", "cannot read it"}, {"parsed", "parse returned nil"},
	} {
		l := d.log(c.text, func(l observer.LoggedEntry) bool {
			return l.ContextMap()["check"] == c.check && strings.Contains(l.Message, c.text)
		})
		if l.Level.String() != "error" || l.ContextMap()["position"] == nil {
			t.Errorf("logged %s %s %v", l.Level, l.Message, l.ContextMap())
		}
	}
	d.message("a message about it", self("native", OutcomeDropped))
	d.message("a message about it", self("parsed", OutcomeDropped))
	if n := d.count(OutcomeEOF); n > 0 {
		t.Error("a bad line closed the handle")
	}
}

func TestWhatACommandWritesToStderrIsLoggedWithTheHandlesName(t *testing.T) {
	t.Parallel()
	path := lua(t, "a.lua", `
return {dp.ShellStream{command = "echo first >&2; echo '{\"n\": 1}'; echo second >&2; exec sleep 3600", name = "x"},
  dp.ShellStream{command = "echo unnamed >&2; exec sleep 3600"}}`)
	d := launch(t, Options{Checks: []string{path}})
	for line, name := range map[string]string{"first": "x", "second": "x", "unnamed": "a.lua#2 ShellStream"} {
		l := d.log(line, func(l observer.LoggedEntry) bool { return l.ContextMap()["line"] == line })
		if fields := l.ContextMap(); fields["handle"] != name || fields["script"] != path {
			t.Errorf("fields %v", fields)
		}
	}
	d.message("what it wrote to stdout", key("n"))
}

func TestAspectAndLocationOfAHandleOverwriteWhatItsMessagesCarry(t *testing.T) {
	t.Parallel()
	const line = `echo '{"v":3,"time":1,"location":{"a":"kept","b":"lost"},"event":{"name":"lost","vset":{"value":{"value":5}}}}'; exec sleep 3600`
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", fmt.Sprintf(`
local own = dp.BaseHandle:extend{}
function own:open() self.reader = dp.reader.command{command = self.command} end
local fields = function(command, parse)
  return {command = command, parse = parse, aspect = "ours", location = {b = "ours", c = "ours"}}
end
local line = %q
return {
  dp.ShellStream(fields(line)),
  dp.ShellStream(fields(line, function(l) return dp.json.decode(l) end)),
  own(fields(line)),
  dp.ShellStream(fields("echo x; exec sleep 3600", function(l) return dp.Message{aspect = "lost", location = {a = "kept", b = "lost"}, value = 5} end)),
}`, line))}})
	for _, m := range d.messages(4, "messages", aspect("ours")) {
		if fmt.Sprint(m.Location) != "map[a:kept b:ours c:ours]" || m.value() != 5 {
			t.Errorf("%s", m.raw)
		}
	}
}

func TestABaseHandleReadsWhatItsReaderGives(t *testing.T) {
	t.Parallel()
	const class = `
local Reader = dp.BaseHandle:extend{class = "Reader", reopen = 0.2}
function Reader:parse(line) return {got = line} end
`
	got := func(line string) func(msg) bool { return func(m msg) bool { return m.keys["got"] == line } }

	t.Run("of a file, followed", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "log")
		add := func(text string) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteString(text); err != nil {
				t.Fatal(err)
			}
		}
		add("before\n")
		d := launch(t, Options{Checks: []string{lua(t, "a.lua", class+fmt.Sprintf(`
function Reader:open() self.reader = dp.reader.file{path = %q, follow = true} end
return {Reader{name = "x"}}`, path))}})
		d.message("what is there", got("before"))
		add("after\nin two ")
		d.message("what comes", got("after"))
		add("parts\n")
		d.message("what comes in parts", got("in two parts"))
	})
	t.Run("of a file, to its end, again and again", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte("one\ntwo\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		d := launch(t, Options{Checks: []string{lua(t, "a.lua", class+fmt.Sprintf(`
function Reader:open() self.reader = dp.reader.file{path = %q} end
return {Reader{name = "x"}}`, path))}})
		d.messages(2, "the last line, twice", got("two"))
		if m := d.message("the end", self("x", OutcomeEOF)); m.Event.State.Severity != "warning" {
			t.Errorf("%s", m.raw)
		}
	})
	t.Run("of a file that is not there", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "file")
		d := launch(t, Options{Checks: []string{lua(t, "a.lua", class+fmt.Sprintf(`
function Reader:open() self.reader = dp.reader.file{path = %q} end
return {Reader{name = "x"}}`, path))}})
		if m := d.message("the failure", self("x", OutcomeOpenFailed)); !strings.Contains(m.Event.Comment, path) {
			t.Errorf("comment %q", m.Event.Comment)
		}
		if err := os.WriteFile(path, []byte("there\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		d.message("the file", got("there"))
	})
	t.Run("of a socket that it connects to", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		conns := make(chan net.Conn)
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				conns <- c
			}
		}()
		d := launch(t, Options{Checks: []string{lua(t, "a.lua", class+fmt.Sprintf(`
function Reader:open() self.reader = dp.reader.socket{address = "tcp:%s"} end
return {Reader{name = "x"}}`, listener.Addr()))}})
		for _, line := range []string{"first", "second"} { // connections
			c := <-conns
			fmt.Fprintln(c, line)
			d.message("a line", got(line))
			c.Close()
		}
		d.message("the end", self("x", OutcomeEOF))
		c := <-conns // it connects again, for the end of the test
		defer c.Close()
		d.stop()
	})
	t.Run("of a datagram socket", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "s")
		d := launch(t, Options{Checks: []string{lua(t, "a.lua", class+fmt.Sprintf(`
function Reader:open() self.reader = dp.reader.socket{address = "unixgram:%s", listen = true}; dp.log.info("listening") end
return {Reader{name = "x"}}`, path))}})
		d.log("the opening", says("listening"))
		c, err := net.Dial("unixgram", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "a datagram")
		d.message("the datagram", got("a datagram"))
	})
	t.Run("of a command", func(t *testing.T) {
		t.Parallel()
		d := launch(t, Options{Checks: []string{lua(t, "a.lua", class+`
function Reader:open() self.reader = dp.reader.command{command = "echo one; echo two; exit 3"} end
function Reader:parse(line) if line == "one" then error("not one") end return {got = line} end
return {Reader{name = "x"}}`)}})
		d.messages(2, "the good line, twice", got("two"))
		d.message("the bad line", self("x", OutcomeDropped))
		if m := d.message("the end", self("x", OutcomeEOF)); !strings.Contains(m.Event.Comment, "exit code 3") {
			t.Errorf("comment %q", m.Event.Comment)
		}
	})
}

func TestATableWithoutAReaderIsPolledUntilItSaysEOF(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"EOF as the result":                      "return dp.EOF",
		"EOF as a second result":                 "return {}, dp.EOF",
		"EOF as a second result, with a message": "return {last = 1}, dp.EOF",
		"EOF raised":                             "error(dp.EOF)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := launch(t, Options{SelfMessages: SelfAll, Checks: []string{lua(t, "a.lua", `
local Polled = dp.BaseHandle:extend{poll = 0.02, reopen = 0.1}
local opened, closed = 0, 0
function Polled:open()
  assert(opened == closed, "opened before it was closed")
  opened, self.n = opened + 1, 0
end
function Polled:read_messages()
  self.n = self.n + 1
  if self.n == 4 then `+end+` end
  return {opened = opened, n = self.n}
end
function Polled:close()
  closed = closed + 1
  dp.log.info("closed", {times = closed, opened = opened})
end
return {Polled{name = "x"}}`)}})
			d.message("the second opening", func(m msg) bool { return m.num("opened") == 2 && m.num("n") == 3 })
			if m := d.message("the end", self("x", OutcomeEOF)); m.Event.Comment != "the handle came to its end; it is opened again in 100ms" {
				t.Errorf("comment %q", m.Event.Comment)
			}
			d.stop()
			for i, l := range d.logs.Filter(says("closed")).All() {
				if fields := l.ContextMap(); fields["times"] != float64(i+1) || fields["opened"] != float64(i+1) {
					t.Errorf("close %d: %v", i+1, fields)
				}
			}
			if strings.Contains(end, "last") {
				d.message("what came with the end", key("last"))
			}
			if n := d.count(OutcomeError) + d.count(OutcomeOpenFailed); n > 0 {
				t.Errorf("%d errors", n)
			}
		})
	}
	t.Run("a plain table, once a second", func(t *testing.T) {
		t.Parallel()
		d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local n = 0
return {{
  open = function(self) self.is_open = true end,
  read_messages = function(self) assert(self.is_open); n = n + 1; return {{n = n}, {n = n}} end,
  close = function(self) dp.log.info("closed", {n = n}); self.is_open = false end,
}}`)}})
		polls := d.messages(6, "polls", key("n"))
		if gap := polls[4].at.Sub(polls[2].at); gap < 900*time.Millisecond || gap > 3*time.Second {
			t.Errorf("polled after %s", gap)
		}
		d.stop()
		if n := len(d.logs.Filter(says("closed")).All()); n != 1 {
			t.Errorf("closed %d times at the stop", n)
		}
	})
}

func TestCloseIsCalledOncePerOpenAlsoAtTheStop(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local H = dp.BaseHandle:extend{reopen = 0.1}
function H:open()
  self.opened = (self.opened or 0) + 1
  self.reader = dp.reader.command{command = self.opened < 4 and "echo '{\"n\": 1}'" or "echo '{\"last\": 1}'; exec sleep 3600"}
  dp.log.info("open " .. self.opened)
end
function H:close() dp.log.info("close " .. self.opened); self.reader:close() end
return {H{name = "x"}}`)}})
	d.message("the last opening", key("last"))
	d.stop()
	var got []string
	for _, l := range d.logs.All() {
		if strings.HasPrefix(l.Message, "open ") || strings.HasPrefix(l.Message, "close ") {
			got = append(got, l.Message)
		}
	}
	if want := "open 1,close 1,open 2,close 2,open 3,close 3,open 4,close 4"; strings.Join(got, ",") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, ","), want)
	}
}

func TestAnErrorInCloseIsReportedAndTheHandleIsOpenedAgain(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local H = dp.BaseHandle:extend{reopen = 0.1}
function H:open() self.reader = dp.reader.command{command = "echo '{\"pid\": '$$'}'; exec sleep 3600"}; self.n = 0 end
function H:read_messages() self.n = self.n + 1; return dp.json.decode(self.reader:take()[1]), dp.EOF end
function H:close() error("no close") end
return {H{name = "x"}}`)}})
	pids := d.messages(2, "two openings", key("pid"))
	if m := d.message("the error", self("x", OutcomeError)); !strings.Contains(m.Event.Comment, "close: ") || !strings.Contains(m.Event.Comment, "no close") {
		t.Errorf("comment %q", m.Event.Comment)
	}
	if pid := int(pids[0].num("pid")); alive(pid) {
		t.Errorf("process %d of the first opening is still there", pid)
	}
}

func TestAReadMessagesThatTakesNothingIsCalledNowAndThen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ command, read, says string }{
		"of what waits":                      {"echo 1; exec sleep 3600", "return {}", "took none of the 1 records that wait"},
		"of a source at its end":             {"true", "return {}", "the reader is at its end, and read_messages did not say so"},
		"of what waits, and raises":          {"echo 1; exec sleep 3600", "error('no')", "took none of the 1 records that wait"},
		"of a source at its end, and raises": {"true", "error('no')", "the reader is at its end, and read_messages did not say so"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := launch(t, Options{Checks: []string{lua(t, "a.lua", fmt.Sprintf(`
local calls = 0
local H = dp.BaseHandle:extend{}
function H:open() self.reader = dp.reader.command{command = %q} end
function H:read_messages() calls = calls + 1; %s end
return {H{name = "x"}, dp.Function{interval = 0.7, call = function() return {calls = calls} end}}`, c.command, c.read))}})
			calls := d.messages(2, "counts", key("calls"))[1].num("calls")
			if calls < 3 || calls > 10 {
				t.Errorf("called %v times in 0.7 s, want now and then", calls)
			}
			said := func(l logEntry) bool { return told("x", OutcomeError)(l) && strings.Contains(l.Message, c.says) }
			d.log("that it takes nothing", said)
			if c.read == "return {}" {
				d.message("that it takes nothing", self("x", OutcomeError))
			}
			more := len(d.sent(key("calls")))
			d.messages(more+2, "counts", key("calls"))
			if n := len(d.logs.Filter(said).All()); n != 1 {
				t.Errorf("it is said %d times", n)
			}
		})
	}
}

func TestRecordsThatAFailedReadMessagesLeftAreReadLater(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local calls = 0
local H = dp.BaseHandle:extend{reopen = 3600}
function H:open() self.reader = dp.reader.command{command = "echo 1; echo 2"} end
function H:read_messages()
  calls = calls + 1
  if calls < 3 then error("not now") end
  if self.reader:eof() then return {}, dp.EOF end
  local list = {}
  for _, line in ipairs(self.reader:take(1)) do list[1] = {n = tonumber(line)} end
  return list
end
return {H{name = "x"}}`)}})
	d.messages(2, "the records", key("n"))
	d.message("the end", self("x", OutcomeEOF))
}

func TestAHandleThatCatchesUpIsReadAtOnce(t *testing.T) {
	t.Parallel()
	// A hundred at a time: what is left must not wait for more to come.
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local H = dp.BaseHandle:extend{}
function H:open() self.reader = dp.reader.command{command = "seq 5000; exec sleep 3600"} end
function H:read_messages()
  local list = {}
  for _, line in ipairs(self.reader:take(100)) do list[#list + 1] = {n = tonumber(line)} end
  return list
end
return {H{name = "x"}}`)}})
	all := d.messages(5000, "all records", key("n"))
	for i, m := range all {
		if m.num("n") != float64(i+1) {
			t.Fatalf("record %d is %s", i+1, m.raw)
		}
	}
	if took := all[4999].at.Sub(all[0].at); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestTheStopClosesAHandleAndKillsItsProcesses(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local H = dp.BaseHandle:extend{}
function H:open() self.reader = dp.reader.command{command = "sleep 3600 & echo '{\"pid\": '$$', \"child\": '$!'}'; wait"} end
return {
  dp.ShellStream{command = "sleep 3600 & echo '{\"pid\": '$$', \"child\": '$!'}'; wait"},
  H{},
  dp.ShellStream{command = "trap '' TERM; echo '{\"pid\": '$$'}'; while :; do sleep 0.05; done"},
}`)}})
	var pids []int
	for _, m := range d.messages(3, "openings", key("pid")) {
		pids = append(pids, int(m.num("pid")))
		if m.has("child") {
			pids = append(pids, int(m.num("child")))
		}
	}
	for _, pid := range pids {
		if !alive(pid) {
			t.Errorf("process %d has gone before", pid)
		}
	}
	if took := d.stop(); took > 8*time.Second {
		t.Errorf("the stop took %s", took)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is still there", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if n := d.count(OutcomeEOF) + d.count(OutcomeError); n > 0 {
		t.Error("the stop was reported as a failure")
	}
}

func TestWhatAStreamHasGivenBeforeTheStopIsSent(t *testing.T) {
	t.Parallel()
	// More than is handed over at a time, so that some of it waits in Go when the stop comes.
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", fmt.Sprintf(`
local function parse(line)
  if line == "1" then dp.log.info("reading"); dp.sleep(0.4) end
  return {line = line}
end
local streams = {}
for i = 1, 5 do streams[i] = dp.ShellStream{command = "seq %d; exec sleep 3600", parse = parse} end
return streams`, maxRecords+100))}})
	d.logged(5, "the first lines", says("reading"))
	d.stop()
	if n := len(d.sent(key("line"))); n != 5*(maxRecords+100) {
		t.Errorf("%d lines were sent, want %d", n, 5*(maxRecords+100))
	}
}
