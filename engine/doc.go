// Package engine runs checks. It loads script files, each into a VM of its own, wraps what they return in
// adapters (a check, a handle, an object that schedules itself), drives them by the scheduler's loop, and
// sends what they find to the destinations.
//
// The invariants: a check never overlaps itself; whatever happens to a run is reported once, as a log line,
// a counter and, where that is not switched off, a message of the daemon's own; no file waits for another
// one, and nothing waits without bound for Lua. Outputs belong to the [Engine] and outlive every script.
package engine
