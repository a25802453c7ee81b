package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// eachCommand calls f for a command and all below it that help lists.
func eachCommand(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			eachCommand(c, f)
		}
	}
}

func TestTheManualPageHasEveryCommandAndFlag(t *testing.T) {
	page := runIn(process{version: "v1.2.3"}, "man")
	if page.status != exitOK || page.stderr != "" {
		t.Fatalf("got %+v", page)
	}
	root := newRoot(process{stdout: io.Discard, stderr: io.Discard})
	flags := 0
	eachCommand(root, func(cmd *cobra.Command) {
		parent := cmd.Parent()
		if completion := parent != nil && parent.Name() == "completion"; completion {
			if !strings.Contains(page.stdout, cmd.Name()) {
				t.Errorf("the completion of %s is missing", cmd.Name())
			}
			return
		}
		// The part of this command: up to the next heading of a command or a section.
		_, part, found := strings.Cut(page.stdout, `.SS "`+roff(cmd.CommandPath())+"\"\n")
		if cmd == root || cmd.Name() == "run" {
			_, part, found = strings.Cut(page.stdout, `.SH "OPTIONS"`)
			part, _, _ = strings.Cut(part, "\n.SH")
		} else {
			part, _, _ = strings.Cut(part, "\n.S")
		}
		if !found {
			t.Errorf("%s is missing", cmd.CommandPath())
		}
		if cmd.Name() == "completion" {
			return
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			flags++
			_, usage := pflag.UnquoteUsage(f)
			if want := roff("--" + f.Name); !strings.Contains(part, `\fB`+want+`\fR`) && !strings.Contains(part, ` \fB`+want) || !strings.Contains(part, roff(usage)) {
				t.Errorf("%s: --%s is missing, or what it is for", cmd.CommandPath(), f.Name)
			}
		})
	})
	if flags < 20 {
		t.Errorf("only %d flags were looked for", flags)
	}
	for _, want := range []string{"dumbprobe v1.2.3", ".SH \"NAME\"\n.PP\ndumbprobe \\- run checks", "SIGNALS", "EXIT STATUS"} {
		if !strings.Contains(page.stdout, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// TestTheManualPageIsRoff has groff look for mistakes, where man uses it.
func TestTheManualPageIsRoff(t *testing.T) {
	page := runIn(process{version: "v1"}, "man").stdout
	request := regexp.MustCompile(`^\.(TH|SH|SS|PP|TP|nf|fi)( "[^"]*")*$`)
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, ".") && !request.MatchString(line) || strings.HasPrefix(line, "'") {
			t.Errorf("this is no request that is meant: %s", line)
		}
	}
	needs(t, "groff", "which would look for mistakes in the page")
	path := filepath.Join(t.TempDir(), "dumbprobe.1")
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "groff", "-man", "-Tascii", "-ww", "-z", path)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestRoff(t *testing.T) {
	m := &manPage{}
	m.prose(".a line\n'b \\ c-d")
	m.line(".SH", `say "it"`)
	const want = "\\&.a line\n\\(aqb \\e c\\-d\n.SH \"say \\(dqit\\(dq\"\n"
	if got := m.b.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
