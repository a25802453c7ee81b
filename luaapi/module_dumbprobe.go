package luaapi

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"
	"golang.org/x/sys/unix"

	"dumbprobe/internal/command"
)

func dumbprobeModule() Module {
	return Module{
		Name: moduleName,
		Doc:  "Checks, handles, messages, and what they need. `local dp = require \"dumbprobe\"`.",
		Functions: []Function{
			{
				Name: "hostname", Doc: "The name of this host.",
				Results: []Result{{Type: typeString}},
				Example: "local dp = require \"dumbprobe\"\nassert(dp.hostname() ~= \"\")",
				call: func(vm *VM, L *lua.LState) int {
					L.Push(lua.LString(vm.hostname()))
					return 1
				},
			},
			{
				Name: "time", Doc: "The time, with fractions.",
				Results: []Result{{Type: typeNumber, Doc: "unix time in seconds"}},
				Example: "local dp = require \"dumbprobe\"\nlocal start = dp.time()\ndp.sleep(0.01)\nassert(dp.time() > start)",
				call: func(vm *VM, L *lua.LState) int {
					L.Push(lua.LNumber(now()))
					return 1
				},
			},
			{
				Name: "sleep", Doc: "Lets time pass.", Waits: true,
				Params:  []Param{{Name: "seconds", Type: typeWait, Unit: "seconds", Doc: "how long"}},
				Errors:  "when the check's deadline passes",
				Example: "local dp = require \"dumbprobe\"\ndp.sleep(0.01)",
				call:    sleep,
			},
			{
				Name: "array", Doc: "Marks a table as a list, so that it is written as one even when it is empty.",
				Params:  []Param{{Name: "list", Type: typeTable, Optional: true, Default: "{}"}},
				Results: []Result{{Type: typeTable, Doc: "the same table"}},
				Example: "local dp = require \"dumbprobe\"\nassert(dp.json.encode{tags = dp.array{}} == '{\"tags\":[]}')",
				call: func(vm *VM, L *lua.LState) int {
					t, ok := L.Get(1).(*lua.LTable)
					if !ok {
						t = L.CreateTable(0, 0)
					}
					t.Metatable = vm.shared.arrayMeta
					L.Push(t)
					return 1
				},
			},
			commandFunction(),
			statvfsFunction(),
		},
		Classes: []Class{
			baseCheckClass(),
			functionClass(),
			shellCommandClass(),
			nagiosClass(),
			baseHandleClass(),
			shellStreamClass(),
			messageClass(),
			valueClass(),
			stateClassDef(),
		},
		Records: records(),
		Aliases: []Alias{
			{Name: "Messages", Type: typeMessages.named("dumbprobe.Message|table|(dumbprobe.Message|table)[]"), Doc: "What a run gives: a Message, a table with keys that can be written as a JSON object, or a list of them; `{}` if there is nothing to send."},
			{Name: "Checks", Type: typeChecks.named("(dumbprobe.Check|dumbprobe.Handle)[]|dumbprobe.Object"), Doc: "What a script gives the daemon: a list of checks and handles, or an object that schedules itself."},
		},
		Sets: []Field{{Name: "CHECKS", Type: typeChecks, Doc: "the script's checks and handles, where the script does not return them"}},
		Constants: []Constant{
			{Name: "null", Type: typeOptional.named("dumbprobe.null"), Doc: "JSON's null, which a Lua table cannot hold as nil; as a value: could not be measured.",
				Example: "local dp = require \"dumbprobe\"\nassert(dp.json.encode{free = dp.null} == '{\"free\":null}')",
				value:   func(vm *VM) lua.LValue { return vm.shared.null }},
			{Name: "EOF", Type: typeOptional.named("dumbprobe.EOF"), Doc: "What read_messages returns, or raises, at the end of the data.",
				Example: "local dp = require \"dumbprobe\"\nlocal handle = {open = function() end, close = function() end}\nfunction handle:read_messages()\n  return {}, dp.EOF\nend\nCHECKS = {handle}",
				value:   func(vm *VM) lua.LValue { return vm.shared.eof }},
			{Name: "state", Type: objectType[stateObject](stateClass), Doc: "The store of the check, handle or object that runs now: what it keeps from one run to the next, over a reload, and with `--state` over a restart.",
				Example: "local dp = require \"dumbprobe\"\nCHECKS = {dp.Function{interval = 60, name = \"turns\", call = function()\n  return dp.Message{aspect = \"turns\", value = dp.state:incr(\"turns\")}\nend}}",
				value:   func(vm *VM) lua.LValue { return vm.newState() }},
			{Name: "version", Type: typeString, Doc: "The version of the daemon.",
				Example: "local dp = require \"dumbprobe\"\nprint(\"dumbprobe \" .. dp.version)",
				value:   func(vm *VM) lua.LValue { return lua.LString(vm.version) }},
		},
	}
}

