package luaapi

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// entry makes an Entry of one element of CHECKS, or says what is wrong with it.
func (r *Run) entry(v lua.LValue, position int) (*Entry, string) {
	e := &Entry{Position: position, vm: r.vm, object: v}
	for _, bad := range r.vm.invalid {
		if bad.object == v {
			return nil, "invalid"
		}
	}
	if ud, ok := v.(*lua.LUserData); ok {
		switch object := ud.Value.(type) {
		case *checkObject:
			e.check, e.Class, e.Check, e.Name = object, object.class.name, object.CheckFields, object.Name
			return e, ""
		case *handleObject:
			e.Kind = HandleEntry
			e.handle, e.Class, e.Handle, e.Name = object, object.class.name, object.HandleFields, object.Name
			return e, ""
		}
	}
	if v.Type() != lua.LTTable && v.Type() != lua.LTUserData {
		return nil, fmt.Sprintf("found %s, expected a check or a handle", describe(v))
	}
	if t, ok := v.(*lua.LTable); ok && r.looksLikeClass(t) {
		return nil, "found a class, expected an object of it: call it, with a table of fields"
	}
	var has [5]bool
	for i, name := range []string{"run", "next_run", "open", "read_messages", "close"} {
		var err error
		if has[i], err = r.hasMethod(v, name); err != nil {
			return nil, err.Error()
		}
	}
	e.Class = "userdata"
	if t, ok := v.(*lua.LTable); ok {
		e.Class = tableClass(t)
	}
	switch {
	case has[0]:
		return r.tableCheck(e, has[1])
	case has[2] || has[3]:
		return r.tableHandle(e, has[2], has[3], has[4])
	case has[1]:
		return nil, "found a table with next_run and without run, expected a check (next_run, run)"
	}
	return nil, fmt.Sprintf("found %s without the methods of a check (next_run, run) or of a handle (open, read_messages, close)", describe(v))
}

// entryName asks a table for its name.
func (r *Run) entryName(e *Entry, method string) string {
	has, err := r.hasMethod(e.object, method)
	if err != nil {
		return err.Error()
	}
	if !has {
		return ""
	}
	v, err := r.callMethod(e.object, method)
	if err != nil {
		return method + ": " + err.Error()
	}
	switch name := v.(type) {
	case *lua.LNilType:
		return ""
	case lua.LString:
		if name != "" {
			e.Name = string(name)
			return ""
		}
	}
	return fmt.Sprintf("%s returned %s; expected is a string that is not empty", method, describe(v))
}
