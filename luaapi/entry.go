package luaapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/command"
	"dumbprobe/internal/loglimit"
	"dumbprobe/internal/message"
	"dumbprobe/internal/reader"
)

// Kind is what an entry of CHECKS is.
type Kind int

// The kinds of entries.
const (
	CheckEntry Kind = iota
	HandleEntry
)

// Entry is one entry of CHECKS: a check or a handle. Its methods are for the engine; they must be called
// on a goroutine that ends with the call's work, as [VM.Do] wants it.
type Entry struct {
	Position int // in the list, from 1
	Line     int // where it is written in the script; 0: not known
	Kind     Kind
	Class    string // of the built-in or extended class; "table" for any other table
	Name     string // as the script gives it; "": the engine makes one
	Check    CheckFields
	Handle   HandleFields
	// OwnSchedule is set when the script says itself when the check is due (next_run); otherwise it is due
	// by the interval.
	OwnSchedule bool
	// Poll is how often a handle without a Go reader is asked.
	Poll time.Duration

	vm     *VM
	object lua.LValue // the check or handle in Lua
	check  *checkObject
	handle *handleObject
	stderr *loglimit.Limit // of what the handle's command writes there; nil before the first Open
}

// NeedsVM tells whether a run begins in the VM. One of a command begins with the command.
func (e *Entry) NeedsVM() bool { return e.check == nil || e.check.spec == nil }

// NextRun asks the script when the check is due: unix time in seconds, as the script gives it. Whatever is
// no number is an error.
func (e *Entry) NextRun(ctx context.Context, opts RunOptions) (unix float64, err error) {
	err = e.vm.Do(ctx, opts, func(r *Run) error {
		v, err := r.callMethod(e.object, "next_run")
		if err != nil {
			return err
		}
		n, ok := v.(lua.LNumber)
		if !ok {
			return fmt.Errorf("next_run returned %s; expected is a unix time in seconds", describe(v))
		}
		unix = float64(n)
		return nil
	})
	return unix, err
}

// Run runs the check, and puts what it found into b. The error says that the run has failed; what b holds
// then was found before and is to be sent all the same.
func (e *Entry) Run(ctx context.Context, opts RunOptions, b *Batch) error {
	if e.check != nil {
		return e.runBuiltin(ctx, opts, b)
	}
	return e.vm.Do(ctx, opts, func(r *Run) error {
		b.Started = r.taken
		if t, ok := e.object.(*lua.LTable); ok && !e.OwnSchedule {
			t.RawSetString("last_run", lua.LNumber(unixSeconds(r.taken)))
		}
		v, err := r.callMethod(e.object, "run")
		return r.finish(v, err, e.Check.Overlay, b)
	})
}

// finish collects what a call gave, with what the run noted on the way.
func (r *Run) finish(v lua.LValue, err error, over message.Overlay, b *Batch) error {
	b.Problems = append(b.Problems, r.problems...)
	b.Warnings = append(b.Warnings, r.warnings...)
	r.problems, r.warnings = nil, nil
	b.Instructions += r.Instructions()
	b.State = b.State || r.txn != nil
	if err != nil {
		return err
	}
	return r.collect(v, over, b)
}

func (e *Entry) runBuiltin(ctx context.Context, opts RunOptions, b *Batch) error {
	c := e.check
	var data any
	if c.spec != nil {
		var result command.Result
		err := e.guarded(&opts, func() (err error) {
			result, err = e.vm.commands.Run(ctx, within(*c.spec, opts.Timeout))
			return err
		})
		b.Started = time.Now().Add(-result.Duration) // its time begins here: it may have waited before
		if err != nil {
			return err
		}
		if opts.Timeout > 0 {
			opts.Deadline = b.Started.Add(opts.Timeout)
		}
		data = &result
		if c.read != nil {
			err := e.guarded(&opts, func() (err error) {
				data, err = c.read(&result)
				return err
			})
			if err != nil {
				return err
			}
		}
		if c.finish == nil {
			return e.guarded(&opts, func() error { return c.write(data, b) })
		}
	}
	return e.vm.Do(ctx, opts, func(r *Run) error {
		if b.Started.IsZero() {
			b.Started = r.taken
		}
		c.lastRun = unixSeconds(r.taken)
		v, err := c.finish(r, r.thread, data)
		if err = r.finish(v, err, c.Overlay, b); r.ended != nil {
			return err
		}
		return withCommand(err, data)
	})
}

// within bounds a command by the timeout of what runs it; 0: it has none.
func within(spec command.Spec, timeout time.Duration) command.Spec {
	spec.Timeout, spec.TimeoutCause = timeout, &DeadlineError{Timeout: timeout}
	return spec
}