func sleep(vm *VM, L *lua.LState) int {
	d := seconds(numberOf(L.Get(1)))
	r := runOf(L)
	r.waitOrRaise(L, func(ctx context.Context) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-r.opts.Idle:
			return errStopping
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	return 0
}

func commandFunction() Function {
	return Function{
		Name: "command", Doc: "Runs a command to its end.", Waits: true,
		Params: []Param{
			{Name: "command", Type: typeCommand, Doc: "a string runs through `/bin/sh -c`, a list directly"},
			{Name: "options", Type: typeTable, Optional: true, Fields: append(append([]Field(nil), commandFields[1:]...),
				Field{Name: "timeout", Type: typeLimit, Unit: "seconds", Default: "the check's deadline", Doc: "how long it may take"})},
		},
		Results: []Result{{Type: classType("CommandResult"), Doc: "what it printed, and how it ended"}},
		Errors:  "when the command cannot be started, and when its timeout or the check's deadline passes: then it is killed with all its descendants",
		Example: "local dp = require \"dumbprobe\"\nlocal result = dp.command({\"sh\", \"-c\", \"echo out; exit 3\"})\nassert(result.stdout == \"out\\n\" and result.code == 3)",
		call: func(vm *VM, L *lua.LState) int {
			spec := command.Spec{Argv: argv(L.Get(1))}
			timeout := time.Duration(0)
			if t, ok := L.Get(2).(*lua.LTable); ok {
				options(&spec, t.RawGetString)
				timeout = seconds(numberOf(t.RawGetString("timeout")))
			}
			result := runOf(L).command(L, spec, timeout)
			L.Push(commandResult(L, &result))
			return 1
		},
	}
}

func statvfsFunction() Function {
	return Function{
		Name: "statvfs", Doc: "The size of the file system that a path is on.", Waits: true,
		Params:  []Param{{Name: "path", Type: typeText, Doc: "any path on it"}},
		Results: []Result{{Type: classType("FileSystem"), Optional: true, Doc: "its sizes; nil if they cannot be told"}, {Type: typeString, Optional: true, Doc: "why it cannot be told"}},
		Example: "local dp = require \"dumbprobe\"\nlocal fs = assert(dp.statvfs(\"/\"))\nassert(fs.free <= fs.total)",
		call: func(vm *VM, L *lua.LState) int {
			path := L.CheckString(1)
			type answer struct {
				stat unix.Statfs_t
				err  error
			}
			var a answer
			runOf(L).waitOrRaise(L, func(ctx context.Context) error {
				// A network file system that is away blocks the call for as long as it likes: then the
				// goroutine stays until it answers, and the check does not.
				done := make(chan answer, 1)
				go func() {
					var got answer
					got.err = unix.Statfs(path, &got.stat)
					done <- got
				}()
				select {
				case a = <-done:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			})
			if a.err != nil {
				L.Push(lua.LNil)
				L.Push(lua.LString(path + ": " + a.err.Error()))
				return 2
			}
			size := float64(a.stat.Frsize)
			t := L.CreateTable(0, 7)
			for name, v := range map[string]float64{
				"total": float64(a.stat.Blocks) * size, "free": float64(a.stat.Bfree) * size, "available": float64(a.stat.Bavail) * size,
				"files": float64(a.stat.Files), "files_free": float64(a.stat.Ffree), "block_size": size,
			} {
				t.RawSetString(name, lua.LNumber(v))
			}
			t.RawSetString("read_only", lua.LBool(a.stat.Flags&unix.ST_RDONLY != 0))
			L.Push(t)
			return 1
		},
	}
}
