package scheduler

import (
	"testing"
	"time"
	_ "time/tzdata" // the machine of the tests may have no time zones

	gocmp "github.com/google/go-cmp/cmp"
)

// inZone is the cron of this text by the clock of the zone.
func inZone(t testing.TB, text, zone string, fixed bool) (Cron, *time.Location) {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return InZone(mustCron(t, text).Cron, location, fixed), location
}

// following returns n points after the time that the clock of the zone shows, in UTC and by that clock.
func following(t *testing.T, c Cron, location *time.Location, start string, n int) []string {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -0700", start)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for range n {
		at = c.Next(at)
		got = append(got, at.In(location).Format("02 15:04 -0700"))
	}
	return got
}

func TestCronInTheNightsWhenTheClockIsChanged(t *testing.T) {
	const (
		warsaw   = "Europe/Warsaw"       // 2026-03-29 02:00 +01 is 03:00 +02; 2026-10-25 03:00 +02 is 02:00 +01
		saoPaulo = "America/Sao_Paulo"   // 2018-11-04 00:00 -03 is 01:00 -02; 2018-02-18 00:00 -02 is 23:00 -03
		lordHowe = "Australia/Lord_Howe" // 2026-04-05 02:00 +11 is 01:30 +1030; 2026-10-04 02:00 +1030 is 02:30 +11
	)
	for name, test := range map[string]struct {
		zone, cron string
		fixed      bool
		after      string
		want       []string
	}{
		"spring: a fixed time in the gap is right after it": {
			warsaw, "30 2 * * *", true, "2026-03-28 02:30 +0100",
			[]string{"29 03:00 +0200", "30 02:30 +0200"},
		},
		"spring: several fixed times in the gap are one": {
			warsaw, "0,20,40 2,3 * * *", true, "2026-03-28 03:40 +0100",
			[]string{"29 03:00 +0200", "29 03:20 +0200", "29 03:40 +0200", "30 02:00 +0200"},
		},
		"spring: a fixed time at the end of the gap": {
			warsaw, "0 3 * * *", true, "2026-03-28 03:00 +0100", []string{"29 03:00 +0200", "30 03:00 +0200"},
		},
		"spring: a fixed time on either side of the gap": {
			warsaw, "59 1,3 * * *", true, "2026-03-29 01:00 +0100", []string{"29 01:59 +0100", "29 03:59 +0200", "30 01:59 +0200"},
		},
		"spring: every hour": {
			warsaw, "0 * * * *", false, "2026-03-29 00:00 +0100", []string{"29 01:00 +0100", "29 03:00 +0200", "29 04:00 +0200"},
		},
		"spring: every 20 minutes": {
			warsaw, "*/20 * * * *", false, "2026-03-29 01:20 +0100", []string{"29 01:40 +0100", "29 03:00 +0200", "29 03:20 +0200"},
		},
		"spring: every 20 minutes of an hour that is left out": {
			warsaw, "*/20 2 * * *", false, "2026-03-28 02:20 +0100", []string{"28 02:40 +0100", "30 02:00 +0200"},
		},
		"autumn: a fixed time that comes twice is run the first time": {
			warsaw, "30 2 * * *", true, "2026-10-24 02:30 +0200", []string{"25 02:30 +0200", "26 02:30 +0100"},
		},
		"autumn: a fixed time is not run after the first time has passed": {
			warsaw, "30 2 * * *", true, "2026-10-25 02:10 +0100", []string{"26 02:30 +0100"},
		},
		"autumn: the fixed times after the hour that comes twice": {
			warsaw, "0 2,3 * * *", true, "2026-10-25 01:00 +0200", []string{"25 02:00 +0200", "25 03:00 +0100", "26 02:00 +0100"},
		},
		"autumn: every hour": {
			warsaw, "0 * * * *", false, "2026-10-25 01:00 +0200", []string{"25 02:00 +0200", "25 02:00 +0100", "25 03:00 +0100"},
		},
		"autumn: every 20 minutes": {
			warsaw, "*/20 * * * *", false, "2026-10-25 02:20 +0200",
			[]string{"25 02:40 +0200", "25 02:00 +0100", "25 02:20 +0100", "25 02:40 +0100", "25 03:00 +0100"},
		},
		"a midnight that is left out": {
			saoPaulo, "0 0 * * *", true, "2018-11-03 00:00 -0300", []string{"04 01:00 -0200", "05 00:00 -0200"},
		},
		"a midnight that is left out, of a day of the week": {
			saoPaulo, "0 0 * * sun", true, "2018-10-28 00:00 -0300", []string{"04 01:00 -0200", "11 00:00 -0200"},
		},
		"a midnight that is left out, every hour": {
			saoPaulo, "0 * * * *", false, "2018-11-03 22:00 -0300", []string{"03 23:00 -0300", "04 01:00 -0200", "04 02:00 -0200"},
		},
		"an hour before midnight that comes twice": {
			saoPaulo, "30 23 * * *", true, "2018-02-16 23:30 -0200", []string{"17 23:30 -0200", "18 23:30 -0300"},
		},
		"the midnight after it": {
			saoPaulo, "0 0 * * *", true, "2018-02-17 00:00 -0200", []string{"18 00:00 -0300", "19 00:00 -0300"},
		},
		"an hour before midnight that comes twice, every hour": {
			saoPaulo, "0 * * * *", false, "2018-02-17 22:00 -0200", []string{"17 23:00 -0200", "17 23:00 -0300", "18 00:00 -0300"},
		},
		"half an hour that is left out": {
			lordHowe, "15 2 * * *", true, "2026-10-03 02:15 +1030", []string{"04 02:30 +1100", "05 02:15 +1100"},
		},
		"half an hour that comes twice": {
			lordHowe, "45 1 * * *", true, "2026-04-04 01:45 +1100", []string{"05 01:45 +1100", "06 01:45 +1030"},
		},
		"half an hour that comes twice, every second hour": {
			lordHowe, "0 */2 * * *", false, "2026-04-05 00:00 +1100", []string{"05 02:00 +1030", "05 04:00 +1030"},
		},
		"half an hour that comes twice, every 15 minutes": {
			lordHowe, "*/15 * * * *", false, "2026-04-05 01:30 +1100",
			[]string{"05 01:45 +1100", "05 01:30 +1030", "05 01:45 +1030", "05 02:00 +1030"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, location := inZone(t, test.cron, test.zone, test.fixed)
			got := following(t, c, location, test.after, len(test.want))
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("points (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever the zone does, "every half hour" is every half hour, and a fixed time comes once on each day.
func TestCronGoesThroughTheYearOfAZone(t *testing.T) {
	start, end := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, zone := range []string{
		"UTC", "Europe/Warsaw", "Europe/London", "Europe/Dublin", "America/New_York", "America/Sao_Paulo", "America/Havana",
		"America/St_Johns", "Asia/Kolkata", "Asia/Tehran", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Casablanca",
	} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			often, location := inZone(t, "*/30 * * * *", zone, false)
			for at := often.Next(start); at.Before(end); {
				next := often.Next(at)
				if next.Sub(at) != 30*time.Minute {
					t.Fatalf("every half hour: after %v comes %v", at.In(location), next.In(location))
				}
				at = next
			}
			for _, text := range []string{"0 0 * * *", "30 0 * * *", "15 1 * * *", "30 2 * * *", "45 3 * * *", "30 23 * * *"} {
				fixed, _ := inZone(t, text, zone, true)
				day := time.Date(2018, 1, 2, 12, 0, 0, 0, time.UTC)
				for at := fixed.Next(time.Date(2018, 1, 2, 0, 0, 0, 0, location).Add(-1)); at.Before(end); at = fixed.Next(at) {
					if got, want := at.In(location).Format(time.DateOnly), day.Format(time.DateOnly); got != want {
						t.Fatalf("%s: %v, want a run on %s", text, at.In(location), want)
					}
					day = day.AddDate(0, 0, 1)
				}
			}
		})
	}
}

func TestCronInAZoneEnds(t *testing.T) {
	for _, fixed := range []bool{true, false} {
		for name, c := range map[string]cronFunc{
			"never":          func(time.Time) time.Time { return time.Time{} },
			"the same time":  func(t time.Time) time.Time { return t },
			"an earlier one": func(t time.Time) time.Time { return t.Add(-time.Hour) },
		} {
			if at := InZone(c, time.UTC, fixed).Next(time.Now()); !at.IsZero() {
				t.Errorf("%s, fixed %v: %v", name, fixed, at)
			}
		}
	}
}
