package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// What a command's annotations add to its help.
const (
	usageAnnotation = "usage" // the lines below "Usage", instead of cobra's
	exitAnnotation  = "exit"  // the lines below "Exit status"
)

func writeHelp(w io.Writer, cmd *cobra.Command) {
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprintf(w, "%s\n\n", strings.TrimSpace(about))
	writeUsage(w, cmd)
}

func writeUsage(w io.Writer, cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag() // cobra has done it only for the command that is executed
	cmd.InitDefaultVersionFlag()
	lines := cmd.Annotations[usageAnnotation]
	if lines == "" {
		lines = cmd.UseLine()
		if !cmd.Runnable() {
			lines = cmd.CommandPath() + " COMMAND"
		}
	}
	section(w, "Usage", lines)
	if cmd.Example != "" {
		section(w, "Examples", cmd.Example)
	}
	var commands []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			commands = append(commands, fmt.Sprintf("%-*s  %s", cmd.NamePadding(), c.Name(), c.Short))
		}
	}
	if len(commands) > 0 {
		section(w, "Commands", strings.Join(commands, "\n"))
	}
	writeFlags(w, cmd)
	if exits := cmd.Annotations[exitAnnotation]; exits != "" {
		section(w, "Exit status", exits)
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "%s COMMAND --help says more about a command.\n", cmd.CommandPath())
	}
}

func section(w io.Writer, title, lines string) {
	fmt.Fprintf(w, "%s:\n", title)
	for line := range strings.Lines(strings.Trim(lines, "\n")) {
		fmt.Fprintf(w, "%s\n", strings.TrimRight("  "+line, " \n"))
	}
	fmt.Fprintln(w)
}

// writeFlags lists the flags by group.
func writeFlags(w io.Writer, cmd *cobra.Command) {
	for _, g := range groupsOfFlags(cmd) {
		fmt.Fprintf(w, "%s:\n%s\n", g.title, g.flags.FlagUsagesWrapped(100))
	}
}

type flagGroup struct {
	title string
	flags *pflag.FlagSet
}

// groupsOfFlags gives the flags of a command by group, in the order of flagGroups; those without one come last.
func groupsOfFlags(cmd *cobra.Command) (all []flagGroup) {
	groups := map[string]*pflag.FlagSet{}
	cmd.LocalFlags().SortFlags = false
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		group := ""
		if names := f.Annotations[groupAnnotation]; len(names) > 0 {
			group = names[0]
		}
		if groups[group] == nil {
			groups[group] = pflag.NewFlagSet(group, pflag.ContinueOnError)
			groups[group].SortFlags = false
		}
		groups[group].AddFlag(f)
	})
	for _, group := range append(slices.Clone(flagGroups), "") {
		if fs := groups[group]; fs != nil {
			title := group
			if title == "" {
				title = "Flags"
				if len(groups) > 1 {
					title = "Other flags"
				}
			}
			all = append(all, flagGroup{title, fs})
		}
	}
	return all
}
