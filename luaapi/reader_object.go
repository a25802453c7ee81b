package luaapi

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	luar "layeh.com/gopher-luar"

	"dumbprobe/internal/loglimit"
	"dumbprobe/internal/reader"
)

// ScriptReader is what a script sees of a Go-side reader. It reaches Lua through gopher-luar, which exposes
// every exported method and field: so it has the methods for scripts, and nothing else. They have luar's
// signature for functions that work on the Lua stack, which skips its conversions by reflection.
//
// It is guarded by the VM's lock.
type ScriptReader struct {
	vm     *VM
	source *ownedReader
	eof    bool
	closed bool
	over   chan struct{} // closed at the end, for all runs that wait in read
}

// end notes that the reader gives nothing more.
func (s *ScriptReader) end() {
	if !s.eof && !s.closed {
		close(s.over)
	}
}

// isClosed is true also for a reader that was left to the next version of the script.
func (s *ScriptReader) isClosed() bool { return s.closed || !s.source.isOf(s.vm) }

func readerClass() Class {
	self := Param{Name: "self", Type: classType("Reader")}
	return Class{
		Name: "Reader",
		Doc:  "A Go-side reader of a command, a file or a socket: reading and framing happen in Go, a script sees whole records. The functions of dumbprobe.reader make it.",
		Methods: []Function{
			{Name: "take", Doc: "What has arrived; never waits. For read_messages.",
				Params:  []Param{self, {Name: "max", Type: typeCount, Optional: true, Default: "all", Doc: "how many records at most"}},
				Results: []Result{{Type: typeTable.named("string[]"), Doc: "the records, `{}` if there are none"}}},
			{Name: "read", Doc: "The next record.", Waits: true,
				Params:  []Param{self, {Name: "timeout", Type: typeWait, Unit: "seconds", Optional: true, Default: "the run's deadline", Doc: "how long to wait"}},
				Results: []Result{{Type: typeString, Optional: true, Doc: "the record, or nil"}, {Type: typeString, Optional: true, Doc: "\"eof\" or \"timeout\" if there is none"}}},
			{Name: "eof", Doc: "Whether the source is at its end, and every record was taken.", Params: []Param{self},
				Results: []Result{{Type: typeBoolean}}},
			{Name: "reason", Doc: "Why the source ended: an exit code, a signal, an error.", Params: []Param{self},
				Results: []Result{{Type: typeString, Optional: true, Doc: "nil after a clean end, and before the end"}}},
			{Name: "pid", Doc: "The process id of a command.", Params: []Param{self},
				Results: []Result{{Type: typeInteger, Optional: true, Doc: "nil for other sources"}}},
			{Name: "close", Doc: "Stops the source. Closing twice is no error.", Params: []Param{self}, Waits: true},
		},
		Example: "local dp = require \"dumbprobe\"\nlocal lines = dp.reader.command{command = \"echo one; echo two; exit 3\"}\nassert(lines:pid())\nassert(lines:read() == \"one\")\nassert(lines:read(5) == \"two\")\nlocal line, why = lines:read()\nassert(line == nil and why == \"eof\")\nassert(lines:eof() and #lines:take() == 0)\nassert(lines:reason():find(\"3\"))\nlines:close()",
	}
}

// openReader opens a source that lives as long as the VM, unless it is closed. When the run ends early, in the
// middle of this, nobody knows of the reader: then it is closed here. If the version of the script before has
// left the same source to this run, that is taken.
func (r *Run) openReader(L *lua.LState, source readerSource, log *readerLog) *ownedReader {
	vm := r.vm
	legacy := r.opts.legacy
	r.opts.legacy = nil
	if o := legacy.claim(vm, vm.life, source, log); o != nil {
		vm.own(o)
		return o
	}
	var o *ownedReader
	known := false
	r.atEnd(func() {
		if o != nil && !known {
			_ = o.Close()
		}
	})
	r.waitOrRaise(L, func(context.Context) (err error) {
		if legacy != nil {
			_ = legacy.Close() // first: the two may want the same port
		}
		o, err = openOwned(vm, vm.life, source, log)
		return err
	})
	known = true
	vm.own(o)
	return o
}

func (vm *VM) pushReader(L *lua.LState, source *ownedReader) int {
	L.Push(luar.New(L, &ScriptReader{vm: vm, source: source, over: make(chan struct{})}))
	return 1
}

// hardenReaders takes from luar's metatable what lets a script write through the pointer (reader ^ {}), copy
// what it points to (-reader), or set fields.
func (vm *VM) hardenReaders() {
	meta := luar.MT(vm.state, &ScriptReader{})
	for _, name := range []string{"__pow", "__unm", "__newindex"} {
		meta.RawSetString(name, lua.LNil)
	}
	meta.RawSetString("__metatable", lua.LFalse)
}

