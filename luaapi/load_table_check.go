package luaapi

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// tableCheck makes an Entry of a check that is written in Lua: any table with the methods, or an object of a class that
// extends BaseCheck.
func (r *Run) tableCheck(e *Entry, has entryMethods) (*Entry, string) {
	e.OwnSchedule = true
	if !has.nextRun {
		return nil, "found a check without the method next_run"
	}
	if t, ok := e.object.(*lua.LTable); ok {
		nextRun, err := r.method(t, "next_run")
		if err != nil {
			return nil, err.Error()
		}
		base := r.vm.classes["BaseCheck"]
		e.OwnSchedule = nextRun != base.table.RawGetString("next_run")
		if r.extends(t, base) {
			if problem := r.extendedCheck(e, t, base); problem != "" {
				return nil, problem
			}
		}
	}
	if problem := r.plainSeconds(e.object, "timeout", typeLimit, &e.Check.Timeout); problem != "" {
		return nil, problem
	}
	return e, r.entryName(e)
}

// extendedCheck reads the fields of an object of a class that extends BaseCheck.
func (r *Run) extendedCheck(e *Entry, t *lua.LTable, base *class) string {
	if problem := r.undefined(t, base, "run"); problem != "" {
		return problem
	}
	problem := r.readFields(func(L *lua.LState) (err error) {
		e.Check, err = r.vm.fieldsOfTable(L, t)
		return err
	})
	if problem != "" {
		return problem
	}
	if !e.OwnSchedule && e.Check.Interval == 0 && (e.Check.ScheduleFields == nil || e.Check.Cron == "") {
		return fmt.Sprintf("%s: field `interval` is missing (%s), and next_run is not defined", e.Class, typeDuration.want)
	}
	return ""
}
