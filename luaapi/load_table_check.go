package luaapi

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

func (r *Run) tableCheck(e *Entry, hasNextRun bool) (*Entry, string) {
	e.OwnSchedule = true
	t, isTable := e.object.(*lua.LTable)
	if !hasNextRun {
		return nil, "found a check without the method next_run"
	}
	if isTable {
		nextRun, err := r.method(t, "next_run")
		if err != nil {
			return nil, err.Error()
		}
		base := r.vm.classes["BaseCheck"]
		if nextRun == base.table.RawGetString("next_run") {
			e.OwnSchedule = false
		}
		if r.extends(t, base) {
			if problem := r.undefined(t, base, "run"); problem != "" {
				return nil, problem
			}
			if problem := r.readFields(func(L *lua.LState) (err error) {
				e.Check, err = r.vm.fieldsOfTable(L, t)
				return err
			}); problem != "" {
				return nil, problem
			}
			if !e.OwnSchedule && e.Check.Interval == 0 && (e.Check.ScheduleFields == nil || e.Check.Cron == "") {
				return nil, fmt.Sprintf("%s: field `interval` is missing (%s), and next_run is not defined", e.Class, typeDuration.want)
			}
		}
	}
	if problem := r.plainSeconds(e.object, "timeout", typeLimit, &e.Check.Timeout); problem != "" {
		return nil, problem
	}
	return e, r.entryName(e, "check_name")
}
