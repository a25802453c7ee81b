package luaapi

import (
	"slices"
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// gopher-lua's compiler has each value of an assignment computed right in the variable, where that is a local one.
// So a, b = b, a gives b to both, and a = (f(a)) calls f with itself where a is the last parameter: its place has
// the function already. inOrder gives what means the same, with all values computed before the first is assigned:
//
//	do local v1, v2 = b, a; b = v2; a = v1 end
//
// (One assignment each: of a name and a field together, the compiler mixes up the values that are locals.)
func inOrder(x *ast.AssignStmt) ast.Stmt {
	if len(x.Rhs) == 1 {
		call, isCall := x.Rhs[0].(*ast.FuncCallExpr)
		if !isCall || !call.AdjustRet {
			return x
		}
		if isConcat(call) { // it has one result anyway
			call.AdjustRet = false
			return x
		}
	}
	named := false
	for _, target := range x.Lhs {
		_, isName := target.(*ast.IdentExpr)
		named = named || isName
	}
	if !named {
		return x
	}
	values := &ast.LocalAssignStmt{}
	values.SetLine(x.Line())
	value := func() ast.Expr {
		name := "(value " + strconv.Itoa(len(values.Names)+1) + ")" // which no script can write
		values.Names = append(values.Names, name)
		v := &ast.IdentExpr{Value: name}
		v.SetLine(x.Line())
		return v
	}
	early := func(e *ast.Expr) { // the tables and keys, too, are those of before
		values.Exprs = append(values.Exprs, *e)
		*e = value()
	}
	for _, target := range x.Lhs {
		if t, ok := target.(*ast.AttrGetExpr); ok {
			early(&t.Object)
			switch t.Key.(type) {
			case *ast.StringExpr, *ast.NumberExpr:
			default:
				early(&t.Key)
			}
		}
	}
	values.Exprs = append(values.Exprs, x.Rhs...)
	block := &ast.DoBlockStmt{Stmts: []ast.Stmt{values}}
	for _, target := range x.Lhs {
		one := &ast.AssignStmt{Lhs: []ast.Expr{target}, Rhs: []ast.Expr{value()}}
		one.SetLine(x.Line())
		block.Stmts = append(block.Stmts, one)
	}
	slices.Reverse(block.Stmts[1:]) // as the reference implementation assigns, and gopher-lua
	block.SetLine(x.Line())
	block.SetLastLine(x.LastLine())
	return block
}
