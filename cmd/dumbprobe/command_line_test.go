package main

import (
	"strings"
	"testing"

	"dumbprobe/internal/output"
)

func TestBadCommandLines(t *testing.T) {
	script(t, "a.lua", "return {}")
	for _, tt := range []struct{ args, want string }{
		{"", "no script is given; a script, or a folder of them, is given by dumbprobe --checks PATH"},
		{"run", "no script is given; a script, or a folder of them, is given by dumbprobe run --checks PATH"},
		{"validate", "no script is given; a script, or a folder of them, is given by dumbprobe validate --checks PATH"},

		{"validat", `unknown command "validat", did you mean validate?`},
		{"hepl", `unknown command "hepl", did you mean help?`},
		{"frobnicate", `unknown command "frobnicate"`},
		{"stubz --force dir", `unknown command "stubz", did you mean stubs?`},
		{"help frobnicate", `unknown command "frobnicate"`},
		{"completion bahs", `unknown shell "bahs", did you mean bash?`},
		{"completion", `the shell is missing: bash, zsh, fish or powershell`},

		{"a.lua", `"a.lua" is not a command; each script, or a folder of them, is given by a flag of its own: --checks a.lua`},
		{"checks/", `"checks/" is not a command; each script, or a folder of them, is given by a flag of its own: --checks checks/`},
		{"run a.lua", `unexpected argument "a.lua": each script, or a folder of them, is given by a flag of its own: --checks a.lua`},
		{"--checks a.lua b.lua", `"b.lua" is not a command; each script, or a folder of them, is given by a flag of its own: --checks b.lua`},
		{"validate --checks a.lua b.lua", `unexpected argument "b.lua": each script, or a folder of them, is given by a flag of its own: --checks b.lua`},
		{"version now", `unexpected argument "now": dumbprobe version takes none`},
		{"stubs", "the folder is missing: dumbprobe stubs DIR"},
		{"run-check", "the name of the check is missing: dumbprobe run-check NAME"},
		{"run-check a b", `one name is expected, and "b" follows; a name with spaces is quoted`},
		{"reload now", `unexpected argument "now": dumbprobe reload takes none`},
		{"status --control off", `--control: "off" is for the daemon; here it is the path of its socket`},
		{"--once --checks a.lua --control s", "--control cannot be combined with --once, which ends by itself"},
		{"stubs a b", `one folder is expected, and "b" follows`},

		{"--check a.lua", "unknown flag --check, did you mean --checks?"},
		{"-checks a.lua", "unknown flag -checks, did you mean --checks?"},
		{"-checks=a.lua", "unknown flag -checks, did you mean --checks?"},
		{"run --onec", "unknown flag --onec, did you mean --once?"},
		{"validate --once", "unknown flag --once"},
		{"validate --watch", "unknown flag --watch"},
		{"--checks a.lua --once --watch", "--once and --watch exclude each other: with --once, the daemon ends after one run of each check, and loads nothing again"},
		{"-q", "unknown flag -q"},
		{"--checks", "--checks needs a value"},
		{"--checks=", "--checks: the path is empty"},
		{"--once=maybe", `--once: "maybe" is not true or false`},

		{"--timeout soon", `--timeout: "soon" is not a time; write seconds (60, 0.5) or a duration (90s, 1m30s, 500ms)`},
		{"--timeout NaN", `--timeout: "NaN" is not a time; write seconds (60, 0.5) or a duration (90s, 1m30s, 500ms)`},
		{"--timeout 0", `--timeout: "0" is not more than zero`},
		{"--timeout=-5", `--timeout: "-5" is negative`},
		{"--timeout 1e300", `--timeout: "1e300" is more than ten years`},
		{"--grace=-1s", `--grace: "-1s" is negative`},
		{"--load-timeout 0s", `--load-timeout: "0s" is not more than zero`},
		{"--max-spool 20MX", `--max-spool: "20MX": the unit "MX" is not known; it is KB, KiB, MB, MiB, GB or GiB`},
		{"--max-spool much", `--max-spool: "much" is not a size; write bytes (1048576) or a number with KB, KiB, MB, MiB, GB or GiB (20MiB)`},
		{"--max-spool 0", `--max-spool: "0" is less than one byte`},
		{"--max-spool 99999999999GiB", `--max-spool: "99999999999GiB" is too large`},
		{"--max-commands 0", `--max-commands: "0" is not a whole number from 1 to 1048576`},
		{"--max-commands 1.5", `--max-commands: "1.5" is not a whole number from 1 to 1048576`},
		{"--max-instructions=-1", `--max-instructions: "-1" is not a whole number from 0 to 18446744073709551615`},
		{"--self-messages change", `--self-messages: "change" is not off, changes or all, did you mean changes?`},
		{"--log-level warning", `--log-level: "warning" is not debug, info, warn or error, did you mean warn?`},
		{"--log-level loud", `--log-level: "loud" is not debug, info, warn or error`},

		{"--destination tcp:host", `--destination: "tcp:host": the port is missing; the form is tcp:HOST:PORT`},
		{"--destination tcp://host:1", `--destination: "tcp://host:1": written without slashes: tcp:host:1`},
		{"--destination udp:::1:80", `--destination: "udp:::1:80": an IPv6 host goes in brackets: udp:[::1]:80`},
		{"--destination tcp:host:99999", `--destination: "tcp:host:99999": port "99999" is not a number from 1 to 65535`},
		{"--destination gopher:host:1", `--destination: "gopher:host:1": unknown kind "gopher"; known forms are ` + output.Forms()},
		{"--destination unix:", `--destination: "unix:": the path is missing; the form is unix:PATH`},
		{"--destination stdout --destination stdout", `--destination: "stdout" is given twice`},
	} {
		t.Run(tt.args, func(t *testing.T) {
			got := runIn(process{}, strings.Fields(tt.args)...)
			if got.status != exitUsage {
				t.Errorf("the status is %d, want %d", got.status, exitUsage)
			}
			first, hint, _ := strings.Cut(got.stderr, "\n")
			if first != "dumbprobe: "+tt.want {
				t.Errorf("got  %s\nwant dumbprobe: %s", first, tt.want)
			}
			if !strings.HasPrefix(hint, "See dumbprobe") || !strings.HasSuffix(hint, " --help.\n") {
				t.Errorf("the hint is %q", hint)
			}
			if got.stdout != "" {
				t.Errorf("stdout has %q", got.stdout)
			}
		})
	}
}

