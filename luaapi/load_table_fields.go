package luaapi

import (
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// plainSeconds reads a duration, of this kind, of a table that is no object of a class, where it is given.
func (r *Run) plainSeconds(object lua.LValue, name string, kind Type, to *time.Duration) string {
	t, ok := object.(*lua.LTable)
	if !ok || *to != 0 {
		return ""
	}
	v := t.RawGetString(name)
	if v == lua.LNil {
		return ""
	}
	if want := kind.mismatch(v); want != "" {
		return fmt.Sprintf("field `%s` must be %s, not %s", name, want, describe(v))
	}
	*to = seconds(numberOf(v))
	return ""
}

// readFields calls f in protected mode: reading a field can run an __index function of the script.
func (r *Run) readFields(f func(L *lua.LState) error) string {
	var problem error
	_, err := r.callValue(r.thread, r.thread.NewFunction(func(L *lua.LState) int {
		problem = f(L)
		L.Push(lua.LNil)
		return 1
	}))
	if err == nil {
		err = problem
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
