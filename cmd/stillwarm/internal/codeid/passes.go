package codeid

import (
	"cmp"
	"go/ast"
	"go/types"
)

// pass is a reference that goes into a parameter of an interface type, whose function may let somebody change it.
type pass struct {
	from  *types.Var // the caller's own parameter that it is, or nil
	to    *types.Var // the parameter; nil where something changes it here
	event event      // what it means if the parameter is changed
}

// filled notes that whatever the argument leads to may be changed, by a dependency that decodes into it or is not known.
func (c *writer) filled(arg ast.Expr, what string) {
	t := c.info.TypeOf(arg)
	if t == nil || flat(t) || immutable(t) || isError(t) {
		return
	}
	if types.IsInterface(t) {
		c.change(arg, event{deep: t, what: what})
		return
	}
	if c.owns(arg) {
		return
	}
	e := event{deep: t, what: what, captured: c.ownsCaptured(arg)}
	if own := c.localTarget(arg); own != nil { // what it holds may be shared, not the variable
		e.deep = own
	} else if isReference(t) {
		e.to = heldBy(t)
	}
	c.addEvent(e, arg)
}

// localTarget returns the type of the local variable whose address the argument is, or nil.
func (c *writer) localTarget(arg ast.Expr) types.Type {
	u, ok := ast.Unparen(arg).(*ast.UnaryExpr)
	if !ok {
		return nil
	}
	p := c.follow(u.X)
	if v, ok := p.root.(*types.Var); !ok || !isLocal(v) || p.shared {
		return nil
	}
	return c.info.TypeOf(u.X)
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

// written notes that the method of an interface is called on the expression's value, here or in a dependency.
func (c *writer) written(x ast.Expr, method, what string) {
	if t := c.info.TypeOf(x); t != nil && types.IsInterface(t) && !immutable(t) {
		c.change(x, event{iface: t, method: method, what: what})
	}
}

// change notes a change behind an interface value. Where that is a parameter, the callers know what it holds.
func (c *writer) change(e ast.Expr, ev event) {
	ev.place = c.w.g.place(e.Pos())
	ev.handed, ev.kept, ev.late = c.handed, c.kept, c.late
	from := c.parameter(e)
	if c.lit != nil { // later, when the callers are not there any more
		from = nil
	}
	c.w.n.passes = append(c.w.n.passes, pass{from: from, event: ev})
}

// owns reports whether what the argument leads to is only known to this call of the function.
func (c *writer) owns(arg ast.Expr) bool {
	own, captured := c.owned(arg)
	return own && !captured
}

// ownsCaptured reports whether the function around has made what the argument leads to: others that it makes may know it, too.
func (c *writer) ownsCaptured(arg ast.Expr) bool {
	own, captured := c.owned(arg)
	return own && captured
}

func (c *writer) owned(arg ast.Expr) (own, captured bool) {
	e := ast.Unparen(arg)
	if u, ok := e.(*ast.UnaryExpr); ok {
		if lit, ok := ast.Unparen(u.X).(*ast.CompositeLit); ok {
			return flatElements(c.info, lit), false
		}
		p := c.follow(u.X)
		v, ok := p.root.(*types.Var)
		return ok && isLocal(v) && (c.fresh[v] || !p.shared && flat(c.info.TypeOf(u.X))), p.captured
	}
	if isFresh(c.info, e, nil) {
		return true, false
	}
	p := c.follow(e)
	v, ok := p.root.(*types.Var)
	return ok && isLocal(v) && c.fresh[v], p.captured
}

// parameter returns the parameter of the declared function that the expression names, if it has the value that the caller
// gave.
func (c *writer) parameter(e ast.Expr) *types.Var {
	id, ok := ast.Unparen(e).(*ast.Ident)
	if !ok {
		return nil
	}
	v, ok := c.info.Uses[id].(*types.Var)
	if !ok || !c.params[v] {
		return nil
	}
	return v
}

// parametersOf returns the parameters of a declared function that are never given another value.
func parametersOf(info *types.Info, fn *ast.FuncDecl) map[*types.Var]bool {
	params := map[*types.Var]bool{}
	for obj := range fieldObjects(info, fn.Type.Params) {
		params[obj.(*types.Var)] = true
	}
	drop := func(e ast.Expr) {
		if id, ok := ast.Unparen(e).(*ast.Ident); ok {
			if v, ok := info.ObjectOf(id).(*types.Var); ok {
				delete(params, v)
			}
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, lhs := range n.Lhs {
				drop(lhs)
			}
		case *ast.RangeStmt:
			drop(n.Key)
			drop(n.Value)
		case *ast.UnaryExpr:
			drop(n.X)
		}
		return true
	})
	return params
}

