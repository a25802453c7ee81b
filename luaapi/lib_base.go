package luaapi

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"dumbprobe/internal/loglimit"
)

func baseLibrary() Module {
	return Module{Name: "", Standard: true, Doc: "Global functions.", Functions: []Function{
		{Name: "assert", Signature: "v [, message]", Doc: "Raises an error if v is false or nil."},
		{Name: "collectgarbage", Signature: "[option]", Doc: "`count` gives the memory of the whole daemon in KB; everything else does nothing: Go collects by itself.", call: collectGarbage},
		{Name: "dofile", Signature: "path", Doc: "Runs a Lua file; a relative path is looked up beside the script.", call: doFile},
		{Name: "error", Signature: "message [, level]", Doc: "Raises an error.", call: raiseError},
		{Name: "getfenv", Signature: "[f]", Doc: "The environment of a function."},
		{Name: "getmetatable", Signature: "object", Doc: "The metatable of an object.", call: getMetatable},
		{Name: "ipairs", Signature: "t", Doc: "Iterates over a list, up to the first nil."},
		{Name: "load", Signature: "f [, name]", Doc: "Compiles the text that the calls of f give; nil and the reason if it does not compile.", call: loadFunction},
		{Name: "loadfile", Signature: "path", Doc: "Compiles a Lua file; a relative path is looked up beside the script.", call: loadFile},
		{Name: "loadstring", Signature: "text [, name]", Doc: "Compiles a text of at most 256 KiB; nil and the reason if it does not compile.", call: loadString},
		{Name: "module", Signature: "name [, ...]", Doc: "Makes a module, the old way."},
		{Name: "next", Signature: "t [, key]", Doc: "The next key and value of a table."},
		{Name: "pairs", Signature: "t", Doc: "Iterates over a table."},
		{Name: "pcall", Signature: "f [, ...]", Doc: "Calls f; false and the error instead of raising it. A check's deadline goes through it.", call: protectedCall},
		{Name: "print", Signature: "...", Doc: "Logs its arguments at the level info, never to the message stream. What is too much for the log is left out, and counted.", call: printToLog,
			Example: "print(\"a line in the log\", 42)"},
		{Name: "rawequal", Signature: "a, b", Doc: "Equality without metamethods."},
		{Name: "rawget", Signature: "t, key", Doc: "Reads a field without metamethods."},
		{Name: "rawset", Signature: "t, key, value", Doc: "Sets a field without metamethods."},
		{Name: "require", Signature: "name", Doc: "Loads a module once: one of the daemon's, or `?.lua` or `?/init.lua` beside the script."},
		{Name: "select", Signature: "n, ...", Doc: "The arguments from the n-th on, or their number for \"#\"."},
		{Name: "setfenv", Signature: "f, t", Doc: "Sets the environment of a function."},
		{Name: "setmetatable", Signature: "t, metatable", Doc: "Sets the metatable of a table.", call: setMetatable},
		{Name: "tonumber", Signature: "v [, base]", Doc: "Makes a number of a string; nil if it is none.", call: toNumberFunction},
		{Name: "tostring", Signature: "v", Doc: "Makes a string of a value."},
		{Name: "type", Signature: "v", Doc: "The type of a value."},
		{Name: "unpack", Signature: "list [, i [, j]]", Doc: "The elements of a list, 65,536 at most.", call: unpack},
		{Name: "xpcall", Signature: "f, handler", Doc: "Calls f; false and what the handler makes of the error.", call: protectedCallWithHandler},
	}, Constants: []Constant{
		{Name: "_G", Type: typeTable, Doc: "The table of globals."},
		{Name: "_VERSION", Type: typeString, Doc: "`Lua 5.1`."},
	}}
}

// printToLog is print: a script's output never mixes with the messages on stdout.
func printToLog(vm *VM, L *lua.LState) int {
	parts := make([]string, L.GetTop())
	for i := range parts {
		parts[i] = L.ToStringMeta(L.Get(i + 1)).String()
	}
	runOf(L).writeLine(strings.Join(parts, "\t"), zapcore.InfoLevel)
	return 0
}

// log writes a line of the script's to the log, unless there are too many.
func (r *Run) log(level zapcore.Level, line string, fields ...zap.Field) {
	r.vm.lines.Log(r.Logger(), level, line, fields...)
}

func (r *Run) writeLine(line string, level zapcore.Level) {
	r.log(level, line, zap.Bool("printed", true))
}

// write is io.write: whole lines are logged, the rest waits for its end, or the run's.
func (r *Run) write(text string, level zapcore.Level) {
	if level != r.printedAt { // io.write and io.stderr do not share a line
		r.flushPrinted()
		r.printedAt = level
	}
	r.printed += text
	for {
		line, rest, found := strings.Cut(r.printed, "\n")
		if !found {
			break
		}
		r.writeLine(line, level)
		r.printed = rest
	}
	if len(r.printed) > loglimit.MaxText {
		r.flushPrinted()
	}
}

func (r *Run) flushPrinted() {
	if r.printed != "" {
		r.writeLine(r.printed, r.printedAt)
		r.printed = ""
	}
}

