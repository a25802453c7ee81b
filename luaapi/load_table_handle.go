package luaapi

import (
	"time"

	lua "github.com/yuin/gopher-lua"
)

func (r *Run) tableHandle(e *Entry, hasOpen, hasRead, hasClose bool) (*Entry, string) {
	e.Kind = HandleEntry
	for _, m := range []struct {
		has  bool
		name string
	}{{hasOpen, "open"}, {hasRead, "read_messages"}, {hasClose, "close"}} {
		if !m.has {
			return nil, "found a handle without the method " + m.name
		}
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
		if problem := r.undefined(t, base, "open"); problem != "" {
			return nil, problem
		}
		if problem := r.readFields(func(L *lua.LState) error {
			v, err := commonFields(L, t, base.fields)
			if err != nil {
				return err
			}
			e.Handle = readHandleFields(base.fields, v)
			if poll := v[base.fields.index["poll"]]; poll != nil {
				e.Poll = seconds(numberOf(poll))
			}
			return nil
		}); problem != "" {
			return nil, problem
		}
	}
	e.Name = e.Handle.Name
	return e, r.entryName(e, "check_name")
}
