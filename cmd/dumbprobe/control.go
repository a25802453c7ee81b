package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"dumbprobe/engine"
	"dumbprobe/internal/control"
)

// flagControl is of the daemon and of the commands that ask it.
const flagControl = "control"

func addControl(cmd *cobra.Command, path *string, usage string) {
	fs := cmd.Flags()
	fs.StringVar(path, flagControl, "", usage+" (default control.sock in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR/dumbprobe)")
	setGroup(fs, groupControl, flagControl)
	mustComplete(cmd.MarkFlagFilename(flagControl, "sock"))
}

// isOff tells whether a value of --control means that there is to be no socket. One of that name is ./off.
func isOff(path string) bool { return path == "off" || path == "none" }

// controlStopTime is how long clients get for their last answers when the daemon ends.
const controlStopTime = time.Second

// serveControl opens the control socket and serves it until stop is called. That it cannot be opened is an error
// where it was asked for, and a warning where it is the default.
func (f *runFlags) serveControl(p process, d control.Daemon, log *zap.Logger) (stop func(), err error) {
	stop = func() {}
	if isOff(f.control) {
		return stop, nil
	}
	path := f.control
	if path == "" {
		path = control.DefaultPath(p.env)
		if path == "" {
			log.Debug("there is no control socket: neither $RUNTIME_DIRECTORY nor $XDG_RUNTIME_DIR is set, nor --control given")
			return stop, nil
		}
		if err = control.MakeFolder(path); err != nil {
			log.Warn("there is no control socket, so dumbprobe reload, status and run-check do not reach this daemon: its folder cannot be made: " + err.Error())
			return stop, nil
		}
	}
	l, err := control.Listen(path)
	if err != nil {
		if f.control != "" {
			return nil, err
		}
		log.Warn("there is no control socket, so dumbprobe reload, status and run-check do not reach this daemon: " + err.Error())
		return stop, nil
	}
	server := control.NewServer(d, log)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); err != nil {
			log.Error("the control socket has failed; the daemon goes on without", zap.Error(err))
		}
	})
	log.Debug("the control socket is open", zap.String("path", path))
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), controlStopTime)
		defer cancel()
		server.Close(ctx)
		serving.Wait()
	}, nil
}

// controlled answers the control socket.
type controlled struct {
	engine  *engine.Engine
	reloads *reloader
	last    *lastReload
}

// Reload implements control.Daemon.
func (c controlled) Reload(ctx context.Context) (*control.ReloadResult, error) {
	select { // before the start is over, a reload does nothing
	case <-c.engine.Ready():
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	asked := time.Now()
	err := c.reloads.do(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err() // the reload is not given up
	}
	result := resultOf(err, asked, time.Since(asked))
	if result == nil {
		return nil, control.Errorf(control.CodeStopping, "%v, and loads nothing any more", err)
	}
	result.Scripts, result.Checks = c.engine.Counts()
	return result, nil
}

// Status implements control.Daemon.
func (c controlled) Status(f control.Filter) *control.Status {
	s := c.engine.Status(f)
	s.Daemon.LastReload, s.Daemon.Reloading = c.last.state()
	if r := s.Daemon.LastReload; r != nil {
		r.Scripts, r.Checks = c.engine.Counts()
	}
	return s
}

// RunCheck implements control.Daemon.
func (c controlled) RunCheck(ctx context.Context, name string) (*control.CheckRun, error) {
	run, err := c.engine.RunCheck(ctx, name)
	var known *control.Error
	if errors.As(err, &known) && known.Code == control.CodeUnknownCheck {
		return nil, control.Errorf(known.Code, "%s%s", known.Message, nearest(name, c.engine.Names()))
	}
	return run, err
}

// nearest suggests the name that was probably meant.
func nearest(name string, names []string) string {
	best, distance := "", max(2, len(name)/3)+1
	lower := strings.ToLower(name)
	for _, n := range names {
		if len(n) > 200 || len(name) > 200 {
			continue // the distance takes time with the product of the lengths
		}
		d := levenshtein.ComputeDistance(lower, strings.ToLower(n))
		if len(lower) >= 3 && strings.Contains(strings.ToLower(n), lower) {
			d = min(d, 2)
		}
		if d < distance {
			best, distance = n, d
		}
	}
	if best == "" {
		return "; dumbprobe status lists all"
	}
	return fmt.Sprintf(", did you mean %q?", best)
}