func TestErrorsBeforeTheDaemonRuns(t *testing.T) {
	script(t, "a.lua", "return {}")
	writeFile(t, "log.yaml", "levle: info\n")
	writeFile(t, "stdout.yaml", "outputPaths: [stdout]\n")
	for _, tt := range []struct{ args, want string }{
		{"--checks a.lua --logging none.yaml", "logging file none.yaml: no such file or directory"},
		{"--checks a.lua --logging log.yaml", "logging file log.yaml: line 1: unknown key `levle`, did you mean `level`?"},
		{"--checks a.lua --logging stdout.yaml", `logging file stdout.yaml: outputPaths: "stdout": stdout is where the messages go; log to stderr or to a file, or give another --destination`},
	} {
		t.Run(tt.args, func(t *testing.T) {
			got := runIn(process{}, strings.Fields(tt.args)...)
			if want := "dumbprobe: " + tt.want + "\n"; got.status != exitFailed || got.stderr != want || got.stdout != "" {
				t.Errorf("got %+v\nwant %s", got, want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for _, args := range []string{"--help", "-h", "help"} {
		got := runIn(process{}, args)
		if got.status != exitOK || got.stderr != "" {
			t.Fatalf("%s: %+v", args, got)
		}
		for _, want := range []string{
			"Usage:\n  dumbprobe --checks PATH", "Examples:\n", "Commands:\n", "  validate ", "  completion ",
			"Scripts:\n      --checks path", "Messages:\n      --destination address", "Limits:\n", "Control:\n      --control path", "(default 60s)",
			"(default 20MiB)", "(default changes)", "Log:\n", "Exit status:\n  0  ",
		} {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("%s lacks %q:\n%s", args, want, got.stdout)
			}
		}
	}
}

func TestHelpOfEveryCommand(t *testing.T) {
	for _, name := range []string{"run", "validate", "reload", "status", "run-check", "version", "stubs", "man", "completion", "completion bash", "completion zsh", "completion fish", "completion powershell"} {
		got := runIn(process{}, append(strings.Fields(name), "--help")...)
		if got.status != exitOK || got.stderr != "" || !strings.Contains(got.stdout, "Usage:\n  dumbprobe "+name) {
			t.Errorf("%s: %+v", name, got)
		}
		if again := runIn(process{}, append([]string{"help"}, strings.Fields(name)...)...); again != got {
			t.Errorf("help %s differs from %s --help", name, name)
		}
		for line := range strings.Lines(got.stdout) {
			if len(line) > 110 && !strings.HasPrefix(name, "completion") {
				t.Errorf("%s: a line has %d characters: %s", name, len(line), line)
			}
		}
	}
}

// TestRunIsTheDefault compares the flags of dumbprobe with those of dumbprobe run.
func TestRunIsTheDefault(t *testing.T) {
	flags := func(args ...string) string {
		help := runIn(process{}, args...).stdout
		_, help, _ = strings.Cut(help, "Scripts:\n")
		help, _, _ = strings.Cut(help, "Other flags:\n")
		return help
	}
	if root, run := flags("--help"), flags("run", "--help"); root != run || root == "" {
		t.Errorf("dumbprobe has\n%s\ndumbprobe run has\n%s", root, run)
	}
}

func TestVersion(t *testing.T) {
	got := runIn(process{version: "v1.2.3"}, "version")
	if got.status != exitOK || !strings.HasPrefix(got.stdout, "dumbprobe v1.2.3") ||
		!strings.Contains(got.stdout, "\ngo1.") || !strings.Contains(got.stdout, "\nLua 5.1") {
		t.Errorf("got %+v", got)
	}
	if flag := runIn(process{version: "v1.2.3"}, "--version"); flag != got {
		t.Errorf("--version prints %+v", flag)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := runIn(process{}, "completion", shell); got.status != exitOK || !strings.Contains(got.stdout, "__complete") {
			t.Errorf("%s: status %d, %d bytes", shell, got.status, len(got.stdout))
		}
	}
	// What follows the colon are the directives, see cobra.ShellCompDirective.
	for _, tt := range []struct{ args, want string }{
		{"--log-level|", "debug\ninfo\nwarn\nerror\n:4\n"},
		{"run|--self-messages|", "off\nchanges\nall\n:4\n"},
		{"--destination|st", "stdout\n:6\n"},
		{"--destination|tc", "tcp:\n:6\n"},
		{"--checks|", "lua\n:8\n"},
		{"validate|--checks|", "lua\n:8\n"},
		{"--logging|", "yaml\nyml\njson\n:8\n"},
		{"--timeout|", ":4\n"},
		{"run|", ":4\n"},
		{"stubs|", ":16\n"},
		{"stubs|dir|", ":4\n"},
		{"vers", "version\tPrint the versions of dumbprobe, Go and Lua\n:4\n"},
	} {
		got := runIn(process{}, append([]string{"__complete"}, strings.Split(tt.args, "|")...)...)
		if got.status != exitOK || got.stdout != tt.want {
			t.Errorf("%s: got %q, want %q", tt.args, got.stdout, tt.want)
		}
	}
}
