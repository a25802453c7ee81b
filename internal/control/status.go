package control

// The types of a status. Times are unix times, durations are seconds, both with fractions; 0, which is left
// out, is "never", "none" or "not known".

// Status describes a daemon at one moment.
type Status struct {
	Daemon       DaemonStatus  `json:"daemon"`
	Commands     Commands      `json:"commands"`
	Scripts      []Script      `json:"scripts"`
	Checks       []Check       `json:"checks"`
	Handles      []Handle      `json:"handles"`
	Destinations []Destination `json:"destinations"`
}

// DaemonStatus  is the daemon as a whole.
type DaemonStatus struct {
	Version string  `json:"version"`
	PID     int     `json:"pid"`
	State   string  `json:"state"` // starting, running or stopping
	Now     float64 `json:"now"`   // when the status was taken
	Started float64 `json:"started"`
	Uptime  float64 `json:"uptime"`

	// Checks and Handles count all that there are, also those that a filter leaves out.
	Checks  int `json:"checks"`
	Handles int `json:"handles"`
	Failing int `json:"failing"` // of both

	Outcomes map[string]uint64 `json:"outcomes"` // how often each was counted
	Messages uint64            `json:"messages"` // of checks and handles, sent to every destination
	Dropped  uint64            `json:"dropped"`  // messages and records that could not be written
	Lateness Lateness          `json:"lateness"`

	LastReload *ReloadResult `json:"last_reload,omitzero"` // nil: there was none
	Reloading  bool          `json:"reloading,omitzero"`
}

// Lateness is how late runs started since the daemon was started: median, 99th percentile, maximum.
type Lateness struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Commands are the subprocesses of checks. Who waits for a slot gets it in the order of asking.
type Commands struct {
	Running     int     `json:"running"`
	Waiting     int     `json:"waiting"`
	Limit       int     `json:"limit"`
	Streams     int     `json:"streams"` // of handles, readers and io.popen; they need no slot
	Stuck       int     `json:"stuck"`   // killed, and not gone yet; they keep their slot
	Started     uint64  `json:"started"`
	Killed      uint64  `json:"killed"`
	NoSlot      uint64  `json:"no_slot"`   // runs whose deadline passed while they waited for a slot
	NoStream    uint64  `json:"no_stream"` // streams that were refused: of one script, or in all, there were too many
	LongestWait float64 `json:"longest_wait"`
}

// The states of a script.
const (
	ScriptOK       = "ok"
	ScriptBroken   = "broken"   // its file cannot be loaded; the version before goes on, if there was one
	ScriptStuck    = "stuck"    // a run holds the VM past its deadline
	ScriptReplaced = "replaced" // an old version, which comes to its end
)

// Script is one version of a script file, or a file that has no version that could be loaded.
type Script struct {
	Path            string   `json:"path"`
	State           string   `json:"state"`
	Loaded          float64  `json:"loaded,omitzero"` // 0: never
	SHA256          string   `json:"sha256,omitzero"` // of the file that was loaded, in hex
	Checks          int      `json:"checks"`
	Handles         int      `json:"handles"`
	Memory          uint64   `json:"memory,omitzero"` // bytes of Lua values, when it was measured last; it seldom is
	CommandsRunning int      `json:"commands_running"`
	CommandsWaiting int      `json:"commands_waiting"`
	Streams         int      `json:"streams"`
	Errors          []string `json:"errors,omitzero"` // why it is broken, each with its position first
}

// Failure is the last thing that went wrong, while it is so.
type Failure struct {
	Outcome string  `json:"outcome"`
	Error   string  `json:"error,omitzero"`
	Time    float64 `json:"time"`
}

// The states of a check.
const (
	CheckIdle        = "idle"
	CheckQueued      = "queued"      // due, and waiting for its turn in the script
	CheckRunning     = "running"     // which may be waiting for a command's slot
	CheckQuarantined = "quarantined" // it held its script past every deadline, and is kept from running
)

