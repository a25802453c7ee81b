package luaapi

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Go cannot tell how much memory one VM has: all share one heap. So it is measured where there is a reason
// to, by a walk over what the script can reach: globals, upvalues, tables, and the locals of what runs. The
// walk is done under the lock, and ends as soon as the limit is reached.

// MemoryError says that a script holds more memory than it may.
type MemoryError struct{ Limit uint64 }

func (e *MemoryError) Error() string {
	return fmt.Sprintf("the script holds more than %d MiB of memory (--max-script-memory)", e.Limit>>20)
}

// memoryWatch is the request to measure that the engine leaves for whoever runs.
type memoryWatch struct{ limit atomic.Uint64 } // 0: nothing is asked

// AskMemory has the run that holds the VM, if any, measure before its next instruction; it ends with a
// *MemoryError if the script holds more than limit bytes.
func (vm *VM) AskMemory(limit uint64) {
	vm.memory.limit.Store(limit)
	if r := vm.lock.holder.Load(); r != nil && limit > 0 {
		r.hurry.Store(true)
	}
}

// answerMemory is called by the run that holds the VM.
func (r *Run) answerMemory() {
	limit := r.vm.memory.limit.Swap(0)
	if limit > 0 && r.vm.measure(r, limit) >= limit {
		r.end(&MemoryError{Limit: limit})
	}
}

// Memory measures what the script holds, in bytes, up to limit. Nothing of the script must be running.
func (r *Run) Memory(limit uint64) uint64 { return r.vm.measure(nil, limit) }

// Sizes of gopher-lua's values on a 64-bit machine, with what Go's maps add, rounded.
const (
	tableBytes    = 96
	numberBytes   = 8  // one that is not a small integer
	stringBytes   = 16 // and its text
	shortBytes    = 16 // of a text that is not long: many have one in common, or none
	functionBytes = 80
	upvalueBytes  = 48
	userdataBytes = 64
	threadBytes   = 6 << 10
)

// sizer walks over values. The lists of what is to be visited grow, not the stack.
type sizer struct {
	bytes, limit uint64
	seen         map[unsafe.Pointer]struct{}
	todo         []lua.LValue
}

func (vm *VM) measure(running *Run, limit uint64) uint64 {
	s := &sizer{limit: limit, seen: map[unsafe.Pointer]struct{}{}}
	s.visit(vm.state.G.Global)
	s.visit(vm.state.G.Registry)
	s.visit(vm.checks)
	if running != nil {
		s.visit(running.thread)
		for _, n := range running.nested {
			s.visit(n.thread)
		}
	}
	if current := vm.state.G.CurrentThread; current != nil && current != vm.state {
		s.visit(current)
	}
	for len(s.todo) > 0 && s.bytes < s.limit {
		v := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		s.open(v)
	}
	return s.bytes
}

func (s *sizer) first(p unsafe.Pointer) bool {
	if _, seen := s.seen[p]; seen {
		return false
	}
	s.seen[p] = struct{}{}
	return true
}

// visit counts a value, and queues what has more inside.
func (s *sizer) visit(v lua.LValue) {
	switch x := v.(type) {
	case lua.LNumber:
		s.bytes += numberBytes
	case lua.LString:
		s.bytes += stringBytes
		if len(x) <= 32 {
			s.bytes += shortBytes
		} else if s.first(unsafe.Pointer(unsafe.StringData(string(x)))) {
			s.bytes += uint64(len(x))
		}
	case *lua.LTable:
		if x != nil && s.first(unsafe.Pointer(x)) {
			s.todo = append(s.todo, x)
		}
	case *lua.LFunction:
		if s.first(unsafe.Pointer(x)) {
			s.todo = append(s.todo, x)
		}
	case *lua.LUserData:
		if s.first(unsafe.Pointer(x)) {
			s.todo = append(s.todo, x)
		}
	case *lua.LState:
		if s.first(unsafe.Pointer(x)) {
			s.todo = append(s.todo, x)
		}
	}
}

func (s *sizer) open(v lua.LValue) {
	switch x := v.(type) {
	case *lua.LTable:
		s.bytes += tableSize(x)
		for _, key := range tableKeys(x) {
			s.visit(key)
		}
		for _, item := range tableRemoved(x) {
			s.visit(item)
		}
		x.ForEach(func(_, item lua.LValue) { s.visit(item) })
		s.visit(x.Metatable)
	case *lua.LFunction:
		s.bytes += functionBytes
		s.visit(x.Env)
		for _, up := range x.Upvalues {
			s.bytes += upvalueBytes
			if up != nil {
				s.visit(up.Value())
			}
		}
	case *lua.LUserData:
		s.bytes += userdataBytes
		switch o := x.Value.(type) {
		case *messageObject:
			s.visit(o.location)
			o.values.each(func(_, v lua.LValue) bool {
				s.visit(v)
				return true
			})
		case *checkObject:
			s.visit(o.call)
			s.visit(o.args)
		case *handleObject:
			s.visit(o.parse)
		}
	case *lua.LState:
		s.bytes += threadBytes
		s.locals(x)
	}
}

// locals visits the local variables of all calls of a thread, by their debug information.
func (s *sizer) locals(th *lua.LState) {
	for level := 0; level < 200; level++ {
		dbg, ok := th.GetStack(level)
		if !ok {
			return
		}
		for n := 1; ; n++ {
			name, v := th.GetLocal(dbg, n)
			if name == "" {
				break
			}
			s.visit(v)
		}
	}
}
