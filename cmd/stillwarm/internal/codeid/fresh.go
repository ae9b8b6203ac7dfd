package codeid

import (
	"go/ast"
	"go/token"
	"go/types"
)

// freshLocals are the local variables that hold only what the function made itself.
func freshLocals(info *types.Info, root ast.Node) map[types.Object]bool {
	fresh := map[types.Object]bool{}
	stale := map[types.Object]bool{}
	set := func(lhs, rhs ast.Expr) {
		id, ok := lhs.(*ast.Ident)
		if !ok {
			// A part of it may become another name for what exists.
			if obj := rootOf(info, lhs); obj != nil && (rhs == nil || !flat(info.TypeOf(rhs)) && !isFresh(info, rhs, obj)) {
				stale[obj] = true
			}
			return
		}
		obj := info.ObjectOf(id)
		if obj == nil {
			return
		}
		if rhs == nil || !isFresh(info, rhs, obj) {
			stale[obj] = true
		}
		fresh[obj] = true
	}
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, lhs := range n.Lhs {
				if len(n.Lhs) == len(n.Rhs) {
					set(lhs, n.Rhs[i])
				} else {
					set(lhs, nil)
				}
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				switch {
				case len(n.Values) == 0:
					fresh[info.Defs[name]] = true
				case len(n.Values) == len(n.Names):
					set(name, n.Values[i])
				default:
					set(name, nil)
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if e != nil {
					set(e, nil)
				}
			}
		case *ast.UnaryExpr: // another name for the variable: it may be given something else
			if obj := rootOf(info, n.X); obj != nil && n.Op == token.AND && !flat(obj.Type()) {
				stale[obj] = true
			}
		case *ast.CallExpr: // what is called may store something in it
			for _, e := range append(n.Args[:len(n.Args):len(n.Args)], n.Fun) {
				if obj := rootOf(info, e); obj != nil && !shallow(obj.Type()) && !info.Types[n.Fun].IsBuiltin() {
					stale[obj] = true
				}
			}
		}
		return true
	})
	for obj := range stale {
		delete(fresh, obj)
	}
	return fresh
}

func isReference(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Map, *types.Slice, *types.Interface:
		return true
	}
	return false
}

// isFresh reports whether the expression makes a new object that nothing else refers to, and that refers to nothing
// else that could be changed through it.
func isFresh(info *types.Info, e ast.Expr, self types.Object) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.BasicLit, *ast.FuncLit:
		return true
	case *ast.CompositeLit:
		return flatElements(info, e)
	case *ast.UnaryExpr:
		lit, ok := ast.Unparen(e.X).(*ast.CompositeLit)
		return e.Op == token.AND && ok && flatElements(info, lit)
	case *ast.Ident:
		return e.Name == "nil" || info.ObjectOf(e) == self
	case *ast.CallExpr:
		id, ok := ast.Unparen(e.Fun).(*ast.Ident)
		if !ok || !info.Types[e.Fun].IsBuiltin() {
			return false
		}
		if id.Name == "append" {
			for _, arg := range e.Args[1:] {
				if !flat(info.TypeOf(arg)) && !e.Ellipsis.IsValid() {
					return false
				}
			}
			return isFresh(info, e.Args[0], self)
		}
		return id.Name == "make" || id.Name == "new"
	case *ast.SliceExpr:
		return isFresh(info, e.X, self)
	case *ast.SelectorExpr, *ast.IndexExpr: // a part of itself
		return self != nil && rootOf(info, e) == self
	}
	return false
}

// flatElements reports whether a literal's elements hold no references to what exists already.
func flatElements(info *types.Info, lit *ast.CompositeLit) bool {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			e = kv.Value
		}
		if !flat(info.TypeOf(e)) && !isFresh(info, e, nil) {
			return false
		}
	}
	return true
}

// flat reports whether values of the type hold no reference through which something could be changed.
func flat(t types.Type) bool {
	if t == nil {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() != types.UnsafePointer
	case *types.Array:
		return flat(u.Elem())
	case *types.Struct:
		if immutable(t) {
			return true
		}
		for f := range u.Fields() {
			if !flat(f.Type()) {
				return false
			}
		}
		return true
	}
	return immutable(t)
}

// rootOf returns the local or package's variable that an expression begins with, or nil.
func rootOf(info *types.Info, e ast.Expr) types.Object {
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			if v, ok := info.ObjectOf(x).(*types.Var); ok {
				return v
			}
			return nil
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// shallow reports whether a value of the type leads to nothing beyond what it points to or holds itself.
func shallow(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return flat(u.Elem())
	case *types.Slice:
		return flat(u.Elem())
	case *types.Map:
		return flat(u.Key()) && flat(u.Elem())
	}
	return flat(t)
}
