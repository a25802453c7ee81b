package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"dumbprobe/engine"
	"dumbprobe/internal/logconfig"
	"dumbprobe/internal/output"
	"dumbprobe/internal/systemd"
	"dumbprobe/internal/watch"
)

const runExamples = `# messages to standard output, the log to standard error
dumbprobe --checks host.lua

# every script of a folder; messages to a collector, and to this terminal
dumbprobe --checks /etc/dumbprobe/checks --destination tcp:[2001:db8::5]:3638 --destination stdout

# try out the checks of a script
dumbprobe --checks host.lua --once | jq .event`

const runExits = `0  stopped by INT or TERM; with --once: all checks ran and their messages were sent
1  a script cannot be loaded at the start, a second INT or TERM came in the grace
   period; with --once: a check failed, or messages were not sent (as when the reader
   of standard output, head -n 1 for one, has gone) and are not kept (--spool)
2  the command line is wrong`

func newRun(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the checks until INT or TERM (as dumbprobe without a command)",
		Long: `Runs the checks of the scripts, each when it is due, and sends what they find.

HUP loads the scripts that have changed; one that cannot be loaded leaves its running
version in place. It also opens the files of --destination file:PATH anew. INT and TERM end
the daemon: running checks get the grace period, then the messages that wait are sent. A
second INT or TERM ends it at once.`,
		Example:           strings.ReplaceAll(runExamples, "dumbprobe --checks", "dumbprobe run --checks"),
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		Annotations: map[string]string{
			usageAnnotation: "dumbprobe run --checks PATH [--checks PATH ...] [flags]",
			exitAnnotation:  runExits,
		},
	}
	addRun(cmd, p)
	return cmd
}

// addRun has cmd run the daemon.
func addRun(cmd *cobra.Command, p process) {
	var f runFlags
	f.add(cmd)
	cmd.RunE = body(func(cmd *cobra.Command, _ []string) error {
		if err := f.need(cmd); err != nil {
			return err
		}
		if f.once && f.control != "" && !isOff(f.control) {
			return usageErrorf("--control cannot be combined with --once, which ends by itself")
		}
		log, err := f.openLog(cmd, p)
		if err != nil {
			return err
		}
		defer log.Close()
		return inLog(log, f.daemon(cmd.Context(), p, log.Logger))
	})
}

func (f *runFlags) openLog(cmd *cobra.Command, p process) (*logconfig.Log, error) {
	o := logconfig.Options{File: f.logging, Stderr: p.stderr, Terminal: p.terminal}
	if f.logging == "" || cmd.Flags().Changed(flagLogLevel) {
		o.Level = parseLevel(f.level)
	}
	if !f.usesStdout() {
		o.Stdout = p.stdout
	}
	return logconfig.New(o)
}

// parseLevel reads a level that a flag has let through.
func parseLevel(s string) *zapcore.Level {
	var level zapcore.Level
	if err := level.Set(s); err != nil {
		panic(err)
	}
	return &level
}

func (f *runFlags) usesStdout() bool {
	return len(f.destinations) == 0 ||
		slices.ContainsFunc(f.destinations, func(a output.Address) bool { return a.Scheme == "stdout" })
}

func (f *runFlags) engineOptions(p process, log *zap.Logger) engine.Options {
	return engine.Options{
		Checks:          f.checks,
		Destinations:    f.destinations,
		SpoolBytes:      f.maxSpool,
		SpoolDir:        f.spool,
		SpoolSync:       f.spoolSync,
		Timeout:         f.timeout,
		Grace:           max(f.grace, time.Nanosecond), // zero would be the default
		LoadTimeout:     f.loadTimeout,
		MaxCommands:     int(f.maxCommands),
		ScriptCommands:  int(f.scriptCommands),
		MaxInstructions: f.maxInstructions,
		MaxScriptMemory: uint64(f.maxMemory),
		StateDir:        f.stateDir(p),
		MaxState:        f.maxState,
		SelfMessages:    engine.SelfMessages(f.selfMessages),
		Logger:          log,
		Stdout:          p.stdout,
		Version:         releaseOf(p.version),
		Guardian:        p.guardian,
	}
}

// stateDir is the folder of the flag, or else the one that the service manager has made: see STATE_DIRECTORY in
// systemd.exec(5), a list of absolute paths with colons in between.
func (f *runFlags) stateDir(p process) string {
	if f.state != "" {
		return f.state
	}
	first, _, _ := strings.Cut(p.env("STATE_DIRECTORY"), ":")
	return first
}

// daemon runs the engine until it has ended.
func (f *runFlags) daemon(ctx context.Context, p process, log *zap.Logger) error {
	if p.isolate != nil {
		if err := p.isolate(); err != nil {
			log.Warn("commands are not kept apart from the daemon as they should be", zap.Error(err))
		}
	}
	if p.limitMemory != nil {
		p.limitMemory(log)
	}
	options := f.engineOptions(p, log)
	if !f.once {
		if p.managerErr != nil {
			log.Warn(p.managerErr.Error())
		}
		options.Hooks = managerHooks(systemd.NewNotifier(p.manager, log))
	}
	e, err := engine.New(options)
	if err != nil {
		return err
	}
	defer e.Close()
	d := daemon{engine: e, log: log, signals: p.signals, work: e.Run, killWait: defaultKillWait}
	if f.once {
		d.work = e.Once
		return d.run(ctx)
	}
	last := new(lastReload)
	d.reloads = newReloader(loggedReload(last.watch(e.Reload), log))
	stopControl, err := f.serveControl(p, controlled{e, d.reloads, last}, log)
	if err != nil {
		return err
	}
	defer stopControl()
	if f.watch {
		d.watcher, err = watch.New(watch.Options{Files: e.Sources, Suffix: ".lua", Outdated: e.Outdated, Logger: log})
		if err != nil {
			return fmt.Errorf("--%s: %w", flagWatch, err)
		}
	}
	log.Info("dumbprobe starts", zap.String("version", options.Version))
	return d.run(ctx)
}

// loggedReload logs what the engine does not: that a reload begins, and that it could not. What is wrong with a
// script is logged by the engine.
func loggedReload(reload func(context.Context) error, log *zap.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		log.Info("looking for scripts that have changed")
		err := reload(ctx)
		var known *engine.ReloadError
		if err != nil && ctx.Err() == nil && !errors.As(err, &known) {
			log.Error("the scripts were not loaded again: " + err.Error())
		}
		return err
	}
}

// inLog puts err into the log, and on stderr if nobody would see it there, and returns errLogged for it.
func inLog(log *logconfig.Log, err error) error {
	for _, e := range parts(err) {
		log.Error(e.Error())
		if !log.OnStderr || !log.Core().Enabled(zapcore.ErrorLevel) {
			fmt.Fprintf(log.Stderr, "dumbprobe: %v\n", e)
		}
	}
	if err != nil {
		return errLogged
	}
	return nil
}

// parts takes apart what errors.Join put together, and nothing else.
func parts(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || err.Error() != errors.Join(joined.Unwrap()...).Error() {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, parts(e)...)
	}
	return all
}
