package luaapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
	"dumbprobe/internal/reader"
)

// HandleFields are the fields that every handle takes.
type HandleFields struct {
	Name    string
	Overlay message.Overlay
	Reopen  float64 // seconds from EOF, or from a failure to open, to the next open
}

// DefaultReopen is the time to the next open where a handle does not say, as in the Python original.
const DefaultReopen = 60

// minReopen bounds what a source that ends at once costs: each time it is a process, and a line in the log.
const minReopen = 0.1

var typeReopen = Type{Lua: "number", want: fmt.Sprintf("a number of seconds, at least %v and at most ten years", minReopen), ok: numberWhere(func(f float64) bool {
	return f >= minReopen && f <= maxSeconds
})}

var handleFields = []Field{
	{Name: "name", Type: typeText, Default: "`<script>#<position> <Class>`", Doc: "name of the handle in logs, metrics and state"},
	{Name: "aspect", Type: typeText, Doc: "overwrites the aspect of the handle's messages"},
	{Name: "location", Type: typeLocation, Doc: "its keys overwrite those of the messages' location"},
	{Name: "reopen", Type: typeReopen, Unit: "seconds", Default: "60", Doc: "time from the end of the data to the next open; it doubles, up to ten times as long, while opening fails, or the source ends by a failure"},
}

func readHandleFields(set *fieldSet, v []lua.LValue) HandleFields {
	at := func(name string) lua.LValue { return v[set.index[name]] }
	f := HandleFields{
		Name:    textOf(at("name")),
		Overlay: message.Overlay{Aspect: textOf(at("aspect")), Location: stringsOf(at("location"))},
		Reopen:  numberOf(at("reopen")),
	}
	if f.Reopen == 0 {
		f.Reopen = DefaultReopen
	}
	return f
}

// handleObject is a handle of a built-in class.
type handleObject struct {
	HandleFields
	class  *class
	source readerSource // nil: the fields were wrong
	parse  lua.LValue   // nil: each record is a JSON object

	own *ownedReader // opened by the script itself, not by the daemon; guarded by the VM's lock
}

func (h *handleObject) readOnly() {}

func (h *handleObject) set(*lua.LState, string, lua.LValue) {}

func (h *handleObject) get(vm *VM, name string) lua.LValue {
	if name == "reopen" {
		return lua.LNumber(h.Reopen)
	}
	c := CheckFields{Name: h.Name, Overlay: h.Overlay}
	return c.get(vm, name)
}

// handleClass declares a built-in handle class; read takes the class's own fields.
func handleClass(def Class, read func(h *handleObject, set *fieldSet, v []lua.LValue)) Class {
	name := def.Name
	self := Param{Name: "self", Type: objectType[*handleObject](name)}
	def.Extends = handleRecord
	def.Fields = append(def.Fields, handleFields...)
	def.Attributes = always(handleFields, "reopen")
	def.ReadOnly = true
	method := func(name, doc string, waits bool, call func(vm *VM, L *lua.LState, h *handleObject) int) Function {
		return Function{Name: name, Doc: doc, Params: []Param{self}, Waits: waits, call: func(vm *VM, L *lua.LState) int {
			return call(vm, L, checkObjectAt[*handleObject](L, 1))
		}}
	}
	open := method("open", "Starts the source. The daemon does this for the handles of CHECKS.", true,
		func(vm *VM, L *lua.LState, h *handleObject) int {
			if h.own != nil {
				return 0
			}
			if h.source == nil {
				L.RaiseError("%s.open: the fields of the handle are wrong", name)
			}
			r := runOf(L)
			source := r.openReader(L, h.source, vm.readerLog(h.Name, vm.lines))
			if h.own != nil { // another run was faster
				vm.disown(source)
				r.waitOrRaise(L, func(context.Context) error { return source.Close() })
				return 0
			}
			h.own = source
			return 0
		})
	readMessages := method("read_messages", "The messages of what has arrived; never waits.", false,
		func(vm *VM, L *lua.LState, h *handleObject) int {
			if h.own == nil {
				L.RaiseError("%s: read_messages before open", name)
			}
			records, err := h.own.Take(0)
			if err != nil {
				L.Push(L.CreateTable(0, 0))
				L.Push(vm.shared.eof)
				return 2
			}
			r := runOf(L)
			list := L.CreateTable(len(records), 0)
			for _, record := range records {
				mark := r.markState()
				v, err := h.parseRecord(r, L, record)
				if err != nil {
					r.undoState(mark)
					r.dropped(err)
					continue
				}
				vm.populate(L, v, h.Overlay)
				appendMessages(list, v)
			}
			L.Push(list)
			return 1
		})
	readMessages.Results = []Result{{Type: typeMessages, Doc: "`{}` if there are none"}, {Type: typeOptional.named("dumbprobe.EOF"), Optional: true, Doc: "dumbprobe.EOF at the end of the data, else nil"}}
	closing := method("close", "Stops the source. Closing twice is no error.", true,
		func(vm *VM, L *lua.LState, h *handleObject) int {
			source := h.own
			h.own = nil
			if source != nil {
				runOf(L).waitOrRaise(L, func(context.Context) error { return source.Close() })
				vm.disown(source)
			}
			return 0
		})
	def.Methods = []Function{open, readMessages, closing}
	def.construct = func(vm *VM, L *lua.LState, cl *class) int {
		values := make([]lua.LValue, len(cl.fields.fields))
		problems := cl.fields.decode(L.CheckTable(1), values, false)
		h := &handleObject{class: cl}
		ud := vm.pushObject(L, h, name)
		if len(problems) > 0 {
			vm.reject(L, ud, name, problems)
			return 1
		}
		h.HandleFields = readHandleFields(cl.fields, values)
		read(h, cl.fields, values)
		return 1
	}
	return def
}

