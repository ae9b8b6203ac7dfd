package codeid

import (
	"go/ast"
	"go/token"
	"go/types"
)

// copiesOf are the local variables that are copies of what exists: what such a value refers to belongs to both.
func copiesOf(info *types.Info, root ast.Node) map[types.Object]bool {
	copies := map[types.Object]bool{}
	set := func(lhs, rhs ast.Expr) {
		id, ok := lhs.(*ast.Ident)
		if !ok || info.ObjectOf(id) == nil || flat(info.TypeOf(lhs)) {
			return
		}
		switch e := ast.Unparen(rhs).(type) {
		case *ast.CallExpr, *ast.CompositeLit:
		case *ast.UnaryExpr:
			copies[info.ObjectOf(id)] = copies[info.ObjectOf(id)] || e.Op == token.ARROW
		default:
			copies[info.ObjectOf(id)] = true
		}
	}
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, lhs := range n.Lhs {
				if len(n.Lhs) == len(n.Rhs) {
					set(lhs, n.Rhs[i])
				} else {
					set(lhs, n.Rhs[0])
				}
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if len(n.Values) == len(n.Names) {
					set(name, n.Values[i])
				}
			}
		case *ast.RangeStmt:
			if n.Value != nil {
				set(n.Value, n.X)
			}
		}
		return true
	})
	return copies
}

// namedResults visits what return statements give the named results of a function, which deferred functions can still change.
func namedResults(info *types.Info, fields *ast.FieldList, body *ast.BlockStmt, set func(lhs, rhs ast.Expr)) {
	if fields == nil || body == nil {
		return
	}
	var names []ast.Expr
	for _, f := range fields.List {
		for _, name := range f.Names {
			names = append(names, name)
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			for i, name := range names {
				switch {
				case len(n.Results) == len(names):
					set(name, n.Results[i])
				case len(n.Results) > 0:
					set(name, nil)
				}
			}
		}
		return true
	})
}
