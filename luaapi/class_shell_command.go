package luaapi

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/command"
	"dumbprobe/internal/message"
)

var typeParseOutput = typeFunction.named("fun(stdout: string, code: integer, stderr: string, result: dumbprobe.CommandResult): dumbprobe.Messages")

// commandFields are the fields of all that runs a command.
var commandFields = []Field{
	{Name: "command", Type: typeCommand, Required: true, Doc: "a string runs through `/bin/sh -c`, a list directly"},
	{Name: "stdin", Type: typeString, Default: "nothing", Doc: "what the command reads from its standard input"},
	{Name: "env", Type: typeEnv, Default: "{}", Doc: "environment variables, added to the daemon's"},
	{Name: "max_output", Type: typeCount, Unit: "bytes", Default: "1 MiB", Doc: "how much of its output, and of its standard error, is kept; the rest is discarded, and `truncated` set"},
	{Name: "cwd", Type: typeFolder, Default: "the daemon's", Doc: "the directory it runs in"},
}

// streamedCommandFields are those of a command that is read while it runs: all its output is.
var streamedCommandFields = slices.DeleteFunc(slices.Clone(commandFields), func(f Field) bool { return f.Name == "max_output" })

// maxOutput bounds what a script can ask to be kept of a command's output.
const maxOutput = 64 << 20

// readCommand makes the command's specification of fields that were checked before.
func readCommand(set *fieldSet, v []lua.LValue) command.Spec {
	s := command.Spec{Argv: argv(v[set.index["command"]])}
	options(&s, func(name string) lua.LValue {
		if i, ok := set.index[name]; ok {
			return v[i]
		}
		return nil
	})
	return s
}

func options(s *command.Spec, get func(name string) lua.LValue) {
	s.Dir = textOf(get("cwd"))
	s.MaxOutput = int(min(numberOf(get("max_output")), maxOutput))
	if in, ok := get("stdin").(lua.LString); ok {
		s.Stdin = []byte(in)
	}
	for name, value := range stringsOf(get("env")) {
		s.Env = append(s.Env, name+"="+value)
	}
}

func argv(v lua.LValue) []string {
	if line, ok := v.(lua.LString); ok {
		return command.Shell(string(line))
	}
	list, _ := stringList(v)
	return list
}

func shellCommandClass() Class {
	def := Class{
		Name: "ShellCommand",
		Doc:  "Runs a command and makes messages of what it prints. Without `parse` it prints JSON objects, which are the messages, and an exit code other than 0 is an error.",
		Fields: append(append([]Field(nil), commandFields...),
			Field{Name: "parse", Type: typeParseOutput, Doc: "makes messages of the output; `code` is the exit code, or minus the signal's number"}),
		Example: "local dp = require \"dumbprobe\"\n\nCHECKS = {\n  dp.ShellCommand{\n    command = {\"echo\", \"0.5\"},\n    parse = function(stdout, code)\n      return dp.Message{aspect = \"random\", value = tonumber(stdout)}\n    end,\n    interval = 30,\n  },\n}",
	}
	return checkClass(def, func(vm *VM, c *checkObject, set *fieldSet, v []lua.LValue) {
		spec := readCommand(set, v)
		c.spec = &spec
		c.call = v[set.index["parse"]]
		if c.call != nil {
			c.finish = func(r *Run, L *lua.LState, data any) (lua.LValue, error) {
				result := data.(*command.Result)
				return r.callValue(L, c.call, lua.LString(result.Stdout), lua.LNumber(result.Code),
					lua.LString(result.Stderr), commandResult(L, result))
			}
			return
		}
		c.write = func(data any, b *Batch) error {
			index := 0
			err := eachObject(data.(*command.Result), func(object []byte) error {
				index++
				if err := b.native(object, c.Overlay); err != nil {
					b.Problems = append(b.Problems, Problem{Index: index, Err: err}) // the others are sent
				}
				return nil
			})
			if c.ScheduleFields != nil && c.RetryInterval > 0 {
				b.nativeSeverity()
			}
			return err
		}
		c.lua = func(vm *VM, L *lua.LState, data any) (lua.LValue, error) {
			list := L.CreateTable(1, 0)
			err := eachObject(data.(*command.Result), func(object []byte) error {
				v, err := runOf(L).decodeJSON(string(object))
				if err == nil {
					list.Append(v)
				}
				return err
			})
			return list, err
		}
	})
}

// eachObject goes through the JSON objects that a command printed.
func eachObject(result *command.Result, f func(object []byte) error) error {
	if result.Code != 0 {
		return exitError(result)
	}
	for object, err := range message.Objects(result.Stdout) {
		if err != nil {
			if result.StdoutTruncated {
				return fmt.Errorf("%w: %w", outputCut(result), err)
			}
			return fmt.Errorf("the output is not a sequence of JSON objects: %w", err)
		}
		if err := f(object); err != nil {
			return err
		}
	}
	if result.StdoutTruncated {
		return outputCut(result) // right behind an object
	}
	return nil
}

func outputCut(result *command.Result) error {
	return fmt.Errorf("the output was cut after %d bytes", len(result.Stdout))
}

func exitError(result *command.Result) error {
	how := fmt.Sprintf("the command ended with exit code %d", result.Code)
	if result.Code < 0 {
		how = fmt.Sprintf("the command was ended by signal %d", -result.Code)
	}
	if line := firstLine(result.Stderr); line != "" {
		return fmt.Errorf("%s; it wrote: %s", how, line)
	}
	return fmt.Errorf("%s", how)
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	s := strings.ToValidUTF8(string(bytes.TrimSpace(line)), "\uFFFD")
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return s
}

// commandResult is the table that a parse function gets as its fourth argument, and dumbprobe.command returns.
func commandResult(L *lua.LState, result *command.Result) *lua.LTable {
	t := L.CreateTable(0, 5)
	t.RawSetString("stdout", lua.LString(result.Stdout))
	t.RawSetString("stderr", lua.LString(result.Stderr))
	t.RawSetString("code", lua.LNumber(result.Code))
	t.RawSetString("truncated", lua.LBool(result.StdoutTruncated || result.StderrTruncated))
	t.RawSetString("duration", lua.LNumber(result.Duration.Seconds()))
	return t
}
