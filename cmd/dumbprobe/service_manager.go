package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"dumbprobe/engine"
	"dumbprobe/internal/systemd"
)

// managerHooks have the engine tell the service manager what it does; none, if there is no manager.
func managerHooks(n *systemd.Notifier) engine.Hooks {
	if n == nil {
		return engine.Hooks{}
	}
	return engine.Hooks{
		Started:   func(t engine.Tally) { n.Ready(tallyText(t)) },
		Reloading: func() { n.Reloading("loading the scripts again") },
		Reloaded:  func(t engine.Tally) { n.Ready(tallyText(t)) },
		Replaced:  func(t engine.Tally) { n.Status(tallyText(t)) },
		Stopping:  func(most time.Duration) { n.Stopping("stopping: checks that run come to their end", most) },
		Round:     n.Ping,
		MaxIdle:   n.PingInterval(),
	}
}

// tallyText is as in: 1,204 checks and 3 handles of 12 scripts; 1 script does not load.
func tallyText(t engine.Tally) string {
	var kinds []string
	for _, kind := range []struct {
		n    int
		name string
	}{{t.Checks, "check"}, {t.Handles, "handle"}, {t.Objects, "object"}} {
		if kind.n > 0 {
			kinds = append(kinds, numberOf(kind.n, kind.name))
		}
	}
	if len(kinds) == 0 {
		kinds = []string{"no checks"}
	}
	last := len(kinds) - 1
	if last > 0 {
		kinds = []string{strings.Join(kinds[:last], ", ") + " and " + kinds[last]}
	}
	text := fmt.Sprintf("%s of %s", kinds[0], numberOf(t.Scripts, "script"))
	switch {
	case t.Broken == 1:
		text += "; 1 script does not load"
	case t.Broken > 1:
		text += fmt.Sprintf("; %s do not load", numberOf(t.Broken, "script"))
	}
	return text
}

// numberOf is as in 1 check, 1,204 checks.
func numberOf(n int, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return grouped(n) + " " + name + "s"
}

// grouped writes n, which is not negative, with its digits in groups.
func grouped(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}
