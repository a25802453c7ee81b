package luaapi

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

// listShape is what the source tells about CHECKS before it runs: only lines for errors.
type listShape struct {
	line    int   // where CHECKS is returned or set; 0: not known
	entries []int // the lines of the entries, where CHECKS is written as a list there
}

func (s listShape) entry(i int) int {
	if i >= 1 && i <= len(s.entries) {
		return s.entries[i-1]
	}
	return 0
}

// shapeOf finds the last `return ...` or `CHECKS = ...` of a file.
func shapeOf(chunk []ast.Stmt) listShape {
	for i := len(chunk) - 1; i >= 0; i-- {
		switch stmt := chunk[i].(type) {
		case *ast.ReturnStmt:
			if len(stmt.Exprs) > 0 {
				return shapeOfList(stmt.Line(), stmt.Exprs[0])
			}
		case *ast.AssignStmt:
			for j, target := range stmt.Lhs {
				if id, ok := target.(*ast.IdentExpr); ok && id.Value == "CHECKS" && j < len(stmt.Rhs) {
					return shapeOfList(stmt.Line(), stmt.Rhs[j])
				}
			}
		}
	}
	return listShape{}
}

func shapeOfList(line int, e ast.Expr) listShape {
	s := listShape{line: line}
	if t, ok := e.(*ast.TableExpr); ok {
		for _, f := range t.Fields {
			if f.Key == nil {
				s.entries = append(s.entries, f.Value.Line())
			}
		}
	}
	return s
}

func entryAt(path string, lines listShape, position int, at string) string {
	if line := lines.entry(position); line > 0 {
		return fmt.Sprintf("%s:%d", path, line)
	}
	return at
}