// Open opens the handle. life bounds the reader, ctx the call. legacy, if it is not nil, is what the version
// of the script before has left: it is taken if it is what the handle would open, and closed otherwise. The
// reader is nil for a handle that has none on the Go side, and is polled.
func (e *Entry) Open(ctx, life context.Context, opts RunOptions, legacy *Legacy) (source reader.Reader, err error) {
	defer legacy.Close()
	if e.handle != nil {
		err = e.guarded(&opts, func() (err error) {
			source, err = e.openBuiltin(life, legacy)
			return err
		})
		return source, err
	}
	opts.legacy = legacy
	err = e.vm.Do(ctx, opts, func(r *Run) error {
		if _, err := r.callMethod(e.object, "open"); err != nil {
			return err
		}
		if t, ok := e.object.(*lua.LTable); ok {
			if s := scriptReader(t.RawGetString("reader")); s != nil {
				source = s.source
			}
		}
		return nil
	})
	return source, err
}

func (e *Entry) openBuiltin(life context.Context, legacy *Legacy) (reader.Reader, error) {
	if e.stderr == nil {
		e.stderr = loglimit.New()
	}
	log := e.vm.readerLog(e.Name, e.stderr)
	if o := legacy.claim(e.vm, life, e.handle.source, log); o != nil {
		return o, nil
	}
	_ = legacy.Close() // first: the two may want the same port
	o, err := openOwned(e.vm, life, e.handle.source, log)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// TakesRecords tells whether the engine takes the records from the reader and hands them over, or the
// script takes them itself in read_messages.
func (e *Entry) TakesRecords() bool { return e.handle != nil }

// Records turns records of a built-in handle into messages.
func (e *Entry) Records(ctx context.Context, opts RunOptions, records []reader.Record, b *Batch) error {
	for _, record := range records {
		if record.Truncated {
			b.Warnings = append(b.Warnings, fmt.Errorf("a line was longer than a line may be, and was cut: %s", excerpt(record.Text)))
		}
	}
	if e.handle.parse == nil {
		return e.guarded(&opts, func() error {
			e.handle.nativeRecords(records, b)
			return nil
		})
	}
	return e.vm.Do(ctx, opts, func(r *Run) error {
		e.handle.records(r, records, b)
		return nil
	})
}

// ReadMessages calls the handle's read_messages. eof is set when it reports the end of the data, by its
// result dumbprobe.EOF, by a second result, by raising it, or by a reader that is at its end or closed.
func (e *Entry) ReadMessages(ctx context.Context, opts RunOptions, b *Batch) (eof bool, err error) {
	err = e.vm.Do(ctx, opts, func(r *Run) error {
		L := r.thread
		fn, err := r.method(e.object, "read_messages")
		if err != nil {
			return err
		}
		err = r.call(L, 2, fn, e.object)
		if errors.Is(err, errEOF) {
			eof = true
			return r.finish(e.vm.state.CreateTable(0, 0), nil, e.Handle.Overlay, b)
		}
		if err != nil {
			return r.finish(nil, err, e.Handle.Overlay, b)
		}
		first, second := L.Get(-2), L.Get(-1)
		L.Pop(2)
		eof = first == e.vm.shared.eof || second == e.vm.shared.eof
		if t, ok := e.object.(*lua.LTable); ok {
			if s := scriptReader(t.RawGetString("reader")); s != nil && (s.eof || s.isClosed()) {
				eof = true
			}
		}
		if first == e.vm.shared.eof {
			first = e.vm.state.CreateTable(0, 0)
		}
		return r.finish(first, nil, e.Handle.Overlay, b)
	})
	return eof, err
}

// Close closes the handle; source is what Open gave.
func (e *Entry) Close(ctx context.Context, opts RunOptions, source reader.Reader) error {
	if e.handle != nil {
		defer e.stderr.Tell()
		return e.guarded(&opts, source.Close)
	}
	return e.vm.Do(ctx, opts, func(r *Run) error {
		_, err := r.callMethod(e.object, "close")
		if t, ok := e.object.(*lua.LTable); ok {
			// A close that forgets the reader must not leak it.
			if s := scriptReader(t.RawGetString("reader")); s != nil && !s.isClosed() {
				s.end()
				s.closed = true
				if waitErr := r.Wait(func(context.Context) error { return s.source.Close() }); err == nil {
					err = waitErr
				}
				e.vm.disown(s.source)
			}
		}
		return err
	})
}
