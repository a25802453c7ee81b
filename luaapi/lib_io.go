package luaapi

import (
	"os"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap/zapcore"
)

// The io library is our own: gopher-lua's writes to the daemon's stdout, and its reads of a pipe, a device or
// a process block the VM for as long as they like.

func ioLibrary() Module {
	return Module{Name: "io", Global: "io", Standard: true, Doc: "Files and processes. What is written to io.stdout and io.stderr goes to the log.", Functions: []Function{
		{Name: "close", Signature: "[file]", Doc: "Closes a file.", Waits: true, call: ioClose},
		{Name: "flush", Signature: "", Doc: "Does nothing: io.write logs whole lines.", call: func(vm *VM, L *lua.LState) int { return pushTrue(L) }},
		{Name: "input", Signature: "[file]", Doc: "The file that io.read reads, empty at first.", call: ioInput},
		{Name: "lines", Signature: "[path]", Doc: "Iterates over the lines of a file.", call: ioLines},
		{Name: "open", Signature: "path [, mode]", Doc: "Opens a file; nil and the reason if it cannot. Reading a pipe or a device releases the VM.", call: ioOpen},
		{Name: "output", Signature: "[file]", Doc: "The file that io.write writes, the log at first.", call: ioOutput},
		{Name: "popen", Signature: "command [, mode]", Doc: "Runs a shell command to read what it prints (`r`), or to write what it reads (`w`: it starts when the file is closed). It ends with the run. `close` gives its exit code.", Waits: true, call: ioPopen,
			Example: "local out = io.popen(\"echo hello; exit 2\")\nassert(out:read(\"*l\") == \"hello\")\nassert(out:close() == 2)"},
		{Name: "read", Signature: "...", Doc: "Reads from the file of io.input.", call: ioRead},
		{Name: "tmpfile", Signature: "", Doc: "A file for temporary use, removed at once.", call: ioTmpfile},
		{Name: "type", Signature: "v", Doc: "`file`, `closed file`, or nil.", call: ioType},
		{Name: "write", Signature: "...", Doc: "Writes to the log, line by line, or to the file of io.output.", call: ioWrite,
			Example: "io.write(\"one line\", \" in the log\\n\")"},
	}, Classes: []Class{{
		Name: "file", Doc: "What io.open, io.popen and io.tmpfile give.", Methods: []Function{
			{Name: "close", Signature: "", Doc: "Closes the file; of io.popen: waits for the command, and gives its exit code.", Waits: true},
			{Name: "flush", Signature: "", Doc: "Does nothing: what is written is written at once."},
			{Name: "lines", Signature: "", Doc: "Iterates over the lines."},
			{Name: "read", Signature: "[format ...]", Doc: "Reads a line (`*l`), a number (`*n`), the rest (`*a`) or so many bytes; nil at the end. A pipe or a device is waited for.", Waits: true},
			{Name: "seek", Signature: "[whence [, offset]]", Doc: "Moves in the file, from the start (`set`), where it is (`cur`) or the end (`end`); the new position."},
			{Name: "setvbuf", Signature: "mode [, size]", Doc: "Does nothing."},
			{Name: "write", Signature: "...", Doc: "Writes strings and numbers; the file."},
		},
	}}, Constants: []Constant{
		{Name: "stdin", Type: typeOptional.named("file*"), Doc: "A file that is empty.", value: func(vm *VM) lua.LValue { return vm.standardFile("stdin") }},
		{Name: "stdout", Type: typeOptional.named("file*"), Doc: "The log, at the level info.", value: func(vm *VM) lua.LValue { return vm.standardFile("stdout") }},
		{Name: "stderr", Type: typeOptional.named("file*"), Doc: "The log, at the level warn.", value: func(vm *VM) lua.LValue { return vm.standardFile("stderr") }},
	}}
}

func pushTrue(L *lua.LState) int {
	L.Push(lua.LTrue)
	return 1
}

func (vm *VM) standardFile(name string) lua.LValue {
	if f := vm.shared.files[name]; f != nil {
		return f
	}
	f := &fileObject{name: name, log: name != "stdin", level: zapcore.InfoLevel, standard: true}
	if name == "stderr" {
		f.level = zapcore.WarnLevel
	}
	if vm.shared.files == nil {
		vm.shared.files = map[string]*lua.LUserData{}
	}
	ud := vm.newFile(f)
	vm.shared.files[name] = ud
	return ud
}

