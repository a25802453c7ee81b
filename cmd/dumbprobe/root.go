package main

import (
	"github.com/spf13/cobra"
)

// newRoot makes the command dumbprobe, which by itself is `dumbprobe run`, with its commands.
func newRoot(p process) *cobra.Command {
	root := &cobra.Command{
		Use:   "dumbprobe",
		Short: "Run checks written in Lua and send what they find as JSON lines",
		Long: `DumbProbe runs checks that are written in Lua, each when it is due, and sends what
they find as JSON, one message per line, to standard output or over the network.

HUP loads the scripts again; one that cannot be loaded leaves its running version in
place. INT and TERM end the daemon: running checks get the grace period, then the
messages that wait are sent. A second INT or TERM ends it at once.

Without a command, dumbprobe is dumbprobe run.`,
		Example:       runExamples,
		Version:       versionText(p.version),
		SilenceErrors: true, // run prints them
		SilenceUsage:  true,
		// Suggestions are made by unknownCommand.
		DisableSuggestions: true,
		Annotations: map[string]string{
			usageAnnotation: "dumbprobe --checks PATH [--checks PATH ...] [flags]\ndumbprobe COMMAND",
			exitAnnotation:  runExits,
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	args := p.args
	if args == nil {
		args = []string{} // nil would be the arguments of this process
	}
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("{{.Version}}")
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { writeHelp(cmd.OutOrStdout(), cmd) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		writeUsage(cmd.OutOrStderr(), cmd)
		return nil
	})
	addRun(root, p)
	root.AddCommand(newRun(p), newValidate(p), newReload(p), newStatus(p), newRunCheck(p), newStubs(p), newMan(p), newVersion(p))
	makeStrict(root)
	return root
}
