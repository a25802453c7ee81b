package luaapi

import (
	"time"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
)

// CheckFields are the fields that every check takes.
type CheckFields struct {
	Name     string          // "": made from the script and the position
	Interval float64         // seconds, more than 0; 0 where there is a Cron
	Timeout  time.Duration   // 0: the daemon's
	Overlay  message.Overlay // aspect and location

	MaxInstructions uint64 // of Lua, per run; 0: the daemon's

	*ScheduleFields // nil: none of them is given, which saves memory in a hundred thousand checks
}

// ScheduleFields are the fields about when a check runs, other than its interval. Durations are in seconds.
type ScheduleFields struct {
	Cron          string
	Timezone      string
	Splay         float64
	Align         bool
	RetryInterval float64
	First         string // "", now, spread or interval
	Jitter        float64
}

// The minimum of interval and retry_interval is the scheduler's, and asked for where it plans by them. Here they may be
// shorter: a check with a next_run of its own, or one that another check runs, has them for nothing.
var checkFields = []Field{
	{Name: "interval", Type: typeDuration, Unit: "seconds", Required: true, Unless: "cron", Doc: "time from one run to the next, whatever a run takes, 0.001 at least; needed unless there is a `cron`"},
	{Name: "name", Type: typeText, Default: "`<script>#<position> <Class>`", Doc: "name of the check in logs, metrics and state"},
	{Name: "aspect", Type: typeText, Doc: "overwrites the aspect of the check's messages"},
	{Name: "location", Type: typeLocation, Doc: "its keys overwrite those of the messages' location"},
	{Name: "timeout", Type: typeLimit, Unit: "seconds", Default: "60, or `--timeout`", Doc: "how long a run may take"},
	{Name: "max_instructions", Type: typeCount, Default: "no limit, or `--max-instructions`", Doc: "how many instructions of Lua a run may execute"},
	{Name: "cron", Type: typeText, Doc: "runs at these times instead of at an interval: minute, hour, day of month, month, day of week, as in `*/5 8-18 * * mon-fri`"},
	{Name: "timezone", Type: typeText, Default: "the daemon's", Doc: "the time zone of `cron`, as in `Europe/Warsaw`"},
	{Name: "align", Type: typeBoolean, Default: "false", Doc: "runs at the multiples of the interval on the wall clock: every full minute, hour"},
	{Name: "splay", Type: typeWait, Unit: "seconds", Default: "0", Doc: "runs later by up to this much; by how much depends on the name alone, so that a restart does not move it"},
	{Name: "jitter", Type: typeWait, Unit: "seconds", Default: "0", Doc: "each run is later by a random time of up to this much; the interval stays the same on average"},
	{Name: "retry_interval", Type: typeDuration, Unit: "seconds", Doc: "time to the next run after one that failed, or whose state was not `expected`; 0.001 at least"},
	{Name: "first", Type: oneOf("now", "spread", "interval"), Default: "`now`; with `align` and `cron` the first time that fits", Doc: "when the first run is: at once, within the first interval (where depends on the name), or one interval later"},
}

// scheduleNames are the fields that make ScheduleFields.
var scheduleNames = []string{"cron", "timezone", "align", "splay", "jitter", "retry_interval", "first"}

// readCheckFields takes the common fields out of what fieldSet.decode made of a constructor's table.
func readCheckFields(set *fieldSet, v []lua.LValue) CheckFields {
	at := func(name string) lua.LValue {
		if i, ok := set.index[name]; ok {
			return v[i]
		}
		return nil
	}
	f := CheckFields{
		Name:     textOf(at("name")),
		Interval: numberOf(at("interval")),
		Timeout:  seconds(numberOf(at("timeout"))),
		Overlay:  message.Overlay{Aspect: textOf(at("aspect")), Location: stringsOf(at("location"))},

		MaxInstructions: uint64(numberOf(at("max_instructions"))),
	}
	for _, name := range scheduleNames {
		if at(name) == nil {
			continue
		}
		f.ScheduleFields = &ScheduleFields{
			Cron: textOf(at("cron")), Timezone: textOf(at("timezone")), First: textOf(at("first")),
			Splay: numberOf(at("splay")), Jitter: numberOf(at("jitter")), RetryInterval: numberOf(at("retry_interval")),
			Align: boolOf(at("align")),
		}
		break
	}
	return f
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// get reads a common field back for a script.
func (f *CheckFields) get(vm *VM, name string) lua.LValue {
	switch name {
	case "interval":
		return positive(f.Interval)
	case "name":
		return textOrNil(f.Name)
	case "aspect":
		return textOrNil(f.Overlay.Aspect)
	case "max_instructions":
		return positive(float64(f.MaxInstructions))
	case "timeout":
		return positive(f.Timeout.Seconds())
	case "location":
		t := vm.state.CreateTable(0, len(f.Overlay.Location))
		for key, value := range f.Overlay.Location {
			t.RawSetString(key, lua.LString(value))
		}
		return t
	}
	if f.ScheduleFields != nil {
		return f.ScheduleFields.get(name)
	}
	return lua.LNil
}

func (f *ScheduleFields) get(name string) lua.LValue {
	switch name {
	case "cron":
		return textOrNil(f.Cron)
	case "timezone":
		return textOrNil(f.Timezone)
	case "first":
		return textOrNil(f.First)
	case "splay":
		return positive(f.Splay)
	case "jitter":
		return positive(f.Jitter)
	case "retry_interval":
		return positive(f.RetryInterval)
	case "align":
		return lua.LBool(f.Align)
	}
	return lua.LNil
}

func positive(f float64) lua.LValue {
	if f > 0 {
		return lua.LNumber(f)
	}
	return lua.LNil
}

func textOrNil(s string) lua.LValue {
	if s == "" {
		return lua.LNil
	}
	return lua.LString(s)
}
