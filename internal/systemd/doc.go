// Package systemd speaks the service manager's protocol of sd_notify(3) and sd_watchdog_enabled(3).
//
// The package's invariants: what was read from the environment is taken out of it, so that no command inherits
// it and speaks in the daemon's name; and a service manager that does not listen delays nothing for longer than
// [sendTimeout], the ping of the watchdog not at all.
package systemd
