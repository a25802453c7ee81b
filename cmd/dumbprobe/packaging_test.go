package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// packagingFile reads a file of the folder packaging.
func packagingFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "packaging", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// setting gives the values of a setting of a unit file, in order.
func setting(unit, name string) (values []string) {
	for line := range strings.Lines(unit) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

// wantCommandLine wants the daemon to take a command line, which begins with its path.
func wantCommandLine(t *testing.T, words []string) {
	t.Helper()
	if len(words) < 2 || words[0] != "/usr/bin/dumbprobe" {
		t.Fatalf("%q does not run /usr/bin/dumbprobe", words)
	}
	cmd, rest, err := newRoot(process{stdout: io.Discard, stderr: io.Discard}).Find(words[1:])
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil || cmd.Name() != "run" {
		t.Errorf("%q: %s, %v", words, cmd.Name(), err)
	}
}

func TestTheUnitFileRunsTheDaemonAsItIs(t *testing.T) {
	unit := packagingFile(t, "dumbprobe.service")
	start := setting(unit, "ExecStart")
	if len(start) != 1 || !strings.HasSuffix(start[0], " $DUMBPROBE_OPTIONS") {
		t.Fatalf("ExecStart is %q", start)
	}
	command := strings.Fields(strings.TrimSuffix(start[0], " $DUMBPROBE_OPTIONS"))
	wantCommandLine(t, command)

	options := regexp.MustCompile(`(?m)^# DUMBPROBE_OPTIONS="(.+)"$`).FindStringSubmatch(packagingFile(t, "dumbprobe.default"))
	if options == nil {
		t.Fatal("dumbprobe.default has no example")
	}
	wantCommandLine(t, append(command, strings.Fields(options[1])...))

	for name, want := range map[string]string{
		"Type":         "notify notify-reload", // see the comment in the unit
		"NotifyAccess": "main", "KillMode": "mixed", "Delegate": "yes", "OOMPolicy": "continue", "Restart": "on-failure",
		"User": "dumbprobe", "RuntimeDirectory": "dumbprobe", "StateDirectory": "dumbprobe", "NoNewPrivileges": "yes",
		"EnvironmentFile": "-/etc/default/dumbprobe", "ExecReload": "",
		// These take away what the daemon needs, or what checks look at: see the comment in the unit.
		"DynamicUser": "", "RestrictNamespaces": "", "ProtectControlGroups": "", "PrivateTmp": "", "ProtectSystem": "",
	} {
		if got := strings.Join(setting(unit, name), " "); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}

	// The daemon by itself must have the time that it takes to stop.
	var f runFlags
	f.add(&cobra.Command{})
	stop, err := time.ParseDuration(strings.Join(setting(unit, "TimeoutStopSec"), " "))
	if flush := 20 * time.Second; err != nil || stop < f.grace+flush {
		t.Errorf("TimeoutStopSec is %v, %v; the grace period is %v, and flushing takes up to %v", stop, err, f.grace, flush)
	}
}

// TestPackagingNamesOnlyFlagsThatAreThere is about comments, above all.
func TestPackagingNamesOnlyFlagsThatAreThere(t *testing.T) {
	known := map[string]bool{}
	eachCommand(newRoot(process{stdout: io.Discard, stderr: io.Discard}), func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { known["--"+f.Name] = true })
	})
	named := 0
	for _, name := range []string{"dumbprobe.service", "dumbprobe.default"} {
		for _, flag := range regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(packagingFile(t, name), -1) {
			named++
			if !known[flag] && flag != "--help" {
				t.Errorf("%s names %s, which is no flag", name, flag)
			}
		}
	}
	if named < 5 {
		t.Errorf("only %d flags were found", named)
	}
}

