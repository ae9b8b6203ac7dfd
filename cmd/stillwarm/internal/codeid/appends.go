package codeid

import (
	"go/ast"
	"go/token"
	"go/types"
)

// appendsToOwn reports whether what a slice gets appended lies in an array that the declaration has made itself: who else has
// it by now has got it from here, which is an event of its own.
func (c *writer) appendsToOwn(e ast.Expr) bool {
	v, ok := rootOf(c.info, e).(*types.Var)
	if !ok || !isLocal(v) || !ownArray(c.info, e, v) {
		return false
	}
	if c.arrays == nil {
		c.arrays = ownArrays(c.info, c.w.n.decl)
	}
	return c.arrays[v]
}

// ownArray reports whether the expression is the variable's own slice, a part of it, or a new one.
func ownArray(info *types.Info, e ast.Expr, v types.Object) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e.Name == "nil" || info.ObjectOf(e) == v
	case *ast.CompositeLit:
		return true
	case *ast.SliceExpr:
		_, slice := under(info.TypeOf(e.X)).(*types.Slice)
		return slice && ownArray(info, e.X, v)
	case *ast.CallExpr:
		if info.Types[e.Fun].IsType() && len(e.Args) == 1 {
			_, slice := under(info.TypeOf(e.Args[0])).(*types.Slice)
			return slice && ownArray(info, e.Args[0], v)
		}
		id, ok := ast.Unparen(e.Fun).(*ast.Ident)
		if !ok || !info.Types[e.Fun].IsBuiltin() {
			return false
		}
		return id.Name == "make" || id.Name == "append" && len(e.Args) > 0 && ownArray(info, e.Args[0], v)
	}
	return false
}

// ownArrays are the local slices that never hold an array which the declaration has not made.
func ownArrays(info *types.Info, root ast.Node) map[types.Object]bool {
	a := &arrays{info: info, own: map[types.Object]bool{}, other: map[types.Object]bool{}}
	ast.Inspect(root, func(n ast.Node) bool {
		a.node(n)
		return true
	})
	for obj := range a.other {
		delete(a.own, obj)
	}
	return a.own
}

// arrays collects the variables that are given a slice, and those of them that may hold any.
type arrays struct {
	info       *types.Info
	own, other map[types.Object]bool
}

func (a *arrays) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i, lhs := range n.Lhs {
			a.set(lhs, valueOf(n.Rhs, len(n.Lhs), i))
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if len(n.Values) == 0 {
				a.own[a.info.Defs[name]] = true
			} else {
				a.set(name, valueOf(n.Values, len(n.Names), i))
			}
		}
	case *ast.RangeStmt:
		a.set(n.Key, nil)
		a.set(n.Value, nil)
	case *ast.FuncType: // what a call gets; and a result may get anything by a return
		a.declared(n.Params)
		a.declared(n.Results)
	case *ast.FuncDecl:
		a.declared(n.Recv)
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			a.others(n.X)
		}
	case *ast.SelectorExpr: // a method may take its address
		if s := a.info.Selections[n]; s != nil && s.Kind() == types.MethodVal {
			a.others(n.X)
		}
	}
}

// valueOf is the value that belongs to the name, or nil where one expression gives several.
func valueOf(values []ast.Expr, names, i int) ast.Expr {
	if len(values) != names {
		return nil
	}
	return values[i]
}

func (a *arrays) set(lhs, rhs ast.Expr) {
	if lhs == nil {
		return
	}
	if id, ok := ast.Unparen(lhs).(*ast.Ident); ok {
		obj := a.info.ObjectOf(id)
		if a.own[obj] = true; rhs == nil || !ownArray(a.info, rhs, obj) {
			a.other[obj] = true
		}
	}
}

func (a *arrays) declared(fields *ast.FieldList) {
	for obj := range fieldObjects(a.info, fields) {
		a.other[obj] = true
	}
}

func (a *arrays) others(e ast.Expr) {
	if obj := rootOf(a.info, e); obj != nil {
		a.other[obj] = true
	}
}
