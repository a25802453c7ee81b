package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"dumbprobe/internal/loglimit"
	"dumbprobe/internal/reader"
	"dumbprobe/luaapi"
	"dumbprobe/scheduler"
)

// handle is the adapter of a handle: it opens it, reads what arrives, and at the end of the data closes it
// and puts it into the run queue to be opened again.
type handle struct {
	scheduler.Entry // in the run queue, while the handle is closed
	script          *script
	entry           *luaapi.Entry
	name            string
	reopen          time.Duration
	stopped         chan struct{} // closed by stop
	stopOnce        sync.Once
	lines           *loglimit.Limit              // in the log
	sessions        tenure                       // it is open, or about to be
	record          atomic.Pointer[handleRecord] // shared with the version before, if that reads the same
	stuck           atomic.Bool                  // the present call, or the last one, was given up: nothing is told of it
	life            context.Context              // of the reader of a built-in handle; ends when the handle is given up
	endLife         context.CancelFunc

	turned  chan struct{}     // closed by stop if there is an heir: what has not begun is left to that
	backoff scheduler.Backoff // of opening it again; owned by the goroutine that serves the handle

	mu     sync.Mutex     // protects following fields
	heir   *handle        // the next version of it, to which it leaves its reader; set before stop
	waits  bool           // for the version before: it may still leave something
	legacy *luaapi.Legacy // from the version before, until this one opens
	due    time.Time      // when it is to be opened again
}

// maxRecords is how many records are handed over at a time: other checks of the file come in between.
const maxRecords = 500

func newHandle(s *script, entry *luaapi.Entry, name string) *handle {
	h := &handle{
		script: s, entry: entry, name: name, lines: loglimit.New(), stopped: make(chan struct{}), turned: make(chan struct{}),
		reopen: time.Duration(entry.Handle.Reopen * float64(time.Second)),
	}
	h.life, h.endLife = context.WithCancel(context.Background())
	h.backoff = scheduler.Backoff{Base: h.reopen, Max: 10 * h.reopen, Good: 10 * h.reopen}
	h.Task = h
	h.record.Store(newHandleRecord())
	return h
}

func (h *handle) title() string { return h.name }

func (h *handle) source() source {
	return source{script: h.script.path, check: h.name, position: h.entry.Position, lines: h.lines}
}

func (h *handle) start(task) { h.enqueue(time.Now()) }

// begin notes that the handle is open, or about to be. It is false when the script is stopping.
func (h *handle) begin() bool {
	h.script.opened.enter()
	h.sessions.enter()
	if h.script.begin() {
		return true
	}
	h.sessions.leave()
	h.script.opened.leave()
	return false
}

func (h *handle) end() {
	h.sessions.leave()
	h.script.opened.leave()
	h.script.end()
}

func (h *handle) giveUp() {
	h.sessions.giveUp()
	h.endLife()
	h.lines.Tell()
}

func (h *handle) stop() {
	h.script.engine.loop.Remove(&h.Entry)
	h.stopOnce.Do(func() {
		close(h.stopped)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.heir != nil {
			close(h.turned)
		}
	})
}

func (h *handle) options() luaapi.RunOptions {
	return luaapi.RunOptions{
		Timeout: h.script.engine.options.Timeout,
		Label:   &h.name,
		Logger:  h.script.engine.logger.WithLazy(h.source().fields()...),
		State:   h.script.engine.kept,
	}
}

// Start is called by the loop when the handle is due to be opened.
func (h *handle) Start(time.Time) {
	if until := h.script.quarantinedUntil(h.name); !until.IsZero() {
		h.enqueue(until)
	} else if h.begin() {
		go h.serve()
	}
}

func (h *handle) enqueue(at time.Time) {
	if h.script.isStopping() {
		return
	}
	h.script.engine.loop.Schedule(&h.Entry, at)
	if h.script.isStopping() { // since just now
		h.script.engine.loop.Remove(&h.Entry)
	}
}

// serve opens the handle, reads it to its end and closes it.
func (h *handle) serve() {
	defer h.end()
	opened := time.Now()
	known := h.record.Load()
	known.opening()
	source, err := h.open()
	if err != nil {
		h.tell(OutcomeOpenFailed, fmt.Errorf("could not be opened: %w", err))
		_ = h.close(source) // what open had begun
		known.closed(nil)
		h.enqueueAgain(h.backoff.Next())
		return
	}
	known.opened(source)
	reason := h.read(source)
	if h.isStopped() && h.leave(source) {
		return
	}
	if source != nil {
		reason = errors.Join(reason, source.End())
	}
	if err := h.close(source); err != nil && !h.isStopped() {
		h.tell(OutcomeError, fmt.Errorf("close: %w", err))
	}
	known.closed(source)
	wait := h.reopen
	if reason == nil {
		h.backoff.Reset() // a source that ends by itself may be meant to be read again and again
	} else {
		wait = h.backoff.NextAfter(time.Since(opened))
	}
	if h.isStopped() {
		return
	}
	text := fmt.Errorf("the handle came to its end; it is opened again in %s", wait)
	if reason != nil {
		text = fmt.Errorf("the handle came to its end (%w); it is opened again in %s", reason, wait)
	}
	h.tell(OutcomeEOF, text)
	h.enqueueAgain(wait)
}

// enqueueAgain has the handle opened again after wait.
func (h *handle) enqueueAgain(wait time.Duration) {
	at := time.Now().Add(wait)
	h.mu.Lock()
	h.due = at
	h.mu.Unlock()
	h.enqueue(at)
}

