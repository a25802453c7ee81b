package engine

import (
	"testing"
	"time"

	"dumbprobe/scheduler"
)

// stepped is a schedule that plans for a fixed time after the clock was set.
type stepped struct {
	scheduler.Schedule
	to scheduler.Plan
}

func (s stepped) Rebase(scheduler.Plan, time.Time) scheduler.Plan { return s.to }

func TestWhatGoesByTheClockIsPlannedAgainWhenTheClockIsSet(t *testing.T) {
	t.Parallel()
	d := prepare(t, Options{Checks: []string{lua(t, "a.lua", `
local function call() return {} end
local function own(name) return {check_name = function() return name end, next_run = function() return dp.time() + 7200 end, run = call} end
return {
  dp.Function{name = "cron", cron = "0 0 1 1 *", call = call},
  dp.Function{name = "running", interval = 86400, align = true, call = call},
  own("asked"), own("asked by the old clock"), own("not asked yet"),
  dp.ShellStream{name = "stream", command = "true"},
}`), lua(t, "b.lua", `return {run_next = function() return {} end}`)}})
	scripts, err := d.loadAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, s := range scripts {
			s.close(time.Second)
		}
	}()
	d.scripts = scripts
	now := time.Now()
	after := func(d time.Duration) time.Time { return now.Add(d) }
	rebased := scheduler.Plan{At: after(5 * time.Hour), Grid: after(5 * time.Hour)}
	// The loop does not run: nothing starts meanwhile.
	for _, c := range []struct {
		name      string
		planned   time.Time
		asked     time.Time // what next_run gave
		queued    bool
		wantAfter time.Duration
	}{
		{name: "cron", planned: after(8 * time.Hour), queued: true, wantAfter: 5 * time.Hour},
		{name: "running", planned: after(-time.Hour)},
		{name: "asked", planned: after(2 * time.Hour), asked: after(2 * time.Hour), queued: true, wantAfter: 2 * time.Hour},
		{name: "asked by the old clock", planned: after(4 * time.Hour), asked: after(time.Hour), queued: true, wantAfter: time.Hour},
		{name: "not asked yet", planned: after(3 * time.Hour), queued: true, wantAfter: 3 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := d.task(c.name).(*check)
			if check.schedule != nil {
				check.schedule = stepped{check.schedule, rebased}
			}
			check.plan = scheduler.Plan{At: c.planned, Grid: c.planned}
			if !c.asked.IsZero() {
				check.asked = float64(c.asked.UnixNano()) / 1e9
			}
			if c.queued {
				d.loop.Schedule(&check.Entry, c.planned)
			}
			d.clockStepped(3 * time.Hour)
			due, queued := d.loop.Due(&check.Entry)
			if queued != c.queued {
				t.Fatalf("queued: %v", queued)
			}
			if off := due.Sub(after(c.wantAfter)); queued && (off < -time.Second || off > time.Second) {
				t.Errorf("due in %s, want %s", time.Until(due), c.wantAfter)
			}
		})
	}
	d.log("the step", says("the clock was set"))
}

func TestAFixedRateStaysWhenTheClockIsSet(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Checks: []string{lua(t, "a.lua", `return {
  dp.Function{name = "x", interval = 3600, first = "interval", call = function() return {} end}}`)}})
	entry := &d.task("x").(*check).Entry
	before, _ := d.loop.Due(entry)
	d.clockStepped(-time.Hour) // while all runs
	after, queued := d.loop.Due(entry)
	if !queued || !after.Equal(before) {
		t.Errorf("a check with a fixed rate moved by %s", after.Sub(before))
	}
}
