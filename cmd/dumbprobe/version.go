package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	lua "github.com/yuin/gopher-lua"
)

func newVersion(p process) *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the versions of dumbprobe, Go and Lua",
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: body(func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(p.stdout, versionText(p.version))
			return err
		}),
	}
}

// releaseOf is the version of the daemon: as it was set when it was built, or as its module has it.
func releaseOf(version string) string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func versionText(version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "dumbprobe %s", releaseOf(version))
	info, ok := debug.ReadBuildInfo()
	if ok {
		b.WriteString(revision(info.Settings))
	}
	fmt.Fprintf(&b, "\n%s %s/%s\n%s", runtime.Version(), runtime.GOOS, runtime.GOARCH, lua.LuaVersion)
	if ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/yuin/gopher-lua" {
				fmt.Fprintf(&b, " (gopher-lua %s)", m.Version)
			}
		}
	}
	return b.String() + "\n"
}

// revision is the commit that was built, if Go knows it.
func revision(settings []debug.BuildSetting) string {
	known := map[string]string{}
	for _, s := range settings {
		known[s.Key] = s.Value
	}
	commit := known["vcs.revision"]
	if commit == "" {
		return ""
	}
	text := " (commit " + commit[:min(12, len(commit))]
	if when := known["vcs.time"]; when != "" {
		text += " of " + when
	}
	if known["vcs.modified"] == "true" {
		text += ", changed since"
	}
	return text + ")"
}