// Check is a check, or a CHECKS that is an object.
type Check struct {
	Name     string  `json:"name"`
	Script   string  `json:"script"`
	Position int     `json:"position"`
	Class    string  `json:"class"`
	Interval float64 `json:"interval,omitzero"`

	State        string  `json:"state"`
	RunningSince float64 `json:"running_since,omitzero"` // of state queued: since when it is
	NextRun      float64 `json:"next_run,omitzero"`      // 0: it runs, or schedules itself

	Outcome  string  `json:"outcome,omitzero"` // of the last run; empty: none has ended
	Since    float64 `json:"since,omitzero"`   // since when it is that
	LastRun  float64 `json:"last_run,omitzero"`
	Duration float64 `json:"duration,omitzero"` // of the last run, from when it had its turn or its command's slot
	Lateness float64 `json:"lateness,omitzero"` // of the last run

	Instructions uint64 `json:"instructions"` // of Lua, executed by the last run; 0 also if it ended while it waited

	Runs     uint64 `json:"runs"`
	Failures uint64 `json:"failures"`
	Streak   uint64 `json:"streak"` // runs that failed since the last that did not
	Skipped  uint64 `json:"skipped"`

	Failure     *Failure `json:"failure,omitzero"`      // of the last run, if that failed
	PlanFailure *Failure `json:"plan_failure,omitzero"` // of next_run, if that failed
}

// Failing tells whether something is wrong with the check.
func (c *Check) Failing() bool {
	return c.Failure != nil || c.PlanFailure != nil || c.State == CheckQuarantined
}

// The states of a handle.
const (
	HandleClosed  = "closed" // until Reopens
	HandleOpening = "opening"
	HandleOpen    = "open"
)

// Handle is a source of messages that has no schedule.
type Handle struct {
	Name     string `json:"name"`
	Script   string `json:"script"`
	Position int    `json:"position"`
	Class    string `json:"class"`

	State   string  `json:"state"`
	Since   float64 `json:"since"`
	Reopens float64 `json:"reopens,omitzero"` // when it is opened again
	PID     int     `json:"pid,omitzero"`     // of the subprocess, while it is open
	Address string  `json:"address,omitzero"` // of a socket, while it is open

	// Over all the times it was open:
	Opens    uint64 `json:"opens"`
	Lines    uint64 `json:"lines"` // records read
	Bytes    uint64 `json:"bytes"`
	Messages uint64 `json:"messages"`
	Queued   int    `json:"queued"` // records read and not taken yet

	Failures uint64   `json:"failures"` // failed opens, ends and records
	Failure  *Failure `json:"failure,omitzero"`
}

// Failing tells whether something is wrong with the handle.
func (h *Handle) Failing() bool { return h.Failure != nil }

// Where what waits for a destination is.
const (
	SpoolMemory = "memory"
	SpoolDisk   = "disk"
)

// Destination is where messages go.
type Destination struct {
	Address    string `json:"address"`
	State      string `json:"state"` // connected, lost, slow, or connecting
	Queued     int    `json:"queued"`
	Spool      string `json:"spool"` // disk or memory
	SpoolBytes int64  `json:"spool_bytes"`
	Restored   int    `json:"restored"` // of an earlier start
	Enqueued   uint64 `json:"enqueued"`
	InFlight   int    `json:"in_flight"` // of those queued: sent, and not yet acknowledged
	Sent       uint64 `json:"sent"`      // each time
	SentAgain  uint64 `json:"sent_again"`
	Delivered  uint64 `json:"delivered"`
	// Acknowledged is Delivered where the destination, or the kernel of its machine, confirms; else 0.
	Acknowledged uint64            `json:"acknowledged"`
	Dropped      uint64            `json:"dropped"`
	DroppedFor   map[string]uint64 `json:"dropped_for,omitzero"` // by reason
	Oldest       float64           `json:"oldest"`               // age of the oldest message that waits
	Reconnects   uint64            `json:"reconnects"`
	LastError    string            `json:"last_error,omitzero"`
}

// Failing tells whether messages are lost or wait.
func (d *Destination) Failing() bool {
	return d.Dropped > 0 || d.State != "connected" && d.State != "connecting"
}
