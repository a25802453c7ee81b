package luaapi

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestFiles(t *testing.T) {
	for name, body := range map[string]string{
		"lines, numbers, all, and bytes are read": `
			write("one\ntwo\r\n\n 12.5 0x10 -3e2,x\nrest\nof it")
			local f = assert(io.open(path))
			assert(f:read() == "one")
			assert(f:read("*l") == "two\r")
			assert(f:read("*L") == "\n")
			assert(f:read("*n") == 12.5)
			assert(f:read("*n") == 16)
			assert(f:read("*n") == -300)
			assert(f:read(1) == "," and f:read(3) == "x\nr")
			assert(f:read(0) == "")
			assert(f:read("*a") == "est\nof it")
			assert(f:read("*a") == "" and f:read("*l") == nil and f:read(1) == nil and f:read(0) == nil and f:read("*n") == nil)
			assert(f:close() == true)`,
		"several formats are read at once": `
			write("1 2\nx\n")
			local f = io.open(path)
			local a, b, c = f:read("*n", "*n", "*l")
			assert(a == 1 and b == 2 and c == "")
			local x, none, more = f:read("*l", "*l", "*l")
			assert(x == "x" and none == nil and more == nil)
			assert(select("#", f:read("*l", "*l")) == 1)
			f:close()`,
		"a word that is no number is nil": `
			write("abc")
			local f = io.open(path)
			assert(f:read("*n") == nil)
			f:close()`,
		"a file that is not for reading, or for writing, gives nil and why": `
			local f = io.open(path, "w")
			for _, formats in ipairs{{}, {"*l"}, {"*a"}, {"*n"}, {5}, {"*l", "*l"}} do
				local got, why = f:read(unpack(formats))
				assert(got == nil and why:find("was not opened for reading", 1, true), tostring(got) .. " " .. tostring(why))
			end
			f:close()
			f = io.open(path)
			local got, why = f:write("x")
			assert(got == nil and why:find("was not opened for writing", 1, true), why)
			f:close()`,
		"lines are iterated over, and the file is closed at the end": `
			write("a\nb\n\nc")
			local got = {}
			for line in io.lines(path) do got[#got + 1] = line end
			assert(table.concat(got, "|") == "a|b||c")
			local f = io.open(path)
			got = {}
			for line in f:lines() do got[#got + 1] = line end
			assert(#got == 4 and io.type(f) == "file")
			f:close()
			local next = io.lines(path)
			for i = 1, 4 do next() end
			assert(next() == nil)
			assert(not pcall(next))`,
		"what is written is there": `
			local f = io.open(path, "w")
			assert(f:write("a", 1, 2.5) == f)
			assert(f:flush() and f:setvbuf("no"))
			f:close()
			assert(read() == "a12.5")
			f = io.open(path, "a")
			f:write("more")
			f:close()
			assert(read() == "a12.5more")
			f = io.open(path, "r+")
			assert(f:read(1) == "a")
			f:write("X")
			assert(f:seek("set") == 0 and f:read("*a") == "aX2.5more", "not written where the script was")
			assert(f:seek("end", -2) == 7 and f:read("*a") == "re")
			assert(f:seek() == 9 and f:seek("cur", -1) == 8)
			f:close()
			f = io.open(path, "w+")
			f:write("new")
			f:seek("set", 1)
			assert(f:read("*a") == "ew")
			f:close()
			assert(not pcall(f.write, f, {}))`,
		"what is closed cannot be used": `
			write("x")
			local f = io.open(path)
			assert(io.type(f) == "file" and tostring(f) == "file (" .. path .. ")")
			f:close()
			assert(io.type(f) == "closed file" and tostring(f) == "file (closed)" and io.type(5) == nil and io.type(dp.null) == nil)
			for _, method in ipairs{"read", "write", "lines", "seek", "flush", "close"} do
				local ok, why = pcall(f[method], f)
				assert(not ok and why:find("the file is closed", 1, true), method .. ": " .. tostring(why))
			end`,
		"input and output are redirected": `
			write("in put\n")
			local old_in, old_out = io.input(), io.output()
			io.input(path)
			assert(io.read(2) == "in" and io.read() == " put")
			for line in io.lines() do error("no line") end
			io.input():close()
			io.input(old_in)
			io.output(path)
			io.write("out")
			io.close()
			io.output(old_out)
			assert(read() == "out" and io.output() == io.stdout and io.input() == io.stdin)
			local f = io.open(path)
			assert(io.input(f) == f and io.read("*a") == "out")
			f:close()
			io.input(io.stdin)
			assert(not pcall(io.input, path .. ".missing"))
			assert(not pcall(io.output, folder))
			assert(not pcall(io.input, dp.null))`,
		"what cannot be opened gives nil and why": `
			local f, why = io.open(path .. ".missing")
			assert(f == nil and why == path .. ".missing: no such file or directory", why)
			f, why = io.open(folder)
			assert(f == nil and why == folder .. ": is a directory", why)
			assert(not pcall(io.lines, path .. ".missing"))
			assert(not pcall(io.open))
			for _, mode in ipairs{"", "x", "rw", "r++"} do
				local ok, why = pcall(io.open, path, mode)
				assert(not ok and why:find("the mode is r, w, a, r+, w+ or a+", 1, true), why)
			end
			assert(io.open(path, "wb"):close() and io.open(path, "rb"):close() and io.open(path, "r+b"):close())`,
		"wrong formats are errors": `
			write("x")
			local f = io.open(path)
			for _, format in ipairs{"", "*", "*x", "x", -1, 1e9, true, {}} do
				assert(not pcall(f.read, f, format), tostring(format))
			end
			assert(not pcall(f.seek, f, "middle") and not pcall(f.read, 5) and not pcall(f.read))
			f:close()`,
		"a temporary file": `
			local f = io.tmpfile()
			f:write("x")
			f:seek("set")
			assert(f:read() == "x")
			f:close()
			local name = os.tmpname()
			assert(io.open(name) == nil or os.remove(name))`,
		"io.popen reads and writes": `
			local f = io.popen("echo one; echo two; exit 3")
			assert(f:read() == "one" and f:read("*a") == "two\n" and f:read() == nil)
			assert(f:close() == 3)
			assert(io.popen("yes"):close() ~= 0)
			f = io.popen("cat > " .. path, "w")
			assert(f:write("x", 5) == f)
			assert(f:read() == nil)
			assert(f:close() == 0 and read() == "x5")
			f = io.popen("cat; exit 4", "w")
			f:write("to the log\n")
			assert(f:close() == 4)
			f = io.popen("kill -9 $$")
			assert(f:close() == -9)
			local got = {}
			for line in io.popen("echo a; echo b"):lines() do got[#got + 1] = line end
			assert(table.concat(got) == "ab")
			assert(not pcall(io.popen, "true", "x") and not pcall(io.popen))
			local ok, why = io.popen("true", "w"):write(("x"):rep(16 * 2^20)):write("y")
			assert(ok == nil and why:find("more than 16777216 bytes", 1, true), why)`,
		"os.execute gives the exit code": `
			assert(os.execute("exit 3") == 3 and os.execute("true") == 0 and os.execute("kill -9 $$") == -9 and os.execute() == 1)`,
		"os is there": `
			assert(os.time() > 1e9 and os.time{year = 2020, month = 1, day = 1, hour = 12} > 1.5e9 and os.clock() > 0)
			assert(os.date("!%Y-%m-%d", 0) == "1970-01-01" and os.date("*t").year > 2000)
			assert(os.getenv("PATH") and os.getenv("NO_SUCH_VARIABLE") == nil)
			write("x")
			assert(os.rename(path, path .. "2") and io.open(path) == nil and os.remove(path .. "2"))
			local ok, why = os.remove(path)
			assert(ok == nil and why)
			assert(os.difftime(5, 3) == 2)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			luaTest(t, `
				local folder = "`+folder+`"
				local path = folder .. "/file"
				local function write(text) local f = assert(io.open(path, "w")) f:write(text) f:close() end
				local function read() local f = assert(io.open(path)) local text = f:read("*a") f:close() return text end
				`+body)
		})
	}
}

// A file that can block is read by one run at a time: its buffer is used without the VM.
func TestAFileThatBlocksIsReadByOneRunAtATime(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local f = assert(io.open("`+fifo+`"))
		return {
			dp.Function{interval = 1, call = function() STARTED() local line, why = f:read() return {line = tostring(line), why = why} end},
			dp.Function{interval = 1, call = function() return {closed = f:close()} end},
		}`)
	started := s.signal("STARTED")
	first := s.start(1, RunOptions{Timeout: longTime})
	<-started
	second := s.run(1)
	<-started
	if second.err == nil || !strings.Contains(second.err.Error(), "another run") {
		t.Errorf("the second reader got %v, %v", second.lines(), second.err)
	}
	if _, err := writer.WriteString("line\n"); err != nil {
		t.Fatal(err)
	}
	if o := s.wait(first); o.err != nil || len(o.lines()) != 1 || o.lines()[0] != `{"line":"line"}` {
		t.Errorf("the first reader got %v, %v", o.lines(), o.err)
	}
	// A close ends a read that waits.
	first = s.start(1, RunOptions{Timeout: longTime})
	<-started
	s.mustRun(2)
	if o := s.wait(first); o.err != nil || !strings.HasPrefix(o.lines()[0], `{"line":"nil","why":"`) {
		t.Errorf("the reader of a file that was closed got %v, %v", o.lines(), o.err)
	}
}

// A process of io.popen ends with the run that started it.
func TestAProcessOfPopenEndsWithItsRun(t *testing.T) {
	s := loadScript(t, `
		local dp = require "dumbprobe"
		local f
		return {
			dp.Function{interval = 1, call = function()
				f = io.popen("echo $$; exec sleep 1000")
				return {pid = tonumber(f:read())}
			end},
			dp.Function{interval = 1, call = function()
				local text, why = f:read("*a")
				return {text = tostring(text)}
			end},
		}`)
	line := s.mustRun(1).lines()[0]
	pid := strings.TrimSuffix(strings.TrimPrefix(line, `{"pid":`), "}")
	if _, err := os.Stat("/proc/" + pid); err == nil {
		if cmdline, _ := os.ReadFile("/proc/" + pid + "/cmdline"); strings.HasPrefix(string(cmdline), "sleep") {
			t.Errorf("process %s lives on", pid)
		}
	}
	s.run(2) // no more than an error
}
