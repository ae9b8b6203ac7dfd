package codeid

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// event is something that a declaration does to state which others may share.
type event struct {
	to       location
	place    string
	what     string
	handed   bool       // in a function that is only handed over: it runs later
	late     bool       // in a goroutine
	captured bool       // of what belongs to one call of the function around, by a function that is kept or handed over
	released bool       // with captured: that function may outlive the call
	deep     types.Type // instead of a place: all that values of the type lead to
	iface    types.Type // or the objects of dependencies that values of the interface may be,
	method   string     // as this method changes them
	behind   types.Type // with deep: only where a dependency's object may be behind the interface
	part     bool       // of a value that changes as a whole: it matters to who has the part's address
	filler   string     // with deep: only where a dependency's function of that signature is a value
	kept     string     // not empty in a function that is kept: others may call it
	signal   bool       // it lets those go on that wait for the state
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
	c := &writer{w: w, info: w.info, fresh: freshLocals(w.g, w.info, w.n.decl), copies: copiesOf(w.g, w.info, w.n.decl), called: map[ast.Expr]bool{}, invoked: map[invocation]bool{}}
	if fn, ok := w.n.decl.(*ast.FuncDecl); ok {
		if fn.Body == nil {
			return
		}
		c.params = parametersOf(w.info, fn)
		w.n.release, c.staying = c.releases(fn), c.onlyCalled(fn)
		c.inspect(fn.Body)
		return
	}
	if call, ok := w.n.decl.(*ast.CallExpr); ok {
		c.wrapped(call)
		c.inspect(call)
		w.n.events, w.n.passes = nil, nil // the declaration around it has them
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
	w       *walker
	info    *types.Info
	fresh   map[types.Object]bool
	copies  map[types.Object]bool
	params  map[*types.Var]bool // of a declared function, where they have the values that the caller gave
	handed  bool
	late    bool
	lit     *ast.FuncLit // the outermost function around that is kept or handed over
	kept    string
	arrays  map[types.Object]bool // slices of arrays that the declaration has made; nil before the first question
	staying map[*ast.FuncLit]bool // functions that do not outlive the call
	called  map[ast.Expr]bool     // what calls name, and functions that run where they are written
	invoked map[invocation]bool
}

func (c *writer) inspect(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		c.invokes(n)
		c.convertedHere(n)
		switch n := n.(type) {
		case *ast.FuncLit:
			// One that is kept somewhere runs whenever somebody calls it, with that caller's arguments.
			c.function(n)
			return false
		case *ast.GoStmt:
			late, lit := c.late, c.lit
			c.late = true
			if started, ok := ast.Unparen(n.Call.Fun).(*ast.FuncLit); ok {
				c.lit = started
			}
			c.inspect(n.Call)
			c.late, c.lit = late, lit
			return false
		case *ast.AssignStmt:
			c.givenTo(n)
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
				c.alias(heldBy(c.info.TypeOf(n)), c.follow(n.X).inner)
			case *types.Pointer:
				if _, ok := under(t.Elem()).(*types.Array); ok {
					c.held(n.X, "sliced")
					c.alias(heldBy(c.info.TypeOf(n)), heldBy(c.info.TypeOf(n.X)))
				}
			}
		case *ast.SelectorExpr:
			c.receiver(n)
			if !c.called[n] {
				c.methodValue(n)
				c.methodExpression(n)
			}
		case *ast.Ident:
			c.capture(n)
			c.position(n)
			c.stateful(n)
			c.functionValue(n)
			c.usedLate(n)
		case *ast.SendStmt:
			c.held(n.Chan, "sent to")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				c.held(n.X, "received from")
			}
			if n.Op == token.AND {
				if _, literal := ast.Unparen(n.X).(*ast.CompositeLit); !literal {
					c.write(n.X, "taken the address of")
					c.addressed(n.X)
					c.copyAddressed(n.X)
				}
			}
		case *ast.CompositeLit:
			c.literal(n)
		case *ast.CallExpr:
			c.runs(n)
			c.call(n)
		}
		return true
	})
}

// function reads a function that is written where it stands. One that is kept somewhere runs whenever somebody calls it.
func (c *writer) function(lit *ast.FuncLit) {
	before := *c
	if kept := c.w.handed[lit] || !c.called[lit]; kept || c.late && c.lit == nil {
		c.lit = lit
	}
	if (c.w.handed[lit] || !c.called[lit]) && !c.handed {
		c.handed = true
		if !c.w.handed[lit] {
			c.kept = "kept " + signatureKey(c.info.TypeOf(lit))
			if c.w.given[lit] {
				c.kept = "given"
			}
		}
	}
	if !c.w.handed[lit] && !c.called[lit] {
		c.w.n.makes = append(c.w.n.makes, signatureKey(c.info.TypeOf(lit)))
	}
	c.late = c.late || c.w.runsLate(lit)
	c.inspect(lit.Body)
	c.handed, c.late, c.kept, c.lit = before.handed, before.late, before.kept, before.lit
}

