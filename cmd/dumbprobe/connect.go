package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dumbprobe/internal/control"
)

// clientFlags are those of commands that ask a daemon.
type clientFlags struct {
	control string
	wait    time.Duration // for the answer
}

const unreachableExit = "\n3  no daemon has answered at the control socket"

func (f *clientFlags) add(cmd *cobra.Command, wait time.Duration) {
	f.wait = wait
	addControl(cmd, &f.control, "the `path` of the daemon's control socket")
	cmd.Flags().Var(durationFlag{value: &f.wait}, "wait", "for the daemon's answer")
	setGroup(cmd.Flags(), groupControl, "wait")
	noCompletion(cmd, "wait")
}

// ask calls f with a client of the daemon.
func (f *clientFlags) ask(ctx context.Context, p process, call func(context.Context, *control.Client) error) error {
	path, err := f.socket(p)
	if err != nil {
		return err
	}
	client := control.NewClient(path)
	defer client.Close()
	ctx, stop := p.interruptible(ctx)
	defer stop()
	bounded, cancel := context.WithTimeout(ctx, f.wait)
	defer cancel()
	err = call(bounded, client)
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// socket finds the daemon's socket: the one that is given, or the first that is there.
func (f *clientFlags) socket(p process) (string, error) {
	if f.control != "" {
		if isOff(f.control) {
			return "", usageErrorf("--control: %q is for the daemon; here it is the path of its socket", f.control)
		}
		return f.control, nil
	}
	places := control.Places(p.env)
	for _, path := range places {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", &control.UnreachableError{Err: &notFoundError{places}}
}

// notFoundError says where no socket was found.
type notFoundError struct{ places []string }

func (e *notFoundError) Error() string {
	return "there is no control socket at " + strings.Join(e.places, ", nor at ") + "; give its path by --control PATH"
}
