package reader

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"dumbprobe/internal/command"

	"golang.org/x/sys/unix"
)

const (
	stderrChunk = 4 << 10 // bytes of one read
	// A command that closes its stdout gets this long to end; a Reader that waited on would be silent for ever.
	exitDelay = time.Second
)

var errWentOn = errors.New("it closed its output and went on running")

// Starter is a *command.Runner or a *command.Group.
type Starter interface {
	Start(context.Context, command.Spec) (*command.Stream, error)
}

// OpenCommand starts spec and reads its stdout. The end of the command is the end of the records, even if
// something it left in the background holds the pipe. ctx bounds its life, not only its start. Errors are
// those of command.Runner.Start. End: "exit code 3", "signal 9 (killed)".
func OpenCommand(ctx context.Context, runner Starter, spec command.Spec, o Options) (Reader, error) {
	b := newBase(ctx, o)
	stream, err := runner.Start(b.ctx, spec)
	if err != nil {
		b.cancel(nil)
		return nil, err
	}
	b.pid = stream.Pid()
	b.run(func() error { return b.readCommand(stream) })
	return b, nil
}

func (b *base) readCommand(stream *command.Stream) error {
	stderrDone := make(chan struct{})
	defer func() {
		stream.Close()
		<-stderrDone
	}()
	go func() {
		defer close(stderrDone)
		if err := b.guarded(func() error { return b.readStderr(stream) }); err != nil {
			b.cancel(err) // nobody reads it any more: the command would block
		}
	}()
	lines := framer{max: b.options.MaxLine}
	readLines(stream.Stdout(), &lines, chunk, b.put)
	// The end of b.ctx kills the command, maybe in the middle of a line: that is no record.
	if b.ctx.Err() == nil && b.putLast(&lines) {
		timer := time.NewTimer(exitDelay)
		defer timer.Stop()
		select {
		case <-stream.Exited():
		case <-timer.C:
			stream.Stop(errWentOn)
		case <-b.ctx.Done():
		}
	}
	result, err := stream.Wait()
	<-stderrDone // ends with the command: its last words come before EOF
	switch {
	case errors.Is(err, errWentOn):
		return errors.New("the command closed its output and went on running: it was ended")
	case err != nil:
		return err
	case result.Code < 0:
		signal := syscall.Signal(-result.Code)
		return fmt.Errorf("signal %d (%s)", -result.Code, signalText(signal))
	case result.Code > 0:
		return fmt.Errorf("exit code %d", result.Code)
	}
	return nil
}

func (b *base) readStderr(stream *command.Stream) error {
	lines := framer{max: b.options.MaxLine}
	err := readLines(stream.Stderr(), &lines, stderrChunk, b.stderr)
	lines.flush()
	b.stderr(lines.take())
	return err
}

func (b *base) stderr(records []Record) bool {
	b.stderrLines.Add(uint64(len(records)))
	if b.options.OnStderr != nil {
		for _, rec := range records {
			b.options.OnStderr(rec.Text)
		}
	}
	return true
}

func signalText(s syscall.Signal) string {
	if text := s.String(); text != "" {
		return text
	}
	return unix.SignalName(s)
}
