package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dumbprobe/internal/control"
)

func newRunCheck(p process) *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "run-check NAME",
		Short: "Run a check of the running daemon now, and print what it sent",
		Long: `Has the running daemon run the check NAME now, and prints the messages that it sent,
one per line. They go to the daemon's destinations as well, and the run counts as one
of the check; when it is due next stays as it was. A run that is under way is waited
for, since a check does not overlap itself. An error of the run goes to standard error.`,
		Example: "dumbprobe run-check 'disk space' | jq .event",
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usageErrorf("the name of the check is missing: %s NAME", cmd.CommandPath())
			case len(args) > 1:
				return usageErrorf("one name is expected, and %q follows; a name with spaces is quoted", args[1])
			}
			return nil
		},
		Annotations: map[string]string{
			usageAnnotation: "dumbprobe run-check NAME [flags]",
			exitAnnotation:  "0  the run went well\n1  it failed, or there was none\n2  the command line is wrong" + unreachableExit,
		},
	}
	f.add(cmd, time.Hour)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f.names(cmd.Context(), p, prefix, false)
	}
	cmd.RunE = body(func(cmd *cobra.Command, args []string) error {
		return f.ask(cmd.Context(), p, func(ctx context.Context, c *control.Client) error {
			run, err := c.RunCheck(ctx, args[0])
			if err != nil {
				return err
			}
			return writeRun(p.stdout, p.stderr, run)
		})
	})
	return cmd
}

func writeRun(stdout, stderr io.Writer, r *control.CheckRun) error {
	for _, m := range r.Messages {
		if _, err := fmt.Fprintf(stdout, "%s\n", m); err != nil {
			return err
		}
	}
	if r.OK() {
		return nil
	}
	fmt.Fprintf(stderr, "dumbprobe: %s: %s\n", printable(r.Check), outcomeText(r.Outcome, r.Error))
	for line := range strings.Lines(r.Trace) {
		fmt.Fprintf(stderr, "\t%s\n", printable(strings.TrimRight(line, "\n")))
	}
	return errReported
}

// outcomeText is an outcome, and what is known of it.
func outcomeText(outcome, text string) string {
	text = printable(strings.Join(strings.Fields(text), " "))
	switch {
	case text == "":
		return outcome
	case strings.HasPrefix(text, outcome+": "): // as those of timeouts do
		return text
	}
	return outcome + ": " + text
}

// completionWait bounds how long a shell waits for the names of checks.
const completionWait = time.Second

// names are those of the running daemon's checks that begin with prefix, for completion.
func (f *clientFlags) names(ctx context.Context, p process, prefix string, handles bool) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp
	path, err := f.socket(p)
	if err != nil {
		return nil, directive
	}
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionWait)
	defer cancel()
	client := control.NewClient(path)
	defer client.Close()
	s, err := client.Status(ctx, control.Filter{Names: []string{control.Literal(prefix) + "*"}})
	if err != nil {
		return nil, directive
	}
	var names []string
	for _, c := range s.Checks {
		names = append(names, c.Name)
	}
	if handles {
		for _, h := range s.Handles {
			names = append(names, h.Name)
		}
	}
	return names, directive
}