func TestTheImageRunsTheDaemonAsItIs(t *testing.T) {
	text := packagingFile(t, "Containerfile")
	entry := regexp.MustCompile(`(?m)^ENTRYPOINT (\[.+\])$`).FindStringSubmatch(text)
	var words []string
	if entry == nil || json.Unmarshal([]byte(entry[1]), &words) != nil {
		t.Fatal("the Containerfile has no ENTRYPOINT as a list")
	}
	wantCommandLine(t, words)
	example := regexp.MustCompile(`(?m)^#.* dumbprobe (--.+)$`).FindStringSubmatch(text)
	if example == nil {
		t.Fatal("the Containerfile has no example")
	}
	wantCommandLine(t, append(words, strings.Fields(example[1])...))
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(text, -1) {
		if strings.Contains(from[1], "/") {
			t.Errorf("%s is of a certain registry", from[1])
		}
	}
	for _, c := range regexp.MustCompile(`(?m)^COPY ([a-z]+/\S+)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("..", "..", c[1])); err != nil {
			t.Error(err)
		}
	}
}

func TestPackagesHaveWhatTheirFilesName(t *testing.T) {
	var config struct {
		Version  string
		Scripts  map[string]string
		Contents []struct{ Src, Dst, Type string }
	}
	if err := yaml.Unmarshal([]byte(packagingFile(t, "nfpm.yaml")), &config); err != nil {
		t.Fatal(err)
	}
	there := map[string]string{} // kind by path in the package
	for _, c := range config.Contents {
		there[c.Dst] = c.Type
		if c.Src == "" { // a folder
			continue
		}
		if strings.HasPrefix(c.Src, "dist/stage/") {
			shell := regexp.MustCompile(`completion\.\w+$`) // is made for each shell by one rule
			if !strings.Contains(repositoryFile(t, "Makefile"), shell.ReplaceAllLiteralString(c.Src, "completion.$$shell")) {
				t.Errorf("the Makefile does not make %s", c.Src)
			}
			continue
		}
		repositoryFile(t, c.Src)
		if strings.HasPrefix(c.Dst, "/etc/") && c.Type != "config|noreplace" {
			t.Errorf("an upgrade would overwrite %s", c.Dst)
		}
	}
	for _, path := range []string{
		"/usr/bin/dumbprobe", "/usr/lib/systemd/system/dumbprobe.service", "/usr/lib/sysusers.d/dumbprobe.conf", "/etc/default/dumbprobe",
		"/etc/dumbprobe/checks", "/etc/dumbprobe/checks/host.lua", "/usr/share/man/man1/dumbprobe.1.gz", "/usr/share/doc/dumbprobe/copyright",
		"/usr/share/licenses/dumbprobe/LICENSE", "/usr/share/bash-completion/completions/dumbprobe",
		"/usr/share/zsh/vendor-completions/_dumbprobe", "/usr/share/fish/vendor_completions.d/dumbprobe.fish",
	} {
		if _, ok := there[path]; !ok {
			t.Errorf("%s is not in the packages", path)
		}
	}
	paths := regexp.MustCompile(`/usr/share/(?:doc/)?dumbprobe/[\w.-]*\w`)
	texts := []string{runIn(process{}, "man").stdout}
	for _, name := range []string{"dumbprobe.service", "privileged-checks.conf", "private-view.conf", "postinstall.sh"} {
		texts = append(texts, packagingFile(t, name))
	}
	for _, text := range texts {
		for _, path := range paths.FindAllString(strings.ReplaceAll(text, `\-`, "-"), -1) {
			if _, ok := there[path]; !ok {
				t.Errorf("%s is named, and not in the packages", path)
			}
		}
	}
	if len(config.Scripts) != 3 {
		t.Errorf("the scripts are %v", config.Scripts)
	}
	for _, path := range config.Scripts {
		if out, err := exec.CommandContext(t.Context(), "/bin/sh", "-n", filepath.Join("..", "..", path)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", path, err, out)
		}
	}
}

func repositoryFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// needs skips a test for which a program is missing. In CI that is a failure: .ci/run installs it.
func needs(t *testing.T, program, what string) {
	t.Helper()
	_, err := exec.LookPath(program)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s, %s, is not installed", program, what)
	default:
		t.Skipf("%s, %s, is not installed", program, what)
	}
}

// TestSystemdReadsTheUnitFile has systemd, where it is installed, look at the unit and at what can be added to it.
func TestSystemdReadsTheUnitFile(t *testing.T) {
	needs(t, "systemd-analyze", "which would look for mistakes in the unit file")
	for _, addition := range []string{"", "privileged-checks.conf", "private-view.conf", "before-systemd-253.conf"} {
		t.Run("with "+addition, func(t *testing.T) {
			dir := t.TempDir()
			// The daemon is not installed.
			unit := strings.Replace(packagingFile(t, "dumbprobe.service"), "ExecStart=/usr/bin/dumbprobe ", "ExecStart=/bin/sh ", 1)
			writeFile(t, filepath.Join(dir, "dumbprobe.service"), unit)
			if addition != "" {
				writeFile(t, filepath.Join(dir, "dumbprobe.service.d", addition), packagingFile(t, addition))
			}
			cmd := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", filepath.Join(dir, "dumbprobe.service"))
			out, _ := cmd.CombinedOutput()
			for line := range strings.Lines(string(out)) {
				switch {
				case !strings.Contains(line, dir): // of other units, or of the machine
				case strings.HasSuffix(line, "Failed to parse service type, ignoring: notify-reload\n"): // before 253
				default:
					t.Error(line)
				}
			}
		})
	}
}

func TestVersionsOfPackages(t *testing.T) {
	inOrder := []string{}
	for _, tt := range []struct{ described, want string }{ // in ascending order
		{"abc1234", "0.0.0+57.gabc1234"},
		{"abc1234-dirty", "0.0.0+57.gabc1234.dirty"},
		{"v0.9.0", "0.9.0"},
		{"v1.2.3-beta", "1.2.3~beta"},
		{"v1.2.3-rc.1", "1.2.3~rc.1"},
		{"v1.2.3-rc.1-4-gabc1234", "1.2.3~rc.1+4.gabc1234"},
		{"v1.2.3-rc.2", "1.2.3~rc.2"},
		{"v1.2.3", "1.2.3"},
		{"v1.2.3-4-gabc1234", "1.2.3+4.gabc1234"},
		{"v1.2.3-12-g0123456-dirty", "1.2.3+12.g0123456.dirty"},
		{"v1.2.4-rc_1-x", "1.2.4~rc.1.x"},
		{"1.10.0", "1.10.0"},
	} {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", filepath.Join("..", "..", "packaging", "version.sh"), tt.described, "57")
		out, err := cmd.Output()
		got := strings.TrimSuffix(string(out), "\n")
		if err != nil || got != tt.want {
			t.Errorf("%s gives %q, %v, want %q", tt.described, got, err, tt.want)
		}
		if regexp.MustCompile(`[^A-Za-z0-9.+~]`).MatchString(got) {
			t.Errorf("rpm refuses %s", got)
		}
		inOrder = append(inOrder, got)
	}
	needs(t, "dpkg", "which would tell the order of the versions")
	for i, after := range inOrder[1:] {
		if err := exec.CommandContext(t.Context(), "dpkg", "--compare-versions", inOrder[i], "lt", after).Run(); err != nil {
			t.Errorf("%s does not come before %s: %v", inOrder[i], after, err)
		}
	}
}
