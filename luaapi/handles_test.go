package luaapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dumbprobe/internal/reader"
)

// testHandle does with a handle what the engine does.
type testHandle struct {
	*testScript
	entry  *Entry
	source reader.Reader
	batch  Batch
}

func (s *testScript) handle(entry int) *testHandle {
	return &testHandle{testScript: s, entry: s.Entries[entry-1]}
}

func (h *testHandle) call(f func(opts RunOptions) error) error {
	h.t.Helper()
	return h.wait(h.goDo(RunOptions{Timeout: longTime}, func(opts RunOptions, _ *Batch) error { return f(opts) })).err
}

func (h *testHandle) open() error {
	h.t.Helper()
	return h.call(func(opts RunOptions) (err error) {
		h.source, err = h.entry.Open(context.Background(), context.Background(), opts, nil)
		return err
	})
}

func (h *testHandle) close() error {
	h.t.Helper()
	return h.call(func(opts RunOptions) error { return h.entry.Close(context.Background(), opts, h.source) })
}

// read reads until the end of the data; the messages are in h.batch.
func (h *testHandle) read() error {
	h.t.Helper()
	for {
		if h.source != nil {
			select {
			case <-h.source.Ready():
			case <-time.After(longTime):
				h.t.Fatal("no end of the data")
			}
		}
		if h.entry.TakesRecords() {
			records, err := h.source.Take(0)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err := h.call(func(opts RunOptions) error {
				return h.entry.Records(context.Background(), opts, records, &h.batch)
			}); err != nil {
				return err
			}
			continue
		}
		var eof bool
		err := h.call(func(opts RunOptions) (err error) {
			eof, err = h.entry.ReadMessages(context.Background(), opts, &h.batch)
			return err
		})
		if eof || err != nil {
			return err
		}
	}
}

// all opens the handle, reads it to its end and closes it.
func (h *testHandle) all() (lines, problems []string) {
	h.t.Helper()
	if err := h.open(); err != nil {
		h.t.Fatal(err)
	}
	if err := h.read(); err != nil {
		h.t.Fatal(err)
	}
	for range 2 {
		if err := h.close(); err != nil {
			h.t.Fatal(err)
		}
	}
	o := outcome{batch: h.batch}
	return o.lines(), o.problems()
}

func TestShellStream(t *testing.T) {
	for name, test := range map[string]struct {
		fields   string
		lines    []string
		problems []string
	}{
		"each line is a JSON object": {
			`command = "echo '{\"a\": 1}'; echo '{\"b\":2}'"`, []string{`{"a":1}`, `{"b":2}`}, nil},
		"lines that are none are dropped alone": {
			`command = "echo '{\"a\": 1}'; echo oops; echo '[1]'; echo; echo '{\"b\":2}'"`, []string{`{"a":1}`, `{"b":2}`}, []string{
				`the record "oops" was dropped: `, `the record "[1]" was dropped: `, `the record "" was dropped: `}},
		"parse": {
			`command = "echo 1; echo skip; echo 2", parse = function(line) if line == "skip" then return {} end return {n = tonumber(line)} end`,
			[]string{`{"n":1}`, `{"n":2}`}, nil},
		"parse that gives several": {
			`command = "echo 1", parse = function(line) return {{a = 1}, {b = 2}, 5} end`,
			[]string{`{"a":1}`, `{"b":2}`}, []string{"the record \"1\" was dropped: the number 5 is no message"}},
		"parse that fails for one line": {
			`command = "echo 1; echo x; echo 2", parse = function(line) return {n = tonumber(line) + 0} end`,
			[]string{`{"n":1}`, `{"n":2}`}, []string{`the record "x" was dropped: `}},
		"parse that returns nil": {
			`command = "echo x", parse = function(line) end`, nil, []string{"the record \"x\" was dropped: parse returned nil: is a `return` missing? ({} means that the line is to be ignored)"}},
		"parse that waits": {
			`command = "echo 1; echo 2", parse = function(line) dp.sleep(0.001) return {n = tonumber(line)} end`, []string{`{"n":1}`, `{"n":2}`}, nil},
		"aspect and location": {
			`command = "echo '{\"a\": 1}'", aspect = "x", location = {host = "h"}`, []string{`{"a":1,"event":{"name":"x"},"location":{"host":"h"}}`}, nil},
		"aspect and location with parse": {
			`command = "echo 5", aspect = "x", location = {host = "h"}, parse = function() return {dp.Message{aspect = "m", time = 5, value = 1}, {b = 2}} end`,
			[]string{`{"v":3,"time":5,"location":{"host":"h"},"event":{"name":"x","vset":{"value":{"value":1}}}}`, `{"b":2,"event":{"name":"x"},"location":{"host":"h"}}`}, nil},
		"a last line without an end": {
			`command = "printf '{\"a\":1}\n{\"b\":2}'"`, []string{`{"a":1}`, `{"b":2}`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loadScript(t, `local dp = require "dumbprobe" return {dp.ShellStream{`+test.fields+`}}`)
			h := s.handle(1)
			lines, problems := h.all()
			if !slices.Equal(lines, test.lines) {
				t.Errorf("lines %v, want %v", lines, test.lines)
			}
			if !slices.EqualFunc(problems, test.problems, strings.HasPrefix) {
				t.Errorf("problems %q, want %q", problems, test.problems)
			}
			// It can be opened again.
			h.batch = Batch{}
			if lines, _ := h.all(); !slices.Equal(lines, test.lines) {
				t.Errorf("the second time it gives %v, want %v", lines, test.lines)
			}
		})
	}
}

