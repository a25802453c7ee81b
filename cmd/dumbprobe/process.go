package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"go.uber.org/zap"

	"dumbprobe/internal/control"
	"dumbprobe/internal/logconfig"
	"dumbprobe/internal/systemd"
)

// process is what commands see of the process.
type process struct {
	args           []string // without the program's name
	stdout, stderr io.Writer
	signals        <-chan os.Signal    // HUP, INT and TERM; nil: none come
	terminal       bool                // stderr is a terminal
	version        string              // of the release; "": as the build information says
	limitMemory    func(*zap.Logger)   // called once, before a script is loaded; nil: not needed
	isolate        func() error        // called once, before a script is loaded; nil: not needed
	manager        systemd.Environment // what the service manager has given
	managerErr     error               // what is wrong with that
	guardian       []string            // see command.Options
	getenv         func(string) string // nil: there are no variables
}

// env is the value of a variable.
func (p process) env(name string) string {
	if p.getenv == nil {
		return ""
	}
	return p.getenv(name)
}

// The exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3 // no daemon has answered at the control socket
)

// run runs the command that the arguments name, and gives the exit status.
func run(p process) int {
	stderr := logconfig.NewPatient(p.stderr) // the end does not wait for a reader that has stopped
	root := newRoot(p)
	cmd, err := root.ExecuteC()
	err = asUsageError(root, p.args, err)
	var usage *usageError
	var unreachable *control.UnreachableError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errLogged), errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "dumbprobe: %v\nSee %s --help.\n", err, cmd.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(stderr, "dumbprobe: %v\n", err)
	if errors.As(err, &unreachable) {
		return exitUnreachable
	}
	return exitFailed
}

// interruptible gives a context that ends with INT or TERM; for commands that come to their end by
// themselves. stop must be called.
func (p process) interruptible(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case s := <-p.signals:
				if s != syscall.SIGHUP {
					cancel()
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() {
		cancel()
		<-ended
	}
}
