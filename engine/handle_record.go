package engine

import (
	"sync"
	"time"

	"dumbprobe/internal/control"
	"dumbprobe/internal/reader"
)

// handleRecord is what is known of a handle: the one place where that is kept. Versions of a handle that read the
// same source share one, as they share the source's reader.
type handleRecord struct {
	mu       sync.Mutex // protects following fields
	state    string     // of control.Handle
	since    time.Time
	source   reader.Reader // nil while it is closed, and of a handle that is polled
	opens    uint64
	lines    uint64 // of readers before the present one
	bytes    uint64
	messages uint64
	failures uint64
	problem  *failure // of the handle itself: it could not be opened, or came to its end
	records  *failure // of its records
}

func newHandleRecord() *handleRecord {
	return &handleRecord{state: control.HandleClosed, since: time.Now()}
}

func (r *handleRecord) is(state string) {
	if r.state != state {
		r.state, r.since = state, time.Now()
	}
}

// opening notes that the handle is about to be opened, unless it goes on with the reader of the version before.
func (r *handleRecord) opening() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.source == nil {
		r.is(control.HandleOpening)
	}
}

func (r *handleRecord) opened(source reader.Reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if source != nil && r.source == source {
		return // the version before had opened it
	}
	r.settle()
	r.source = source
	r.opens++
	r.is(control.HandleOpen)
}

// closed notes that the handle was closed; source is what it had opened.
func (r *handleRecord) closed(source reader.Reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.source != source && r.source != nil {
		return // another version has opened it since
	}
	r.settle()
	r.is(control.HandleClosed)
}

// settle adds up what the reader has read. The lock is held.
func (r *handleRecord) settle() {
	if r.source != nil {
		s := r.source.Stats()
		r.lines += s.Records
		r.bytes += s.Bytes
		r.source = nil
	}
}

// told notes an outcome, as the voice tells it.
func (r *handleRecord) told(about string, o Outcome, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := &r.problem
	if about == "records" {
		last = &r.records
	}
	if o == OutcomeOK {
		*last = nil
		return
	}
	r.failures++
	*last = newFailure(o, err, time.Now())
}

func (r *handleRecord) sent(messages int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages += uint64(messages)
}

// fill puts what is known into the status of a handle.
func (r *handleRecord) fill(h *control.Handle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h.State, h.Since = r.state, unixTime(r.since)
	h.Opens, h.Lines, h.Bytes, h.Messages, h.Failures = r.opens, r.lines, r.bytes, r.messages, r.failures
	if r.source != nil {
		s := r.source.Stats()
		h.Lines += s.Records
		h.Bytes += s.Bytes
		h.Queued, h.PID, h.Address = s.Queued, s.Pid, s.Addr
	}
	if h.Failure = r.problem.status(); h.Failure == nil {
		h.Failure = r.records.status()
	}
}