func TestShellStreamThatCannotBeOpened(t *testing.T) {
	s := loadScript(t, `return {require "dumbprobe".ShellStream{command = {"/no/such/command"}}}`)
	if err := s.handle(1).open(); err == nil || !strings.Contains(err.Error(), "cannot start") {
		t.Errorf("open gave %v", err)
	}
}

func TestALineThatIsTooLongIsCutAndWarnedOf(t *testing.T) {
	s := loadScript(t, `local dp = require "dumbprobe"
		return {dp.ShellStream{command = "head -c 70000 /dev/zero | tr '\\0' x; echo; echo end", parse = function(line) return {n = #line} end}}`)
	h := s.handle(1)
	lines, _ := h.all()
	if want := []string{`{"n":65536}`, `{"n":3}`}; !slices.Equal(lines, want) {
		t.Errorf("lines %v, want %v", lines, want)
	}
	if len(h.batch.Warnings) != 1 || !strings.Contains(h.batch.Warnings[0].Error(), "longer than a line may be") {
		t.Errorf("warnings %v", h.batch.Warnings)
	}
}

// A script may use a stream itself.
func TestShellStreamUsedFromLua(t *testing.T) {
	s := luaTest(t, `
		local stream = dp.ShellStream{command = "echo 1; echo x; echo 2; echo err >&2", aspect = "over", parse = function(line)
			return {n = tonumber(line) + 0, event = {name = "mine"}}
		end}
		assert(not pcall(stream.read_messages, stream))
		stream:close()
		for turn = 1, 2 do
			stream:open()
			stream:open()
			local all, eof = {}, nil
			repeat
				local list
				list, eof = stream:read_messages()
				for _, m in ipairs(list) do all[#all + 1] = m end
				dp.sleep(0.001)
			until eof
			assert(eof == dp.EOF)
			assert(#all == 2 and all[1].n == 1 and all[2].n == 2 and all[1].event.name == "over", #all)
			stream:close()
			stream:close()
		end
		assert(stream.reopen == 60 and stream.aspect == "over" and stream.name == nil)
		local bad = dp.ShellStream{command = {"/no/such/command"}}
		local ok, why = pcall(bad.open, bad)
		assert(not ok and why:find("cannot start", 1, true), why)`)
	if len(s.vm.readers) != 0 {
		t.Errorf("%d readers are left", len(s.vm.readers))
	}
	if !s.logged("a command wrote to its standard error") {
		t.Error("what the command wrote to its standard error is not in the log")
	}
}

