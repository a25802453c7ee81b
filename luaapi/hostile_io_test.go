package luaapi

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// A thousand of each kind, opened and closed, leave no descriptor open; and neither do those that a run ends in
// the middle of, or forgets, once it is over.
func TestOpeningAndClosingLeavesNothingOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("one\ntwo\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	for name, test := range map[string]struct {
		times int
		body  string
	}{
		"files":                     {1000, `local f = io.open(FILE) assert(f:read()) f:close()`},
		"files that are written":    {1000, `local f = io.open(FILE, "r+") assert(f:write("one")) f:close()`},
		"files that cannot be read": {1000, `assert(not io.open(FILE .. "/no")) assert(not io.open("/"))`},
		"temporary files":           {1000, `local f = io.tmpfile() f:write("x") f:close()`},
		"lines to the end":          {1000, `for _ in io.lines(FILE) do end`},
		"processes":                 {300, `local f = io.popen("echo x") assert(f:read() == "x") assert(f:close() == 0)`},
		"processes that are ended": {50, `assert(io.popen("exec sleep 1000")) -- by the end of the run
			`},
		"processes that are written":  {100, `local f = io.popen("cat", "w") f:write("x") f:close()`},
		"commands":                    {300, `assert(dp.command("true").code == 0)`},
		"commands that are not there": {300, `assert(not pcall(dp.command, {"/no/such/command"}))`},
		"readers of files":            {1000, `local r = dp.reader.file{path = FILE} assert(r:read()) r:close()`},
		"readers that follow":         {1000, `local r = dp.reader.file{path = FILE, follow = true} assert(r:read()) r:close()`},
		"readers of commands":         {300, `local r = dp.reader.command{command = "echo x; exec sleep 1000"} assert(r:read() == "x") r:close()`},
		"readers of connections":      {1000, `local r = dp.reader.socket{address = "tcp:" .. ADDRESS} r:read() r:close()`},
		"readers of datagrams":        {1000, `local r = dp.reader.socket{address = "udp:127.0.0.1:0", listen = true} r:take() r:close()`},
		"readers that fail":           {1000, `assert(not pcall(dp.reader.file, {path = FILE .. "/no"}))`},
	} {
		t.Run(name, func(t *testing.T) {
			s := loadScript(t, fmt.Sprintf("FILE, ADDRESS = %q, %q\n", file, listener.Addr())+
				checkOf(fmt.Sprintf("for i = 1, TIMES do %s end return {}", test.body)))
			times := func(n int) {
				s.do(func(*Run) { s.vm.state.G.Global.RawSetString("TIMES", lua.LNumber(n)) })
			}
			times(50) // what stays open as long as the VM does: cgroups of the commands that ran at once
			s.mustRun(1)
			before := openDescriptors(t)
			times(test.times)
			s.mustRun(1)
			if after := openDescriptors(t); after > before {
				t.Errorf("%d descriptors are open, %d before", after, before)
			}
			if len(s.vm.readers) != 0 {
				t.Errorf("%d readers are open", len(s.vm.readers))
			}
		})
	}
}

// What a script opens and forgets ends at a limit, with an error that says what to do; the garbage collector gets
// the descriptors back.
func TestFilesThatAreForgotten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("one\ntwo\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := openDescriptors(t)
	for name, body := range map[string]string{
		"files that are dropped":     `for i = 1, 20000 do assert(io.open(FILE)) end`,
		"iterators that are dropped": `for i = 1, 20000 do for line in io.lines(FILE) do if line then break end end end`,
		"temporary files":            `for i = 1, 5000 do assert(io.tmpfile()) end`,
		"files that are kept": `
			local kept = {}
			for i = 1, 2000 do
				local f, why = io.open(FILE)
				if not f then
					assert(i == 1001 and why == FILE .. ": the script has 1000 files open; close them when they are done with", why)
					local ok, why = pcall(io.lines, FILE)
					assert(not ok and why:find("1000 files open", 1, true), why)
					f, why = io.tmpfile()
					assert(f == nil and why:find("1000 files open", 1, true), why)
					kept[1]:close()
					assert(io.open(FILE)):close()
					for _, f in ipairs(kept) do if io.type(f) == "file" then f:close() end end
					return {}
				end
				kept[i] = f
			end
			error("no limit")`,
	} {
		t.Run(name, func(t *testing.T) {
			s := loadScript(t, fmt.Sprintf("FILE = %q\n", file)+checkOf("do "+body+" end return {}"))
			s.mustRun(1)
			if now := openDescriptors(t); now > before+1100 {
				t.Errorf("%d descriptors are open, %d before", now, before)
			}
		})
	}
}

