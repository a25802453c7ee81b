package luaapi

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

// checksLines is where CHECKS and its entries are written, as far as the source tells without being run. It is only for
// what is said to a person: what CHECKS is, its value tells.
type checksLines struct {
	path    string
	line    int   // where CHECKS is returned or set; 0: not known
	entries []int // the lines of the entries, where CHECKS is written as a list there
}

// linesOfChecks finds the last `return ...` or `CHECKS = ...` of a file.
func linesOfChecks(path string, chunk []ast.Stmt) checksLines {
	for i := len(chunk) - 1; i >= 0; i-- {
		switch stmt := chunk[i].(type) {
		case *ast.ReturnStmt:
			if len(stmt.Exprs) > 0 {
				return checksLines{path, stmt.Line(), linesOfList(stmt.Exprs[0])}
			}
		case *ast.AssignStmt:
			for j, target := range stmt.Lhs {
				if id, ok := target.(*ast.IdentExpr); ok && id.Value == "CHECKS" && j < len(stmt.Rhs) {
					return checksLines{path, stmt.Line(), linesOfList(stmt.Rhs[j])}
				}
			}
		}
	}
	return checksLines{path: path}
}

func linesOfList(e ast.Expr) []int {
	t, ok := e.(*ast.TableExpr)
	if !ok {
		return nil
	}
	var lines []int
	for _, f := range t.Fields {
		if f.Key == nil {
			lines = append(lines, f.Value.Line())
		}
	}
	return lines
}

// entry is the line of an entry, from 1; 0: not known.
func (l checksLines) entry(position int) int {
	if position >= 1 && position <= len(l.entries) {
		return l.entries[position-1]
	}
	return 0
}

// atChecks is the place of CHECKS for an error: file:line, or the file alone.
func (l checksLines) atChecks() string {
	if l.line > 0 {
		return fmt.Sprintf("%s:%d", l.path, l.line)
	}
	return l.path
}

// atEntry is the place of an entry for an error: its own line, or else that of CHECKS.
func (l checksLines) atEntry(position int) string {
	at := l.atChecks()
	if line := l.entry(position); line > 0 {
		at = fmt.Sprintf("%s:%d", l.path, line)
	}
	return fmt.Sprintf("%s, entry %d", at, position)
}
