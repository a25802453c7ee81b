package engine

import (
	"encoding/hex"
	"maps"
	"os"
	"slices"
	"time"

	"dumbprobe/internal/control"
	"dumbprobe/internal/output"
)

// Status describes the engine, as far as the filter wants it. What it says of each check is of one moment; it
// waits for no VM, and holds no lock but for one check at a time.
func (e *Engine) Status(f control.Filter) *control.Status {
	e.mu.Lock()
	scripts, broken, state := e.scripts, e.broken, e.state
	retired := slices.Collect(maps.Keys(e.retired))
	e.mu.Unlock()

	now := time.Now()
	s := &control.Status{
		Daemon: e.ownStatus(now, state), Commands: e.commandStatus(),
		Scripts: []control.Script{}, Checks: []control.Check{}, Handles: []control.Handle{}, Destinations: []control.Destination{},
	}
	everything := len(f.Names) == 0
	if everything && !f.Failed {
		s.Checks = make([]control.Check, 0, countTasks(scripts))
	}
	for _, script := range scripts {
		script.status(s, f)
	}
	if !everything {
		return s
	}
	for _, script := range scripts {
		status := script.summary(now, e.stuckGrace)
		if err := broken[script.path]; err != nil {
			status.State, status.Errors = control.ScriptBroken, ErrorLines(err)
		}
		if !f.Failed || status.State != control.ScriptOK {
			s.Scripts = append(s.Scripts, status)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(broken)) {
		if !slices.ContainsFunc(scripts, func(s *script) bool { return s.path == path }) {
			s.Scripts = append(s.Scripts, control.Script{Path: path, State: control.ScriptBroken, Errors: ErrorLines(broken[path])})
		}
	}
	slices.SortFunc(retired, func(a, b *script) int { return a.loadedAt.Compare(b.loadedAt) })
	for _, script := range retired {
		status := script.summary(now, e.stuckGrace)
		if status.State == control.ScriptOK {
			status.State = control.ScriptReplaced
		}
		s.Scripts = append(s.Scripts, status)
	}
	for _, d := range e.outputs.Stats() {
		if status := destinationStatus(d); !f.Failed || status.Failing() {
			s.Destinations = append(s.Destinations, status)
		}
	}
	return s
}

// Ready is closed when Run has loaded the scripts and started their checks.
func (e *Engine) Ready() <-chan struct{} { return e.ready }

// Counts tells how many scripts run, and how many checks and handles they have.
func (e *Engine) Counts() (scripts, tasks int) {
	running := e.running()
	return len(running), countTasks(running)
}

// Names are the names of all checks and handles.
func (e *Engine) Names() (names []string) {
	for _, s := range e.running() {
		for _, t := range s.tasks {
			names = append(names, t.title())
		}
	}
	return names
}

func (e *Engine) ownStatus(now time.Time, state runState) control.DaemonStatus {
	d := control.DaemonStatus{
		Version: e.options.Version, PID: os.Getpid(), State: "running",
		Now: unixTime(now), Started: unixTime(e.started), Uptime: now.Sub(e.started).Seconds(),
		Outcomes: map[string]uint64{}, Messages: e.voice.lines.Load(), Dropped: e.voice.dropped.Load(),
		Lateness: control.Lateness{
			P50: e.late.quantile(0.5).Seconds(), P99: e.late.quantile(0.99).Seconds(), Max: time.Duration(e.late.max.Load() * 1000).Seconds(),
		},
	}
	switch {
	case state == stateNew:
		d.State = "starting"
	case state == stateEnded || e.stopping.Err() != nil:
		d.State = "stopping"
	}
	for o, n := range e.voice.counters {
		if n := n.Load(); n > 0 {
			d.Outcomes[string(o)] = n
		}
	}
	return d
}

func (e *Engine) commandStatus() control.Commands {
	s := e.commands.Stats()
	return control.Commands{
		Running: s.Running, Waiting: s.Waiting, Limit: e.commands.MaxCommands(), Streams: s.Streams, Stuck: s.Stuck,
		Started: s.Started, Killed: s.Killed, NoSlot: s.NoSlot, NoStream: s.NoStream, LongestWait: s.LongestWait.Seconds(),
	}
}

// status adds the script's checks and handles that are wanted, and counts all.
func (s *script) status(to *control.Status, f control.Filter) {
	for _, t := range s.tasks {
		wanted := f.Wants(t.title())
		switch t := t.(type) {
		case *handle:
			h := t.status()
			to.Daemon.Handles++
			if h.Failing() {
				to.Daemon.Failing++
			}
			if wanted && (!f.Failed || h.Failing()) {
				to.Handles = append(to.Handles, h)
			}
		case interface{ status() control.Check }:
			c := t.status()
			to.Daemon.Checks++
			if c.Failing() {
				to.Daemon.Failing++
			}
			if wanted && (!f.Failed || c.Failing()) {
				to.Checks = append(to.Checks, c)
			}
		}
	}
}

func (c *check) status() control.Check {
	s := control.Check{
		Name: c.name, Script: c.script.path, Position: c.entry.Position, Class: c.entry.Class, Interval: c.entry.Check.Interval,
	}
	c.record.Load().fill(&s)
	if s.State == control.CheckRunning && c.waits() {
		s.State = control.CheckQueued
	}
	if due, queued := c.script.engine.loop.Due(&c.Entry); queued {
		c.mu.Lock()
		never := c.schedule != nil && c.plan.Never()
		c.mu.Unlock()
		if !never {
			s.NextRun = unixTime(due)
		}
	}
	if !c.script.quarantinedUntil(c.name).IsZero() {
		s.State = control.CheckQuarantined
	}
	return s
}

// waits tells whether a run of the check waits for its turn: one of this version, or of the one before.
func (c *check) waits() bool {
	for ; c != nil; c = c.before.Load() {
		if c.present.waits() {
			return true
		}
	}
	return false
}

func (o *object) status() control.Check {
	s := control.Check{Name: o.name, Script: o.script.path, Position: 1, Class: o.object.Class}
	o.record.Load().fill(&s)
	if until := o.script.quarantinedUntil(o.name); !until.IsZero() {
		s.State, s.NextRun = control.CheckQuarantined, unixTime(until)
	}
	return s
}

func (h *handle) status() control.Handle {
	s := control.Handle{Name: h.name, Script: h.script.path, Position: h.entry.Position, Class: h.entry.Class}
	h.record.Load().fill(&s)
	if due, queued := h.script.engine.loop.Due(&h.Entry); queued {
		s.Reopens = unixTime(due)
	}
	return s
}

func (s *script) summary(now time.Time, grace time.Duration) control.Script {
	status := control.Script{Path: s.path, State: control.ScriptOK, Loaded: unixTime(s.loadedAt), Memory: s.memory.Load()}
	if sources := s.vm.Sources(); len(sources) > 0 {
		status.SHA256 = hex.EncodeToString(sources[0].SHA256[:])
	}
	for _, t := range s.tasks {
		if _, ok := t.(*handle); ok {
			status.Handles++
		} else {
			status.Checks++
		}
	}
	group := s.commands.Stats()
	status.CommandsRunning, status.CommandsWaiting, status.Streams = group.Running, group.Waiting, group.Streams
	if _, _, stuck := s.vm.Stuck(now, grace); stuck {
		status.State = control.ScriptStuck
	}
	return status
}

func destinationStatus(d output.DestinationStats) control.Destination {
	s := control.Destination{
		Address: d.Address, State: string(d.State), Queued: d.Queued, SpoolBytes: d.SpoolBytes,
		Enqueued: d.Enqueued, InFlight: d.InFlight, Sent: d.Sent, SentAgain: d.SentAgain, Delivered: d.Delivered, Acknowledged: d.Acknowledged,
		Oldest: d.Oldest.Seconds(), Reconnects: d.Reconnects, Spool: control.SpoolMemory, Restored: d.Restored,
	}
	if d.Kept {
		s.Spool = control.SpoolDisk
	}
	if s.State == "" {
		s.State = "connecting"
	}
	for _, n := range d.Dropped {
		s.Dropped += n
	}
	if s.Dropped > 0 {
		s.DroppedFor = d.Dropped
	}
	if d.LastError != nil && d.State != output.Connected {
		s.LastError = d.LastError.Error()
	}
	return s
}