// close closes the handle; source is what open gave.
func (h *handle) close(source reader.Reader) error {
	if source == nil && h.entry.TakesRecords() {
		return nil // it was not opened
	}
	err := h.call(func() error { return h.entry.Close(h.script.life, h.options(), source) })
	if err != nil && source != nil {
		_ = source.Close() // the script did not get to it, or failed before
	}
	return err
}

func (h *handle) isStopped() bool {
	select {
	case <-h.stopped:
		return true
	default:
		return false
	}
}

func (h *handle) tell(o Outcome, err error) { h.tellAbout("handle", o, err) }

// tellAbout reports on the handle itself, or apart from it on its records.
func (h *handle) tellAbout(about string, o Outcome, err error) {
	if err != nil && outcomeOf(err, &luaapi.Batch{}) == OutcomeCancelled {
		return // the handle closes because the script stops
	}
	if h.stuck.Load() {
		return
	}
	h.record.Load().told(about, o, err)
	h.script.engine.voice.tell(h.source(), about, o, err)
}

// call runs f on a goroutine that may end early (see luaapi.VM.Do), and waits for it.
func (h *handle) call(f func() error) error {
	h.stuck.Store(false)
	done := make(chan error, 1)
	go luaapi.Finally(h.script.life, h.script.engine.options.Timeout, f, func(err error) { done <- err })
	return <-done
}

func (h *handle) open() (source reader.Reader, err error) {
	err = h.call(func() (err error) {
		source, err = h.entry.Open(h.script.life, h.life, h.options(), h.inherited())
		return err
	})
	return source, err
}

// read reads until the end of the data, or the handle is stopped. It returns why reading was given up, nil
// at a plain end.
func (h *handle) read(source reader.Reader) error {
	if source == nil {
		return h.poll()
	}
	idle := scheduler.Backoff{Base: 50 * time.Millisecond, Max: time.Second}
	inVain := 0 // calls of read_messages in a row
	more := true
	for {
		if more {
			select {
			case <-h.stopped:
				return h.last(source)
			case <-source.Ready():
			}
		}
		var eof bool
		if eof, more = h.take(source); eof {
			return nil
		}
		if h.hasHeir() && h.isStopped() {
			return nil
		}
		if more {
			idle.Reset()
			inVain = 0
			continue
		}
		if inVain++; inVain == maxInVain && !h.entry.TakesRecords() {
			h.tellAbout("records", OutcomeError, takesNothing(source))
		}
		if !h.pause(idle.Next()) { // read_messages took nothing, and the reader says only once that there is something
			return h.last(source)
		}
	}
}

// maxInVain is how many calls of read_messages that take nothing are no mistake yet: they take a second and a half.
const maxInVain = 5

// takesNothing says what is wrong with a read_messages that never takes what its reader has.
func takesNothing(source reader.Reader) error {
	if n := source.Stats().Queued; n > 0 {
		return fmt.Errorf("read_messages was called %d times, and took none of the %d records that wait: it has to call self.reader:take()", maxInVain, n)
	}
	return fmt.Errorf("the reader is at its end, and read_messages did not say so in %d calls: it has to call self.reader:take(), or return dumbprobe.EOF", maxInVain)
}

// last hands over what had arrived when the handle was stopped, unless the next version goes on with it.
func (h *handle) last(source reader.Reader) error {
	if !h.entry.TakesRecords() || h.hasHeir() {
		return nil
	}
	for range 100 {
		if eof, more := h.take(source); eof || !more {
			return nil
		}
	}
	return nil
}

// take hands over what has arrived. more is false if that was nothing.
func (h *handle) take(source reader.Reader) (eof, more bool) {
	var b luaapi.Batch
	if !h.entry.TakesRecords() {
		before := taken(source)
		err := h.call(func() (err error) {
			eof, err = h.entry.ReadMessages(h.script.life, h.options(), &b)
			return err
		})
		h.finished(&b, err)
		return eof, taken(source) > before
	}
	records, err := source.Take(maxRecords)
	if err != nil {
		return true, false
	}
	if len(records) == 0 {
		return false, true
	}
	err = h.call(func() error {
		opts := h.options()
		opts.Turned = h.turned
		return h.entry.Records(h.script.life, opts, records, &b)
	})
	if errors.Is(err, luaapi.ErrNotBegun) {
		source.PutBack(records)
		return false, false
	}
	h.finished(&b, err)
	return false, true
}

// taken is how many records were taken from a reader since it was opened.
func taken(source reader.Reader) uint64 {
	s := source.Stats()
	return s.Records - uint64(s.Queued)
}

// poll asks a handle without a Go reader again and again.
func (h *handle) poll() error {
	for {
		var b luaapi.Batch
		var eof bool
		err := h.call(func() (err error) {
			eof, err = h.entry.ReadMessages(h.script.life, h.options(), &b)
			return err
		})
		h.finished(&b, err)
		if eof || !h.pause(h.entry.Poll) {
			return nil
		}
	}
}

// pause waits. It is false when the handle is stopped.
func (h *handle) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-h.stopped:
		return false
	}
}

// finished sends what was found, and reports what was not: the handle stays open.
func (h *handle) finished(b *luaapi.Batch, err error) {
	e := h.script.engine
	e.sendBatch(h.source(), b)
	h.record.Load().sent(len(b.Lines))
	o := outcomeOf(err, b)
	if o == OutcomeNil {
		o = OutcomeError
	}
	if o == OutcomeOK && len(b.Lines) == 0 {
		return // nothing yet: no proof that it works
	}
	h.tellAbout("records", o, runError(err, b))
	if len(b.Lines) > 0 {
		h.tell(OutcomeOK, nil) // it is open, and gives messages
	}
}

// maxReported bounds the log lines about one batch.
const maxReported = 20