// userCall notes references that become interface values on the way into a function of the user's.
func (c *writer) userCall(n *ast.CallExpr, fn *types.Func) {
	args := n.Args
	if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok && len(args) > 0 {
		if s := c.info.Selections[sel]; s != nil && s.Kind() == types.MethodExpr {
			args = args[1:] // the first is what the method is called on
		}
	}
	for i, arg := range args {
		if several, ok := c.info.TypeOf(arg).(*types.Tuple); ok {
			for k := range several.Len() {
				c.userArgument(n, fn, k, arg, several.At(k).Type())
			}
			continue
		}
		if !c.owns(arg) {
			c.userArgument(n, fn, i, arg, c.info.TypeOf(arg))
		}
	}
}

// userArgument notes one argument, where its parameter is of an interface type.
func (c *writer) userArgument(n *ast.CallExpr, fn *types.Func, i int, arg ast.Expr, t types.Type) {
	sig := fn.Origin().Signature()
	last := sig.Params().Len() - 1
	if last < 0 || t == nil || flat(t) || immutable(t) || isError(t) {
		return
	}
	to := sig.Params().At(min(i, last))
	if rest := sig.Variadic() && i >= last; !rest && !types.IsInterface(to.Type()) {
		return
	}
	ev := event{
		deep: t, what: "handed to " + fn.Name(), place: c.w.g.place(arg.Pos()), captured: c.ownsCaptured(arg),
		handed: c.handed, kept: c.kept, late: c.late,
	}
	c.w.n.passes = append(c.w.n.passes, pass{from: c.parameter(arg), to: to, event: ev})
}

// resolvePasses turns what goes into parameters that somebody changes into events. Where a function may be called without
// being named, its parameter may hold whatever has the type.
func (g *graph) resolvePasses(alive []*node) {
	unnamed := valued(alive)
	changed := map[*types.Var]event{}
	for grown := true; grown; {
		grown = false
		for _, n := range alive {
			for _, p := range n.passes {
				ev, here := p.changes(g, changed)
				if _, known := changed[p.from]; here && p.from != nil && !known {
					changed[p.from], grown = ev, true
				}
			}
		}
	}
	for _, n := range alive {
		for _, p := range n.passes {
			if ev, here := p.changes(g, changed); here && (p.from == nil || unnamed[n]) {
				n.events = append(n.events, ev)
			}
		}
	}
}

// changes reports whether something changes what is passed, and what that means.
func (p pass) changes(g *graph, changed map[*types.Var]event) (event, bool) {
	if p.to == nil {
		return p.event, true
	}
	ev, here := changed[p.to]
	if !here {
		return event{}, false
	}
	if ev.deep == nil { // a method is called on it
		if !types.IsInterface(p.event.deep) {
			return p.event, p.changedBy(g, ev.method) // seen where it became an interface value, but generic code makes none
		}
		behind := p.event
		behind.deep, behind.iface, behind.method = nil, p.event.deep, ev.method
		return behind, true
	}
	return p.event, true
}

// changedBy reports whether generic code gets the value, of which it calls a method that is a dependency's and changes it.
func (p pass) changedBy(g *graph, method string) bool {
	t := p.to.Type()
	if s, ok := t.(*types.Slice); ok {
		t = s.Elem()
	}
	if !isTypeParam(t) {
		return false
	}
	obj, _, _ := types.LookupFieldOrMethod(p.event.deep, true, nil, cmp.Or(method, "Write"))
	fn, ok := obj.(*types.Func)
	return ok && fn.Pkg() != nil && g.unitOf[fn.Pkg()] == nil && !readOnlyMethod(fn)
}

// valued returns the functions of which values are made, and the methods that interfaces may have: others may call them.
func valued(alive []*node) map[*node]bool {
	values := map[*node]bool{}
	for _, n := range alive {
		for _, e := range n.edges {
			values[e.to] = values[e.to] || e.value
		}
	}
	return values
}
