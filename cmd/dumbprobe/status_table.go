package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"dumbprobe/internal/control"
)

// statusWriter writes a status for people.
type statusWriter struct {
	io.Writer
	now  float64
	zone *time.Location
}

// writeStatus writes a status. Of a part, there is no more than the tables of checks and handles. Points in time
// are in the zone.
func writeStatus(to io.Writer, s *control.Status, part bool, zone *time.Location) error {
	var text strings.Builder
	w := statusWriter{&text, s.Daemon.Now, zone}
	if !part {
		w.daemon(s)
		w.scripts(s.Scripts)
	}
	w.checks(s.Checks)
	w.handles(s.Handles)
	w.failing(s)
	if !part {
		w.destinations(s.Destinations)
	}
	_, err := io.WriteString(to, strings.TrimPrefix(text.String(), "\n"))
	return err
}

// table writes rows below a header, each cell as wide as its column needs, after an empty line.
func (w statusWriter) table(header string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.ReplaceAll(header, " ", "\t"))
	for _, cells := range rows {
		row(table, cells...)
	}
	_ = table.Flush() // to memory
}

// named is table for what has a script in its third column, which is left out if it is the same in all rows.
func (w statusWriter) named(header string, rows [][]string) {
	const column = 2
	for _, cells := range rows {
		if cells[column] != rows[0][column] {
			w.table(header, rows)
			return
		}
	}
	for i := range rows {
		rows[i] = slices.Delete(rows[i], column, column+1)
	}
	w.table(strings.Replace(header, " SCRIPT", "", 1), rows)
}

func (w statusWriter) daemon(s *control.Status) {
	d := s.Daemon
	fmt.Fprintf(w, "dumbprobe %s, pid %d, %s since %s (%s)\n", printable(d.Version), d.PID, d.State, w.at(d.Started), age(d.Uptime))
	fmt.Fprintf(w, "%s, %s, %d failing; %d messages sent, %d dropped\n",
		count(d.Checks, "check"), count(d.Handles, "handle"), d.Failing, d.Messages, d.Dropped)
	fmt.Fprintf(w, "runs start late by %s (median), %s (99 of 100), %s (most)\n", short(d.Lateness.P50), short(d.Lateness.P99), short(d.Lateness.Max))
	c := s.Commands
	fmt.Fprintf(w, "commands: %d of %d running, %d waiting (scripts take turns; longest %s)", c.Running, c.Limit, c.Waiting, short(c.LongestWait))
	if c.Streams > 0 {
		fmt.Fprintf(w, ", %s", count(c.Streams, "stream"))
	}
	if c.Stuck > 0 {
		fmt.Fprintf(w, ", %d killed and not gone", c.Stuck)
	}
	fmt.Fprintln(w)
	if c.NoStream > 0 {
		fmt.Fprintf(w, "%s refused so far, as there were too many\n", count(int(c.NoStream), "stream"))
	}
	if r := d.LastReload; r != nil {
		result := "all applied"
		if !r.OK {
			result = count(len(r.Errors), "error")
		}
		fmt.Fprintf(w, "last reload: %s, %s\n", w.at(r.Started), result)
	}
	if d.Reloading {
		fmt.Fprintln(w, "the scripts are being loaded again")
	}
}

func (w statusWriter) scripts(scripts []control.Script) {
	var rows [][]string
	for _, s := range scripts {
		memory, sum := "-", "-"
		if s.Memory > 0 {
			memory = fmt.Sprintf("%.1f MiB", float64(s.Memory)/(1<<20))
		}
		if s.SHA256 != "" {
			sum = s.SHA256[:min(12, len(s.SHA256))]
		}
		commands := fmt.Sprintf("%d+%d", s.CommandsRunning, s.CommandsWaiting)
		rows = append(rows, []string{s.Path, s.State, w.at(s.Loaded), strconv.Itoa(s.Checks), strconv.Itoa(s.Handles), commands, memory, sum})
	}
	w.table("SCRIPT STATE LOADED CHECKS HANDLES COMMANDS MEMORY SHA-256", rows)
	for _, s := range scripts {
		for _, line := range s.Errors {
			fmt.Fprintf(w, "  %s\n", printable(line))
		}
	}
}