// defaultFile is the file of io.input or io.output.
func (vm *VM) defaultFile(which string) *lua.LUserData {
	if f := vm.shared.files[which]; f != nil {
		return f
	}
	if which == "input" {
		return vm.standardFile("stdin").(*lua.LUserData)
	}
	return vm.standardFile("stdout").(*lua.LUserData)
}

// pathError is what io functions return for a failure: nil and the reason.
func pathError(L *lua.LState, err error) int { return failed(L, err.Error()) }

var openFlags = map[string]int{
	"r": os.O_RDONLY, "r+": os.O_RDWR,
	"w": os.O_WRONLY | os.O_CREATE | os.O_TRUNC, "w+": os.O_RDWR | os.O_CREATE | os.O_TRUNC,
	"a": os.O_WRONLY | os.O_CREATE | os.O_APPEND, "a+": os.O_RDWR | os.O_CREATE | os.O_APPEND,
}

func ioOpen(vm *VM, L *lua.LState) int {
	path, mode := L.CheckString(1), L.OptString(2, "r")
	if n := len(mode); n > 1 && mode[n-1] == 'b' {
		mode = mode[:n-1]
	}
	flags, ok := openFlags[mode]
	if !ok {
		L.RaiseError("bad argument #2 to io.open (the mode is r, w, a, r+, w+ or a+, not %q)", mode)
	}
	f, err := vm.openFile(path, flags)
	if err != nil {
		return pathError(L, err)
	}
	L.Push(f)
	return 1
}

func ioLines(vm *VM, L *lua.LState) int {
	if L.GetTop() == 0 || L.Get(1) == lua.LNil {
		return vm.pushLines(L, vm.defaultFile("input").Value.(*fileObject), false)
	}
	f, err := vm.openFile(L.CheckString(1), os.O_RDONLY)
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	return vm.pushLines(L, f.Value.(*fileObject), true)
}

// pushLines pushes an iterator over the lines of a file.
func (vm *VM) pushLines(L *lua.LState, f *fileObject, closeAtEnd bool) int {
	L.Push(L.NewFunction(func(L *lua.LState) int {
		if f.closed {
			L.RaiseError("the file is closed")
		}
		n := f.read(vm, L, "*l")
		if n > 1 {
			L.RaiseError("%s", L.Get(-1).String()) // a loop would take it for the end
		}
		if closeAtEnd && L.Get(-1) == lua.LNil {
			_ = f.close(vm, L)
		}
		return n
	}))
	return 1
}

func ioTmpfile(vm *VM, L *lua.LState) int {
	if err := vm.files.enter(); err != nil {
		return pathError(L, err)
	}
	f, err := os.CreateTemp("", "dumbprobe-")
	if err != nil {
		vm.files.open.Add(-1)
		return pathError(L, err)
	}
	_ = os.Remove(f.Name())
	L.Push(vm.newFile(&fileObject{name: f.Name(), file: vm.files.hold(f), readable: true, writable: true}))
	return 1
}

func ioType(vm *VM, L *lua.LState) int {
	if ud, ok := L.CheckAny(1).(*lua.LUserData); ok {
		if f, ok := ud.Value.(*fileObject); ok {
			kind := "file"
			if f.closed {
				kind = "closed file"
			}
			L.Push(lua.LString(kind))
			return 1
		}
	}
	L.Push(lua.LNil)
	return 1
}

func ioClose(vm *VM, L *lua.LState) int {
	if L.GetTop() == 0 {
		L.Push(vm.defaultFile("output"))
	}
	return fileClose(vm, L)
}

func ioRead(vm *VM, L *lua.LState) int {
	L.Insert(vm.defaultFile("input"), 1)
	return fileRead(vm, L)
}

func ioWrite(vm *VM, L *lua.LState) int {
	L.Insert(vm.defaultFile("output"), 1)
	return fileWrite(vm, L)
}

func ioInput(vm *VM, L *lua.LState) int  { return vm.redirect(L, "input", os.O_RDONLY) }
func ioOutput(vm *VM, L *lua.LState) int { return vm.redirect(L, "output", openFlags["w"]) }

// redirect is io.input and io.output: with an argument it sets the file, and it returns it.
func (vm *VM) redirect(L *lua.LState, which string, flags int) int {
	switch v := L.Get(1).(type) {
	case lua.LString:
		f, err := vm.openFile(string(v), flags)
		if err != nil {
			L.RaiseError("%s", err.Error())
		}
		vm.shared.files[which] = f
	case *lua.LUserData:
		checkObjectAt[*fileObject](L, 1)
		vm.shared.files[which] = v
	}
	L.Push(vm.defaultFile(which))
	return 1
}