func TestExtendedHandles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte("one\ntwo error\n\nthree\n"), 0o644); err != nil {
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
			fmt.Fprint(c, "{\"a\": 1}\n{\"b\": 2}\n")
			c.Close()
		}
	}()
	for name, test := range map[string]struct {
		class    string
		lines    []string
		problems []string
	}{
		"a command, and JSON": {
			`open = function(self) self.reader = dp.reader.command{command = "echo '{\"a\": {}}'; echo oops; echo '{\"b\":2}'"} end`,
			[]string{`{"a":{}}`, `{"b":2}`}, []string{`the record "oops" was dropped: `}},
		"a file, and parse": {
			`open = function(self) self.reader = dp.reader.file{path = "` + file + `"} end,
			 parse = function(self, line) if line == "" then return {} end return dp.Message{aspect = "log", time = 5, state = line:find("error") and "error" or "ok"} end, aspect = "over"`,
			[]string{
				`{"v":3,"time":5,"location":{},"event":{"name":"over","state":{"value":"ok"}}}`, `{"v":3,"time":5,"location":{},"event":{"name":"over","state":{"value":"error"}}}`,
				`{"v":3,"time":5,"location":{},"event":{"name":"over","state":{"value":"ok"}}}`}, nil},
		"a socket": {
			`open = function(self) self.reader = dp.reader.socket{address = "tcp:` + listener.Addr().String() + `"} end`,
			[]string{`{"a":1}`, `{"b":2}`}, nil},
		"parse that fails, returns nil, several, and what is no message": {
			`open = function(self) self.reader = dp.reader.command{command = "echo fail; echo nil; echo list; echo number; echo one"} end,
			 parse = function(self, line)
				if line == "fail" then error("broken") elseif line == "nil" then return nil
				elseif line == "list" then return {{a = 1}, {b = 2}} elseif line == "number" then return 5 end
				return {line = line}
			 end`,
			[]string{`{"a":1}`, `{"b":2}`, `{"line":"one"}`},
			[]string{`the record "fail" was dropped: `, "the record \"nil\" was dropped: parse returned nil", "message "}},
		"read_messages of its own, that gives EOF as its result": {
			`open = function(self) self.n = 0 end, read_messages = function(self) self.n = self.n + 1 if self.n > 2 then return dp.EOF end return {n = self.n} end`,
			[]string{`{"n":1}`, `{"n":2}`}, nil},
		"that gives EOF as its second result": {
			`open = function(self) self.n = 0 end, read_messages = function(self) self.n = self.n + 1 return {n = self.n}, self.n == 2 and dp.EOF or nil end`,
			[]string{`{"n":1}`, `{"n":2}`}, nil},
		"that raises EOF": {
			`open = function(self) self.n = 0 end, read_messages = function(self) self.n = self.n + 1 if self.n > 2 then error(dp.EOF) end return {{n = self.n}} end`,
			[]string{`{"n":1}`, `{"n":2}`}, nil},
		"that takes from a reader": {
			`open = function(self) self.reader = dp.reader.command{command = "echo 1; echo 2"} end,
			 read_messages = function(self) local list = {} for _, line in ipairs(self.reader:take()) do list[#list + 1] = {n = tonumber(line)} end return list end`,
			[]string{`{"n":1}`, `{"n":2}`}, nil},
		"that calls the base's": {
			`open = function(self) self.reader = dp.reader.command{command = "echo '{\"n\": 1}'; echo '{\"n\": 2}'"} end,
			 read_messages = function(self) local list, eof = dp.BaseHandle.read_messages(self) for _, m in ipairs(list) do m.n = m.n * 10 end return list, eof end`,
			[]string{`{"n":10}`, `{"n":20}`}, nil},
		"close of its own": {
			`open = function(self) self.n = 0 end, read_messages = function() return dp.EOF end, close = function(self) CLOSED = (CLOSED or 0) + 1 end`, nil, nil},
		"a close that forgets the reader": {
			`open = function(self) self.reader = dp.reader.command{command = "echo '{\"n\": 1}'"} end, close = function() end`,
			[]string{`{"n":1}`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := loadScript(t, `
				local dp = require "dumbprobe"
				local Mine = dp.BaseHandle:extend{class = "Mine", `+test.class+`}
				return {Mine{}}`)
			h := s.handle(1)
			for range 2 {
				h.batch = Batch{}
				lines, problems := h.all()
				if !slices.Equal(lines, test.lines) {
					t.Errorf("lines %v, want %v", lines, test.lines)
				}
				if !slices.EqualFunc(problems, test.problems, strings.HasPrefix) {
					t.Errorf("problems %q, want %q", problems, test.problems)
				}
				if len(s.vm.readers) != 0 {
					t.Errorf("%d readers are left", len(s.vm.readers))
				}
			}
		})
	}
}