// Thousands of processes of one run: as many as there may be are started, and all end with the run.
func TestProcessesThatARunForgetsEndWithIt(t *testing.T) {
	s := loadScript(t, checkOf(`
		local n, why = 0, nil
		for i = 1, 5000 do
			local f
			f, why = io.popen("exec sleep 1000")
			if not f then break end
			n = n + 1
		end
		return {n = n, why = why}`))
	s.mustRun(1) // the cgroups of so many stay open as long as the VM
	before := openDescriptors(t)
	line := s.mustRun(1).lines()[0]
	if !strings.HasPrefix(line, `{"n":100,`) && !strings.HasPrefix(line, `{"why":`) || !strings.Contains(line, "the script has 100 processes of io.popen") {
		t.Errorf("the run gave %s", line)
	}
	if after := openDescriptors(t); after > before+10 {
		t.Errorf("%d descriptors are open, %d before", after, before)
	}
}

// Whatever is done with a reader after its end, by whichever run, it gives nothing, and no harm is done.
func TestReadersAfterTheirEnd(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local kept
		local Mine = dp.BaseHandle:extend{class = "Mine"}
		function Mine:open() self.reader = dp.reader.command{command = "echo 1; echo 2; exec sleep 1000"} kept = self.reader end
		local handle = Mine{}
		local function gone()
			assert(kept:eof() and #kept:take() == 0 and #kept:take(5) == 0)
			local line, why = kept:read()
			assert(line == nil and why == "eof")
			assert(select(2, kept:read(0)) == "eof" and select(2, kept:read(1)) == "eof")
			kept:reason()
			kept:pid()
			kept:close()
			kept:close()
			return {gone = true}
		end
		return {
			handle,
			dp.Function{interval = 1, call = gone},
			dp.Function{interval = 1, call = function() kept = dp.reader.command{command = "exec sleep 1000"} return {} end},
			dp.Function{interval = 1, call = function() WAITING() local line, why = kept:read() return {line = tostring(line), why = why} end},
			dp.Function{interval = 1, call = function() kept:close() return {} end},
			dp.Function{interval = 1, call = function() kept = dp.reader.command{command = "echo 1; exec sleep 1000"} kept:close() return gone() end},
		}`)
	h := s.handle(1)
	if err := h.open(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.close(); err != nil {
			t.Fatal(err)
		}
	}
	s.mustRun(2) // kept beyond its handle
	s.mustRun(6)

	// One run closes what others wait for.
	waiting := s.signal("WAITING")
	s.mustRun(3)
	first := s.start(4, RunOptions{Timeout: longTime})
	<-waiting
	second := s.start(4, RunOptions{Timeout: longTime})
	<-waiting
	s.mustRun(5)
	for _, run := range []<-chan outcome{first, second} {
		if o := s.wait(run); o.err != nil || o.lines()[0] != `{"line":"nil","why":"eof"}` {
			t.Errorf("who waited got %v, %v", o.lines(), o.err)
		}
	}
	s.mustRun(2)
	if len(s.vm.readers) != 0 {
		t.Errorf("%d readers are open", len(s.vm.readers))
	}
}

// A process of io.popen that one run reads is closed by another.
func TestAProcessThatIsReadIsClosedByAnotherRun(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local f
		return {
			dp.Function{interval = 1, call = function()
				f = io.popen("echo 1; exec sleep 1000")
				assert(f:read() == "1")
				WAITING()
				local text, why = f:read("*a")
				local again, closed = pcall(f.read, f)
				assert(not again and closed:find("the file is closed", 1, true), closed)
				assert(not pcall(f.close, f))
				return {text = tostring(text)}
			end},
			dp.Function{interval = 1, call = function()
				local ok, why = pcall(f.read, f)
				assert(not ok and why:find("another run", 1, true), why)
				local code = f:close()
				return {code = code}
			end},
		}`)
	waiting := s.signal("WAITING")
	first := s.start(1, RunOptions{Timeout: longTime})
	<-waiting
	if got := s.mustRun(2).lines()[0]; !strings.HasPrefix(got, `{"code":-`) {
		t.Errorf("who closed it got %s", got)
	}
	if o := s.wait(first); o.err != nil {
		t.Errorf("who read it got %v, %v", o.lines(), o.err)
	}
}

