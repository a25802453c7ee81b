package main

import (
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/zap/zapcore"

	"dumbprobe/engine"
	"dumbprobe/internal/output"
	"dumbprobe/internal/spool"
)

// The flags that more than one place names.
const (
	flagChecks   = "checks"
	flagOnce     = "once"
	flagWatch    = "watch"
	flagLogLevel = "log-level"
)

// The groups of flags in help, in their order.
const (
	groupScripts  = "Scripts"
	groupMessages = "Messages"
	groupControl  = "Control"
	groupLimits   = "Limits"
	groupLog      = "Log"
)

var flagGroups = []string{groupScripts, groupMessages, groupControl, groupLimits, groupLog}

// groupAnnotation holds a flag's group.
const groupAnnotation = "dumbprobe_group"

func setGroup(fs *pflag.FlagSet, group string, names ...string) {
	for _, name := range names {
		fs.Lookup(name).Annotations = map[string][]string{groupAnnotation: {group}}
	}
}

// scriptFlags are those of commands that load scripts.
type scriptFlags struct {
	checks          []string
	loadTimeout     time.Duration
	maxInstructions uint64
}

func (f *scriptFlags) add(cmd *cobra.Command) {
	f.loadTimeout = 5 * time.Second
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.Var(pathsFlag{&f.checks}, flagChecks, "a script, or a folder: every *.lua directly in it, in name order; repeatable")
	fs.Var(durationFlag{value: &f.loadTimeout}, "load-timeout", "for the top level of a script, when it is loaded")
	fs.Var(countFlag{&f.maxInstructions, 0, math.MaxUint64}, "max-instructions", "of Lua in one run; 0: no limit")
	setGroup(fs, groupScripts, flagChecks)
	setGroup(fs, groupLimits, "load-timeout", "max-instructions")
	mustComplete(cmd.MarkFlagFilename(flagChecks, "lua"))
	noCompletion(cmd, "load-timeout", "max-instructions")
}

// need says what is missing.
func (f *scriptFlags) need(cmd *cobra.Command) error {
	if len(f.checks) > 0 {
		return nil
	}
	return usageErrorf("no script is given; a script, or a folder of them, is given by %s --checks PATH", cmd.CommandPath())
}

// need says what is missing, or does not go together.
func (f *runFlags) need(cmd *cobra.Command) error {
	if f.once && f.watch {
		return usageErrorf("--once and --watch exclude each other: with --once, the daemon ends after one run of each check, and loads nothing again")
	}
	if f.spool != "" && f.maxSpool < spool.MinDiskBytes {
		return usageErrorf("--max-spool %s is too small for --spool, which needs %s", formatSize(f.maxSpool), formatSize(spool.MinDiskBytes))
	}
	return f.scriptFlags.need(cmd)
}

// runFlags are those of the daemon.
type runFlags struct {
	scriptFlags
	once     bool
	watch    bool
	state    string
	maxState int64

	destinations []output.Address
	spool        string
	spoolSync    time.Duration
	maxSpool     int64
	selfMessages string

	timeout, grace time.Duration
	maxCommands    uint64
	scriptCommands uint64
	maxMemory      int64

	control string // path of the socket; "": the default; off

	logging string
	level   string
}