// runs notes what the call names, and the functions among its arguments that run before it returns.
func (c *writer) runs(n *ast.CallExpr) {
	c.called[ast.Unparen(n.Fun)] = true
	fn := calleeOf(c.info, n)
	if !runsArguments(fn) {
		return
	}
	for _, arg := range n.Args {
		c.called[ast.Unparen(arg)] = true
	}
}

// runsArguments reports whether the function calls what it gets before it returns, and keeps none of it.
func runsArguments(fn *types.Func) bool {
	return fn != nil && fn.Pkg() != nil && !keepsWhatItGets(fn) && (callingPackages[fn.Pkg().Path()] || callingMethods[fn.Origin().FullName()])
}

// callingPackages are those whose functions call what they get, and keep none of it.
var callingPackages = map[string]bool{
	"sort": true, "slices": true, "maps": true, "strings": true, "bytes": true, "io/fs": true, "path/filepath": true,
}

// callingMethods are methods of which the same holds, as far as a setup can tell.
var callingMethods = map[string]bool{"(*sync.Once).Do": true, "(*sync.WaitGroup).Go": true}

// keepsWhatItGets reports whether the result of a function may be one that calls its arguments later: an iterator.
func keepsWhatItGets(fn *types.Func) bool {
	for v := range fn.Signature().Results().Variables() {
		if _, ok := under(v.Type()).(*types.Signature); ok {
			return true
		}
	}
	return false
}

func (c *writer) add(l location, at ast.Node, what string) { c.addEvent(event{to: l, what: what}, at) }

func (c *writer) addEvent(e event, at ast.Node) {
	e.place, e.handed, e.late, e.kept = c.w.g.place(at.Pos()), e.handed || c.handed, c.late, cmp.Or(e.kept, c.kept)
	e.released = e.captured && c.kept != "" && !c.staying[c.lit]
	c.w.n.events = append(c.w.n.events, e)
}

// route is the way from a root to a piece of state.
type route struct {
	root     types.Object // a package's variable, a local one, or nil for the result of a call and the like
	inner    location     // the innermost location on the way
	captured bool         // the root is a local variable of the function around
	shared   bool         // a pointer, map, slice or interface lies on the way: others may hold the same
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
			if v != nil && !isLocal(v) || c.captures(v) {
				set(location{variable: v})
				p.captured = p.captured || isLocal(v)
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

// captures reports whether a variable is local to the function around the one that is kept or handed over.
func (c *writer) captures(v *types.Var) bool {
	return v != nil && c.lit != nil && isLocal(v) && (v.Pos() < c.lit.Pos() || v.Pos() >= c.lit.End())
}

// capture notes the variables that a kept function has from around it.
func (c *writer) capture(id *ast.Ident) {
	if v, ok := c.info.Uses[id].(*types.Var); ok && (c.kept != "" || c.late) && !v.IsField() && c.captures(v) && !slices.Contains(c.w.n.captured, v) {
		c.w.n.captured = append(c.w.n.captured, v)
	}
}

// private reports whether only this call of the function can hold what the path leads to.
func (c *writer) private(p route) bool {
	v, ok := p.root.(*types.Var)
	return ok && isLocal(v) && !p.captured && (!p.shared || c.fresh[v])
}

// write notes that the state which an expression names is changed.
func (c *writer) write(e ast.Expr, what string) {
	if e == nil {
		return
	}
	if isBlank(ast.Unparen(e)) {
		return
	}
	p := c.follow(e)
	if p.inner == (location{}) || c.private(p) {
		return
	}
	own := c.ownCapture(p)
	c.addEvent(event{to: p.inner, what: what, captured: own}, e)
	c.parts(c.info.TypeOf(e), e, event{what: what, captured: own})
	// A package's variable that holds the state by value changes with it.
	if v, ok := p.root.(*types.Var); ok && !isLocal(v) && p.inner.variable == nil {
		c.add(location{variable: v}, e, what)
	}
}

// parts notes what changes with a value that holds it: the fields of a struct, of the structs in them, and of those in
// arrays. Somebody may have their addresses.
func (c *writer) parts(t types.Type, e ast.Expr, ev event) {
	switch u := under(t).(type) {
	case *types.Array:
		c.parts(u.Elem(), e, ev)
	case *types.Struct:
		for f := range u.Fields() {
			ev.to, ev.part = location{field: c.w.g.shapes.field(f)}, true
			c.addEvent(ev, e)
			c.parts(f.Type(), e, ev)
		}
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
	if c.private(p) || isFresh(c.info, e, nil) {
		return
	}
	c.add(heldBy(t), e, what)
	if p.inner.variable != nil || p.inner.field != nil {
		c.add(p.inner, e, what)
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
	return location{held: canonical(t)}
}

// kinds are what heldBy gives for types of generic code.
var kinds = []string{"any map", "any slice", "any channel", "any pointer", "anything"}

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
