package luaapi

import lua "github.com/yuin/gopher-lua"

// method finds a method of a Lua object, through its metatable. That can run the script's code (an __index
// function), so it happens in protected mode.
func (r *Run) method(o lua.LValue, name string) (lua.LValue, error) {
	if t, ok := o.(*lua.LTable); ok {
		if fn, ok := t.RawGetString(name).(*lua.LFunction); ok {
			return fn, nil
		}
	}
	return r.callValue(r.thread, r.vm.shared.getField, o, lua.LString(name))
}

// callMethod calls a method with the object alone, and gives its first result.
func (r *Run) callMethod(o lua.LValue, name string) (lua.LValue, error) {
	fn, err := r.method(o, name)
	if err != nil {
		return nil, err
	}
	return r.callValue(r.thread, fn, o)
}

// hasMethod tells whether a value has a method. Of the objects of built-in classes it is known without asking Lua,
// where a name that they do not have is an error.
func (r *Run) hasMethod(v lua.LValue, name string) (bool, error) {
	if ud, ok := v.(*lua.LUserData); ok {
		switch object := ud.Value.(type) {
		case *checkObject:
			return object.class.table.RawGetString(name) != lua.LNil, nil
		case *handleObject:
			return object.class.table.RawGetString(name) != lua.LNil, nil
		case *messageObject, *valueObject, nullMark, eofMark, *ScriptReader:
			return false, nil
		}
	}
	if v.Type() != lua.LTTable && v.Type() != lua.LTUserData {
		return false, nil
	}
	fn, err := r.method(v, name)
	if err != nil {
		return false, err
	}
	return r.callable(fn), nil
}

func (r *Run) callable(v lua.LValue) bool {
	if v.Type() == lua.LTFunction {
		return true
	}
	return r.thread.GetMetaField(v, "__call").Type() == lua.LTFunction
}
