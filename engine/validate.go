package engine

import (
	"context"
	"errors"
	"time"

	"dumbprobe/luaapi"
)

// ScriptReport is what Validate found in a file.
type ScriptReport struct {
	Path    string
	Object  bool // CHECKS is an object that schedules itself
	Entries []EntryReport
	Err     error // why it cannot be loaded; nil if it can
}

// EntryReport is an entry of CHECKS.
type EntryReport struct {
	Position, Line int
	Kind           string // check or handle
	Class, Name    string
	Interval       float64 // seconds; 0: another schedule
	Schedule       string  // in words
}

// Validate loads all scripts as the daemon would, and says what they are. Nothing of them runs but their top
// level. The error is about the options; what is wrong with a script is in its report.
func Validate(ctx context.Context, o Options) ([]ScriptReport, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	files, err := scriptFiles(o.Checks)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("there is no script in the folders that are given: their scripts are the *.lua files")
	}
	e := newEngine(o)
	defer e.Close()
	names := map[string]string{}
	var reports []ScriptReport
	for _, path := range files {
		report := ScriptReport{Path: path}
		s, err := e.load(ctx, path)
		if err != nil {
			report.Err = err
		} else if report.Err = s.adopt(names); report.Err != nil {
			s.close(time.Second)
		} else {
			s.names(names)
			for _, t := range s.tasks {
				report.add(t)
			}
			s.close(time.Second)
		}
		reports = append(reports, report)
	}
	return reports, nil
}

func (r *ScriptReport) add(t task) {
	switch t := t.(type) {
	case *object:
		r.Object = true
	case *check:
		r.Entries = append(r.Entries, EntryReport{
			Position: t.entry.Position, Line: t.entry.Line, Kind: "check", Class: t.entry.Class, Name: t.name,
			Interval: t.entry.Check.Interval, Schedule: scheduleText(t.entry),
		})
	case *handle:
		r.Entries = append(r.Entries, EntryReport{
			Position: t.entry.Position, Line: t.entry.Line, Kind: "handle", Class: t.entry.Class, Name: t.name,
		})
	}
}

func scheduleText(e *luaapi.Entry) string {
	switch f := e.Check.ScheduleFields; {
	case e.OwnSchedule:
		return "next_run"
	case f != nil && f.Cron != "":
		return "cron " + f.Cron
	}
	return "every " + (time.Duration(e.Check.Interval * float64(time.Second))).String()
}
