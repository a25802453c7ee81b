package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newMan(p process) *cobra.Command {
	return &cobra.Command{
		Use:   "man",
		Short: "Print the manual page",
		Long: `Prints the manual page dumbprobe(1), which the packages have, in the format of man(7): for
machines that have nothing but the binary.`,
		Example:           "dumbprobe man | man -l -",
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: body(func(cmd *cobra.Command, _ []string) error {
			return writeMan(p.stdout, cmd.Root(), releaseOf(p.version))
		}),
	}
}

// writeMan writes the manual page, of the very texts that help shows.
func writeMan(w io.Writer, root *cobra.Command, version string) error {
	m := &manPage{}
	m.line(".TH", "DUMBPROBE", "1", "", "dumbprobe "+version, "DumbProbe")
	m.section("NAME")
	m.text("dumbprobe - " + lowerFirst(root.Short))
	m.section("SYNOPSIS")
	m.verbatim(root.Annotations[usageAnnotation])
	m.section("DESCRIPTION")
	m.paragraphs(root.Long)
	m.section("OPTIONS")
	m.flags(root)
	m.section("COMMANDS")
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() || cmd.Name() == "help" {
			m.command(cmd)
		}
	}
	m.section("EXIT STATUS")
	m.verbatim(root.Annotations[exitAnnotation])
	m.section("EXAMPLES")
	m.verbatim(root.Example)
	for _, s := range manSections() {
		m.section(s.title)
		for _, item := range s.items {
			m.item(item[0], item[1])
		}
	}
	m.section("SEE ALSO")
	m.text("systemctl(1), systemd.service(5), journalctl(1)")
	m.text("/usr/share/doc/dumbprobe/checks.md says how to write checks, reference.md beside it lists all that they can use.")
	_, err := io.WriteString(w, m.b.String())
	return err
}

type manSection struct {
	title string
	items [][2]string // a term, and what is said about it
}

// manSections are what help does not tell.
func manSections() []manSection {
	return []manSection{
		{"SIGNALS", [][2]string{
			{"HUP", "loads the scripts that have changed; the running version of one that cannot be loaded goes on."},
			{"INT, TERM", "end the daemon: what runs gets the grace period, then the messages that wait are sent. A second one ends it at once."},
		}},
		{"ENVIRONMENT", [][2]string{
			{"NOTIFY_SOCKET, WATCHDOG_USEC", "are set by systemd: it is told of the start, of each reload and of the end, " +
				"and its watchdog is pinged for as long as checks are started in time. Commands do not inherit them."},
			{"RUNTIME_DIRECTORY, XDG_RUNTIME_DIR", "are where the control socket is, unless --control says so."},
			{"GOMEMLIMIT, GOGC", "of Go's memory management; by default, the memory that the cgroup allows is the limit."},
		}},
		{"FILES", [][2]string{
			{"/etc/dumbprobe/checks", "the scripts of the service, as the packages set it up."},
			{"/etc/default/dumbprobe", "its further flags."},
			{"/run/dumbprobe/control.sock", "its control socket."},
			{"/var/lib/dumbprobe", "what its checks remember."},
		}},
	}
}

// manPage is a page in the format of man(7).
type manPage struct{ b strings.Builder }

// line writes a request with arguments.
func (m *manPage) line(request string, arguments ...string) {
	m.b.WriteString(request)
	for _, a := range arguments {
		m.b.WriteString(` "` + strings.ReplaceAll(roff(a), `"`, `\(dq`) + `"`)
	}
	m.b.WriteByte('\n')
}

func (m *manPage) section(title string) { m.line(".SH", title) }

// text writes a paragraph.
func (m *manPage) text(text string) {
	m.line(".PP")
	m.prose(text)
}

// prose writes text that is filled, each line of it on a line.
func (m *manPage) prose(text string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		m.b.WriteString(guarded(roff(strings.TrimSpace(line))) + "\n")
	}
}

// paragraphs writes text whose paragraphs are parted by empty lines.
func (m *manPage) paragraphs(text string) {
	for p := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		m.text(p)
	}
}

// verbatim writes lines as they are.
func (m *manPage) verbatim(text string) {
	m.line(".PP")
	m.line(".nf")
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		m.b.WriteString(guarded(roff(strings.TrimRight(line, "\n"))) + "\n")
	}
	m.line(".fi")
}

// item writes a term and what is said about it.
func (m *manPage) item(term, text string) {
	m.line(".TP")
	m.b.WriteString(`\fB` + roff(term) + `\fR` + "\n")
	m.prose(text)
}

// flags writes the flags of a command by group, as help does.
func (m *manPage) flags(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	groups := groupsOfFlags(cmd)
	for _, g := range groups {
		if len(groups) > 1 {
			m.line(".SS", g.title)
		}
		g.flags.VisitAll(func(f *pflag.Flag) {
			value, usage := pflag.UnquoteUsage(f)
			m.line(".TP")
			m.b.WriteString(`\fB`)
			if f.Shorthand != "" {
				m.b.WriteString(roff("-"+f.Shorthand) + `\fR, \fB`)
			}
			m.b.WriteString(roff("--"+f.Name) + `\fR`)
			if value != "" {
				m.b.WriteString(` \fI` + roff(value) + `\fR`)
			}
			m.b.WriteByte('\n')
			if standard := defaultOf(f); standard != "" {
				usage += " (default " + standard + ")"
			}
			m.prose(usage)
		})
	}
}

// defaultOf is the default of a flag where there is something to tell.
func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "false", "0", "[]":
		return ""
	}
	return f.DefValue
}

// command writes what help tells of a command and of those below it.
func (m *manPage) command(cmd *cobra.Command) {
	m.line(".SS", cmd.CommandPath())
	usage := cmd.Annotations[usageAnnotation]
	if usage == "" && cmd.Runnable() && !cmd.HasAvailableSubCommands() {
		usage = cmd.UseLine()
	}
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	if cmd.Name() == "completion" || cmd.Name() == "help" { // what cobra says of these is long
		about = cmd.Short + "."
		var of []string
		for _, c := range cmd.Commands() {
			of = append(of, c.Name())
		}
		if usage = cmd.UseLine(); len(of) > 0 {
			usage = cmd.CommandPath() + " " + strings.Join(of, "|")
		}
	}
	m.verbatim(usage)
	m.paragraphs(about)
	if cmd.Name() == "run" {
		m.text("Its flags are those of dumbprobe without a command, see OPTIONS.")
		return
	}
	if cmd.Name() != "completion" && cmd.Name() != "help" {
		m.ownFlags(cmd)
	}
	for _, c := range cmd.Commands() {
		if cmd.Name() != "completion" && c.IsAvailableCommand() {
			m.command(c)
		}
	}
}

// ownFlags writes the flags that are a command's own, without headings.
func (m *manPage) ownFlags(cmd *cobra.Command) {
	inner := &manPage{}
	inner.flags(cmd)
	for line := range strings.Lines(inner.b.String()) {
		if !strings.HasPrefix(line, ".SS") {
			m.b.WriteString(line)
		}
	}
}

// roff escapes what has a meaning to roff.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", "\\`", `^`, `\(ha`, `~`, `\(ti`).Replace(s)
}

// guarded keeps a line from being a request.
func guarded(line string) string {
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}

func lowerFirst(s string) string {
	return strings.ToLower(s[:1]) + s[1:]
}
