package engine

import (
	"strings"
	"testing"
	"time"

	"dumbprobe/luaapi"
)

func TestScheduleOfTheFields(t *testing.T) {
	warsaw, err := time.LoadLocation("Europe/Warsaw")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 7, 31, 10, 0, warsaw) // a Monday
	for _, c := range []struct {
		what   string
		fields luaapi.CheckFields
		first  time.Duration // from now
		then   time.Duration // from the first run to the next
	}{
		{"an interval begins now", luaapi.CheckFields{Interval: 10}, 0, 10 * time.Second},
		{"first = interval", luaapi.CheckFields{Interval: 10, ScheduleFields: &luaapi.ScheduleFields{First: "interval"}}, 10 * time.Second, 10 * time.Second},
		{"align", luaapi.CheckFields{Interval: 60, ScheduleFields: &luaapi.ScheduleFields{Align: true}}, 50 * time.Second, time.Minute},
		{
			"cron with a time zone",
			luaapi.CheckFields{ScheduleFields: &luaapi.ScheduleFields{Cron: "*/5 8-18 * * mon-fri", Timezone: "Europe/Warsaw"}},
			28*time.Minute + 50*time.Second, 5 * time.Minute,
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			s, err := scheduleOf("name", c.fields)
			if err != nil {
				t.Fatal(err)
			}
			plan := s.First(now)
			if got := plan.At.Sub(now); got != c.first {
				t.Errorf("the first run is after %s, want %s", got, c.first)
			}
			next := s.Next(plan, plan.At.Add(time.Second), false)
			if got := next.At.Sub(plan.At); got != c.then {
				t.Errorf("the next run is %s later, want %s", got, c.then)
			}
		})
	}
}

func TestScheduleErrorsNameTheField(t *testing.T) {
	for _, c := range []struct {
		fields luaapi.CheckFields
		want   string
	}{
		{luaapi.CheckFields{ScheduleFields: &luaapi.ScheduleFields{Cron: "61 * * * *"}}, "field `cron`"},
		{luaapi.CheckFields{ScheduleFields: &luaapi.ScheduleFields{Cron: "* * *"}}, "field `cron`"},
		{luaapi.CheckFields{ScheduleFields: &luaapi.ScheduleFields{Cron: "* * * * *", Timezone: "Mars/Olympus"}}, "field `timezone`"},
		{luaapi.CheckFields{Interval: 5, ScheduleFields: &luaapi.ScheduleFields{Timezone: "UTC"}}, "field `timezone`"},
		{luaapi.CheckFields{Interval: 5, ScheduleFields: &luaapi.ScheduleFields{Cron: "* * * * *"}}, "cron: cannot be combined with interval"},
		{luaapi.CheckFields{Interval: 5, ScheduleFields: &luaapi.ScheduleFields{Jitter: 5}}, "jitter: must be less than the interval"},
		{luaapi.CheckFields{Interval: 0.0001}, "interval: must be at least"},
	} {
		_, err := scheduleOf("name", c.fields)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want an error with %q", c.fields, err, c.want)
		}
	}
}

// The retry interval counts while a run fails, and while its state is not expected.
func TestRetryIntervalCountsWhileTheStateIsNotExpected(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `
local n = 0
return {
  dp.Function{name = "state", interval = 3600, retry_interval = 0.1, call = function()
    n = n + 1
    return dp.Message{aspect = "n" .. n, state = n < 3 and "down" or "up", severity = n < 3 and "error" or "expected"}
  end},
  dp.Function{name = "threshold", interval = 3600, retry_interval = 0.1, call = function()
    return dp.Message{aspect = "t", value = dp.Value(5):set_above(4, "high", "warning")}
  end},
  dp.ShellCommand{name = "json", interval = 3600, retry_interval = 0.1,
    command = [[echo '{"json":1,"event":{"state":{"value":"down","severity":"error"}}}']]},
  dp.ShellCommand{name = "failing", interval = 3600, retry_interval = 0.1, command = "echo '{\"failing\":1}'; echo x"},
}`)}})
	d.message("the third run, after two states that are not expected", func(m msg) bool { return m.Event.Name == "n3" })
	d.messages(3, "runs while a threshold is exceeded", func(m msg) bool { return m.Event.Name == "t" })
	d.messages(3, "runs while the JSON says error", func(m msg) bool { return m.keys["json"] != nil })
	d.messages(3, "runs while the command fails", func(m msg) bool { return m.keys["failing"] != nil })
	if n := len(d.sent(func(m msg) bool { return m.Event.Name == "n4" })); n > 0 {
		t.Error("it was run again although all is well")
	}
}
