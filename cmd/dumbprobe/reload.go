package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"dumbprobe/internal/control"
)

func newReload(p process) *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the running daemon load the scripts that have changed",
		Long: `Has the running daemon load the scripts that have changed, as HUP does, and waits for
the end of that. What is wrong with scripts goes to standard error, a line for each
problem; the running version of such a script goes on.`,
		Example: "dumbprobe reload && echo applied",
		Args:    noArguments,
		Annotations: map[string]string{
			usageAnnotation: "dumbprobe reload [flags]",
			exitAnnotation:  "0  everything was applied\n1  a script cannot be loaded; the others were applied\n2  the command line is wrong" + unreachableExit,
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd, 10*time.Minute)
	cmd.RunE = body(func(cmd *cobra.Command, _ []string) error {
		return f.ask(cmd.Context(), p, func(ctx context.Context, c *control.Client) error {
			result, err := c.Reload(ctx)
			if err != nil {
				return err
			}
			return writeReload(p.stdout, p.stderr, result)
		})
	})
	return cmd
}

// errReported says that a command failed, and that the reason was printed.
var errReported = errors.New("see above")

func writeReload(stdout, stderr io.Writer, r *control.ReloadResult) error {
	for _, e := range r.Errors {
		fmt.Fprintln(stderr, printable(e.Text))
	}
	if !r.OK {
		return errReported
	}
	_, err := fmt.Fprintf(stdout, "applied: %s and %s run\n", count(r.Scripts, "script"), count(r.Checks, "check or handle", "checks and handles"))
	return err
}

// count writes a number of things; plural is with an s, where it is not given.
func count(n int, thing string, plural ...string) string {
	switch {
	case n == 1:
	case len(plural) > 0:
		thing = plural[0]
	default:
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
