package command

import "time"

// DefaultMaxOutput is how many bytes of stdout, and of stderr, a Result keeps when Spec.MaxOutput is 0.
const DefaultMaxOutput = 1 << 20

// Spec says what to run.
type Spec struct {
	Argv      []string // the program and its arguments; never empty; run directly, without a shell
	Dir       string   // working directory; "": the daemon's
	Env       []string // "K=V", added over the daemon's environment; DUMBPROBE_COMMAND is the Runner's own
	Stdin     []byte   // what the command reads; nil: /dev/null
	MaxOutput int      // bytes kept of stdout and of stderr each; 0: DefaultMaxOutput. Run only

	// Timeout is how long the command may take once it has its slot; 0: as long as the context. Run only.
	Timeout      time.Duration
	TimeoutCause error // what an error for its end matches; nil: context.DeadlineExceeded
}

// Shell gives the Argv that runs line through /bin/sh.
func Shell(line string) []string { return []string{"/bin/sh", "-c", line} }

// Result is what came of a command that was started.
type Result struct {
	Stdout, Stderr                   []byte // the first MaxOutput bytes of each; nil for a Stream
	StdoutTruncated, StderrTruncated bool   // more came; it was read and discarded
	Code                             int    // exit code, or minus the number of the signal that ended it
	Duration                         time.Duration
	Waited                           time.Duration // for a slot, before it was started
	// Leftovers: the command ended, and something it had put in the background still held its output
	// after WaitDelay. Its group was killed.
	Leftovers bool
}

// Options are the limits of a Runner. Zero fields take the default. NewRunner lowers the first two where there may not
// be as many processes.
type Options struct {
	MaxCommands int           // commands of Run at once; more wait, see Group; 64
	MaxStreams  int           // commands of Start at once; more are refused, see Group; 1024
	Grace       time.Duration // from TERM to KILL; 2 s
	WaitDelay   time.Duration // for pipes held after the leader's end, and for the end after KILL; 1 s
	Cgroup      CgroupMode    // whether commands get cgroups of their own; CgroupAuto

	// Guardian is the argument list with which the daemon's own binary becomes the guardian of the streams (main
	// then calls Guard). It is started with the first stream. Empty: there is none.
	Guardian []string
	// Warn, if it is not nil, hears what works less well than it should; from any goroutine.
	Warn func(error)
	// OnPanic gets what the end of a command has panicked with, while the stack is there; from any goroutine. The error
	// it gives is that command's, which is killed. nil: the panic goes on.
	OnPanic func(crash any) error
}

func (o Options) withDefaults() Options {
	if o.MaxCommands <= 0 {
		o.MaxCommands = 64
	}
	if o.MaxStreams <= 0 {
		o.MaxStreams = 1024
	}
	if o.Grace <= 0 {
		o.Grace = 2 * time.Second
	}
	if o.WaitDelay <= 0 {
		o.WaitDelay = time.Second
	}
	return o
}

// Stats counts what a Runner did. The first four are gauges, the others only grow.
type Stats struct {
	Running int // commands of Run that hold a slot
	Waiting int // callers of Run that wait for a slot
	Streams int // commands of Start
	Stuck   int // killed, given up on, and still not gone (in an uninterruptible system call); they keep their slot

	Started     uint64        // processes started, streams included
	StartErrors uint64        // Run and Start that gave a StartError
	Killed      uint64        // ended because their context ended
	Timeouts    uint64        // of those, by a deadline
	Truncated   uint64        // Results with a truncated stdout or stderr
	Leftovers   uint64        // Results with Leftovers
	NoSlot      uint64        // contexts that ended while waiting for a slot
	NoStream    uint64        // Start that gave ErrTooManyStreams
	Reaped      uint64        // orphans reaped by ReapOrphans
	LongestWait time.Duration // for a slot
}
