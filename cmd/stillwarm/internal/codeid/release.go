package codeid

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// release says whether functions that a declared function makes can outlive its call, and what they have captured with them:
// a constructor may run once, and everybody have what it made.
type release struct {
	stores  bool // it puts functions, or what may hold some, where others have them
	returns bool // it returns such
	takes   bool // it gets such
}

// releases finds that out.
func (c *writer) releases(fn *ast.FuncDecl) release {
	sig, ok := c.info.Defs[fn.Name].(*types.Func)
	if !ok {
		return release{}
	}
	r := release{returns: mayHoldFunctions(sig.Signature().Results()), takes: mayHoldFunctions(sig.Signature().Params())}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, lhs := range n.Lhs {
				r.stores = r.stores || n.Tok != token.DEFINE && c.outlives(lhs)
			}
		case *ast.SendStmt:
			r.stores = r.stores || holdsFunctions(c.info.TypeOf(n.Value), nil)
		case *ast.CallExpr:
			r.stores = r.stores || c.storing(n)
		}
		return !r.stores
	})
	return r
}

// outlives reports whether functions may be assigned to the expression that others have.
func (c *writer) outlives(lhs ast.Expr) bool {
	root := rootOf(c.info, lhs)
	if _, variable := ast.Unparen(lhs).(*ast.Ident); root != nil && isLocal(root) && (variable || c.fresh[root]) {
		return false
	}
	return !isBlank(lhs) && holdsFunctions(c.info.TypeOf(lhs), nil)
}

// storing reports whether a dependency's container gets functions, or what may hold some.
func (c *writer) storing(n *ast.CallExpr) bool {
	fn := calleeOf(c.info, n)
	if fn == nil || fn.Pkg() == nil || fn.Signature().Recv() == nil {
		return false
	}
	switch fn.Pkg().Path() {
	case "sync", "sync/atomic", "container/list", "container/ring":
		return !callingMethods[fn.Origin().FullName()] && slices.ContainsFunc(n.Args, func(e ast.Expr) bool {
			return holdsFunctions(c.info.TypeOf(e), nil)
		})
	}
	return false
}

func mayHoldFunctions(t *types.Tuple) bool {
	for v := range t.Variables() {
		if holdsFunctions(v.Type(), nil) {
			return true
		}
	}
	return false
}

// holdsFunctions reports whether values of the type may lead to functions: written out, or behind an interface.
func holdsFunctions(t types.Type, seen map[types.Type]bool) bool {
	if t == nil || seen[t] || flat(t) || immutable(t) || isContext(t) || isError(t) {
		return false
	}
	if seen == nil {
		seen = map[types.Type]bool{}
	}
	seen[t] = true
	switch u := t.Underlying().(type) {
	case *types.Signature, *types.Interface:
		return true
	case *types.Struct:
		for f := range u.Fields() {
			if holdsFunctions(f.Type(), seen) {
				return true
			}
		}
		return false
	case *types.Map:
		return holdsFunctions(u.Key(), seen) || holdsFunctions(u.Elem(), seen)
	case interface{ Elem() types.Type }:
		return holdsFunctions(u.Elem(), seen)
	}
	return false
}

// onlyCalled are the functions written in the declaration that certainly do not outlive its call: those that only a local
// variable holds, which is only called, and not by another function.
func (c *writer) onlyCalled(fn *ast.FuncDecl) map[*ast.FuncLit]bool {
	holders, other := map[*ast.FuncLit]types.Object{}, map[types.Object]bool{}
	for obj := range fieldObjects(c.info, fn.Type.Results) {
		other[obj] = true
	}
	var stack []ast.Node
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if as, ok := n.(*ast.AssignStmt); ok && len(as.Lhs) == len(as.Rhs) {
			for i, rhs := range as.Rhs {
				id, named := as.Lhs[i].(*ast.Ident)
				if lit, ok := ast.Unparen(rhs).(*ast.FuncLit); ok && named {
					holders[lit] = c.info.ObjectOf(id)
				}
			}
		}
		if id, ok := n.(*ast.Ident); ok && c.info.Uses[id] != nil && !c.stays(stack, id, holders) {
			other[c.info.Uses[id]] = true
		}
		stack = append(stack, n)
		return true
	})
	staying := map[*ast.FuncLit]bool{}
	for lit, obj := range holders {
		staying[lit] = obj != nil && isLocal(obj) && !other[obj]
	}
	return staying
}

// stays reports whether the name stands where its function is assigned or called, and not in another function.
func (c *writer) stays(stack []ast.Node, id *ast.Ident, holders map[*ast.FuncLit]types.Object) bool {
	for _, n := range stack {
		if lit, ok := n.(*ast.FuncLit); ok && holders[lit] != c.info.Uses[id] {
			return false
		}
	}
	switch p := parent(stack, len(stack)-1).(type) {
	case *ast.CallExpr:
		return p.Fun == id
	case *ast.AssignStmt:
		return slices.Contains(p.Lhs, ast.Expr(id))
	}
	return false
}

// released reports whether a function that the declaration makes may have outlived its call when somebody calls it.
func (q *inquiry) released(n *node) bool {
	if n.release.stores || n.release.returns {
		return true
	}
	passesOn := func(_ *node, e edge) bool { return e.to.kind == kindFunc && e.to.release.takes && !e.handed }
	for m := range reach([]*node{n}, passesOn) {
		if m.release.stores {
			return true
		}
		for _, i := range m.invoked {
			if i.method != "" && q.storedBy(i.method) {
				return true
			}
		}
	}
	return false
}

// storedBy reports whether a method of the name puts functions that it gets where others have them.
func (q *inquiry) storedBy(method string) bool {
	for n := range q.code {
		if fn, ok := n.obj.(*types.Func); ok && fn.Signature().Recv() != nil && fn.Name() == method && n.release.takes && n.release.stores {
			return true
		}
	}
	return false
}

// ownOfCall reports whether the event changes what every call of the declaration has for itself.
func (q *inquiry) ownOfCall(n *node, e event) bool {
	return e.captured && n.kind == kindFunc && !q.setup[n] && !(e.released && q.closure[n] && q.released(n))
}

// ownCapture reports whether the path leads to what belongs to one call of the function around: a captured variable itself,
// or what that call has made. What else a captured variable points to or holds, others may have as well.
func (c *writer) ownCapture(p route) bool {
	return p.captured && (!p.shared || c.fresh[p.root])
}
