package luaapi

import (
	"bytes"
	"context"
	"runtime/metrics"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap/zapcore"

	"dumbprobe/internal/command"
)

func osLibrary() Module {
	return Module{Name: "os", Global: "os", Standard: true, Doc: "Time, environment, files, commands.", Functions: []Function{
		{Name: "clock", Signature: "", Doc: "Seconds since the daemon started, with fractions."},
		{Name: "date", Signature: "[format [, time]]", Doc: "Formats a time."},
		{Name: "difftime", Signature: "t2, t1", Doc: "Seconds between two times."},
		{Name: "execute", Signature: "[command]", Doc: "Runs a shell command; its exit code, or minus the signal's number. Other checks go on; what it prints is logged.", Waits: true, call: osExecute,
			Example: "assert(os.execute(\"exit 3\") == 3)"},
		{Name: "exit", Signature: "", Doc: "Raises an error: a script cannot end the daemon.", call: osExit,
			Example: "assert(not pcall(os.exit))"},
		{Name: "getenv", Signature: "name", Doc: "An environment variable of the daemon."},
		{Name: "remove", Signature: "path", Doc: "Removes a file."},
		{Name: "rename", Signature: "from, to", Doc: "Renames a file."},
		{Name: "time", Signature: "[t]", Doc: "Unix time in whole seconds (dumbprobe.time has fractions)."},
		{Name: "tmpname", Signature: "", Doc: "The path of a new file for temporary use."},
	}}
}

func osExit(vm *VM, L *lua.LState) int {
	L.RaiseError("os.exit: a script cannot end the daemon; use error to end the check")
	return 0
}

func osExecute(vm *VM, L *lua.LState) int {
	if L.GetTop() == 0 || L.Get(1) == lua.LNil {
		L.Push(lua.LNumber(1)) // there is a shell
		return 1
	}
	spec := command.Spec{Argv: command.Shell(L.CheckString(1))}
	r := runOf(L)
	var result command.Result
	r.waitOrRaise(L, func(ctx context.Context) (err error) {
		result, err = vm.commands.Run(ctx, spec)
		return err
	})
	r.logOutput(result.Stdout, zapcore.InfoLevel)
	r.logOutput(result.Stderr, zapcore.WarnLevel)
	L.Push(lua.LNumber(result.Code))
	return 1
}

// maxLoggedLines bounds what is logged of one command's output.
const maxLoggedLines = 100

func (r *Run) logOutput(output []byte, level zapcore.Level) {
	n := 0
	for line := range bytes.Lines(output) {
		if n++; n > maxLoggedLines {
			r.writeLine("(more output of the command is left out)", level)
			return
		}
		r.writeLine(string(bytes.TrimRight(line, "\r\n")), level)
	}
}

// heapBytes is the memory of live objects of the whole process.
func heapBytes() float64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64())
}