// check raises an error for a method that is called without its reader, reader.take() for reader:take().
func (s *ScriptReader) check(L *luar.LState, method string) {
	if s == nil || s.source == nil {
		L.RaiseError("Reader.%s: call it with a colon, reader:%s(...)", method, method)
	}
}

// scriptReader is the reader that v holds, nil if it holds none.
func scriptReader(v lua.LValue) *ScriptReader {
	if ud, ok := v.(*lua.LUserData); ok {
		s, _ := ud.Value.(*ScriptReader)
		return s
	}
	return nil
}

// Take is reader:take([max]).
func (s *ScriptReader) Take(L *luar.LState) int {
	s.check(L, "take")
	if v := L.Get(1); v != lua.LNil {
		if want := typeCount.mismatch(v); want != "" {
			L.RaiseError("bad argument #1 to Reader.take (`max` must be %s, not %s)", want, describe(v))
		}
	}
	list := L.CreateTable(0, 0)
	for _, record := range s.take(max(0, L.OptInt(1, 0))) {
		list.Append(lua.LString(record.Text))
	}
	L.Push(list)
	return 1
}

func (s *ScriptReader) take(n int) []reader.Record {
	if s.isClosed() {
		return nil
	}
	records, err := s.source.Take(n)
	if err != nil {
		s.end()
		s.eof = true
	}
	for _, record := range records {
		if record.Truncated {
			s.vm.lines.Log(s.vm.logger, zapcore.WarnLevel, "a record was longer than a line may be, and was cut", zap.String("record", excerpt(record.Text)))
		}
	}
	return records
}

// Read is reader:read([timeout]).
func (s *ScriptReader) Read(L *luar.LState) int {
	s.check(L, "read")
	timeout := time.Duration(-1)
	if v := L.Get(1); v != lua.LNil {
		if want := typeWait.mismatch(v); want != "" {
			L.RaiseError("bad argument #1 to Reader.read (`timeout` must be %s, not %s)", want, describe(v))
		}
		timeout = seconds(numberOf(v))
	}
	give := func(v lua.LValue, why string) int {
		L.Push(v)
		if why == "" {
			return 1
		}
		L.Push(lua.LString(why))
		return 2
	}
	var expired <-chan time.Time
	if timeout >= 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		if records := s.take(1); len(records) > 0 {
			return give(lua.LString(records[0].Text), "")
		}
		if s.eof || s.isClosed() {
			return give(lua.LNil, "eof")
		}
		late := false
		runOf(L.LState).waitOrRaise(L.LState, func(ctx context.Context) error {
			select {
			case <-s.source.Ready():
			case <-s.over:
			case <-expired:
				late = true
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			return nil
		})
		if late {
			if records := s.take(1); len(records) > 0 {
				return give(lua.LString(records[0].Text), "")
			}
			return give(lua.LNil, "timeout")
		}
	}
}

// Eof is reader:eof().
func (s *ScriptReader) Eof(L *luar.LState) int {
	s.check(L, "eof")
	L.Push(lua.LBool(s.eof || s.isClosed()))
	return 1
}

// Reason is reader:reason().
func (s *ScriptReader) Reason(L *luar.LState) int {
	s.check(L, "reason")
	if err := s.source.End(); err != nil {
		L.Push(lua.LString(err.Error()))
		return 1
	}
	L.Push(lua.LNil)
	return 1
}

// Pid is reader:pid().
func (s *ScriptReader) Pid(L *luar.LState) int {
	s.check(L, "pid")
	if pid := s.source.Stats().Pid; pid > 0 {
		L.Push(lua.LNumber(pid))
		return 1
	}
	L.Push(lua.LNil)
	return 1
}

// Close is reader:close().
func (s *ScriptReader) Close(L *luar.LState) int {
	s.check(L, "close")
	if !s.isClosed() {
		s.end()
		s.closed = true
		runOf(L.LState).waitOrRaise(L.LState, func(context.Context) error { return s.source.Close() })
		s.vm.disown(s.source)
	}
	return 0
}

// own and disown keep the readers that the script opened, which end with the VM. The lock is held.
func (vm *VM) own(o *ownedReader) { vm.readers[o] = struct{}{} }

func (vm *VM) disown(o *ownedReader) { delete(vm.readers, o) }

// readerLog is where what happens to a reader is logged.
type readerLog struct {
	logger *zap.Logger
	lines  *loglimit.Limit // of what its command writes to its standard error
}

// readerLog is the log of the reader of the handle of that name.
func (vm *VM) readerLog(name string, lines *loglimit.Limit) *readerLog {
	return &readerLog{logger: vm.logger.With(zap.String("handle", name)), lines: lines}
}

func (l *readerLog) stderr(line string) {
	l.lines.Log(l.logger, zapcore.InfoLevel, "a command wrote to its standard error", zap.String("line", line))
}
