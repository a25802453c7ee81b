package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dumbprobe/internal/control"
)

func newStatus(p process) *cobra.Command {
	var f clientFlags
	asJSON, failed := false, false
	cmd := &cobra.Command{
		Use:   "status [NAME...]",
		Short: "Show how the running daemon and its checks are",
		Long: `Shows the running daemon: its scripts, checks, handles and destinations. With NAMEs it
shows the checks and handles of these names, where * stands for any characters and
? for one. The exit status does not tell whether checks fail: --json does.`,
		Example: `dumbprobe status
dumbprobe status 'disk*' --failed
dumbprobe status --json | jq -r '.checks[] | select(.streak > 3).name'`,
		Args: cobra.ArbitraryArgs,
		Annotations: map[string]string{
			usageAnnotation: "dumbprobe status [NAME ...] [flags]",
			exitAnnotation:  "0  the daemon has answered\n1  a NAME is that of no check or handle\n2  the command line is wrong" + unreachableExit,
		},
	}
	f.add(cmd, 30*time.Second)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the status as JSON, for programs")
	cmd.Flags().BoolVar(&failed, "failed", false, "only what is wrong")
	cmd.ValidArgsFunction = func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return f.names(cmd.Context(), p, prefix, true)
	}
	cmd.RunE = body(func(cmd *cobra.Command, names []string) error {
		return f.ask(cmd.Context(), p, func(ctx context.Context, c *control.Client) error {
			s, err := c.Status(ctx, control.Filter{Names: names, Failed: failed})
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(p.stdout)
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				err = e.Encode(s)
			} else {
				err = writeStatus(p.stdout, s, len(names) > 0, time.Local)
			}
			if err != nil || failed {
				return err // what is well is left out: nothing is known of the names
			}
			return unmatched(s, names)
		})
	})
	return cmd
}

// unmatched is an error if nothing has one of the names.
func unmatched(s *control.Status, patterns []string) error {
	var none []string
	for _, pattern := range patterns {
		named := func(name string) bool { return control.Match(pattern, name) }
		if !slices.ContainsFunc(s.Checks, func(c control.Check) bool { return named(c.Name) }) &&
			!slices.ContainsFunc(s.Handles, func(h control.Handle) bool { return named(h.Name) }) {
			none = append(none, fmt.Sprintf("%q", pattern))
		}
	}
	if len(none) > 0 {
		return fmt.Errorf("no check or handle is named %s; dumbprobe status lists all", strings.Join(none, ", nor "))
	}
	return nil
}