func (f *runFlags) add(cmd *cobra.Command) {
	f.spoolSync = time.Second
	f.maxSpool = 20 << 20
	f.selfMessages = string(engine.SelfChanges)
	f.timeout = 60 * time.Second
	f.grace = 10 * time.Second
	f.maxCommands = 64
	f.maxMemory = 256 << 20
	f.maxState = 64 << 20

	f.scriptFlags.add(cmd)
	fs := cmd.Flags()
	fs.BoolVar(&f.once, flagOnce, false, "run every check of the lists once, at once, and exit; handles are left out")
	fs.BoolVar(&f.watch, flagWatch, false, "load the scripts again when their files, or those that they require, change")
	fs.Var(folderFlag{&f.state}, "state", "keep what checks remember (dumbprobe.state) in this folder, over a restart (default the first of $STATE_DIRECTORY; else in memory)")
	fs.Var(addressFlag{&f.destinations}, "destination", output.Forms()+"; repeatable (default stdout)")
	fs.Var(folderFlag{&f.spool}, "spool", "keep messages that wait in this folder, over a restart and a kill (default in memory)")
	fs.Var(durationFlag{value: &f.spoolSync, orZero: true}, "spool-sync", "of messages that a power cut may cost with --spool; 0: each is written to the disk itself at once")
	fs.Var(sizeFlag{&f.maxSpool}, "max-spool", "of messages that wait for a destination that is away; the oldest are dropped")
	choices(cmd, &f.selfMessages, "self-messages", "send messages about failing checks: never, when that changes, or each time",
		string(engine.SelfOff), string(engine.SelfChanges), string(engine.SelfAll))
	addControl(cmd, &f.control, "the `path` of the control socket, or off")
	fs.Var(durationFlag{value: &f.timeout}, "timeout", "of a run, where the check gives none; seconds, or as in 1m30s")
	fs.Var(durationFlag{value: &f.grace, orZero: true}, "grace", "for running checks when the daemon stops")
	fs.Var(countFlag{&f.maxCommands, 1, 1 << 20}, "max-commands", "of subprocesses at once; further ones wait")
	fs.Var(countFlag{&f.scriptCommands, 0, 1 << 20}, "max-commands-per-script", "of subprocesses of one script at once; 0: its share of all")
	fs.StringVar(&f.logging, "logging", "", "take the log's format, sinks and level from this `file`: a Config of zap in YAML or JSON")
	fs.Var(sizeFlag{&f.maxMemory}, "max-script-memory", "of Lua values of one script, about; a script that holds more is loaded again")
	fs.Var(sizeFlag{&f.maxState}, "max-state", "of what all checks remember")
	setGroup(fs, groupScripts, flagOnce, flagWatch, "state")
	setGroup(fs, groupMessages, "destination", "spool", "spool-sync", "max-spool", "self-messages")
	setGroup(fs, groupLimits, "timeout", "grace", "max-commands", "max-commands-per-script", "max-script-memory", "max-state")
	setGroup(fs, groupLog, "logging")
	addLogLevel(cmd, &f.level, zapcore.InfoLevel)

	mustComplete(cmd.RegisterFlagCompletionFunc("destination", completeDestination))
	mustComplete(cmd.MarkFlagFilename("logging", "yaml", "yml", "json"))
	mustComplete(cmd.MarkFlagDirname("state"))
	mustComplete(cmd.MarkFlagDirname("spool"))
	noCompletion(cmd, "spool-sync", "max-spool", "timeout", "grace", "max-commands", "max-commands-per-script", "max-script-memory", "max-state")
}

func addLogLevel(cmd *cobra.Command, level *string, standard zapcore.Level) {
	*level = standard.String()
	choices(cmd, level, flagLogLevel, "log this and what is worse", "debug", "info", "warn", "error")
	setGroup(cmd.Flags(), groupLog, flagLogLevel)
}

func choices(cmd *cobra.Command, value *string, name, usage string, of ...string) {
	cmd.Flags().Var(choiceFlag{value, of}, name, usage)
	mustComplete(cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(of, cobra.ShellCompDirectiveNoFileComp)))
}

// completeDestination completes the schemes; what follows them nobody can know.
func completeDestination(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	var all []string
	for _, scheme := range output.Schemes() {
		if !output.Bare(scheme) {
			scheme += ":"
		}
		if strings.HasPrefix(scheme, typed) {
			all = append(all, scheme)
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// noCompletion keeps the shell from offering files as values.
func noCompletion(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		mustComplete(cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
}

// mustComplete is for errors that only a misspelt flag in this file gives.
func mustComplete(err error) {
	if err != nil {
		panic(err)
	}
}
