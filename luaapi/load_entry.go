package luaapi

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// entry makes an Entry of one element of CHECKS, or says what is wrong with it.
func (r *Run) entry(v lua.LValue, position int) (*Entry, string) {
	e := &Entry{Position: position, vm: r.vm, object: v}
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
	has, err := r.entryMethods(v)
	if err != nil {
		return nil, err.Error()
	}
	e.Class = objectClass(v)
	switch {
	case has.run:
		return r.tableCheck(e, has)
	case has.open || has.readMessages:
		return r.tableHandle(e, has)
	case has.nextRun:
		return nil, "found a table with next_run and without run, expected a check (next_run, run)"
	}
	return nil, fmt.Sprintf("found %s without the methods of a check (next_run, run) or of a handle (open, read_messages, close)",
		describe(v))
}

// entryMethods are the methods that tell a check from a handle.
type entryMethods struct{ run, nextRun, open, readMessages, close bool }

func (r *Run) entryMethods(v lua.LValue) (has entryMethods, err error) {
	for _, m := range []struct {
		name string
		has  *bool
	}{
		{"run", &has.run}, {"next_run", &has.nextRun},
		{"open", &has.open}, {"read_messages", &has.readMessages}, {"close", &has.close},
	} {
		if *m.has, err = r.hasMethod(v, m.name); err != nil {
			return has, err
		}
	}
	return has, nil
}

// entryName asks a table for its name, by its method check_name.
func (r *Run) entryName(e *Entry) string {
	const method = "check_name"
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