func (w statusWriter) checks(checks []control.Check) {
	var rows [][]string
	for _, c := range checks {
		next := "in " + age(c.NextRun-w.now)
		switch {
		case c.State == control.CheckRunning, c.State == control.CheckQueued:
			next = c.State + " " + age(w.now-c.RunningSince)
		case c.State == control.CheckQuarantined:
			next = c.State
		case c.NextRun == 0:
			next = "-"
		case c.NextRun <= w.now:
			next = "now"
		}
		last, took, late := "-", "-", "-"
		if c.LastRun > 0 {
			last, took, late = age(w.now-c.LastRun), short(c.Duration), short(c.Lateness)
		}
		outcome := dash(c.Outcome)
		if c.PlanFailure != nil {
			outcome = c.PlanFailure.Outcome
		}
		rows = append(rows, []string{
			c.Name, c.Class, filepath.Base(c.Script), outcome, w.since(c.Since), last, next, took, late,
			strconv.FormatUint(c.Runs, 10), strconv.FormatUint(c.Failures, 10),
		})
	}
	w.named("CHECK CLASS SCRIPT OUTCOME FOR LAST NEXT TOOK LATE RUNS FAILED", rows)
}

func (w statusWriter) handles(handles []control.Handle) {
	var rows [][]string
	for _, h := range handles {
		pid, reopens := "-", "-"
		if h.PID > 0 {
			pid = strconv.Itoa(h.PID)
		} else if h.Address != "" {
			pid = h.Address
		}
		if h.Reopens > 0 {
			reopens = "in " + age(h.Reopens-w.now)
		}
		rows = append(rows, []string{
			h.Name, h.Class, filepath.Base(h.Script), h.State, w.since(h.Since), reopens, pid,
			strconv.FormatUint(h.Lines, 10), strconv.FormatUint(h.Messages, 10), strconv.FormatUint(h.Failures, 10),
		})
	}
	w.named("HANDLE CLASS SCRIPT STATE FOR REOPENS PID LINES MESSAGES FAILED", rows)
}

// failing says what is wrong with what the tables say is failing.
func (w statusWriter) failing(s *control.Status) {
	var lines []string
	add := func(name string, f *control.Failure, more string) {
		if f != nil {
			lines = append(lines, fmt.Sprintf("  %s: %s (%s ago%s)", printable(name), outcomeText(f.Outcome, f.Error), age(w.now-f.Time), more))
		}
	}
	for _, c := range s.Checks {
		more := ""
		if c.Streak > 1 {
			more = fmt.Sprintf(", %d times in a row", c.Streak)
		}
		add(c.Name, c.Failure, more)
		add(c.Name, c.PlanFailure, "")
	}
	for _, h := range s.Handles {
		add(h.Name, h.Failure, "")
	}
	if len(lines) > 0 {
		fmt.Fprintf(w, "\nFAILING\n%s\n", strings.Join(lines, "\n"))
	}
}

func (w statusWriter) destinations(destinations []control.Destination) {
	var rows [][]string
	for _, d := range destinations {
		oldest := "-"
		if d.Queued > 0 {
			oldest = age(d.Oldest)
		}
		kept := dash(d.Spool)
		if d.SpoolBytes > 0 {
			kept += fmt.Sprintf(" %.1f MiB", float64(d.SpoolBytes)/(1<<20))
		}
		rows = append(rows, []string{d.Address, d.State, strconv.Itoa(d.Queued), oldest, kept,
			strconv.FormatUint(d.Sent, 10), strconv.FormatUint(d.Dropped, 10), dash(d.LastError)})
	}
	w.table("DESTINATION STATE QUEUED OLDEST SPOOL SENT DROPPED ERROR", rows)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// at is a point in time.
func (w statusWriter) at(unix float64) string {
	if unix == 0 {
		return "-"
	}
	return time.UnixMicro(int64(unix * 1e6)).In(w.zone).Format("2006-01-02 15:04:05")
}

// since is how long something is so.
func (w statusWriter) since(unix float64) string {
	if unix == 0 {
		return "-"
	}
	return age(w.now - unix)
}

// age is a time for people who want to know its order: 7s, 3m20s, 5h12m, 3d4h.
func age(seconds float64) string {
	s := max(0, int64(seconds+0.5))
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%dd%02dh", s/(24*3600), s%(24*3600)/3600)
}

// short is a duration with about two digits: 0s, 350µs, 1.2ms, 12ms, 1.5s, and then as age has it.
func short(seconds float64) string {
	switch {
	case seconds == 0:
		return "0s"
	case seconds < 0.0005:
		return fmt.Sprintf("%.0fµs", seconds*1e6)
	case seconds < 0.00995:
		return fmt.Sprintf("%.1fms", seconds*1e3)
	case seconds < 0.9995:
		return fmt.Sprintf("%.0fms", seconds*1e3)
	case seconds < 9.95:
		return fmt.Sprintf("%.1fs", seconds)
	}
	return age(seconds)
}
