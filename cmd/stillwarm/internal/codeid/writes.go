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

// binding is an object of a dependency that was made of a reference to state: whoever changes the object may change the
// state, as an encoder does with what it writes to.
type binding struct{ object, state location }

// writes collects the events of the declaration.
func (w *walker) writes() {
	c := &writer{w: w, info: w.info, fresh: freshLocals(w.info, w.n.decl), called: map[ast.Expr]bool{}}
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
	called map[ast.Expr]bool // what calls name, and functions that run where they are written
}

func (c *writer) inspect(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			// One that is kept somewhere runs whenever somebody calls it, with that caller's arguments.
			if (c.w.handed[n] || !c.called[n]) && !c.handed {
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
			if _, ok := under(c.info.TypeOf(n.X)).(*types.Chan); ok {
				c.held(n.X, "received from")
			}
		case *ast.SliceExpr:
			switch t := under(c.info.TypeOf(n.X)).(type) { // the slice is another name for the array
			case *types.Array:
				c.write(n.X, "sliced")
			case *types.Pointer:
				if _, ok := under(t.Elem()).(*types.Array); ok {
					c.held(n.X, "sliced")
				}
			}
		case *ast.SelectorExpr:
			if !c.called[n] {
				c.methodValue(n)
			}
		case *ast.Ident:
			c.stateful(n)
		case *ast.SendStmt:
			c.held(n.Chan, "sent to")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				c.held(n.X, "received from")
			}
			if n.Op == token.AND {
				if _, literal := ast.Unparen(n.X).(*ast.CompositeLit); !literal {
					c.write(n.X, "taken the address of")
				}
			}
		case *ast.CallExpr:
			c.runs(n)
			c.call(n)
		}
		return true
	})
}

// runs notes what the call names, and the functions among its arguments that run before it returns.
func (c *writer) runs(n *ast.CallExpr) {
	c.called[ast.Unparen(n.Fun)] = true
	fn := calleeOf(c.info, n)
	if fn == nil || fn.Pkg() == nil || !callingPackages[fn.Pkg().Path()] && fn.Origin().FullName() != "(*sync.Once).Do" {
		return
	}
	for _, arg := range n.Args {
		c.called[ast.Unparen(arg)] = true
	}
}

// callingPackages are those whose functions call what they get, and keep none of it.
var callingPackages = map[string]bool{"sort": true, "slices": true, "maps": true, "strings": true, "bytes": true}

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
				set(location{field: c.w.g.shapes.field(f)})
			}
			p.shared = p.shared || s.Indirect() || isPointer(c.info.TypeOf(x.X))
			e = x.X
		case *ast.IndexExpr:
			t := c.info.TypeOf(x.X)
			if _, array := under(t).(*types.Array); !array {
				set(heldBy(t))
				p.shared = true
			}
			e = x.X
		case *ast.SliceExpr:
			p.shared = true
			e = x.X
		case *ast.StarExpr:
			set(heldBy(c.info.TypeOf(x.X)))
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
	if st, ok := under(c.info.TypeOf(e)).(*types.Struct); ok { // all its fields, which other types may name
		for f := range st.Fields() {
			if one, ok := c.w.g.shapes.one[f.Origin()]; ok {
				c.add(location{field: one}, e, what, p.root != nil && p.root == c.recv)
			}
		}
	}
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
	c.add(heldBy(t), e, what, recv)
	if p.inner.variable != nil || p.inner.field != nil {
		c.add(p.inner, e, what, recv)
	}
}

// heldBy is the location of what values of a reference type lead to. A named type and its underlying one are names for the
// same; in generic code it is the kind of type that counts.
func heldBy(t types.Type) location {
	if t == nil {
		return location{}
	}
	if hasTypeParam(t) {
		return location{held: kindOf(t)}
	}
	switch t.Underlying().(type) {
	case *types.Map, *types.Slice, *types.Chan, *types.Pointer:
		t = t.Underlying()
	}
	return location{held: (&walker{}).typeText(t)}
}

// kindOf is what heldBy gives for a type that generic code has parameters in.
func kindOf(t types.Type) string {
	switch under(t).(type) {
	case *types.Map:
		return "any map"
	case *types.Slice:
		return "any slice"
	case *types.Chan:
		return "any channel"
	case *types.Pointer:
		return "any pointer"
	}
	return "anything"
}
