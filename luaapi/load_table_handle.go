package luaapi

import (
	"time"

	lua "github.com/yuin/gopher-lua"
)

// tableHandle makes an Entry of a handle that is written in Lua: any table with the methods, or an object of a class
// that extends BaseHandle.
func (r *Run) tableHandle(e *Entry, has entryMethods) (*Entry, string) {
	e.Kind = HandleEntry
	switch {
	case !has.open:
		return nil, "found a handle without the method open"
	case !has.readMessages:
		return nil, "found a handle without the method read_messages"
	case !has.close:
		return nil, "found a handle without the method close"
	}
	var reopen time.Duration
	if problem := r.plainSeconds(e.object, "reopen", typeReopen, &reopen); problem != "" {
		return nil, problem
	}
	if problem := r.plainSeconds(e.object, "poll", typeLimit, &e.Poll); problem != "" {
		return nil, problem
	}
	e.Handle.Reopen = DefaultReopen
	if reopen != 0 {
		e.Handle.Reopen = reopen.Seconds()
	}
	if e.Poll == 0 {
		e.Poll = time.Second
	}
	t, isTable := e.object.(*lua.LTable)
	if base := r.vm.classes["BaseHandle"]; isTable && r.extends(t, base) {
		if problem := r.extendedHandle(e, t, base); problem != "" {
			return nil, problem
		}
	}
	e.Name = e.Handle.Name
	return e, r.entryName(e)
}

// extendedHandle reads the fields of an object of a class that extends BaseHandle.
func (r *Run) extendedHandle(e *Entry, t *lua.LTable, base *class) string {
	if problem := r.undefined(t, base, "open"); problem != "" {
		return problem
	}
	return r.readFields(func(L *lua.LState) error {
		v, err := commonFields(L, t, base.fields)
		if err != nil {
			return err
		}
		e.Handle = readHandleFields(base.fields, v)
		if poll := v[base.fields.index["poll"]]; poll != nil {
			e.Poll = seconds(numberOf(poll))
		}
		return nil
	})
}
