// Command dumbprobe runs checks that are written in Lua and sends what they find as JSON lines.
//
// The package's invariant: whatever a command needs of the process (arguments, standard streams, signals)
// comes to it in a struct, so that tests run every command in-process; only this file touches the process.
package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"dumbprobe/internal/command"
	"dumbprobe/internal/logconfig"
	"dumbprobe/internal/systemd"
)

// version is set when a release is built: -ldflags "-X main.version=v1.2.3". Nothing assigns to it.
var version string

func main() {
	if len(os.Args) == 2 && os.Args[1] == command.GuardianArgument {
		command.Guard(os.Stdin)
		return
	}
	// Registered before anything else: until then HUP ends the process.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	// A reader of stdout that goes away gives an error at the write, and does not end the process. Nobody
	// receives here. signal.Ignore would have commands inherit that, see internal/command. Likewise for a file
	// that reaches a limit of the process (ulimit -f, LimitFSIZE).
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGXFSZ)

	manager, managerErr := systemd.TakeEnvironment() // before there is a command that would inherit it
	os.Exit(run(process{
		args:     os.Args[1:],
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		signals:  signals,
		terminal: logconfig.IsTerminal(os.Stderr),
		version:  version,

		isolate:  isolate,
		guardian: []string{os.Args[0], command.GuardianArgument},

		limitMemory: limitMemory,
		getenv:      os.Getenv,
		manager:     manager,
		managerErr:  managerErr,
	}))
}

// isolate keeps descriptors from commands, what commands leave behind from init, and commands that take all the
// processes there may be from ending the daemon.
func isolate() error {
	command.ReserveThreads()
	return errors.Join(command.CloseOnExec(), command.BecomeSubreaper())
}
