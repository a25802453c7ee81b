package luaapi

import (
	"errors"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

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
	line, err := r.encodeMessage(v, over)
	if err != nil {
		b.Problems = append(b.Problems, Problem{Index: index, Err: err})
		return
	}
	b.Lines = append(b.Lines, line)
	b.note(severityOf(v))
}

func (r *Run) encodeMessage(v lua.LValue, over message.Overlay) ([]byte, error) {
	vm := r.vm
	e := encoder{maxBytes: vm.limits.MessageBytes, maxDepth: vm.limits.MessageDepth}
	switch x := v.(type) {
	case *lua.LUserData:
		m, ok := x.Value.(*messageObject)
		if !ok {
			break
		}
		out, err := e.message(vm.scratch[:0], m, over)
		vm.keepScratch(out)
		if err != nil {
			return nil, err
		}
		return append([]byte(nil), out...), nil
	case *lua.LTable:
		if isArray(x) || x.MaxN() > 0 {
			break
		}
		out, err := e.table(vm.scratch[:0], x, placeRoot)
		vm.keepScratch(out)
		if err != nil {
			return nil, err
		}
		if over.Empty() {
			return append([]byte(nil), out...), nil
		}
		return over.Apply(nil, out)
	}
	return nil, fmt.Errorf("%s is no message (a Message or a table with keys)", describe(v))
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
