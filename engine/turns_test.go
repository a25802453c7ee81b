package engine

import (
	"slices"
	"testing"
	"time"

	"dumbprobe/internal/control"
)

// turnsOf makes turns with two runs that who serves has taken, and two that have entered since. Their deadlines are 2, 4,
// 1 and 3 minutes away.
func turnsOf(t *testing.T) (*turns, time.Time) {
	t.Helper()
	q, now := &turns{served: true}, time.Now()
	enter := func(number uint32, timeout time.Duration) {
		q.enter(turn{check: &check{timeout: timeout}, queued: now, number: number})
	}
	enter(0, time.Hour)
	enter(1, 2*time.Minute)
	enter(2, 4*time.Minute)
	if run, ok := q.next(); !ok || run.number != 0 {
		t.Fatalf("the first is %d, %v", run.number, ok)
	}
	enter(3, time.Minute)
	enter(4, 3*time.Minute)
	t.Cleanup(func() { q.clear() })
	return q, now
}

func numbers(runs []turn) (all []uint32) {
	for _, run := range runs {
		all = append(all, run.number)
	}
	return all
}

func TestRunsHaveTheirTurnInTheOrderTheyCame(t *testing.T) {
	t.Parallel()
	q, _ := turnsOf(t)
	var all []uint32
	for run, ok := q.next(); ok; run, ok = q.next() {
		all = append(all, run.number)
	}
	if !slices.Equal(all, []uint32{1, 2, 3, 4}) {
		t.Errorf("the order is %v", all)
	}
	if q.served || q.alarm != nil {
		t.Errorf("served %v, alarm %v", q.served, q.alarm)
	}
}

func TestRunsWhoseDeadlinePassesInTheQueueAreTakenOut(t *testing.T) {
	t.Parallel()
	q, now := turnsOf(t)
	if q.alarm == nil || q.alarmAt != now.Add(time.Minute) {
		t.Errorf("the alarm is at %s", q.alarmAt.Sub(now))
	}
	if late := numbers(q.expired(now.Add(2 * time.Minute))); !slices.Equal(late, []uint32{1, 3}) {
		t.Errorf("late are %v", late)
	}
	if q.alarm == nil || q.alarmAt != now.Add(3*time.Minute) {
		t.Errorf("the alarm is at %s", q.alarmAt.Sub(now))
	}
	if left := numbers(q.clear()); !slices.Equal(left, []uint32{2, 4}) {
		t.Errorf("left are %v", left)
	}
	if q.alarm != nil {
		t.Error("there is an alarm for nothing")
	}
}

func TestWhoPassesTheTurnsOnLeavesNoAlarmForNothing(t *testing.T) {
	t.Parallel()
	q, _ := turnsOf(t)
	for !q.taken.empty() || !q.entered.empty() {
		q.next()
	}
	q.passOn()
	if q.served || q.alarm != nil {
		t.Errorf("served %v, alarm %v", q.served, q.alarm)
	}
}

func TestARunWaitsUntilItHasItsTurn(t *testing.T) {
	t.Parallel()
	var p presentRun
	if p.waits() {
		t.Error("there is none")
	}
	p.begin(7)
	if p.turn(6); !p.waits() {
		t.Error("another one's turn")
	}
	if p.turn(7); p.waits() {
		t.Error("it has its turn")
	}
	if !p.end(7) || p.waits() {
		t.Error("it has ended")
	}
	p.begin(8)
	p.turn(8)
	if number, now, before := p.giveUp(); number != 8 || !now || before || p.waits() {
		t.Errorf("given up: %d, %v, %v", number, now, before)
	}
	if _, now, before := p.giveUp(); now || !before {
		t.Errorf("given up again: %v, %v", now, before)
	}
	if p.end(8) {
		t.Error("one that was given up ends")
	}
}

// A run that has entered since the others were taken has its turn when the one before it waits.
func TestARunThatEnteredMeanwhileIsServedWhenTheOneBeforeWaits(t *testing.T) {
	t.Parallel()
	d := launch(t, Options{Grace: time.Millisecond, Checks: []string{lua(t, "a.lua", `
return {
  dp.Function{name = "waits", interval = 3600, timeout = 60, first = "now", call = function() dp.log.info("`+holdVM+`") dp.sleep(50) return {} end},
  dp.Function{name = "entered", interval = 3600, timeout = 60, first = "interval", call = function() return {} end},
}`)}})
	d.log("the hold", says(holdVM))
	go func() { _, _ = d.RunCheck(t.Context(), "entered") }()
	eventually(t, "the queue", func() bool { return d.status("entered").State == control.CheckQueued })
	d.letGo()
	eventually(t, "its run", func() bool { return d.status("entered").Runs == 1 })
}