// A handle of the script's own may do everything wrong.
func TestHandlesThatMisbehave(t *testing.T) {
	for name, test := range map[string]struct{ class, open, read, close string }{
		"open that leaves no reader":      {`open = function() end`, "", "open has put no reader into self.reader", ""},
		"open that leaves a number":       {`open = function(self) self.reader = 5 end`, "", "open has put no reader into self.reader", ""},
		"open that leaves a closed one":   {`open = function(self) self.reader = dp.reader.file{path = "/dev/null"} self.reader:close() end`, "", "", ""},
		"open that closes itself":         {`open = function(self) self.reader = dp.reader.file{path = "/dev/null"} self:close() end`, "", "", ""},
		"open that fails after the start": {`open = function(self) self.reader = dp.reader.command{command = "exec sleep 1000"} error("later") end`, "later", "", ""},
		"open twice":                      {`open = function(self) for i = 1, 2 do self.reader = dp.reader.command{command = "true"} end end`, "", "", ""},
		"read_messages that closes":       {`open = function(self) self.reader = dp.reader.command{command = "yes"} end, read_messages = function(self) self:close() return {} end`, "", "", ""},
		"read_messages that takes the reader away": {`open = function(self) self.reader = dp.reader.command{command = "yes"} end,
			read_messages = function(self) self.reader:close() self.reader = nil return dp.EOF end`, "", "", ""},
		"read_messages that takes away and asks the base": {`open = function(self) self.reader = dp.reader.command{command = "yes"} end,
			read_messages = function(self) self.reader:close() self.reader = nil return dp.BaseHandle.read_messages(self) end`, "", "open has put no reader", ""},
		"close that fails":      {`open = function(self) self.reader = dp.reader.command{command = "true"} end, close = function() error("no") end`, "", "", "no"},
		"close that is nothing": {`open = function(self) self.reader = dp.reader.command{command = "exec sleep 1000"} end, read_messages = function() return dp.EOF end, close = 5`, "", "", "attempt to call"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScriptVM(t, writeScript(t, `local dp = require "dumbprobe" local Mine = dp.BaseHandle:extend{class = "Mine", `+
				test.class+`} return {Mine{}, dp.Function{interval = 1, call = function() return {works = true} end}}`), Limits{})
			if strings.Contains(test.class, "close = 5") {
				_, err := s.vm.Load(context.Background(), RunOptions{Timeout: longTime})
				if err == nil || !strings.Contains(err.Error(), "close") {
					t.Errorf("the load gave %v", err)
				}
				return
			}
			s.load()
			h := s.handle(1)
			expect := func(what string, err error, want string) {
				t.Helper()
				if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
					t.Errorf("%s gave %v, want %q", what, err, want)
				}
			}
			err := h.open()
			expect("open", err, test.open)
			if err == nil {
				expect("read_messages", h.read(), test.read)
			}
			for range 2 {
				expect("close", h.close(), test.close)
			}
			if got := s.mustRun(2).lines(); len(got) != 1 {
				t.Errorf("the other check gave %v", got)
			}
			ctx, cancel := context.WithTimeout(context.Background(), longTime)
			defer cancel()
			if err := s.vm.Close(ctx); err != nil { // and what it forgot, ends
				t.Error(err)
			}
		})
	}
}
