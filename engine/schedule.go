package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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

// parseCron reads the five fields of cron, or @hourly and its like. A cron that never comes is an error.
func parseCron(text, timezone string) (scheduler.Cron, string, error) {
	location := time.Local
	if timezone != "" {
		var err error
		if location, err = time.LoadLocation(timezone); err != nil {
			return nil, "", fmt.Errorf("field `timezone`: %w", err)
		}
	}
	s, err := parseStandard(text)
	if err != nil {
		return nil, "", fmt.Errorf("field `cron`: %w", err)
	}
	never := false
	if spec, ok := s.(*cron.SpecSchedule); ok {
		never = spec.Minute == 0 // an empty list, as in ", * * * *": Next would look at each minute of five years
		spec.Location = time.UTC // what it gives is what the clock of the location is to show
		s = scheduler.InZone(spec, location, certainTimes(text))
	}
	if never || s.Next(time.Now()).IsZero() {
		return nil, "", fmt.Errorf("field `cron`: %q never comes", text)
	}
	return s, text + " " + location.String(), nil
}

// parseStandard is the parser of robfig/cron, but for the time zone that it takes from the text: the field says it.
// The text is the script's, and what the parser panics over ("TZ=0", for one) must not end the daemon.
func parseStandard(text string) (s cron.Schedule, err error) {
	if start := strings.TrimSpace(text); strings.HasPrefix(start, "TZ=") || strings.HasPrefix(start, "CRON_TZ=") {
		return nil, errors.New("the time zone is given by the field `timezone`, not in the text")
	}
	defer func() {
		if crash := recover(); crash != nil {
			s, err = nil, fmt.Errorf("%q is no cron expression: %v", text, crash)
		}
	}()
	return cron.ParseStandard(text)
}

// certainTimes tells whether a cron is one of certain times of the day, as Vixie cron decides it: neither its minute
// nor its hour begins with a star.
func certainTimes(text string) bool {
	if strings.HasPrefix(text, "@") {
		return text != "@hourly"
	}
	return !slices.ContainsFunc(strings.Fields(text)[:2], func(field string) bool {
		return strings.HasPrefix(field, "*") || strings.HasPrefix(field, "?") // the parser takes both for any
	})
}
