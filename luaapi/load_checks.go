package luaapi

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// shape looks at the value of CHECKS.
func (r *Run) shape(checks lua.LValue, lines listShape) (*Script, []string) {
	vm := r.vm
	at := vm.path
	if lines.line > 0 {
		at = fmt.Sprintf("%s:%d", vm.path, lines.line)
	}
	const expected = "a list of checks and handles, or an object with a method run_next"
	if checks == lua.LNil {
		return nil, []string{fmt.Sprintf("%s: the script returns nothing and sets no global CHECKS; expected is %s", at, expected)}
	}
	isList := checks.Type() == lua.LTTable
	if isList || checks.Type() == lua.LTUserData {
		has, err := r.hasMethod(checks, "run_next")
		if err != nil {
			return nil, []string{err.Error()}
		}
		if has {
			class := "userdata"
			if t, ok := checks.(*lua.LTable); ok {
				class = tableClass(t)
			}
			return &Script{Object: &Object{Line: lines.line, Class: class, vm: vm, value: checks}}, nil
		}
	}
	if !isList {
		return nil, []string{fmt.Sprintf("%s: CHECKS is %s; expected is %s%s", at, describe(checks), expected, r.loneEntry(checks))}
	}
	t := checks.(*lua.LTable)
	if r.looksLikeClass(t) {
		return nil, []string{fmt.Sprintf("%s: CHECKS is a class; expected is %s", at, expected)}
	}
	return r.list(t, lines, at, expected)
}

// loneEntry helps with a common slip: one check instead of a list of one.
func (r *Run) loneEntry(v lua.LValue) string {
	for _, name := range []string{"run", "read_messages"} {
		if has, _ := r.hasMethod(v, name); has {
			return "; put the check into a list, {...}"
		}
	}
	return ""
}
