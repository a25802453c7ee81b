package engine

import (
	"fmt"
	"time"
	_ "time/tzdata" // the binary is all that a user ships: the host may have no time zones

	"github.com/robfig/cron/v3"

	"dumbprobe/luaapi"
	"dumbprobe/scheduler"
)

// scheduleOf makes the schedule of a check that leaves it to the daemon. The name decides about the splay.
func scheduleOf(name string, f luaapi.CheckFields) (scheduler.Schedule, error) {
	o := scheduler.Options{Name: name}
	var err error
	set := func(field string, to *time.Duration, seconds float64) {
		if err == nil {
			if *to, err = scheduler.Seconds(seconds); err != nil {
				err = fmt.Errorf("field `%s`: %w", field, err)
			}
		}
	}
	set("interval", &o.Interval, f.Interval)
	if more := f.ScheduleFields; more != nil {
		set("splay", &o.Splay, more.Splay)
		set("jitter", &o.Jitter, more.Jitter)
		set("retry_interval", &o.RetryInterval, more.RetryInterval)
		o.Align = more.Align
		o.First = scheduler.First(more.First)
		if more.Cron != "" && err == nil {
			o.Cron, o.CronText, err = parseCron(more.Cron, more.Timezone)
		} else if more.Timezone != "" && err == nil {
			err = fmt.Errorf("field `timezone` is for `cron`, and there is none")
		}
	}
	if err != nil {
		return nil, err
	}
	return scheduler.New(o)
}

// parseCron reads the five fields of cron, or @hourly and its like.
func parseCron(text, timezone string) (scheduler.Cron, string, error) {
	location := time.Local
	if timezone != "" {
		var err error
		if location, err = time.LoadLocation(timezone); err != nil {
			return nil, "", fmt.Errorf("field `timezone`: %w", err)
		}
	}
	s, err := cron.ParseStandard(text)
	if err != nil {
		return nil, "", fmt.Errorf("field `cron`: %w", err)
	}
	if spec, ok := s.(*cron.SpecSchedule); ok {
		spec.Location = location
	}
	return s, text + " " + location.String(), nil
}
