package scheduler

import "time"

// reading is the wall clock and the monotonic clock read at one instant.
type reading struct {
	wall int64         // nanoseconds since 1970
	mono time.Duration // since the loop was made
}

// clockStep compares two readings. It returns how far the wall clock moved beyond the monotonic one
// (negative: it was set back), and whether that is more than the tolerance. A process that was stopped
// shows no step, since both clocks went on; a machine that was suspended shows one forward, since the
// monotonic clock stood still.
func clockStep(ref, now reading, tolerance time.Duration) (delta time.Duration, stepped bool) {
	delta = time.Duration(now.wall-ref.wall) - (now.mono - ref.mono)
	return delta, delta > tolerance || delta < -tolerance
}

// clockWatch remembers the reading that later ones are compared to. It is replaced only when a step was
// found, so a clock that is slewed slowly is found too, each time the slew adds up to the tolerance.
type clockWatch struct {
	ref       reading
	tolerance time.Duration
}

func (w *clockWatch) observe(now reading) (delta time.Duration, stepped bool) {
	delta, stepped = clockStep(w.ref, now, w.tolerance)
	if stepped {
		w.ref = now
	}
	return delta, stepped
}
