package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"

	"dumbprobe/engine"
	"dumbprobe/internal/logconfig"
)

func newValidate(p process) *cobra.Command {
	var f scriptFlags
	var level string
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Load scripts as the daemon would, and list what they found",
		Long: `Loads the scripts as the daemon would, without running a check, and lists the checks
and handles that are in them. What is wrong goes to standard error.`,
		Example: "dumbprobe validate --checks /etc/dumbprobe/checks && systemctl reload dumbprobe",
		Args:    noArguments,
		Annotations: map[string]string{
			usageAnnotation: "dumbprobe validate --checks PATH [--checks PATH ...] [flags]",
			exitAnnotation:  "0  all scripts can be loaded\n1  a script cannot be loaded\n2  the command line is wrong",
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	addLogLevel(cmd, &level, zapcore.WarnLevel)
	cmd.RunE = body(func(cmd *cobra.Command, _ []string) error {
		if err := f.need(cmd); err != nil {
			return err
		}
		log, err := logconfig.New(logconfig.Options{Level: parseLevel(level), Stderr: p.stderr, Terminal: p.terminal})
		if err != nil {
			return err
		}
		defer log.Close()
		if p.isolate != nil {
			if err := p.isolate(); err != nil {
				log.Warn(err.Error())
			}
		}
		ctx, stop := p.interruptible(cmd.Context())
		defer stop()
		reports, err := engine.Validate(ctx, engine.Options{
			Checks: f.checks, LoadTimeout: f.loadTimeout, MaxInstructions: f.maxInstructions,
			Logger: log.Logger, Stdout: io.Discard, Version: releaseOf(p.version),
		})
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		if err != nil {
			return err
		}
		return writeReports(p.stdout, p.stderr, reports)
	})
	return cmd
}

// writeReports lists what was found on stdout, and what is wrong on stderr.
func writeReports(stdout, stderr io.Writer, reports []engine.ScriptReport) error {
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "SCRIPT\tENTRY\tLINE\tKIND\tCLASS\tNAME\tINTERVAL\n")
	failed := 0
	for _, r := range reports {
		switch {
		case r.Err != nil:
			failed++
		case r.Object:
			row(table, r.Path, "-", "-", "object", "-", "-", "run_next")
		case len(r.Entries) == 0:
			row(table, r.Path, "-", "-", "an empty list", "-", "-", "-")
		}
		for _, e := range r.Entries {
			line := "-"
			if e.Line > 0 {
				line = strconv.Itoa(e.Line)
			}
			row(table, r.Path, strconv.Itoa(e.Position), line, e.Kind, e.Class, e.Name, interval(e))
		}
	}
	if failed < len(reports) {
		if err := table.Flush(); err != nil {
			return err
		}
	}
	for _, r := range reports {
		for _, e := range parts(r.Err) {
			fmt.Fprintf(stderr, "dumbprobe: %v\n", e)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d scripts cannot be loaded", failed, len(reports))
	}
	return nil
}

func row(w io.Writer, cells ...string) {
	for i, cell := range cells {
		cells[i] = printable(cell)
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// printable quotes what would break a table, or a terminal.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// interval says when an entry is due.
func interval(e engine.EntryReport) string {
	switch {
	case e.Kind == "handle":
		return "-"
	case e.Interval > 0:
		return time.Duration(e.Interval * float64(time.Second)).String()
	case e.Schedule != "":
		return e.Schedule
	}
	return "next_run"
}
