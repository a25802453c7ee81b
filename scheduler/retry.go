package scheduler

import "time"

// retryPlan returns the run one retry interval after the last was planned, or the first multiple of it
// that has not passed. Retries have no jitter, and the points they stand in for are not skipped ones.
func retryPlan(prev Plan, now time.Time, interval time.Duration) Plan {
	last := prev.At.Sub(now)
	_, at, skipped, _ := upcoming(evenly{anchor: last, step: interval}, last, 0)
	return Plan{At: now.Add(at), Grid: prev.Grid, OffGrid: true, Skipped: skipped}
}
