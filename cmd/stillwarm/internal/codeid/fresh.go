package codeid

import (
	"go/ast"
	"go/token"
	"go/types"
	"iter"
	"slices"
	"strings"
)

// freshLocals are the local variables that hold only what the function made itself.
func freshLocals(g *graph, info *types.Info, root ast.Node) map[types.Object]bool {
	fresh := map[types.Object]bool{}
	stale := map[types.Object]bool{}
	set := func(lhs, rhs ast.Expr) {
		id, ok := lhs.(*ast.Ident)
		if !ok {
			// A part of it may become another name for what exists.
			if obj := rootOf(info, lhs); obj != nil && !flat(info.TypeOf(lhs)) && (rhs == nil || !isFresh(info, rhs, obj)) {
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
	given := func(fields *ast.FieldList) {
		for v := range fieldObjects(info, fields) {
			stale[v] = true
		}
	}
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			given(n.Recv)
			given(n.Type.Params)
			namedResults(info, n.Type.Results, n.Body, set)
		case *ast.FuncLit:
			given(n.Type.Params)
			namedResults(info, n.Type.Results, n.Body, set)
		case *ast.AssignStmt:
			for i, lhs := range n.Lhs {
				if len(n.Lhs) == len(n.Rhs) {
					set(lhs, n.Rhs[i])
				} else if !copied(g, info, n.Rhs[0]) {
					set(lhs, nil)
				} else if id, ok := lhs.(*ast.Ident); ok {
					fresh[info.ObjectOf(id)] = true
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
		}
		return true
	})
	for _, obj := range (&escape{g: g, info: info}).escaping(root) {
		stale[obj] = true
	}
	for obj := range stale {
		delete(fresh, obj)
	}
	return fresh
}

// escape finds the variables that freshLocals must not trust.
type escape struct {
	g    *graph
	info *types.Info
}

// escaping returns the variables that lead to more than themselves, and of which a part gets another name: who has that
// may put there what exists already.
func (x *escape) escaping(root ast.Node) []types.Object {
	var found []types.Object
	var stack []ast.Node
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := x.info.Uses[id].(*types.Var); ok && isLocal(v) && !flat(v.Type()) && x.escapes(stack, id, v) {
				found = append(found, v)
			}
		}
		stack = append(stack, n)
		return true
	})
	return found
}

// escapes reports whether a part of the variable gets another name where the identifier stands.
func (x *escape) escapes(stack []ast.Node, id *ast.Ident, v *types.Var) bool {
	info := x.info
	var self ast.Expr = id
	i := len(stack) - 1
climb:
	for ; i >= 0; i-- {
		switch p := stack[i].(type) {
		case *ast.ParenExpr, *ast.StarExpr, *ast.SelectorExpr, *ast.SliceExpr:
		case *ast.IndexExpr:
			if p.X != self { // an index, or a type
				t := info.TypeOf(self)
				return t != nil && !info.Types[self].IsType() && !flat(t)
			}
		default:
			break climb
		}
		self = stack[i].(ast.Expr)
	}
	if t := info.TypeOf(self); t == nil || flat(t) {
		return false
	}
	if unary, ok := parent(stack, i).(*ast.UnaryExpr); shallow(v.Type()) && (!ok || unary.Op != token.AND) {
		return false // what has another name holds nothing that could be exchanged
	}
	switch p := parent(stack, i).(type) {
	case *ast.AssignStmt:
		for k, rhs := range p.Rhs {
			if rhs == self {
				return len(p.Lhs) != len(p.Rhs) || !isBlank(p.Lhs[k]) && rootOf(info, p.Lhs[k]) != v
			}
		}
		return false // freshLocals looks at what it is given
	case *ast.ReturnStmt:
		return slices.ContainsFunc(stack, func(n ast.Node) bool { _, inner := n.(*ast.FuncLit); return inner })
	case *ast.BinaryExpr, *ast.ExprStmt, *ast.IncDecStmt:
		return false
	case *ast.RangeStmt:
		key, elem := rangeTypes(info.TypeOf(self))
		return p.X != self || p.Value != nil && elem != nil && !flat(elem) || p.Key != nil && key != nil && !flat(key)
	case *ast.UnaryExpr:
		call, ok := parent(stack, i-1).(*ast.CallExpr)
		return !ok || !x.decodes(call)
	case *ast.CallExpr:
		return x.call(stack[:i], p, self, v)
	}
	return true
}

