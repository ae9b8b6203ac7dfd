package codeid

import (
	"go/ast"
	"go/token"
	"go/types"
)

// event is something that a declaration does to state which others may share.
type event struct {
	to     location
	place  string
	what   string
	handed bool // in a function that is only handed over: it runs later
	recv   bool // the state is reached through the method's own receiver
}

// location is a piece of state: a package's variable, a field of a declared struct in any of its values, or what values
// of a type point to or hold. One of them is set; with global, the state is a dependency's own.
type location struct {
	variable *types.Var
	field    *types.Var
	held     string // the type, written out
	global   string // the package of the dependency
}

// writes collects the events of the declaration.
func (w *walker) writes() {
	c := &writer{w: w, info: w.info, fresh: freshLocals(w.info, w.n.decl)}
	for _, conv := range w.converts {
		c.converted(conv)
	}
	if fn, ok := w.n.decl.(*ast.FuncDecl); ok {
		if fn.Body == nil {
			return
		}
		if fn.Recv != nil && len(fn.Recv.List) > 0 && len(fn.Recv.List[0].Names) > 0 {
			c.recv = w.info.Defs[fn.Recv.List[0].Names[0]]
		}
		c.inspect(fn.Body)
		return
	}
	if spec, ok := w.n.decl.(*ast.ValueSpec); ok {
		for i, v := range spec.Values {
			if w.n.value < 0 || w.n.value == i {
				c.inspect(v)
			}
		}
	}
}

// writer finds the places that change something.
type writer struct {
	w      *walker
	info   *types.Info
	recv   types.Object
	fresh  map[types.Object]bool
	handed bool
}

func (c *writer) inspect(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			if c.w.handed[n] && !c.handed {
				c.handed = true
				c.inspect(n.Body)
				c.handed = false
				return false
			}
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, lhs := range n.Lhs {
					c.write(lhs, "assigned")
				}
			}
		case *ast.IncDecStmt:
			c.write(n.X, "changed")
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				c.write(n.Key, "assigned")
				c.write(n.Value, "assigned")
			}
		case *ast.SendStmt:
			c.held(n.Chan, "sent to")
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				if _, literal := ast.Unparen(n.X).(*ast.CompositeLit); !literal {
					c.write(n.X, "taken the address of")
				}
			}
		case *ast.CallExpr:
			c.call(n)
		}
		return true
	})
}

func (c *writer) add(l location, at ast.Node, what string, recv bool) {
	c.w.n.events = append(c.w.n.events, event{to: l, place: c.w.g.place(at.Pos()), what: what, handed: c.handed, recv: recv})
}

// route is the way from a root to a piece of state.
type route struct {
	root   types.Object // a package's variable, a local one, or nil for the result of a call and the like
	inner  location     // the innermost location on the way
	shared bool         // a pointer, map, slice or interface lies on the way: others may hold the same
}

// follow takes an expression apart that names a piece of state.
func (c *writer) follow(e ast.Expr) route {
	var p route
	set := func(l location) {
		if p.inner == (location{}) {
			p.inner = l
		}
	}
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			v, _ := c.info.ObjectOf(x).(*types.Var)
			p.root = c.info.ObjectOf(x)
			if v != nil && !isLocal(v) {
				set(location{variable: v})
			}
			return p
		case *ast.SelectorExpr:
			s := c.info.Selections[x]
			if s == nil { // a variable of another package
				e = x.Sel
				continue
			}
			if f, ok := s.Obj().(*types.Var); ok {
				set(location{field: f.Origin()})
			}
			p.shared = p.shared || s.Indirect() || isPointer(c.info.TypeOf(x.X))
			e = x.X
		case *ast.IndexExpr:
			t := c.info.TypeOf(x.X)
			if _, array := under(t).(*types.Array); !array {
				set(location{held: c.w.typeText(t)})
				p.shared = true
			}
			e = x.X
		case *ast.SliceExpr:
			p.shared = true
			e = x.X
		case *ast.StarExpr:
			set(location{held: c.w.typeText(c.info.TypeOf(x.X))})
			p.shared = true
			e = x.X
		case *ast.TypeAssertExpr:
			p.shared = true
			e = x.X
		default:
			p.shared = true
			return p
		}
	}
}

func isPointer(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

// private reports whether only this call of the function can hold what the path leads to.
func (c *writer) private(p route) bool {
	v, ok := p.root.(*types.Var)
	return ok && isLocal(v) && (!p.shared || c.fresh[v])
}

// write notes that the state which an expression names is changed.
func (c *writer) write(e ast.Expr, what string) {
	if e == nil {
		return
	}
	if id, ok := ast.Unparen(e).(*ast.Ident); ok && id.Name == "_" {
		return
	}
	p := c.follow(e)
	if p.inner == (location{}) || c.private(p) {
		return
	}
	c.add(p.inner, e, what, p.root != nil && p.root == c.recv)
	// A package's variable that holds the state by value changes with it.
	if v, ok := p.root.(*types.Var); ok && !isLocal(v) && p.inner.variable == nil {
		c.add(location{variable: v}, e, what, false)
	}
}

// held notes that what a reference leads to is changed: the elements of a map, what a pointer points to.
func (c *writer) held(e ast.Expr, what string) {
	t := c.info.TypeOf(e)
	if t == nil {
		return
	}
	if unary, ok := ast.Unparen(e).(*ast.UnaryExpr); ok && unary.Op == token.AND {
		return // already seen
	}
	p := c.follow(e)
	p.shared = true
	if c.private(p) {
		return
	}
	recv := p.root != nil && p.root == c.recv
	c.add(location{held: c.w.typeText(t)}, e, what, recv)
	if p.inner.variable != nil || p.inner.field != nil {
		c.add(p.inner, e, what, recv)
	}
}

// freshLocals are the local variables that hold only what the function made itself.
func freshLocals(info *types.Info, root ast.Node) map[types.Object]bool {
	fresh := map[types.Object]bool{}
	stale := map[types.Object]bool{}
	set := func(lhs, rhs ast.Expr) {
		id, ok := lhs.(*ast.Ident)
		if !ok {
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
			if id, ok := ast.Unparen(n.X).(*ast.Ident); ok && n.Op == token.AND && isReference(info.TypeOf(id)) {
				stale[info.ObjectOf(id)] = true
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
