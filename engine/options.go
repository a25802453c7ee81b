package engine

import (
	"errors"
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"

	"dumbprobe/internal/output"
	"dumbprobe/luaapi"
)

// Options are what the daemon is started with. Zero fields take the default that they name.
type Options struct {
	Checks       []string         // script files, and folders of them
	Destinations []output.Address // stdout if empty
	SpoolBytes   int64            // per destination; 20 MiB
	SpoolDir     string           // the folder of what waits for destinations; "": in memory only
	SpoolSync    time.Duration    // how much of it a power cut may cost; 0: each message is written to the disk itself at once

	Timeout     time.Duration // of a run, where the check gives none; 60 s
	Grace       time.Duration // for running checks when the daemon stops; 10 s
	LoadTimeout time.Duration // of a script's top level; 5 s

	MaxCommands     int    // subprocesses at once; 64
	ScriptCommands  int    // of these by one script; 0: no bound of its own
	MaxInstructions uint64 // of Lua, per run; 0: no limit

	MaxScriptMemory uint64 // bytes that one script may hold; 256 MiB

	StateDir string // the folder of what checks keep over a restart; "": in memory only
	MaxState int64  // bytes of what all checks keep; 64 MiB

	SelfMessages SelfMessages // SelfChanges

	Logger  *zap.Logger // nothing is logged if nil
	Stdout  io.Writer   // for the destination stdout
	Version string

	Guardian []string // see command.Options; nil: none

	Hooks Hooks // are told what the daemon does; none
}

// SelfMessages says when the daemon sends messages of its own.
type SelfMessages string

const (
	SelfOff     SelfMessages = "off"
	SelfChanges SelfMessages = "changes" // when an outcome changes, then at most once a minute
	SelfAll     SelfMessages = "all"     // each time something is wrong, and when it is right again
)

// ParseSelfMessages reads the value of an option.
func ParseSelfMessages(s string) (SelfMessages, error) {
	switch m := SelfMessages(s); m {
	case SelfOff, SelfChanges, SelfAll:
		return m, nil
	}
	return "", fmt.Errorf("messages of the daemon's own: %q is not off, changes or all", s)
}

func (o Options) withDefaults() (Options, error) {
	if len(o.Checks) == 0 {
		return o, errors.New("no script is given: --checks FILE or --checks FOLDER")
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.SelfMessages == "" {
		o.SelfMessages = SelfChanges
	}
	if _, err := ParseSelfMessages(string(o.SelfMessages)); err != nil {
		return o, err
	}
	if o.MaxScriptMemory == 0 {
		o.MaxScriptMemory = 256 << 20
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{{&o.Timeout, 60 * time.Second}, {&o.Grace, 10 * time.Second}, {&o.LoadTimeout, 5 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	return o, nil
}

func (o Options) limits() luaapi.Limits {
	return luaapi.Limits{MaxInstructions: o.MaxInstructions}
}