// call reports whether a call that gets a part of the variable may give it another name.
func (x *escape) call(stack []ast.Node, call *ast.CallExpr, self ast.Expr, v *types.Var) bool {
	info := x.info
	if !info.Types[call.Fun].IsBuiltin() {
		return !x.decodes(call) && !(call.Fun == self && x.usesItself(call))
	}
	id, _ := ast.Unparen(call.Fun).(*ast.Ident)
	switch id.Name {
	case "append":
		as, ok := parent(stack, len(stack)-1).(*ast.AssignStmt)
		return !ok || call.Args[0] != self || len(as.Lhs) != 1 || rootOf(info, as.Lhs[0]) != v
	case "copy":
		s, ok := under(info.TypeOf(self)).(*types.Slice)
		return !ok || !flat(s.Elem())
	}
	return false
}

// usesItself reports whether a call is one of a dependency's method on the variable that leaves it as it is.
func (x *escape) usesItself(call *ast.CallExpr) bool {
	fn := calleeOf(x.info, call)
	return fn != nil && fn.Pkg() != nil && x.g.unitOf[fn.Pkg()] == nil && fn.Signature().Recv() != nil && readOnlyMethod(fn)
}

// decodes reports whether what is called gives its arguments no names, and puts nothing into them that exists already.
func (x *escape) decodes(call *ast.CallExpr) bool {
	fn := calleeOf(x.info, call)
	if fn == nil || fn.Pkg() == nil {
		return false
	}
	for _, arg := range call.Args { // whose methods may do either
		if x.g.callable(x.info.TypeOf(arg)) {
			return false
		}
	}
	path := fn.Pkg().Path()
	return strings.HasPrefix(path, "encoding/") || path == "fmt" || path == "strconv" || path == "database/sql"
}

// fieldObjects are the variables that a list of parameters declares.
func fieldObjects(info *types.Info, fields *ast.FieldList) iter.Seq[types.Object] {
	return func(yield func(types.Object) bool) {
		if fields == nil {
			return
		}
		for _, f := range fields.List {
			for _, name := range f.Names {
				if obj := info.Defs[name]; obj != nil && !yield(obj) {
					return
				}
			}
		}
	}
}

// copied reports whether the expression asks a cached function for results, which are copies.
func copied(g *graph, info *types.Info, e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	fn := calleeOf(info, call)
	if fn == nil || !isLibrary(fn) || fn.Name() != "Get" && fn.Name() != "GetAll" || fn.Signature().Recv() == nil {
		return false
	}
	name := typeName(fn.Signature().Recv().Type())
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	return ok && name != nil && name.Name() == "Data" && !g.uncopied.holds(info.TypeOf(sel.X))
}

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
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
		return e.Name == "nil" || info.ObjectOf(e) == self || isFunction(info, e)
	case *ast.CallExpr:
		if info.Types[e.Fun].IsType() && len(e.Args) == 1 {
			return isFresh(info, e.Args[0], self)
		}
		id, ok := ast.Unparen(e.Fun).(*ast.Ident)
		if !ok || !info.Types[e.Fun].IsBuiltin() {
			return false
		}
		if id.Name == "append" {
			for _, arg := range e.Args[1:] {
				t := info.TypeOf(arg)
				if s, ok := under(t).(*types.Slice); ok && e.Ellipsis.IsValid() {
					t = s.Elem()
				}
				if !flat(t) {
					return false
				}
			}
			return isFresh(info, e.Args[0], self)
		}
		if id.Name == "new" && len(e.Args) == 1 && !info.Types[e.Args[0]].IsType() {
			return flat(info.TypeOf(e.Args[0])) || isFresh(info, e.Args[0], nil)
		}
		return id.Name == "make" || id.Name == "new"
	case *ast.SliceExpr:
		return isFresh(info, e.X, self)
	case *ast.SelectorExpr:
		return isFunction(info, e.Sel) || self != nil && rootOf(info, e) == self // a part of itself
	case *ast.IndexExpr:
		return self != nil && rootOf(info, e) == self
	}
	return false
}

// isFunction reports whether the name is that of a function that is bound to nothing.
func isFunction(info *types.Info, id *ast.Ident) bool {
	fn, ok := info.Uses[id].(*types.Func)
	return ok && fn.Signature().Recv() == nil
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
