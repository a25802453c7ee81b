package luaapi

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

// gopher-lua's compiler calls itself for each level of the syntax tree, and for some it goes through all
// levels around: a file of a megabyte that nests `#` overflows the stack of the process, which nothing can
// recover from, and one that nests `do` compiles for minutes. It also looks for each constant among all
// others of the function. So what is nested too deep, or has too many constants, is not given to it.
const (
	maxSyntaxDepth = 1000
	maxConstants   = 1 << 14 // different ones, of a function: they take about a second
	maxLabels      = 1000    // of a function

	// maxListed is how many elements a list can be written with: gopher-lua puts those after them at wrong
	// positions.
	maxListed = 511 * 50
)

// syntaxWalk looks for what the compiler must not get, and puts a call in the place of each `..`.
type syntaxWalk struct {
	depth     int
	constants map[string]struct{} // of the function
	labels    int                 // of the function

	line    int    // where the problem is
	problem string // the first one; "": none
}

// checkSyntax says what is wrong with a chunk; "": nothing. It changes the chunk: see concatMarker.
func checkSyntax(chunk []ast.Stmt) (line int, problem string) {
	w := syntaxWalk{constants: map[string]struct{}{}}
	w.statements(chunk)
	return w.line, w.problem
}

func (w *syntaxWalk) fail(line int, format string, args ...any) {
	if w.problem == "" {
		w.line, w.problem = line, fmt.Sprintf(format, args...)
	}
}

// deeper goes one level down. It is false when that must not be.
func (w *syntaxWalk) deeper(line int) bool {
	if w.depth++; w.depth > maxSyntaxDepth {
		w.fail(line, "nested more than %d levels deep (brackets, blocks, or operators in one expression)", maxSyntaxDepth)
	}
	return w.problem == ""
}

func (w *syntaxWalk) constant(line int, text string) {
	w.constants[text] = struct{}{}
	if len(w.constants) > maxConstants {
		w.fail(line, "more than %d different constants in one function: make several of it, or read the data from a file", maxConstants)
	}
}

func (w *syntaxWalk) statements(list []ast.Stmt) {
	for i, s := range list {
		w.statement(s)
		if w.problem != "" {
			return
		}
		if x, ok := s.(*ast.AssignStmt); ok {
			list[i] = inOrder(x)
		}
	}
}

func (w *syntaxWalk) statement(s ast.Stmt) {
	if !w.deeper(s.Line()) {
		return
	}
	defer func() { w.depth-- }()
	switch x := s.(type) {
	case *ast.AssignStmt:
		w.list(x.Lhs)
		w.list(x.Rhs)
	case *ast.LocalAssignStmt:
		w.list(x.Exprs)
	case *ast.FuncCallStmt:
		w.expressions(&x.Expr)
	case *ast.DoBlockStmt:
		w.statements(x.Stmts)
	case *ast.WhileStmt:
		w.expressions(&x.Condition)
		w.statements(x.Stmts)
	case *ast.RepeatStmt:
		w.statements(x.Stmts)
		w.expressions(&x.Condition)
	case *ast.IfStmt:
		w.expressions(&x.Condition)
		w.statements(x.Then)
		w.statements(x.Else)
	case *ast.NumberForStmt:
		w.expressions(&x.Init, &x.Limit, &x.Step)
		w.statements(x.Stmts)
	case *ast.GenericForStmt:
		w.list(x.Exprs)
		w.statements(x.Stmts)
	case *ast.FuncDefStmt:
		var f ast.Expr = x.Func
		w.expressions(&x.Name.Func, &x.Name.Receiver, &f)
	case *ast.ReturnStmt:
		w.list(x.Exprs)
	case *ast.LabelStmt:
		if w.labels++; w.labels > maxLabels {
			w.fail(s.Line(), "more than %d labels in one function", maxLabels)
		}
	}
}

func (w *syntaxWalk) list(list []ast.Expr) {
	for i := range list {
		w.expressions(&list[i])
	}
}

func (w *syntaxWalk) expressions(list ...*ast.Expr) {
	for _, e := range list {
		if *e == nil {
			continue
		}
		if w.problem != "" {
			return
		}
		w.expression(e)
	}
}

func (w *syntaxWalk) expression(at *ast.Expr) {
	e := *at
	if !w.deeper(e.Line()) {
		return
	}
	defer func() { w.depth-- }()
	switch x := e.(type) {
	case *ast.NumberExpr:
		w.constant(e.Line(), x.Value)
	case *ast.StringExpr:
		w.constant(e.Line(), x.Value)
	case *ast.IdentExpr:
		w.constant(e.Line(), x.Value) // of a global; locals are few
	case *ast.AttrGetExpr:
		w.expressions(&x.Object, &x.Key)
	case *ast.TableExpr:
		listed := 0
		for _, f := range x.Fields {
			if f.Key == nil {
				listed++
			}
			w.expressions(&f.Key, &f.Value)
		}
		if listed > maxListed {
			w.fail(e.Line(), "a list written with more than %d elements: make several of it, or read the data from a file", maxListed)
		}
	case *ast.FuncCallExpr:
		w.constant(e.Line(), x.Method)
		w.expressions(&x.Func, &x.Receiver)
		w.list(x.Args)
	case *ast.LogicalOpExpr:
		w.expressions(&x.Lhs, &x.Rhs)
	case *ast.RelationalOpExpr:
		w.expressions(&x.Lhs, &x.Rhs)
	case *ast.StringConcatOpExpr:
		call := concatCall(x)
		if len(call.Args) > maxSyntaxDepth {
			w.depth += len(call.Args)
			w.deeper(e.Line())
			return
		}
		w.list(call.Args)
		*at = call
	case *ast.ArithmeticOpExpr:
		w.expressions(&x.Lhs, &x.Rhs)
	case *ast.UnaryMinusOpExpr:
		w.expressions(&x.Expr)
	case *ast.UnaryNotOpExpr:
		w.expressions(&x.Expr)
	case *ast.UnaryLenOpExpr:
		w.expressions(&x.Expr)
	case *ast.FunctionExpr:
		constants, labels := w.constants, w.labels
		w.constants, w.labels = map[string]struct{}{}, 0
		w.statements(x.Stmts)
		w.constants, w.labels = constants, labels
	}
}
