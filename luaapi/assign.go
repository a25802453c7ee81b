package luaapi

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// gopher-lua's compiler has each value of an assignment computed right in the variable, where that is a local one.
// So a, b = b, a gives b to both, and a = (f(a)) calls f with itself where a is the last parameter: its place has
// the function already. inOrder gives what means the same, with all values computed before the first is assigned:
//
//	do local v1, v2 = b, a; a, b = v1, v2 end
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
	assign := &ast.AssignStmt{Lhs: x.Lhs}
	assign.SetLine(x.Line())
	value := func() ast.Expr {
		name := "(value " + strconv.Itoa(len(values.Names)+1) + ")" // which no script can write
		values.Names = append(values.Names, name)
		v := &ast.IdentExpr{Value: name}
		v.SetLine(x.Line())
		return v
	}
	for _, target := range x.Lhs { // the tables, too, are those of before
		if t, ok := target.(*ast.AttrGetExpr); ok {
			values.Exprs = append(values.Exprs, t.Object)
			t.Object = value()
		}
	}
	values.Exprs = append(values.Exprs, x.Rhs...)
	for range x.Lhs {
		assign.Rhs = append(assign.Rhs, value())
	}
	block := &ast.DoBlockStmt{Stmts: []ast.Stmt{values, assign}}
	block.SetLine(x.Line())
	block.SetLastLine(x.LastLine())
	return block
}
