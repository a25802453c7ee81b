package reader

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Reader is one source of records. Take and Ready are for one consumer; the other methods for any goroutine.
type Reader interface {
	// Take gives what has arrived, at most limit records, all of it for 0; it never blocks. The error is
	// io.EOF, always without records, when the source is at its end and everything was taken, or nil.
	Take(limit int) ([]Record, error)
	// PutBack returns the records of the last Take, which were not used: the next Take gives them again, first.
	PutBack([]Record)
	// Ready receives when Take would give a record or io.EOF, again and again as long as that is so.
	// It may receive once too often.
	Ready() <-chan struct{}
	// Close stops the source (a command with all it started) and waits for that. What has arrived can still
	// be taken. It can be called twice.
	Close() error
	// End says why the source ended: nil while it runs, after an end without fault, and after Close.
	End() error
	Stats() Stats
}

// ErrSilent is in the End of a Reader that was stopped because of Options.Silence.
var ErrSilent = errors.New("no data")

// Record is one line, without its newline or carriage return and newline, or one datagram as it came.
type Record struct {
	Text      string
	Truncated bool // the rest, over MaxLine, was discarded
}

// Options are the limits of a Reader. Zero fields take the default.
type Options struct {
	MaxLine       int // bytes of one record; 64 KiB
	MaxQueue      int // records waiting to be taken; 1000
	MaxQueueBytes int // bytes of their text; one record always has room; 4 MiB

	// Silence is how long there may be no record before the source is taken for dead, and stopped: a command
	// with all it started. It counts from the start, and not while the queue is full. 0: for ever.
	Silence time.Duration

	// OnStderr gets each line that a command writes to stderr, cut at MaxLine. The command waits for it;
	// it must not call Close. nil: discard.
	OnStderr func(line string)

	// OnPanic gets what a goroutine of the reader has panicked with, on that goroutine, while its stack is there. The
	// error it gives is the End of the Reader. nil: the panic ends the process.
	OnPanic func(crash any) error
}

func (o Options) withDefaults() Options {
	if o.MaxLine <= 0 {
		o.MaxLine = 64 << 10
	}
	if o.MaxQueue <= 0 {
		o.MaxQueue = 1000
	}
	if o.MaxQueueBytes <= 0 {
		o.MaxQueueBytes = 4 << 20
	}
	return o
}

// Stats describes a Reader now. Records to Truncations only grow.
type Stats struct {
	Records     uint64 // put into the queue
	Bytes       uint64 // of their text
	LongLines   uint64 // records that were cut
	StderrLines uint64 // commands only
	Waits       uint64 // times that reading stopped because the queue was full
	Rotations   uint64 // files: a new file was found under the name
	Truncations uint64 // files: the file had become shorter, and was read from its start

	Queued      int // records waiting to be taken
	QueuedBytes int
	Pid         int    // commands only
	Addr        string // sockets only: the local address, with the port that was chosen
}

// base is the Reader that every kind shares: a kind is the function given to run.
type base struct {
	options Options
	queue   *queue
	pid     int
	addr    string

	stderrLines, rotations, truncations atomic.Uint64

	silence *time.Timer // nil without Options.Silence; stopped and set by the goroutine of run

	ctx    context.Context
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when run's goroutine is over

	mu  sync.Mutex // protects following field
	end error
}

// closedError is the cause of the context of a reader that was closed.
type closedError struct{}

func (closedError) Error() string { return "the reader is closed" }

func newBase(ctx context.Context, o Options) *base {
	o = o.withDefaults()
	b := &base{options: o, queue: newQueue(o.MaxQueue, o.MaxQueueBytes), done: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancelCause(ctx)
	return b
}

// run reads in the background until read returns, with nil after an end without fault. read must return soon
// after the end of b.ctx.
func (b *base) run(read func() error) {
	if d := b.options.Silence; d > 0 {
		b.silence = time.AfterFunc(d, func() { b.cancel(fmt.Errorf("%w for %v", ErrSilent, d)) })
	}
	go func() {
		defer close(b.done)
		err := b.guarded(read)
		if b.silence != nil {
			b.silence.Stop()
		}
		if b.ctx.Err() != nil {
			err = context.Cause(b.ctx) // whatever the read made of it
		}
		if err == (closedError{}) {
			err = nil
		}
		b.mu.Lock()
		b.end = err
		b.mu.Unlock()
		b.cancel(nil)
		b.queue.finish()
	}()
}

// put waits for room. It is false when b.ctx has ended.
func (b *base) put(records []Record) bool {
	if b.silence == nil || len(records) == 0 {
		return b.queue.put(b.ctx, records)
	}
	b.silence.Stop()
	defer b.silence.Reset(b.options.Silence)
	return b.queue.put(b.ctx, records)
}

// putLast is put for the end of a source, where an unended line is a record.
func (b *base) putLast(lines *framer) bool {
	lines.flush()
	return b.put(lines.take())
}

// pause waits for d, or for the end of b.ctx: then it is false.
func (b *base) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-b.ctx.Done():
		return false
	}
}

func (b *base) Take(limit int) ([]Record, error) { return b.queue.take(limit) }
func (b *base) PutBack(records []Record)         { b.queue.putBack(records) }
func (b *base) Ready() <-chan struct{}           { return b.queue.ready }

func (b *base) Close() error {
	b.cancel(closedError{})
	<-b.done
	return nil
}

func (b *base) End() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.end
}

func (b *base) Stats() Stats {
	total, queued, queuedBytes := b.queue.stats()
	return Stats{
		Records: total.records, Bytes: total.bytes, LongLines: total.longLines, Waits: total.waits,
		StderrLines: b.stderrLines.Load(), Rotations: b.rotations.Load(), Truncations: b.truncations.Load(),
		Queued: queued, QueuedBytes: queuedBytes, Pid: b.pid, Addr: b.addr,
	}
}
