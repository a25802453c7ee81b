package luaapi

import (
	"bytes"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// compileFile reads and compiles a file: the script, or one that it loads.
func (vm *VM) compileFile(path string) (*lua.LFunction, []ast.Stmt, error) {
	source, err := vm.readSource(path)
	if err != nil {
		return nil, nil, err
	}
	source = bytes.TrimPrefix(source, []byte("\uFEFF")) // as some editors begin a file
	if bytes.HasPrefix(source, []byte("#!")) {
		copy(source, "--") // a line for the kernel, as in #!/usr/bin/env -S dumbprobe --checks
	}
	return vm.compile(source, path)
}

// compile compiles a text; name is the chunk's in error messages. Its errors are *ScriptErrors.
func (vm *VM) compile(source []byte, name string) (*lua.LFunction, []ast.Stmt, error) {
	chunk, err := parse.Parse(bytes.NewReader(source), name)
	if err != nil {
		return nil, nil, syntaxError(err, name)
	}
	if line, problem := checkSyntax(chunk); problem != "" {
		return nil, nil, &ScriptError{Script: name, Line: line, Msg: problem}
	}
	proto, err := lua.Compile(chunk, name)
	if err != nil {
		return nil, nil, syntaxError(err, name)
	}
	vm.linkConcat(proto)
	return vm.state.NewFunctionFromProto(proto), chunk, nil
}
