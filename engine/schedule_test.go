package engine

import (
	"strings"
	"testing"
	"time"
)

func TestAScheduleThatCannotBeIsAnErrorOfTheLoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, fields, want string }{
		{"a cron that is none", `cron = "every day"`, "field `cron`: "},
		{"a cron of six fields", `cron = "0 0 0 1 1 *"`, "field `cron`: "},
		{"a time zone in a cron", `cron = "CRON_TZ=Asia/Tokyo 0 6 * * *"`, "field `cron`: the time zone is given by the field `timezone`"},
		{"another", `cron = "TZ=Asia/Tokyo 0 6 * * *"`, "field `cron`: the time zone is given by the field `timezone`"},
		{"a time zone and nothing else", `cron = "TZ=0"`, "field `cron`: the time zone is given by the field `timezone`"},
		{"another", `cron = "CRON_TZ=UTC"`, "field `cron`: the time zone is given by the field `timezone`"},
		{"a day that never comes", `cron = "0 0 31 2 *"`, "field `cron`: \"0 0 31 2 *\" never comes"},
		{"an empty list", `cron = ", * * * *"`, "field `cron`: \", * * * *\" never comes"},
		{"a time zone that is none", `cron = "0 0 1 1 *", timezone = "Mars/Olympus"`, "field `timezone`: "},
		{"a time zone without a cron", `interval = 5, timezone = "Europe/Warsaw"`, "field `timezone` is for `cron`"},
		{"a cron and an interval", `interval = 5, cron = "0 0 1 1 *"`, "cron"},
		{"a jitter as long as the interval", `interval = 5, jitter = 5`, "jitter"},
		{"a splay longer than the interval", `interval = 5, splay = 6`, "splay"},
		{"an interval below the shortest", `interval = 0.0001`, "interval"},
		{"an interval that rounds to nothing", `interval = 1e-10`, "interval: must be at least 1ms, got 1ns"},
		{"a retry interval that rounds to nothing", `interval = 5, retry_interval = 1e-10`, "retry_interval: must be at least 1ms, got 1ns"},
		{"spread with align", `interval = 5, align = true, first = "spread"`, "spread"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := names(t, lua(t, "a.lua", "\nreturn {\n  dp.Function{call = print, "+c.fields+"},\n}"))
			if err == nil || !strings.Contains(err.Error(), "a.lua:3, entry 1: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	for _, fields := range []string{
		`cron = "@hourly"`, `cron = "*/5 8-18 * * mon-fri", timezone = "UTC"`, `cron = "0 0 1 1 *", splay = 5`,
		`interval = 5, align = true, splay = 5, jitter = 1, retry_interval = 1, first = "interval"`,
		`cron = "0 0 29 2 *"`, `interval = 5, first = "spread"`, `interval = 315360000`,
	} {
		t.Run(fields, func(t *testing.T) {
			t.Parallel()
			if _, err := names(t, lua(t, "a.lua", "return {dp.Function{call = print, "+fields+"}}")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestABadScheduleIsToldWithAllElseThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := names(t, lua(t, "a.lua", `
return {
  dp.Function{call = print, cron = "every day"},
  dp.Function{cal = print, interval = 5},
  dp.Function{call = print, interval = 5, jitter = 5},
  5,
}`))
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range []string{"4 problems", "a.lua:3, entry 1: field `cron`: ", "did you mean `call`?", "a.lua:5, entry 3: ", "jitter", "found the number 5"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error: %v", want, err)
		}
	}
}

// Certain times of the day come once in the nights when the clock is changed, others as the clock shows them: see
// scheduler.InZone.
func TestACronOfCertainTimesComesOnceWhereTheClockIsChanged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cron, zone, after, want string }{
		{"30 2 * * *", "Europe/Warsaw", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"30 2 * * *", "Europe/Warsaw", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"0,30 2 * * *", "Europe/Warsaw", "2026-10-25T00:30:00Z", "2026-10-26T01:00:00Z"},
		{"*/30 2 * * *", "Europe/Warsaw", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"},
		{"*/30 2 * * *", "Europe/Warsaw", "2026-03-28T12:00:00Z", "2026-03-30T00:00:00Z"},
		{"30 * * * *", "Europe/Warsaw", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"? ? * * *", "Europe/Warsaw", "2026-10-25T00:59:00Z", "2026-10-25T01:00:00Z"},
		{"@hourly", "Europe/Warsaw", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{"@every 1h", "Europe/Warsaw", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{"@daily", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"},
		{"@midnight", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"},
		{"@weekly", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"},
	} {
		parsed, _, err := parseCron(c.cron, c.zone)
		if err != nil {
			t.Fatal(err)
		}
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		if got := parsed.Next(after).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s: after %s comes %s, want %s", c.cron, c.zone, c.after, got, c.want)
		}
	}
}

// A script's text must not end the daemon, and what is taken must go on.
func FuzzParseCron(f *testing.F) {
	f.Add("*/5 8-18 * * mon-fri", "Europe/Warsaw")
	f.Add("@daily", "")
	f.Add("@every 90s", "UTC")
	f.Add("30 2 29 2 ?", "America/Sao_Paulo")
	f.Fuzz(func(t *testing.T, text, timezone string) {
		c, _, err := parseCron(text, timezone)
		if err != nil {
			return
		}
		at := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
		for range 5 {
			next := c.Next(at)
			if next.IsZero() {
				return
			}
			if !next.After(at) {
				t.Fatalf("%q in %q: after %v comes %v", text, timezone, at, next)
			}
			at = next
		}
	})
}
