package luaapi

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"dumbprobe/internal/command"
)

// What would end the process if it went wrong is tested in a child process: the test binary, with the path of
// a script in this variable. It loads the script, runs its first check if it has one, and prints the outcome.
const childEnv = "LUAAPI_TEST_SCRIPT"

func childMain() {
	runner := command.NewRunner(command.Options{})
	vm := NewVM(os.Getenv(childEnv), Options{Commands: runner})
	script, err := vm.Load(context.Background(), RunOptions{Timeout: longTime})
	if err == nil && len(script.Entries) > 0 {
		done := make(chan error, 1)
		go func() {
			err := Abandoned(0)
			defer func() { done <- err }()
			err = script.Entries[0].Run(context.Background(), RunOptions{Timeout: longTime}, &Batch{})
		}()
		err = <-done
	}
	fmt.Printf("%.2000v\n", err)
	os.Exit(0)
}

// inChild gives what the child prints.
func inChild(t *testing.T, path string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*longTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		const most = 3000
		if len(out) > most {
			out = out[:most]
		}
		t.Fatalf("the process ended: %v\n%s", err, out)
	}
	return string(out)
}
