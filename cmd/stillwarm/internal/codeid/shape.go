package codeid

import (
	"go/ast"
	"go/token"
	"reflect"
	"strings"
)

// shape is what tells a syntax node from others beside its children: its type, operator and literal, and which of its
// optional children are there.
func shape(n ast.Node) string {
	var b strings.Builder
	b.WriteString(strings.TrimPrefix(reflect.TypeOf(n).String(), "*ast."))
	op := func(t token.Token) { b.WriteString(" " + t.String()) }
	has := func(parts ...bool) {
		for _, there := range parts {
			if there {
				b.WriteString(" 1")
			} else {
				b.WriteString(" 0")
			}
		}
	}
	switch n := n.(type) {
	case *ast.BasicLit:
		op(n.Kind)
		b.WriteString(" " + n.Value)
	case *ast.BinaryExpr:
		op(n.Op)
	case *ast.UnaryExpr:
		op(n.Op)
	case *ast.CallExpr:
		has(n.Ellipsis.IsValid())
	case *ast.ChanType:
		has(n.Dir&ast.SEND != 0, n.Dir&ast.RECV != 0)
	case *ast.CompositeLit:
		has(n.Type != nil)
	case *ast.Field:
		has(len(n.Names) > 0, n.Tag != nil)
	case *ast.FuncType:
		has(n.TypeParams != nil, n.Results != nil)
	case *ast.SliceExpr:
		has(n.Low != nil, n.High != nil, n.Max != nil)
	case *ast.TypeAssertExpr:
		has(n.Type != nil)
	case *ast.TypeSpec:
		has(n.TypeParams != nil, n.Assign.IsValid())
	case *ast.ValueSpec:
		has(n.Type != nil, len(n.Values) > 0)
	default:
		shapeOfStatement(n, op, has)
	}
	return b.String()
}

func shapeOfStatement(n ast.Node, op func(token.Token), has func(...bool)) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		op(n.Tok)
		has(len(n.Lhs) == len(n.Rhs))
	case *ast.BranchStmt:
		op(n.Tok)
	case *ast.CaseClause:
		has(n.List != nil)
	case *ast.CommClause:
		has(n.Comm != nil)
	case *ast.ForStmt:
		has(n.Init != nil, n.Cond != nil, n.Post != nil)
	case *ast.GenDecl:
		op(n.Tok)
	case *ast.IfStmt:
		has(n.Init != nil, n.Else != nil)
	case *ast.IncDecStmt:
		op(n.Tok)
	case *ast.RangeStmt:
		op(n.Tok)
		has(n.Key != nil, n.Value != nil)
	case *ast.SwitchStmt:
		has(n.Init != nil, n.Tag != nil)
	case *ast.TypeSwitchStmt:
		has(n.Init != nil)
	}
}

func isNil(n ast.Node) bool {
	switch n := n.(type) {
	case nil:
		return true
	case *ast.FieldList:
		return n == nil
	case *ast.BlockStmt:
		return n == nil
	}
	return false
}
