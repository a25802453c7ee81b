package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// TestMain makes the test binary the command dumbprobe, too, for the scripts.
func TestMain(m *testing.M) {
	// Daemons of tests make no control socket where a daemon of this user has its own.
	for _, name := range []string{"RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"} {
		os.Unsetenv(name)
	}
	testscript.Main(leakTested{m}, map[string]func(){"dumbprobe": main, fewProcesses: mainWithFewProcesses})
}

// leakTested fails when tests leave goroutines behind.
type leakTested struct{ m *testing.M }

func (l leakTested) Run() int {
	status := l.m.Run()
	if err := goleak.Find(); status == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

// ran is what came of a command.
type ran struct {
	status         int
	stdout, stderr string
}

// runIn runs a command in-process.
func runIn(p process, args ...string) ran {
	var stdout, stderr bytes.Buffer
	p.args, p.stdout, p.stderr = args, &stdout, &stderr
	status := run(p)
	return ran{status, stdout.String(), stderr.String()}
}

// script writes a checks file into a new folder, which becomes the working directory.
func script(t *testing.T, name, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	writeFile(t, name, text)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
