package luaapi

import (
	"context"
	"fmt"
	"net"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/command"
	"dumbprobe/internal/reader"
)

func readerModule() Module {
	fields := func(own ...Field) []Field { return append(own, recordFields...) }
	maker := func(f Function, open func(vm *VM, t *lua.LTable) func(ctx context.Context) (reader.Reader, error)) Function {
		f.Waits = true
		f.Results = []Result{{Type: classType("Reader")}}
		f.call = func(vm *VM, L *lua.LState) int {
			if len(vm.readers) >= maxReaders {
				L.RaiseError("the script has %d readers open; close them when they are done with", len(vm.readers))
			}
			start := open(vm, L.CheckTable(1))
			return vm.pushReader(L, runOf(L).openReader(L, start))
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
			}, func(vm *VM, t *lua.LTable) func(ctx context.Context) (reader.Reader, error) {
				spec := command.Spec{Argv: argv(t.RawGetString("command"))}
				options(&spec, t.RawGetString)
				limits := recordLimits(t.RawGetString)
				return func(ctx context.Context) (reader.Reader, error) {
					return reader.OpenCommand(ctx, vm.commands, spec, limits(vm.logStderr("")))
				}
			}),
			maker(Function{
				Name: "file", Doc: "Reads the lines of a file; with `follow` also those that are written to it later.",
				Params: []Param{{Name: "options", Type: typeTable, Fields: fields(
					Field{Name: "path", Type: typeText, Required: true, Doc: "the file"},
					Field{Name: "follow", Type: typeBoolean, Default: "false", Doc: "go on at the end, through rotation and truncation; the file has to be there when it is opened"},
					Field{Name: "from_end", Type: typeBoolean, Default: "false", Doc: "leave out what is there already"})}},
				Errors:  "when the file cannot be opened",
				Example: "local dp = require \"dumbprobe\"\nlocal lines = dp.reader.file{path = \"/etc/hostname\"}\nassert(lines:read())\nlines:close()",
			}, func(vm *VM, t *lua.LTable) func(ctx context.Context) (reader.Reader, error) {
				limits := recordLimits(t.RawGetString)
				spec := reader.FileSpec{Path: textOf(t.RawGetString("path")), Follow: boolOf(t.RawGetString("follow")), FromEnd: boolOf(t.RawGetString("from_end"))}
				return func(ctx context.Context) (reader.Reader, error) {
					return reader.OpenFile(ctx, spec, limits(nil))
				}
			}),
			maker(Function{
				Name: "socket", Doc: "Connects to a stream socket and reads its lines, or listens on a datagram socket, where each datagram is a record.",
				Params: []Param{{Name: "options", Type: typeTable, Fields: fields(
					Field{Name: "address", Type: typeSocketAddress, Required: true, Doc: "`tcp:HOST:PORT` or `unix:PATH`; with `listen`: `udp:HOST:PORT` or `unixgram:PATH`"},
					Field{Name: "listen", Type: typeBoolean, Default: "false", Doc: "listen for datagrams instead of connecting"})}},
				Errors:  "when the address cannot be connected to, or listened on",
				Example: "local dp = require \"dumbprobe\"\nlocal datagrams = dp.reader.socket{address = \"udp:127.0.0.1:0\", listen = true}\nassert(#datagrams:take() == 0)\ndatagrams:close()",
			}, func(vm *VM, t *lua.LTable) func(ctx context.Context) (reader.Reader, error) {
				network, address, _ := strings.Cut(textOf(t.RawGetString("address")), ":")
				listen := boolOf(t.RawGetString("listen"))
				limits := recordLimits(t.RawGetString)
				return func(ctx context.Context) (reader.Reader, error) {
					if datagram := network == "udp" || network == "unixgram"; datagram != listen {
						return nil, fmt.Errorf("%s:%s: streams (tcp, unix) are connected to, datagrams (udp, unixgram) are listened for, with listen = true", network, address)
					}
					return reader.OpenSocket(ctx, reader.SocketSpec{Network: network, Address: address, Listen: listen}, limits(nil))
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
