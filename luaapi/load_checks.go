package luaapi

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// script makes a Script of the value of CHECKS, or says all that is wrong with it.
func (r *Run) script(checks lua.LValue, lines checksLines) (*Script, []string) {
	at, expected := lines.atChecks(), typeChecks.want
	if checks == lua.LNil {
		return nil, []string{fmt.Sprintf("%s: the script returns nothing and sets no global CHECKS; expected is %s",
			at, expected)}
	}
	t, isTable := checks.(*lua.LTable)
	if isTable || checks.Type() == lua.LTUserData {
		has, err := r.hasMethod(checks, "run_next")
		if err != nil {
			return nil, []string{err.Error()}
		}
		if has {
			return &Script{Object: &Object{Line: lines.line, Class: objectClass(checks), vm: r.vm, value: checks}}, nil
		}
	}
	if !isTable {
		return nil, []string{fmt.Sprintf("%s: CHECKS is %s; expected is %s%s",
			at, describe(checks), expected, r.loneEntry(checks))}
	}
	if r.looksLikeClass(t) {
		return nil, []string{fmt.Sprintf("%s: CHECKS is a class; expected is %s", at, expected)}
	}
	return r.list(t, lines)
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
