package logconfig

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"

	"go.uber.org/zap/zapcore"
)

const (
	stallAfter = time.Second     // without a line that was finished, a writer counts as stalled
	maxWait    = 5 * time.Second // for a line, while others before it move: then the writer counts as stalled, too
	maxKept    = 1 << 20         // bytes of lines that nobody waits for
)

// patient writes lines to what may stop taking them: a pipe that nobody reads, a terminal that was stopped, a disk that
// does not answer. Whoever logs waits until the line is written, so that a slow reader loses nothing. But if no line is
// finished for stallAfter, or one is not written within maxWait, nobody waits any more until all that was kept is written.
// Lines are kept up to maxKept meanwhile; those beyond it are left out, and a line in their place says how many.
//
// The one goroutine that writes is there only while there is something to write. It is safe for concurrent use.
type patient struct {
	to     zapcore.WriteSyncer
	notice func(lost int) []byte // the line about those that were left out
	timer  *time.Timer           // calls stall, while the goroutine writes

	mu          sync.Mutex // protects following fields, and the orders
	first, last *order     // first is being carried out; nil: there is none
	bytes       int        // in the lines of all orders
	stalled     bool       // nobody waits for lines
	hung        bool       // no order was carried out since it stalled, or stalled again
	begun       time.Time  // when first was
	lost        int        // lines that were left out, behind last
}

// order is a line to write, or else a sync.
type order struct {
	line     []byte
	sync     bool
	given    time.Time
	next     *order
	answered bool
	answer   sync.WaitGroup // there is n and err
	n        int
	err      error
}

// settle lets go who waits. Only the first answer counts.
func (o *order) settle(n int, err error) {
	if !o.answered {
		o.answered, o.n, o.err = true, n, err
		o.answer.Done()
	}
}

// NewPatient makes a writer of whole lines for w that waits for w no longer than for a second in which nothing moves, and
// for five seconds for one line. What was not written then is written later, if that is possible; beyond a MiB it is lost.
// Errors are those of w; there is none for a line that was not waited for.
func NewPatient(w io.Writer) io.Writer {
	return newPatient(zapcore.AddSync(w), func(lost int) []byte {
		return fmt.Appendf(nil, "dumbprobe: %d lines were left out\n", lost)
	})
}

func newPatient(to zapcore.WriteSyncer, notice func(lost int) []byte) *patient {
	w := &patient{to: to, notice: notice}
	w.timer = time.AfterFunc(stallAfter, w.stall)
	w.timer.Stop()
	return w
}

func (w *patient) Write(line []byte) (int, error) {
	o := &order{line: bytes.Clone(line)} // zap uses its buffer again
	w.mu.Lock()
	switch {
	case !w.stalled:
		w.add(o)
		w.mu.Unlock()
		o.answer.Wait()
		return o.n, o.err
	case w.lost > 0 || w.bytes+len(line) > maxKept: // none is kept behind a gap: one line tells about all
		w.lost++
	default:
		w.add(o)
	}
	w.mu.Unlock()
	return len(line), nil
}

// Sync waits for the lines before it, and for the disk: for maxWait at most, and stallAfter if nothing moves.
func (w *patient) Sync() error {
	o := &order{sync: true}
	w.mu.Lock()
	wait := maxWait
	if w.hung {
		wait = stallAfter
	}
	w.addNotice()
	w.add(o)
	w.mu.Unlock()
	limit := time.AfterFunc(wait, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		o.settle(0, nil)
	})
	defer limit.Stop()
	o.answer.Wait()
	return o.err
}

// add is called with the lock held, as addNotice and settle are.
func (w *patient) add(o *order) {
	o.answer.Add(1)
	o.given = time.Now()
	w.bytes += len(o.line)
	if w.first == nil {
		w.first, w.last, w.begun = o, o, o.given
		go w.work(o)
		return
	}
	w.last.next, w.last = o, o
}

// addNotice tells about the lines that were left out, if there are such.
func (w *patient) addNotice() {
	if w.lost > 0 {
		w.add(&order{line: w.notice(w.lost)})
		w.lost = 0
	}
}

// work carries out orders until there is none.
func (w *patient) work(o *order) {
	for o != nil {
		w.timer.Reset(stallAfter)
		var n int
		var err error
		if o.sync {
			err = w.to.Sync()
		} else {
			n, err = w.to.Write(o.line)
		}
		o = w.done(o, n, err)
	}
}

// done gives the order that comes next.
func (w *patient) done(o *order, n int, err error) *order {
	w.mu.Lock()
	defer w.mu.Unlock()
	o.settle(n, err)
	w.hung = false
	w.bytes -= len(o.line)
	if o.next == nil {
		w.stalled = false
		w.addNotice() // behind o
	}
	w.begun = time.Now()
	if w.first = o.next; w.first == nil {
		w.last = nil
		w.timer.Stop()
	} else if !w.stalled && w.begun.Sub(w.first.given) >= maxWait {
		w.letGo()
	}
	return w.first
}

// stall is called when an order takes too long.
func (w *patient) stall() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first == nil || time.Since(w.begun) < stallAfter { // that order has just come to its end
		return
	}
	w.hung = true
	w.letGo()
}

// letGo has nobody wait any more. The lock is held.
func (w *patient) letGo() {
	for o := w.first; o != nil; o = o.next {
		o.settle(len(o.line), nil)
	}
	if !w.stalled {
		w.stalled = true
		w.leaveOut()
	}
}

// leaveOut keeps what may be kept of the lines that were waited for, but the one that is being written however long it is.
func (w *patient) leaveOut() {
	w.last, w.bytes = w.first, len(w.first.line)
	for o := w.first.next; o != nil && w.bytes+len(o.line) <= maxKept; o = o.next {
		w.last, w.bytes = o, w.bytes+len(o.line)
	}
	for o := w.last.next; o != nil; o = o.next {
		if !o.sync {
			w.lost++
		}
	}
	w.last.next = nil
}
