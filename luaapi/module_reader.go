package luaapi

import (
	"net"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/command"
	"dumbprobe/internal/reader"
)

func readerModule() Module {
	fields := func(own ...Field) []Field { return append(own, recordFields...) }
	maker := func(f Function, sourceOf func(t *lua.LTable) readerSource) Function {
		f.Waits = true
		f.Results = []Result{{Type: classType("Reader")}}
		f.call = func(vm *VM, L *lua.LState) int {
			if len(vm.readers) >= maxReaders {
				L.RaiseError("the script has %d readers open; close them when they are done with", len(vm.readers))
			}
			return vm.pushReader(L, runOf(L).openReader(L, sourceOf(L.CheckTable(1)), vm.readerLog("", vm.lines)))
		}
		return f
	}
	return Module{
		Name: moduleName + ".reader",
		Doc:  "Readers for handles of your own: sources that are read in Go, record by record. They end with the script, or when they are closed.",
		Functions: []Function{
			maker(Function{
				Name: "command", Doc: "Starts a command and reads the lines that it prints.",
				Params:  []Param{{Name: "options", Type: typeTable, Fields: append(append([]Field(nil), streamedCommandFields...), recordFields...)}},
				Errors:  "when the command cannot be started",
				Example: "local dp = require \"dumbprobe\"\nlocal lines = dp.reader.command{command = \"echo one; echo two\"}\nassert(lines:read() == \"one\" and lines:read() == \"two\")\nlines:close()",
			}, func(t *lua.LTable) readerSource {
				spec := command.Spec{Argv: argv(t.RawGetString("command"))}
				options(&spec, t.RawGetString)
				return commandSource{spec, recordLimits(t.RawGetString)}
			}),
			maker(Function{
				Name: "file", Doc: "Reads the lines of a file; with `follow` also those that are written to it later.",
				Params: []Param{{Name: "options", Type: typeTable, Fields: fields(
					Field{Name: "path", Type: typeText, Required: true, Doc: "the file"},
					Field{Name: "follow", Type: typeBoolean, Default: "false", Doc: "go on at the end, through rotation and truncation; the file has to be there when it is opened"},
					Field{Name: "from_end", Type: typeBoolean, Default: "false", Doc: "leave out what is there already"})}},
				Errors:  "when the file cannot be opened",
				Example: "local dp = require \"dumbprobe\"\nlocal lines = dp.reader.file{path = \"/etc/hostname\"}\nassert(lines:read())\nlines:close()",
			}, func(t *lua.LTable) readerSource {
				return fileSource{
					Spec:   reader.FileSpec{Path: textOf(t.RawGetString("path")), Follow: boolOf(t.RawGetString("follow")), FromEnd: boolOf(t.RawGetString("from_end"))},
					Limits: recordLimits(t.RawGetString),
				}
			}),
			maker(Function{
				Name: "socket", Doc: "Connects to a stream socket and reads its lines, or listens on a datagram socket, where each datagram is a record.",
				Params: []Param{{Name: "options", Type: typeTable, Fields: fields(
					Field{Name: "address", Type: typeSocketAddress, Required: true, Doc: "`tcp:HOST:PORT` or `unix:PATH`; with `listen`: `udp:HOST:PORT` or `unixgram:PATH`"},
					Field{Name: "listen", Type: typeBoolean, Default: "false", Doc: "listen for datagrams instead of connecting"})}},
				Errors:  "when the address cannot be connected to, or listened on",
				Example: "local dp = require \"dumbprobe\"\nlocal datagrams = dp.reader.socket{address = \"udp:127.0.0.1:0\", listen = true}\nassert(#datagrams:take() == 0)\ndatagrams:close()",
			}, func(t *lua.LTable) readerSource {
				network, address, _ := strings.Cut(textOf(t.RawGetString("address")), ":")
				return socketSource{
					Spec:   reader.SocketSpec{Network: network, Address: address, Listen: boolOf(t.RawGetString("listen"))},
					Limits: recordLimits(t.RawGetString),
				}
			}),
		},
		Classes: []Class{readerClass()},
	}
}

// maxReaders bounds what a script that forgets to close its readers can use up.
const maxReaders = 1000

var typeSocketAddress = Type{Lua: "string", want: "tcp:HOST:PORT, unix:PATH, udp:HOST:PORT or unixgram:PATH", ok: func(v lua.LValue) bool {
	s, ok := v.(lua.LString)
	network, address, found := strings.Cut(string(s), ":")
	if !ok || !found || address == "" {
		return false
	}
	switch network {
	case "unix", "unixgram":
		return true
	case "tcp", "udp":
		_, port, err := net.SplitHostPort(address)
		return err == nil && port != ""
	}
	return false
}}
