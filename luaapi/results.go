package luaapi

import (
	"errors"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"

	"dumbprobe/internal/message"
)

// Batch is what a run gave: messages as they go over the wire, one JSON object each without a newline, and
// what could not be written.
type Batch struct {
	Lines    [][]byte
	Problems []Problem
	// Warnings are about what is not lost as a whole: performance data left out, a line that was cut.
	Warnings []error
	// Started is when the run had what it waited for: its turn in the VM, or a slot for its command.
	Started time.Time
	// Instructions is how many instructions of Lua the run executed; 0 if it ended while it waited.
	Instructions uint64
	// State is set when the run used dumbprobe.state: what it keeps must not get ahead of what it found.
	State bool
	// Worst is the worst severity among the messages; "" is as good as expected.
	Worst message.Severity

	draft draft // of the message that is written
	limit int   // of the draft in bytes, where it is left for Write; 0: none is left
}

// Reset makes b a new one that uses the room of what it had, if that was not large.
func (b *Batch) Reset() {
	*b = Batch{Lines: emptied(b.Lines), draft: draft{location: emptied(b.draft.location), values: emptied(b.draft.values)}}
}

// Write writes the message that the run left to be written without the VM ([RunOptions.WriteLater]), if it did. What b has
// is not known in full before. logger makes the logger that is told of a panic, which is also the error.
func (b *Batch) Write(logger func() *zap.Logger) (err error) {
	if b.limit == 0 {
		return nil
	}
	defer func() {
		if crash := recover(); crash != nil {
			err = PanicError(logger(), crash)
		}
	}()
	e := encoder{maxBytes: b.limit}
	b.limit = 0
	b.write(&e, 0)
	return nil
}

// write writes the draft.
func (b *Batch) write(e *encoder, index int) {
	var room [512]byte // on the stack: nearly all messages are smaller
	if out, err := e.draft(room[:0], &b.draft); err != nil {
		b.add(nil, err, index)
	} else {
		b.add(append([]byte(nil), out...), nil, index)
		b.note(b.draft.worst())
	}
	b.draft.forget()
}

// add adds a message, or what is wrong with it.
func (b *Batch) add(line []byte, err error, index int) {
	if err != nil {
		b.Problems = append(b.Problems, Problem{Index: index, Err: err})
		return
	}
	b.Lines = append(b.Lines, line)
}

// Bytes is how much memory the messages take, more or less.
func (b *Batch) Bytes() int {
	n := 0
	for _, line := range b.Lines {
		n += len(line)
	}
	return n + b.draft.size()
}

// Dropped is how many messages and records were dropped.
func (b *Batch) Dropped() int {
	n := len(b.Problems)
	for _, p := range b.Problems {
		n += p.Rest
	}
	return n
}

// Problem is a message that was dropped.
type Problem struct {
	Index int // position in the result, from 1; 0: the result was one message
	Err   error
	Rest  int // messages behind it that were dropped with it
}

func (p Problem) Error() string {
	var record *RecordError
	if errors.As(p.Err, &record) {
		return p.Err.Error()
	}
	if p.Index == 0 {
		return "the message was dropped: " + p.Err.Error()
	}
	return fmt.Sprintf("message %d of the result was dropped: %s", p.Index, p.Err.Error())
}

// ErrNil is a run that returned nil, which is how a forgotten return looks.
var ErrNil = errors.New("the result is nil: is a `return` missing? ({} means that there is nothing to send)")

// ResultError is a result that is no message, list of messages or {}.
type ResultError struct{ Got string }

func (e *ResultError) Error() string {
	return "the result is " + e.Got + "; expected is a message, a list of messages, or {} for nothing"
}

// collect writes a result into b. The error tells that the result as a whole is none.
func (r *Run) collect(v lua.LValue, over message.Overlay, b *Batch) error {
	switch x := v.(type) {
	case *lua.LNilType:
		return ErrNil
	case *lua.LUserData:
		if _, ok := x.Value.(*messageObject); ok {
			r.collectMessage(x, 0, over, b)
			return nil
		}
	case *lua.LTable:
		return r.collectTable(x, over, b)
	}
	return &ResultError{Got: describe(v)}
}

