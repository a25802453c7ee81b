package luaapi

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// ScriptError is an error raised in a script, as Go values only: gopher-lua's own error keeps objects of
// the VM alive.
type ScriptError struct {
	Script    string // path of the file the error was raised in
	Line      int    // 0: not known
	Msg       string // without the position
	Traceback string // of Lua, one call per line; may be empty
	Panic     bool   // a Go panic in a function of ours: a bug of the daemon, not of the script
}

func (e *ScriptError) Error() string {
	if p := e.position(); p != "" {
		return p + ": " + e.Msg
	}
	return e.Msg
}

func (e *ScriptError) position() string {
	if e.Script == "" {
		return ""
	}
	if e.Line == 0 {
		return e.Script
	}
	return e.Script + ":" + strconv.Itoa(e.Line)
}

// scriptError turns what a protected call returned into a ScriptError. L formats error objects that are
// not strings.
func (r *Run) scriptError(err error) error {
	vm := r.vm
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return err
	}
	if api.Type == lua.ApiErrorSyntax {
		return syntaxError(api.Cause, vm.path)
	}
	e := &ScriptError{Traceback: cleanTraceback(api.StackTrace), Panic: api.Type == lua.ApiErrorPanic}
	switch object := api.Object.(type) {
	case lua.LString:
		text := strings.TrimSuffix(string(object), ", ")                       // as require ends
		e.Script, e.Line, e.Msg = splitPosition(strings.TrimPrefix(text, " ")) // as what has no position begins
	case *lua.LTable:
		e.Msg = describeErrorTable(object)
	case *lua.LUserData:
		if object == vm.shared.eof {
			return errEOF
		}
		e.Msg = fmt.Sprintf("(error object is %s)", describe(object))
	default:
		e.Msg = fmt.Sprintf("(error object is a %s: %s)", typeName(object), object.String())
	}
	r.withCoroutine(e, api.Object)
	if e.Line == 0 {
		// An object or a message without a position, or one of another chunk: the innermost Lua call says.
		if script, line := tracebackPosition(e.Traceback); line > 0 {
			e.Script, e.Line = script, line
		}
	}
	if e.Panic {
		e.Msg = explainPanic(e.Msg)
	}
	return e
}

// explainPanic says in a script author's words what the known panics of gopher-lua mean.
func explainPanic(msg string) string {
	switch {
	case strings.Contains(msg, "callstack overflow"):
		return "stack overflow: too many nested calls"
	case strings.Contains(msg, "registry overflow"):
		return "stack overflow: too many values at once"
	}
	return "internal error: " + msg
}

func describeErrorTable(t *lua.LTable) string {
	for _, field := range []string{"message", "msg", "error", "reason"} {
		if s, ok := t.RawGetString(field).(lua.LString); ok {
			return string(s)
		}
	}
	if s, ok := t.RawGetInt(1).(lua.LString); ok {
		return string(s)
	}
	e := encoder{maxBytes: 1000, maxDepth: 5}
	if out, err := e.table(nil, t, placeObject); err == nil {
		return "the error object " + string(out)
	}
	return "(error object is a table without a message)"
}

// splitPosition takes Lua's "chunk:line: message" apart.
func splitPosition(s string) (script string, line int, msg string) {
	for from := 0; ; {
		i := strings.Index(s[from:], ":")
		if i < 0 {
			return "", 0, s
		}
		i += from
		j := i + 1
		for j < len(s) && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		if j > i+1 && strings.HasPrefix(s[j:], ": ") && !strings.ContainsAny(s[:i], "\n") {
			n, err := strconv.Atoi(s[i+1 : j])
			if err == nil {
				return s[:i], n, s[j+2:]
			}
		}
		from = i + 1
	}
}

func tracebackPosition(trace string) (script string, line int) {
	for l := range strings.Lines(trace) {
		l = strings.TrimSpace(l)
		pos, _, ok := strings.Cut(l, ": in ")
		if !ok {
			pos, _, ok = strings.Cut(l, " in ")
		}
		if !ok || strings.HasPrefix(pos, "[G]") {
			continue
		}
		pos = strings.TrimSuffix(pos, ":")
		i := strings.LastIndexByte(pos, ':')
		if i < 0 {
			continue
		}
		if n, err := strconv.Atoi(pos[i+1:]); err == nil {
			return pos[:i], n
		}
	}
	return "", 0
}

// cleanTraceback leaves out gopher-lua's header and the frames of Go that say nothing.
func cleanTraceback(trace string) string {
	var out []string
	for l := range strings.Lines(trace) {
		l = strings.TrimSpace(l)
		switch l {
		case "", "stack traceback:", "[G]: ?", "[G]: in function (anonymous)", "[G]: in function 'error'", "[G]: in function '?'", "(tailcall): ?":
			continue
		}
		out = append(out, l)
	}
	return strings.Join(out, "\n")
}

// syntaxError rewords the parser's and the compiler's errors of a chunk.
func syntaxError(err error, name string) error {
	e := &ScriptError{Script: name}
	var perr *parse.Error
	var cerr *lua.CompileError
	switch {
	case errors.As(err, &perr) && perr.Pos.Line == parse.EOF:
		e.Msg = "syntax error at the end of the file: something is not closed (a missing `end`, `)` or `}`)"
	case errors.As(err, &perr):
		what := strings.TrimSpace(perr.Message)
		if what == "" {
			what = "syntax error"
		}
		e.Line = perr.Pos.Line
		e.Msg = fmt.Sprintf("%s near '%s' (column %d)", what, shortened(perr.Token), perr.Pos.Column)
	case errors.As(err, &cerr):
		e.Line = cerr.Line
		switch e.Msg = cerr.Message; {
		case strings.Contains(e.Msg, "register overflow"), strings.Contains(e.Msg, "too many local variables"):
			e.Msg = "too many local variables in one function, or values in one expression (200 at most)"
		case strings.Contains(e.Msg, "too long to jump"):
			e.Msg = "a block or an expression is too long"
		}
	default:
		e.Msg = strings.TrimSpace(err.Error())
	}
	return e
}

func shortened(s string) string {
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return s
}

// typeName names the type of a Lua value for a person.
func typeName(v lua.LValue) string {
	if ud, ok := v.(*lua.LUserData); ok {
		switch object := ud.Value.(type) {
		case *messageObject:
			return "Message"
		case *valueObject:
			return "Value"
		case *checkObject:
			return object.class.name
		case *handleObject:
			return object.class.name
		case nullMark:
			return "dumbprobe.null"
		case eofMark:
			return "dumbprobe.EOF"
		case *ScriptReader:
			return "Reader"
		case *fileObject:
			return "file"
		}
	}
	return v.Type().String()
}

// describe shows a Lua value in an error: its type, and the value where that is short.
func describe(v lua.LValue) string {
	switch x := v.(type) {
	case *lua.LNilType:
		return "nil"
	case lua.LBool:
		return "the boolean " + x.String()
	case lua.LNumber:
		return "the number " + x.String()
	case lua.LString:
		return fmt.Sprintf("the string %q", shortened(string(x)))
	}
	if name := typeName(v); strings.HasPrefix(name, moduleName+".") {
		return name
	}
	return "a " + typeName(v)
}
