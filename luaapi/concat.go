package luaapi

import (
	"crypto/rand"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// gopher-lua joins strings of any size with `..`: forty doublings, or two expressions that name a string of
// megabytes a hundred times each, ask for more than there is, and Go ends the process then. So each `..` is
// compiled as a call of a function of ours, with the limit that all functions that make strings have.

// concatMarker stands for that function in the syntax tree, since a tree can only hold Lua's constants. It is
// put in after the compilation. No script can know the text.
var concatMarker = "concat " + rand.Text()

// concatCall is the call in the place of a chain of `..`.
func concatCall(x *ast.StringConcatOpExpr) *ast.FuncCallExpr {
	marker := &ast.StringExpr{Value: concatMarker}
	marker.SetLine(x.Line())
	call := &ast.FuncCallExpr{Func: marker, AdjustRet: true}
	call.SetLine(x.Line())
	call.SetLastLine(x.LastLine())
	for {
		call.Args = append(call.Args, x.Lhs)
		next, more := x.Rhs.(*ast.StringConcatOpExpr)
		if !more {
			break
		}
		x = next
	}
	// The last operand is one value, as every other.
	last := x.Rhs
	switch x := last.(type) {
	case *ast.FuncCallExpr:
		x.AdjustRet = true
	case *ast.Comma3Expr:
		x.AdjustRet = true
	}
	call.Args = append(call.Args, last)
	return call
}

func isConcat(call *ast.FuncCallExpr) bool {
	f, ok := call.Func.(*ast.StringExpr)
	return ok && f.Value == concatMarker
}

// linkConcat puts the function in the place of its marker.
func (vm *VM) linkConcat(proto *lua.FunctionProto) {
	for i, c := range proto.Constants {
		if s, ok := c.(lua.LString); ok && string(s) == concatMarker {
			proto.Constants[i] = vm.shared.concat
		}
	}
	for _, inner := range proto.FunctionPrototypes {
		vm.linkConcat(inner)
	}
}

// concat joins its arguments as `..` does: strings and numbers, or by the metamethod __concat of one of the last
// two values.
func (vm *VM) concat(L *lua.LState) int {
	n := L.GetTop()
	if size, plain := joinedSize(L, n); plain {
		L.Push(vm.join(L, 1, n, size))
		return 1
	}
	right := L.Get(n)
	for i := n - 1; i > 0; i-- {
		left := L.Get(i)
		if lua.LVCanConvToString(left) && lua.LVCanConvToString(right) {
			L.Push(left)
			L.Push(right)
			top := L.GetTop()
			size := len(left.String()) + len(right.String())
			right = vm.join(L, top-1, top, size)
			L.SetTop(top - 2)
			continue
		}
		f := L.GetMetaField(left, "__concat")
		if f == lua.LNil {
			f = L.GetMetaField(right, "__concat")
		}
		if f.Type() != lua.LTFunction {
			L.RaiseError("cannot perform concat operation between %s and %s", left.Type(), right.Type())
		}
		L.Push(f)
		L.Push(left)
		L.Push(right)
		L.Call(2, 1)
		right = L.Get(-1)
		L.Pop(1)
	}
	L.Push(right)
	return 1
}

// joinedSize is how many bytes the arguments have together; plain is false if one is no string or number.
func joinedSize(L *lua.LState, n int) (size int, plain bool) {
	for i := 1; i <= n; i++ {
		switch v := L.Get(i).(type) {
		case lua.LString:
			size += len(v)
		case lua.LNumber:
			size += 24 // about
		default:
			return 0, false
		}
	}
	return size, true
}

func (vm *VM) join(L *lua.LState, first, last, size int) lua.LString {
	if size > vm.limits.StringBytes {
		L.RaiseError("the operator ..: the result would have %d bytes, the limit is %d", size, vm.limits.StringBytes)
	}
	runOf(L).charge(size >> 12)
	var small [64]byte // most are: then the result has the size that it needs, whatever the numbers take
	b := small[:0]
	if size > len(small) {
		b = make([]byte, 0, size)
	}
	for i := first; i <= last; i++ {
		switch v := L.Get(i).(type) {
		case lua.LString:
			b = append(b, v...)
		case lua.LNumber:
			b = append(b, v.String()...)
		}
	}
	if size > len(small) {
		return lua.LString(unsafe.String(unsafe.SliceData(b), len(b))) // nobody else has it
	}
	return lua.LString(b)
}
