package engine

import (
	"strings"
	"testing"
)

func TestAScheduleThatCannotBeIsAnErrorOfTheLoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, fields, want string }{
		{"a cron that is none", `cron = "every day"`, "field `cron`: "},
		{"a cron of six fields", `cron = "0 0 0 1 1 *"`, "field `cron`: "},
		{"a time zone that is none", `cron = "0 0 1 1 *", timezone = "Mars/Olympus"`, "field `timezone`: "},
		{"a time zone without a cron", `interval = 5, timezone = "Europe/Warsaw"`, "field `timezone` is for `cron`"},
		{"a cron and an interval", `interval = 5, cron = "0 0 1 1 *"`, "cron"},
		{"a jitter as long as the interval", `interval = 5, jitter = 5`, "jitter"},
		{"a splay longer than the interval", `interval = 5, splay = 6`, "splay"},
		{"an interval below the shortest", `interval = 0.0001`, "interval"},
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
		`interval = 5, first = "spread"`, `interval = 315360000`,
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