func (r *Run) collectTable(t *lua.LTable, over message.Overlay, b *Batch) error {
	first := entriesOf(t)
	if !first.next() {
		return nil
	}
	if _, isName := first.key.(lua.LString); isName {
		r.collectMessage(t, 0, over, b)
		return nil
	}
	next, size := 1, 0
	for it := entriesOf(t); it.next(); {
		key, v := it.key, it.value
		n, isNumber := key.(lua.LNumber)
		if !isNumber || float64(n) != float64(int(n)) || int(n) < next {
			return &ResultError{Got: fmt.Sprintf("a table with both a list and keys (at [%s])", key.String())}
		}
		for ; next < int(n); next++ {
			if next+maxHoles < int(n) {
				return &ResultError{Got: fmt.Sprintf("a list with holes (up to [%d])", int(n))}
			}
			b.Problems = append(b.Problems, Problem{Index: next, Err: errors.New("it is nil")})
		}
		next++
		if size > maxResultBytes {
			rest := t.MaxN() - int(n)
			b.Problems = append(b.Problems, Problem{Index: int(n), Rest: rest,
				Err: fmt.Errorf("those before it have more than %d bytes; the %d after it were dropped, too", maxResultBytes, rest)})
			return nil
		}
		if err := r.check(); err != nil {
			return err
		}
		before := len(b.Lines)
		r.collectMessage(v, int(n), over, b)
		for _, line := range b.Lines[before:] {
			size += len(line)
		}
	}
	return nil
}

// maxResultBytes bounds what one run can send: a list may hold one large message many times.
const maxResultBytes = 64 << 20

// maxHoles is how many nils in a row are reported one by one.
const maxHoles = 100

// collectMessage writes one message. What is no message is a problem of that one alone.
func (r *Run) collectMessage(v lua.LValue, index int, over message.Overlay, b *Batch) {
	e := encoder{maxBytes: r.vm.limits.MessageBytes, maxDepth: r.vm.limits.MessageDepth}
	switch x := v.(type) {
	case *lua.LUserData:
		m, ok := x.Value.(*messageObject)
		if !ok {
			break
		}
		if err := b.draft.take(m, over); err != nil {
			b.draft.forget()
			b.add(nil, err, index)
			return
		}
		// State is committed with the end of the run: what it found is known in full then.
		if r.opts.WriteLater && index == 0 && r.txn == nil && !b.draft.shared && b.draft.size() <= maxLeft {
			b.limit = e.maxBytes
			return
		}
		b.write(&e, index)
		return
	case *lua.LTable:
		if isArray(x) || x.MaxN() > 0 {
			break
		}
		line, err := r.tableLine(&e, x, over)
		b.add(line, err, index)
		if err == nil {
			b.note(severityOf(x))
		}
		return
	}
	b.add(nil, fmt.Errorf("%s is no message (a Message or a table with keys)", describe(v)), index)
}

// maxLeft is how large a message may be, in bytes, to be left for later.
const maxLeft = 4 << 10

// tableLine is a message that is a plain table.
func (r *Run) tableLine(e *encoder, t *lua.LTable, over message.Overlay) ([]byte, error) {
	out, err := e.table(r.vm.scratch[:0], t, placeRoot)
	r.vm.keepScratch(out)
	if err != nil {
		return nil, err
	}
	if over.Empty() {
		return append([]byte(nil), out...), nil
	}
	return over.Apply(nil, out)
}

// keepScratch keeps the buffer for the next message, unless one large message made it large.
func (vm *VM) keepScratch(b []byte) {
	if cap(b) <= 64<<10 {
		vm.scratch = b[:0]
	}
}

// native adds a JSON object that never was in Lua.
func (b *Batch) native(object []byte, over message.Overlay) error {
	line, err := over.Apply(nil, object)
	if err != nil {
		return err
	}
	b.Lines = append(b.Lines, line)
	return nil
}

// nativeSeverity notes the severity of the JSON objects: only for checks that ask for it, since it costs
// another look at each.
func (b *Batch) nativeSeverity() {
	for _, line := range b.Lines {
		b.note(severityOfJSON(line))
	}
}