// parseRecord makes a Lua value of one record: what the parse function returns, or the decoded JSON.
func (h *handleObject) parseRecord(r *Run, L *lua.LState, record reader.Record) (lua.LValue, error) {
	if h.parse == nil {
		v, err := r.decodeJSON(record.Text)
		if err != nil {
			return nil, recordError(record, err)
		}
		return v, nil
	}
	v, err := r.callValue(L, h.parse, lua.LString(record.Text))
	switch {
	case err == nil && v == lua.LNil:
		err = errors.New("parse returned nil: is a `return` missing? ({} means that the line is to be ignored)")
	case err == nil:
		return v, nil
	}
	return nil, recordError(record, err)
}

// RecordError is a record of a handle that could not be turned into messages; the others were.
type RecordError struct {
	Record string // its start
	Err    error
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("the record %s was dropped: %s", e.Record, e.Err)
}

func (e *RecordError) Unwrap() error { return e.Err }

func recordError(record reader.Record, err error) error {
	return &RecordError{Record: excerpt(record.Text), Err: err}
}

// records turns records into messages: in the VM where there is a parse function, and without it otherwise.
func (h *handleObject) records(r *Run, records []reader.Record, b *Batch) {
	turn := time.Now()
	for _, record := range records {
		if time.Since(turn) > sliceOfRecords {
			_ = r.Wait(func(context.Context) error { return nil }) // others come in between
			turn = time.Now()
		}
		if err := r.check(); err != nil {
			b.Problems = append(b.Problems, Problem{Err: recordError(record, err)})
			continue
		}
		mark := r.markState()
		v, err := h.parseRecord(r, r.thread, record)
		if err != nil {
			r.undoState(mark)
			b.Problems = append(b.Problems, Problem{Err: err})
			continue
		}
		before := len(b.Problems)
		if err := r.collect(v, h.Overlay, b); err != nil {
			r.undoState(mark)
			b.Problems = append(b.Problems, Problem{Err: err})
		}
		r.keepState() // the messages of this record are sent, whatever becomes of the next ones
		for i := range b.Problems[before:] {
			p := &b.Problems[before+i]
			p.Err = recordError(record, p.Err)
		}
	}
}

// sliceOfRecords is for how long a stream's records keep other checks of the file from the VM at a stretch.
const sliceOfRecords = 5 * time.Millisecond

func (h *handleObject) nativeRecords(records []reader.Record, b *Batch) {
	for _, record := range records {
		err := b.native([]byte(record.Text), h.Overlay)
		if err != nil {
			b.Problems = append(b.Problems, Problem{Err: recordError(record, err)})
		}
	}
}

// appendMessages adds a result, a message or a list of them, to a list.
func appendMessages(list *lua.LTable, v lua.LValue) {
	t, ok := v.(*lua.LTable)
	if !ok || t.MaxN() == 0 && !isArray(t) {
		if !ok || !isEmpty(t) {
			list.Append(v)
		}
		return
	}
	for i := 1; i <= t.MaxN(); i++ {
		list.Append(t.RawGetInt(i))
	}
}

func isEmpty(t *lua.LTable) bool {
	it := entriesOf(t)
	return !it.next()
}