// A plain table is a handle too, and is polled.
func TestAPlainHandle(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local handle = {n = 0, opened = 0, closed = 0}
		function handle:open() self.opened = self.opened + 1 if self.opened == 2 then error("not now") end end
		function handle:read_messages()
			self.n = self.n + 1
			if self.n == 2 then error("broken") end
			if self.n == 3 then return {} end
			if self.n == 4 then return nil end
			return {{n = self.n}, {bad = 0/0}}, self.n == 5 and dp.EOF or nil
		end
		function handle:close() self.closed = self.closed + 1 end
		return {handle}`)
	h := s.handle(1)
	if h.entry.Poll != time.Second || h.entry.Handle.Reopen != 60 || h.entry.TakesRecords() {
		t.Errorf("the handle is %+v", h.entry)
	}
	if err := h.open(); err != nil || h.source != nil {
		t.Errorf("open gave %v, %v", h.source, err)
	}
	for turn, want := range []struct {
		err   string
		lines int
		eof   bool
	}{{"", 1, false}, {"broken", 0, false}, {"", 0, false}, {"the result is nil", 0, false}, {"", 1, true}} {
		var b Batch
		var eof bool
		err := h.call(func(opts RunOptions) (err error) {
			eof, err = h.entry.ReadMessages(context.Background(), opts, &b)
			return err
		})
		if want.err == "" && err != nil || want.err != "" && (err == nil || !strings.Contains(err.Error(), want.err)) || len(b.Lines) != want.lines || eof != want.eof {
			t.Errorf("turn %d gives %v, %d lines, EOF %v, want %+v", turn+1, err, len(b.Lines), eof, want)
		}
	}
	for range 2 {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	}
	if err := h.open(); err == nil || !strings.Contains(err.Error(), "not now") {
		t.Errorf("the second open gave %v", err)
	}
}

func TestReader(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, []byte("one\ntwo\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := luaTest(t, `
		local folder = "`+folder+`"
		local function fails(want, f, ...)
			local ok, why = pcall(f, ...)
			assert(not ok and tostring(why):find(want:gsub("Q", "\96"), 1, true), want .. " is not in: " .. tostring(why))
		end

		-- a command
		local r = dp.reader.command{command = "echo 1; echo 2; echo 3; exit 3"}
		assert(r:pid() > 0)
		assert(r:read() == "1")
		assert(r:read(10) == "2" and r:read() == "3")
		local line, why = r:read()
		assert(line == nil and why == "eof" and r:eof())
		assert(#r:take() == 0 and r:reason() == "exit code 3", r:reason())
		r:close()
		r:close()
		assert(r:eof() and #r:take() == 0 and select(2, r:read()) == "eof")

		-- one that gives nothing for a while
		r = dp.reader.command{command = "echo 1; sleep 100"}
		assert(r:read() == "1")
		line, why = r:read(0.02)
		assert(line == nil and why == "timeout" and not r:eof() and r:reason() == nil)
		line, why = r:read(0)
		assert(line == nil and why == "timeout")
		assert(#r:take() == 0 and #r:take(5) == 0)
		r:close()

		-- a part of what is there
		r = dp.reader.command{command = "echo 1; echo 2; echo 3"}
		local all = {}
		while not r:eof() do
			local part = r:take(1)
			assert(#part <= 1)
			all[#all + 1] = part[1]
			dp.sleep(0.001)
		end
		assert(table.concat(all) == "123")
		r:close()

		-- closed while it has more
		r = dp.reader.command{command = "yes"}
		assert(r:read() == "y")
		r:close()
		assert(select(2, r:read()) == "eof")

		-- a file
		r = dp.reader.file{path = folder .. "/file"}
		assert(r:pid() == nil and r:read() == "one" and r:read() == "two" and select(2, r:read()) == "eof" and r:reason() == nil)
		r:close()
		r = dp.reader.file{path = folder .. "/file", follow = true, from_end = true}
		assert(select(2, r:read(0.01)) == "timeout")
		local f = assert(io.open(folder .. "/file", "a"))
		f:write("three\n")
		f:close()
		assert(r:read() == "three")
		r:close()
		fails("no such file", dp.reader.file, {path = folder .. "/missing"})
		fails("is a directory", dp.reader.file, {path = folder})

		-- sockets
		r = dp.reader.socket{address = "udp:127.0.0.1:0", listen = true}
		assert(#r:take() == 0 and select(2, r:read(0.01)) == "timeout")
		r:close()
		fails("refused", dp.reader.socket, {address = "tcp:127.0.0.1:1"})
		fails("with listen = true", dp.reader.socket, {address = "udp:127.0.0.1:0"})
		fails("streams (tcp, unix) are connected to", dp.reader.socket, {address = "tcp:127.0.0.1:0", listen = true})
		fails("no such file", dp.reader.socket, {address = "unix:" .. folder .. "/missing"})

		-- arguments
		fails("cannot start", dp.reader.command, {command = {"/no/such/command"}})
		fails("field QcommandQ is missing", dp.reader.command, {})
		fails("unknown field QcomandQ, did you mean QcommandQ?", dp.reader.command, {comand = "true"})
		fails("field QpathQ must be a string that is not empty", dp.reader.file, {path = ""})
		fails("field QfollowQ must be a boolean", dp.reader.file, {path = "/", follow = "yes"})
		fails("field QaddressQ must be tcp:HOST:PORT, unix:PATH, udp:HOST:PORT or unixgram:PATH", dp.reader.socket, {address = "web01:80"})
		fails("must be", dp.reader.socket, {address = "tcp:web01"})
		fails("QoptionsQ must be a table", dp.reader.command, "true")
		r = dp.reader.command{command = "true"}
		fails("QtimeoutQ must be a number of seconds, 0 or more, not the string \"x\"", r.read, r, "x")
		fails("must be", r.read, r, -1)
		fails("must be", r.take, r, 0)
		fails("must be", r.take, r, "all")
		fails("with a colon", r.take, {})
		fails("", r.take)
		fails("", r.take, dp.null)
		fails("", function() r.missing() end)
		fails("", function() r.closed = true end)
		fails("", function() return r ^ {} end)
		fails("", function() return -r end)
		assert(r == r and tostring(r))
		r:close()`)
	if len(s.vm.readers) != 0 {
		t.Errorf("%d readers are left", len(s.vm.readers))
	}
}

// Readers that a script forgets end with the VM; there is a limit to them.
func TestReadersThatAreForgotten(t *testing.T) {
	s := loadScript(t, checkOf(`
		local list = {}
		for i = 1, 1000 do list[i] = dp.reader.file{path = "/dev/null"} end
		local ok, why = pcall(dp.reader.file, {path = "/dev/null"})
		assert(not ok and why:find("the script has 1000 readers open", 1, true), why)
		list[1]:close()
		list[1] = dp.reader.command{command = "sleep 100"}
		return {}`))
	s.mustRun(1)
	ctx, cancel := context.WithTimeout(context.Background(), longTime)
	defer cancel()
	if err := s.vm.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// A reader that was opened for a run which then could not take the VM back is not left open.
func TestAReaderOfARunThatWasAbandonedIsClosed(t *testing.T) {
	s := loadScript(t, `return {require "dumbprobe".Function{interval = 1, call = function() BLOCK() return {} end}}`)
	hold := s.blocker()
	closed := make(chan struct{})
	opening := s.goDo(RunOptions{Timeout: shortTime}, func(opts RunOptions, _ *Batch) error {
		return s.vm.Do(context.Background(), opts, func(r *Run) error {
			r.openReader(r.thread, slowSource(func() reader.Reader {
				s.start(1, RunOptions{Timeout: longTime})
				<-hold.held
				return closingReader{closed: closed}
			}), nil)
			return nil
		})
	})
	if o := s.wait(opening); !isDeadline(o.err) {
		t.Errorf("the run ended with %v", o.err)
	}
	select {
	case <-closed:
	case <-time.After(longTime):
		t.Error("the reader is not closed")
	}
	close(hold.release)
	if len(s.vm.readers) != 0 {
		t.Errorf("%d readers are left", len(s.vm.readers))
	}
}

// slowSource opens a reader in its own time.
type slowSource func() reader.Reader

func (f slowSource) open(context.Context, Commands, *ownedReader) (reader.Reader, error) {
	return f(), nil
}

type closingReader struct {
	reader.Reader
	closed chan struct{}
}

func (r closingReader) Close() error {
	close(r.closed)
	return nil
}
