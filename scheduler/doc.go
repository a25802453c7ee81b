// Package scheduler decides when things start, and starts them.
//
// Invariant: an entry is in the run queue at most once, and is taken out before it is started, so it
// starts once for each time it was scheduled. Due times are kept on the monotonic clock; what belongs
// to the wall clock is converted when it is planned, and planned again when the wall clock has stepped.
// Nothing here waits for a run: the loop starts an entry and goes on, and whoever ran it schedules it
// again.
//
// The parts, from the bottom up:
//
//   - [RunQueue] orders entries by time, and entries of one time by the order they were added.
//   - [Loop] owns a RunQueue, sleeps until its head is due and starts it.
//   - [Schedule] computes the [Plan] of a check's next run: a fixed rate, a rate aligned to the wall
//     clock, or cron.
//   - [FromUnix], [Reconvert] and [Spaced] turn a time a script asked for into one for the loop;
//     [Backoff] says how long to wait after a failure.
//
// The life of a check, without its locks:
//
//	plan := schedule.First(time.Now())
//	loop.Schedule(&check.entry, plan.At)
//	// ... the loop calls check.Start(due), which runs the check on a goroutine of its own; at its end:
//	plan = schedule.Next(plan, time.Now(), failed)
//	loop.Schedule(&check.entry, plan.At)
package scheduler
