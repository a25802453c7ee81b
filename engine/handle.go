package engine

import (
	"errors"
	"fmt"
	"sync"
	"time"

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

	// Owned by the goroutine that serves the handle.
	backoff scheduler.Backoff
	opened  time.Time
}

// maxRecords is how many records are handed over at a time: other checks of the file come in between.
const maxRecords = 500

func newHandle(s *script, entry *luaapi.Entry, name string) *handle {
	h := &handle{
		script: s, entry: entry, name: name, stopped: make(chan struct{}),
		reopen: time.Duration(entry.Handle.Reopen * float64(time.Second)),
	}
	h.backoff = scheduler.Backoff{Base: h.reopen, Max: 10 * h.reopen, Good: 10 * h.reopen}
	h.Task = h
	return h
}

func (h *handle) title() string { return h.name }

func (h *handle) source() source {
	return source{script: h.script.path, check: h.name, position: h.entry.Position}
}

func (h *handle) start(task) { h.script.engine.loop.Schedule(&h.Entry, time.Now()) }

func (h *handle) stop() {
	h.script.engine.loop.Remove(&h.Entry)
	h.stopOnce.Do(func() { close(h.stopped) })
}

func (h *handle) options() luaapi.RunOptions {
	return luaapi.RunOptions{
		Timeout: h.script.engine.options.Timeout,
		Label:   h.name,
		Logger:  h.script.engine.logger.WithLazy(h.source().fields()...),
	}
}

// Start is called by the loop when the handle is due to be opened.
func (h *handle) Start(time.Time) {
	if h.script.begin() {
		go h.serve()
	}
}

// serve opens the handle, reads it to its end and closes it.
func (h *handle) serve() {
	defer h.script.end()
	h.opened = time.Now()
	source, err := h.open()
	if err != nil {
		h.tell(OutcomeOpenFailed, fmt.Errorf("could not be opened: %w", err))
		h.call(func() error { return h.entry.Close(h.script.life, h.options(), source) }) // what open had begun
		h.reopenAfter(h.backoff.Next())
		return
	}
	reason := h.read(source)
	if source != nil {
		reason = errors.Join(reason, source.End())
	}
	if err := h.call(func() error { return h.entry.Close(h.script.life, h.options(), source) }); err != nil && !h.isStopped() {
		h.tell(OutcomeError, fmt.Errorf("close: %w", err))
	}
	if h.isStopped() {
		return
	}
	wait := h.reopen
	if time.Since(h.opened) >= h.backoff.Good {
		h.backoff.Reset()
	}
	text := fmt.Errorf("the handle came to its end; it is opened again in %s", wait)
	if reason != nil {
		text = fmt.Errorf("the handle came to its end (%w); it is opened again in %s", reason, wait)
	}
	h.tell(OutcomeEOF, text)
	h.reopenAfter(wait)
}

func (h *handle) isStopped() bool {
	select {
	case <-h.stopped:
		return true
	default:
		return false
	}
}

func (h *handle) reopenAfter(wait time.Duration) {
	if !h.script.isStopping() {
		h.script.engine.loop.Schedule(&h.Entry, time.Now().Add(wait))
	}
}

func (h *handle) tell(o Outcome, err error) { h.tellAbout("handle", o, err) }

// tellAbout reports on the handle itself, or apart from it on its records.
func (h *handle) tellAbout(about string, o Outcome, err error) {
	if err != nil && outcomeOf(err, &luaapi.Batch{}) == OutcomeCancelled {
		o = OutcomeCancelled
	}
	h.script.engine.voice.tell(h.source(), about, o, err)
}

// call runs f on a goroutine that may end early (see luaapi.VM.Do), and waits for it.
func (h *handle) call(f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := error(luaapi.Abandoned(h.script.engine.options.Timeout))
		defer func() { done <- err }()
		err = f()
	}()
	return <-done
}

func (h *handle) open() (source reader.Reader, err error) {
	err = h.call(func() (err error) {
		source, err = h.entry.Open(h.script.life, h.script.life, h.options())
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
	for {
		select {
		case <-h.stopped:
			return h.last(source)
		case <-source.Ready():
		}
		eof, more := h.take(source)
		if eof {
			return nil
		}
		if !more {
			// read_messages took nothing although there is something to take.
			if !h.pause(100 * time.Millisecond) {
				return h.last(source)
			}
		}
	}
}

// last hands over what had arrived when the handle was stopped.
func (h *handle) last(source reader.Reader) error {
	if !h.entry.TakesRecords() {
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
		before := source.Stats().Queued
		err := h.call(func() (err error) {
			eof, err = h.entry.ReadMessages(h.script.life, h.options(), &b)
			return err
		})
		h.finished(&b, err)
		return eof, before == 0 || source.Stats().Queued < before
	}
	records, err := source.Take(maxRecords)
	if err != nil {
		return true, false
	}
	if len(records) == 0 {
		return false, true
	}
	err = h.call(func() error { return h.entry.Records(h.script.life, h.options(), records, &b) })
	h.finished(&b, err)
	return false, true
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
	for i, p := range b.Problems {
		if i >= maxReported {
			e.logger.Error(fmt.Sprintf("%d more records or messages were dropped", len(b.Problems)-i), h.source().fields()...)
			break
		}
		if i > 0 { // the first one is reported below
			e.logger.Error(p.Error(), h.source().fields()...)
		}
	}
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
