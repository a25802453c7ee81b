package main

import (
	"github.com/spf13/cobra"
)

// makeStrict has the commands that cobra makes itself, help and completion, refuse a word that they do not
// know. By themselves they print a text, and it looks as if all were well.
func makeStrict(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Short = "Print the help of a command"
			cmd.Run = nil
			cmd.RunE = func(_ *cobra.Command, args []string) error {
				target, _, err := root.Find(args)
				if err != nil {
					return err
				}
				return target.Help()
			}
		case "completion":
			cmd.Short = "Print the completion script of a shell"
			cmd.Args = nil
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) == 0 {
					return usageErrorf("the shell is missing: bash, zsh, fish or powershell")
				}
				return usageErrorf("unknown shell %q%s", args[0], didYouMean(args[0], []string{"bash", "zsh", "fish", "powershell"}))
			}
		}
	}
}
