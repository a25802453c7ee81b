package command

import (
	"context"
	"fmt"
	"io"
	"syscall"
)

// Stream is a command that runs for long and whose outputs are read while it does.
type Stream struct {
	p    *process
	stop context.CancelCauseFunc
	done chan struct{} // closed when result and err are set

	result Result
	err    error
}

// Start starts s as a Stream, which lives until it ends by itself, ctx ends, or Close. Both outputs must be
// read, or the command blocks; Close must be called. What it leaves behind when it ends is ended, too: it is started
// again and again.
//
// It takes no slot of Run. Over Options.MaxStreams the error matches ErrTooManyStreams; otherwise the
// errors are those of Run. If the daemon itself is killed, the kernel kills the command (but no setuid program),
// and the guardian what it has started.
func (r *Runner) Start(ctx context.Context, s Spec) (*Stream, error) {
	g := r.Group("", 0)
	defer g.Close()
	return g.Start(ctx, s)
}

// start is Start for a stream of o.
func (r *Runner) start(ctx context.Context, s Spec, o *owner) (*Stream, error) {
	ctx, end, err := r.begin(ctx, s)
	if err != nil {
		return nil, err
	}
	free, err := r.countStream(o)
	if err != nil {
		r.noStream.Add(1)
		end()
		return nil, fmt.Errorf("%s was not started: %w", quote(s.Argv), err)
	}
	var p *process
	r.spawner.do(func() { p, err = r.launch(s, syscall.SIGKILL) })
	if err != nil {
		r.startErrors.Add(1)
		free()
		end()
		return nil, err
	}
	p.awaitExit()
	ctx, stop := context.WithCancelCause(ctx)
	stream := &Stream{p: p, stop: stop, done: make(chan struct{})}
	go func() {
		defer end()
		defer close(stream.done)
		defer stop(nil)
		defer r.guard.end(p.tree.mark)
		stream.result, stream.err = r.finish(ctx, p, free, true)
	}()
	return stream, nil
}

// countStream takes a place for a stream of o, and free gives it back.
func (r *Runner) countStream(o *owner) (free func(), err error) {
	has, ok := r.slots.takeStream(o)
	switch most := r.options.MaxStreams; {
	case !ok && has < most:
		return nil, fmt.Errorf("%w: the script has %d of the %d of all scripts: close those that are done with, or give some checks a file of their own",
			ErrTooManyStreams, has, most)
	case !ok:
		return nil, fmt.Errorf("%w: at most %d", ErrTooManyStreams, most)
	}
	r.streams.Add(1)
	return func() {
		r.streams.Add(-1)
		r.slots.giveStream(o)
	}, nil
}

// Pid is the process number, and that of the group.
func (s *Stream) Pid() int { return s.p.pid }

// Stdout is for one reader. It gives io.EOF at the end of the output, WaitDelay after the end of the
// command if something still holds it, and after Close; what had arrived is read first, but after Close.
func (s *Stream) Stdout() io.Reader { return s.p.stdout }

// Stderr is like Stdout.
func (s *Stream) Stderr() io.Reader { return s.p.stderr }

// Exited is closed when the command has ended. Its outputs may still have something to read.
func (s *Stream) Exited() <-chan struct{} { return s.p.exited }

// Stop begins to end the command, with cause as what the error of Wait matches, and returns at once.
func (s *Stream) Stop(cause error) { s.stop(cause) }

// Wait waits for the end of the command. A *KilledError says that the context, Stop or Close ended it.
// The Result has no outputs. The outputs need not be read to their end for it to return.
func (s *Stream) Wait() (Result, error) {
	<-s.done
	return s.result, s.err
}

// Close ends the command and everything it started, and frees what it holds; it returns at most
// Grace + WaitDelay later. It can be called twice, and by any goroutine.
func (s *Stream) Close() {
	s.stop(ErrStopped)
	<-s.done
	s.p.closePipes()
}
