package luaapi

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/command"
	"dumbprobe/internal/message"
	"dumbprobe/internal/nagios"
)

func nagiosClass() Class {
	def := Class{
		Name:    "Nagios",
		Doc:     "Runs a Monitoring Plugin. The exit code becomes state and severity, performance data become values with thresholds.",
		Fields:  commandFields,
		Example: "local dp = require \"dumbprobe\"\n\nCHECKS = {\n  dp.Nagios{\n    command = {\"/usr/lib/nagios/plugins/check_load\", \"-w\", \"5\", \"-c\", \"10\"},\n    aspect = \"load average\",\n    location = {host = dp.hostname(), service = \"load\"},\n    interval = 10,\n  },\n}",
	}
	return checkClass(def, func(vm *VM, c *checkObject, set *fieldSet, v []lua.LValue) {
		spec := readCommand(set, v)
		plugin := pluginName(v[set.index["command"]])
		_, inShell := v[set.index["command"]].(lua.LString)
		c.spec = &spec
		c.read = func(result *command.Result) (any, error) {
			found, err := c.pluginMessage(result, plugin)
			if err == nil && inShell && notRun(result) {
				found.dropped = append(found.dropped, fmt.Errorf("%w; that is how a shell says that it cannot run a command: the state is unknown", exitError(result)))
			}
			return found, err
		}
		c.write = func(data any, b *Batch) error {
			found := data.(*pluginResult)
			line, err := found.message.Append(nil)
			if err != nil {
				return err
			}
			b.Lines = append(b.Lines, line)
			b.note(severityOfMessage(&found.message))
			b.Warnings = append(b.Warnings, found.dropped...)
			return nil
		}
		c.lua = func(vm *VM, L *lua.LState, data any) (lua.LValue, error) {
			found := data.(*pluginResult)
			for _, err := range found.dropped {
				runOf(L).warn(err)
			}
			return vm.luaMessage(L, &found.message), nil
		}
	})
}

// notRun tells whether a command ended as a shell does that cannot run what it was given.
func notRun(result *command.Result) bool {
	return (result.Code == 126 || result.Code == 127) && len(result.Stdout) == 0
}

// pluginResult is the message made of a plugin's output, and what is to be warned of, as performance data that could
// not be used.
type pluginResult struct {
	message message.Message
	dropped []error
}

// pluginMessage makes the message of a plugin's output. A message always needs an aspect; where none is
// given it is the check's name, or else the plugin's.
func (c *checkObject) pluginMessage(result *command.Result, plugin string) (*pluginResult, error) {
	output := result.Stdout
	if result.StdoutTruncated { // the last word may be the beginning of a number
		output = output[:bytes.LastIndexAny(output, " \t\n")+1]
	}
	out := nagios.Parse(output)
	found := &pluginResult{message: nagios.Message(out, result.Code)}
	m := &found.message
	m.Time = now()
	m.Interval = c.Interval
	m.Location = c.Overlay.Location
	switch {
	case c.Overlay.Aspect != "":
		m.Aspect = c.Overlay.Aspect
	case c.Name != "":
		m.Aspect = c.Name
	default:
		m.Aspect = plugin
	}
	if m.Comment == "" { // a plugin that is not there leaves only the shell's complaint
		m.Comment = firstLine(result.Stderr)
	}
	if m.Comment == "" && result.Code < 0 {
		m.Comment = fmt.Sprintf("the plugin was ended by signal %d", -result.Code)
	}
	if result.StdoutTruncated {
		err := outputCut(result)
		m.Comment = strings.TrimLeft(m.Comment+" ("+err.Error()+")", " ")
		found.dropped = append(found.dropped, fmt.Errorf("%w; performance data behind that are lost (max_output)", err))
	}
	for _, d := range out.Dropped {
		found.dropped = append(found.dropped, &PerfdataError{Text: d.Text, Reason: d.Reason})
	}
	return found, nil
}

// PerfdataError is performance data of a plugin that cannot be used; the rest of its output is.
type PerfdataError struct{ Text, Reason string }

func (e *PerfdataError) Error() string {
	return "performance data left out: " + excerpt(e.Text) + ": " + e.Reason
}

func pluginName(command lua.LValue) string {
	line := ""
	if list, ok := stringList(command); ok {
		line = list[0]
	} else if words := strings.Fields(command.String()); len(words) > 0 {
		line = words[0]
	}
	return strings.ToValidUTF8(filepath.Base(line), "_")
}

// luaMessage makes a Message object of a message made in Go.
func (vm *VM) luaMessage(L *lua.LState, m *message.Message) lua.LValue {
	o := &messageObject{
		plainFields: plainFields{
			aspect: m.Aspect, state: m.State, severity: string(m.Severity), comment: m.Comment,
			thresholdKept: m.ThresholdKept, time: m.Time, interval: m.Interval,
		},
		location: L.CreateTable(0, len(m.Location)), values: measured{table: L.CreateTable(0, len(m.Values))},
	}
	for key, value := range m.Location {
		o.location.RawSetString(key, lua.LString(value))
	}
	for _, v := range m.Values {
		ud := &lua.LUserData{Value: &valueObject{v.Value}, Metatable: vm.classes["Value"].meta, Env: L.Env}
		o.values.table.RawSetString(v.Name, ud)
	}
	return &lua.LUserData{Value: o, Metatable: vm.classes["Message"].meta, Env: L.Env}
}
