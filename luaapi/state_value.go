package luaapi

import (
	"fmt"
	"math"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"dumbprobe/internal/message"
	"dumbprobe/internal/state"
)

// encodeState writes a Lua value as internal/state keeps it, in at most max bytes. Metamethods are not called.
func (vm *VM) encodeState(v lua.LValue, max int) (string, error) {
	e := stateEncoder{vm: vm, max: max}
	data, err := e.value(vm.scratch[:0], v)
	vm.keepScratch(data)
	if err != nil {
		return "", err
	}
	return string(data), nil
}

type stateEncoder struct {
	vm   *VM
	max  int
	open []*lua.LTable // around the current value
}

func (e *stateEncoder) value(dst []byte, v lua.LValue) ([]byte, *message.PathError) {
	switch x := v.(type) {
	case lua.LString:
		if len(dst)+len(x) > e.max {
			return dst, e.tooLarge()
		}
		return state.AppendString(dst, string(x)), nil
	case lua.LNumber:
		if !finite(float64(x)) {
			return dst, problem("%s cannot be kept", numberName(float64(x)))
		}
		return state.AppendNumber(dst, float64(x)), nil
	case lua.LBool:
		return state.AppendBool(dst, bool(x)), nil
	case *lua.LTable:
		return e.table(dst, x)
	case *lua.LUserData:
		if _, null := x.Value.(nullMark); null {
			return state.AppendNull(dst), nil
		}
	}
	return dst, problem("%s cannot be kept; numbers, strings, booleans, dumbprobe.null and tables of them can", describe(v))
}

func (e *stateEncoder) tooLarge() *message.PathError {
	return problem("the value takes more than the %d bytes that are kept", e.max)
}

func (e *stateEncoder) table(dst []byte, t *lua.LTable) ([]byte, *message.PathError) {
	switch {
	case slices.Contains(e.open, t):
		return dst, problem("the table contains itself (a cycle)")
	case len(e.open) >= state.MaxDepth:
		return dst, problem("more than %d levels of tables", state.MaxDepth)
	}
	mark := state.Plain
	switch {
	case isArray(t):
		mark = state.List
	case isObject(t):
		mark = state.Object
	case t.Metatable != lua.LNil:
		return dst, problem("a table with a metatable cannot be kept: it would come back without")
	}
	e.open = append(e.open, t)
	defer func() { e.open = e.open[:len(e.open)-1] }()
	dst = state.AppendTable(dst, mark)
	next, pairs := 1, false
	for it := entriesOf(t); it.next(); {
		key, v := it.key, it.value
		var err *message.PathError
		if n, isNumber := key.(lua.LNumber); pairs || !isNumber || float64(n) != float64(next) {
			if !pairs {
				pairs = true
				dst = state.AppendPairs(dst)
			}
			if dst, err = e.key(dst, key); err != nil {
				return dst, err
			}
		} else {
			next++
		}
		if dst, err = e.value(dst, v); err != nil {
			return dst, inLuaKey(err, key)
		}
		if len(dst) > e.max {
			return dst, e.tooLarge()
		}
	}
	return state.AppendEnd(dst), nil
}

func (e *stateEncoder) key(dst []byte, key lua.LValue) ([]byte, *message.PathError) {
	switch x := key.(type) {
	case lua.LNumber:
		if f := float64(x); f > maxSparse && f == math.Trunc(f) {
			return dst, problem("the number %s as a key; whole numbers up to %d can be kept as keys, greater ones as strings", x.String(), maxSparse)
		}
		return e.value(dst, key)
	case lua.LString, lua.LBool:
		return e.value(dst, key)
	}
	return dst, problem("%s as a key; strings, numbers and booleans can be kept", describe(key))
}

// maxSparse bounds the keys of tables. gopher-lua fills a table up to its greatest whole number, which takes 16 bytes
// for each and cannot be interrupted.
const maxSparse = 1 << 20

// decodeState makes a new Lua value of what is kept.
func (vm *VM) decodeState(data string) (lua.LValue, error) {
	v, err := state.Decode(data, stateBuilder{vm})
	if err != nil {
		return nil, fmt.Errorf("internal error: %w", err) // what is kept was checked when it was read
	}
	return v, nil
}

type stateBuilder struct{ vm *VM }

func (b stateBuilder) Null() lua.LValue            { return b.vm.shared.null }
func (b stateBuilder) Bool(v bool) lua.LValue      { return lua.LBool(v) }
func (b stateBuilder) Number(f float64) lua.LValue { return lua.LNumber(f) }
func (b stateBuilder) String(s string) lua.LValue  { return lua.LString(s) }

func (b stateBuilder) Table(mark state.Mark) lua.LValue {
	t := b.vm.state.CreateTable(0, 0)
	switch mark {
	case state.List:
		t.Metatable = b.vm.shared.arrayMeta
	case state.Object:
		t.Metatable = b.vm.shared.objectMeta
	}
	return t
}

func (b stateBuilder) Append(table, v lua.LValue) { table.(*lua.LTable).Append(v) }

func (b stateBuilder) Put(table, key, v lua.LValue) { table.(*lua.LTable).RawSet(key, v) }