// toNumberFunction is tonumber. gopher-lua's takes "010" as octal and "08" as no number, which dates and
// the like print.
func toNumberFunction(vm *VM, L *lua.LState) int {
	if base := L.OptInt(2, 10); base != 10 {
		if base < 2 || base > 36 {
			L.RaiseError("bad argument #2 to tonumber (the base is 2 to 36)")
		}
		n, err := strconv.ParseUint(strings.ToLower(strings.TrimSpace(L.CheckString(1))), base, 64)
		if err != nil {
			L.Push(lua.LNil)
		} else {
			L.Push(lua.LNumber(n))
		}
		return 1
	}
	if n, ok := toNumber(L.CheckAny(1)); ok {
		L.Push(lua.LNumber(n))
	} else {
		L.Push(lua.LNil)
	}
	return 1
}

func collectGarbage(vm *VM, L *lua.LState) int {
	if L.OptString(1, "collect") == "count" {
		L.Push(lua.LNumber(heapBytes() / 1024))
		return 1
	}
	L.Push(lua.LNumber(0))
	return 1
}

// getMetatable hides the metatable of strings, which all threads share, and protected ones.
func getMetatable(vm *VM, L *lua.LState) int {
	meta := L.GetMetatable(L.CheckAny(1))
	if t, ok := meta.(*lua.LTable); ok {
		if protected := t.RawGetString("__metatable"); protected != lua.LNil {
			L.Push(protected)
			return 1
		}
	}
	L.Push(meta)
	return 1
}

// setMetatable works on tables alone, as in Lua: gopher-lua's would change the metatable of all strings, or
// numbers, of the VM.
func setMetatable(vm *VM, L *lua.LState) int {
	t := L.CheckTable(1)
	L.CheckTypes(2, lua.LTNil, lua.LTTable)
	if old, ok := t.Metatable.(*lua.LTable); ok && old.RawGetString("__metatable") != lua.LNil {
		L.RaiseError("cannot change a protected metatable")
	}
	t.Metatable = L.Get(2)
	L.SetTop(1)
	return 1
}

func loadFunction(vm *VM, L *lua.LState) int {
	fn := L.CheckFunction(1)
	name := L.OptString(2, "?")
	var text strings.Builder
	for {
		L.Push(fn)
		L.Call(0, 1)
		piece := L.Get(-1)
		L.Pop(1)
		s, ok := piece.(lua.LString)
		if piece == lua.LNil || ok && s == "" {
			break
		}
		if !ok {
			return failed(L, "reader function must return a string")
		}
		if text.Len()+len(s) > vm.limits.ChunkBytes {
			return failed(L, fmt.Sprintf("the text is larger than %d bytes", vm.limits.ChunkBytes))
		}
		text.WriteString(string(s))
	}
	return vm.pushChunk(L, text.String(), name)
}

func loadString(vm *VM, L *lua.LState) int {
	text := L.CheckString(1)
	return vm.pushChunk(L, text, L.OptString(2, "<string>"))
}

// pushChunk compiles a text. The parser and the compiler recurse into what is nested: without the limit a
// text of a few megabytes of brackets overflows the stack of the process, which nothing can recover from.
func (vm *VM) pushChunk(L *lua.LState, text, name string) int {
	if len(text) > vm.limits.ChunkBytes {
		return failed(L, fmt.Sprintf("the text has %d bytes, and the limit is %d", len(text), vm.limits.ChunkBytes))
	}
	fn, _, err := vm.compile([]byte(text), name)
	if err != nil {
		return failed(L, err.Error())
	}
	L.Push(fn)
	return 1
}

func failed(L *lua.LState, why string) int {
	L.Push(lua.LNil)
	L.Push(lua.LString(why))
	return 2
}

func (vm *VM) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(vm.dir, path)
}

func loadFile(vm *VM, L *lua.LState) int {
	fn, _, err := vm.compileFile(vm.beside(L.CheckString(1)))
	if err != nil {
		return failed(L, err.Error())
	}
	L.Push(fn)
	return 1
}

func doFile(vm *VM, L *lua.LState) int {
	fn, _, err := vm.compileFile(vm.beside(L.CheckString(1)))
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	top := L.GetTop()
	L.Push(fn)
	L.Call(0, lua.MultRet)
	return L.GetTop() - top
}

func (vm *VM) installRequire() {
	L := vm.state
	pkg := L.GetGlobal("package").(*lua.LTable)
	loaders := L.CreateTable(2, 0)
	old := pkg.RawGetString("loaders").(*lua.LTable)
	loaders.Append(old.RawGetInt(1)) // preload
	loaders.Append(vm.wrap(loadModule))
	pkg.RawSetString("loaders", loaders)
	L.SetField(L.Get(lua.RegistryIndex), "_LOADERS", loaders)
}

// loadModule is the loader that looks beside the script.
func loadModule(vm *VM, L *lua.LState) int {
	name := L.CheckString(1)
	if strings.ContainsAny(name, "/\\\x00") || strings.Contains(name, "..") || name == "" {
		L.RaiseError("require: a module's name has dots between its parts, %q is none", name)
	}
	path := filepath.Join(vm.dir, filepath.FromSlash(strings.ReplaceAll(name, ".", "/")))
	var tried []string
	for _, candidate := range []string{path + ".lua", filepath.Join(path, "init.lua")} {
		if _, err := os.Stat(candidate); err != nil {
			vm.sources.add(Source{Path: candidate, Absent: true})
			tried = append(tried, fmt.Sprintf("no file '%s'", candidate))
			continue
		}
		fn, _, err := vm.compileFile(candidate)
		if err != nil {
			L.RaiseError("%s", err.Error())
		}
		L.Push(fn)
		return 1
	}
	L.Push(lua.LString(strings.Join(tried, "\n\t")))
	return 1
}
