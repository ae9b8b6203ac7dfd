package codeid

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// keeper is who may call user code that it was given: the objects of a dependency's type, or a dependency's package itself,
// as flag and expvar do.
type keeper struct {
	object *types.TypeName
	pkg    string
}

// gift is user code, or an object of a dependency that may hold some, which a keeper was given.
type gift struct {
	to     keeper
	code   *node      // what is given: a function, a type's methods, a function that is written there
	object keeper     // or the keeper that is given
	iface  types.Type // or whatever is behind an interface
	handed bool       // in a function that is only handed over
}

// giftsTo notes what a call gives to a dependency: to the objects that it returns, to the one that it is called on, or to the
// package, where it returns none.
func (c *writer) giftsTo(n *ast.CallExpr, fn *types.Func) {
	if fn.Pkg() == nil || !c.w.g.keeps(fn) || loggingPackages[fn.Pkg().Path()] || !keepingName(fn.Name()) {
		return
	}
	var to []keeper
	for v := range fn.Signature().Results().Variables() {
		if k := keeperOf(v.Type()); k.object != nil {
			to = append(to, k)
		} else if types.IsInterface(v.Type()) && !isError(v.Type()) {
			to = append(to, keeper{object: typeName(v.Type())})
		}
	}
	args := n.Args
	if fn.Signature().Recv() != nil {
		to = append(to, keeperOf(fn.Signature().Recv().Type()))
		if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok {
			args = append(slices.Clone(args), sel.X)
			to = append(to, keeperOf(c.info.TypeOf(sel.X))) // which may have the method of something embedded
		}
	} else if len(to) == 0 {
		to = append(to, keeper{pkg: fn.Pkg().Path()})
	}
	for _, k := range to {
		for _, arg := range args {
			c.give(k, arg)
		}
	}
}

// keepingName reports whether a function with the name may keep what it gets: templates and encoders do not when they
// write.
func keepingName(name string) bool {
	return !strings.HasPrefix(name, "Execute") && !strings.HasPrefix(name, "Encode") && !strings.HasPrefix(name, "Decode")
}

// loggingPackages get values to print. No result is made of that.
var loggingPackages = map[string]bool{"log": true, "log/slog": true}

// keeperOf is the keeper that a value of the type is, or a pointer to one.
func keeperOf(t types.Type) keeper {
	name := typeName(t)
	if name == nil || name.Pkg() == nil || flat(t) || immutable(t) || types.IsInterface(t) {
		return keeper{}
	}
	return keeper{object: name}
}

// give notes one value that a keeper gets.
func (c *writer) give(to keeper, e ast.Expr) {
	e = ast.Unparen(e)
	t := c.info.TypeOf(e)
	if to == (keeper{}) || t == nil {
		return
	}
	if call, ok := e.(*ast.CallExpr); ok && c.info.Types[call.Fun].IsType() && len(call.Args) == 1 {
		c.give(to, call.Args[0])
	}
	switch e := e.(type) {
	case *ast.FuncLit:
		c.gift(gift{to: to, code: c.literalNode(e)})
		return
	case *ast.UnaryExpr: // a variable that is read whenever it likes
		if root, ok := rootOf(c.info, e.X).(*types.Var); ok {
			c.gift(gift{to: to, code: c.w.g.nodeOf(root)})
		}
	case *ast.CompositeLit:
		c.giveElements(to, e)
	case *ast.Ident, *ast.SelectorExpr:
		if fn := c.functionOf(e); fn != nil {
			c.gift(gift{to: to, code: c.w.g.nodeOf(fn)})
		}
	}
	if sig, ok := t.Underlying().(*types.Signature); ok && c.functionOf(e) == nil { // whatever has been put there
		c.gift(gift{to: to, code: &node{id: c.w.n.id, kind: kindFunc, unit: c.w.n.unit, invoked: []invocation{{signature: signatureKey(sig)}}}})
	}
	if types.IsInterface(t) {
		if it, ok := t.Underlying().(*types.Interface); ok && it.NumMethods() > 0 && !isError(t) && !isContext(t) {
			c.gift(gift{to: to, iface: t})
		}
		return
	}
	name := typeName(t)
	if name == nil || name.Pkg() == nil {
		return
	}
	if c.w.g.unitOf[name.Pkg()] == nil {
		if k := keeperOf(t); k != to {
			c.gift(gift{to: to, object: k})
		}
		return
	}
	for _, m := range c.w.g.methods[name] {
		c.gift(gift{to: to, code: m})
	}
}

// giveElements notes what a literal holds: a table of functions, or a struct of options.
func (c *writer) giveElements(to keeper, lit *ast.CompositeLit) {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			e = kv.Value
		}
		c.give(to, e)
	}
}

// givenTo notes what is put into a field or an element of a dependency's object, or into a dependency's variable.
func (c *writer) givenTo(n *ast.AssignStmt) {
	for i, lhs := range n.Lhs {
		if len(n.Lhs) != len(n.Rhs) {
			return
		}
		switch lhs := ast.Unparen(lhs).(type) {
		case *ast.IndexExpr:
			c.giveIfForeign(c.info.TypeOf(lhs.X), n.Rhs[i])
		case *ast.SelectorExpr:
			if v, ok := c.info.Uses[lhs.Sel].(*types.Var); ok && !v.IsField() && v.Pkg() != nil && c.w.g.unitOf[v.Pkg()] == nil {
				c.give(keeper{pkg: v.Pkg().Path()}, n.Rhs[i])
			} else if v != nil && v.IsField() {
				c.giveIfForeign(c.info.TypeOf(lhs.X), n.Rhs[i])
			}
		}
	}
}

func (c *writer) giveIfForeign(t types.Type, value ast.Expr) {
	if t == nil {
		return
	}
	if k := keeperOf(t); k.object != nil && c.w.g.unitOf[k.object.Pkg()] == nil {
		c.give(k, value)
	}
}

func (c *writer) gift(g gift) {
	if g.code == nil && g.object == (keeper{}) && g.iface == nil {
		return
	}
	g.handed = c.handed
	c.w.n.gifts = append(c.w.n.gifts, g)
}

// functionOf returns the function or method that the expression names, or nil.
func (c *writer) functionOf(e ast.Expr) *types.Func {
	id, _ := ast.Unparen(e).(*ast.Ident)
	if sel, ok := ast.Unparen(e).(*ast.SelectorExpr); ok {
		id = sel.Sel
	}
	if id == nil {
		return nil
	}
	fn, _ := c.info.Uses[id].(*types.Func)
	return fn
}

// literalNode stands for a function that is written where it is given away: what it mentions, calls and captures, without
// what the declaration around it does.
func (c *writer) literalNode(lit *ast.FuncLit) *node {
	n := &node{id: c.w.n.id, kind: kindFunc, unit: c.w.n.unit, file: c.w.n.file, place: c.w.g.place(lit.Pos()), decl: lit}
	inner := *c.w
	inner.n = n
	read := &writer{w: &inner, info: c.info, fresh: c.fresh, copies: c.copies, called: map[ast.Expr]bool{}, invoked: map[invocation]bool{}, lit: lit, handed: true, kept: "given"}
	read.inspect(lit.Body)
	ast.Inspect(lit.Body, func(at ast.Node) bool {
		if id, ok := at.(*ast.Ident); ok && c.info.Uses[id] != nil {
			if to := c.w.g.nodeOf(c.info.Uses[id]); to != nil {
				n.edges = append(n.edges, edge{to: to})
			}
		}
		return true
	})
	return n
}

// uses notes that the expression's value is an object of a dependency, or may be one behind an interface.
func (c *writer) uses(e ast.Expr) {
	tv, ok := c.info.Types[e]
	if !ok || tv.Type == nil || !tv.IsValue() {
		return
	}
	t := tv.Type
	name := typeName(t)
	if it, ok := t.Underlying().(*types.Interface); ok {
		if it.NumMethods() > 0 && !isError(t) && !isContext(t) {
			c.use(use{iface: t})
		}
	} else if name != nil && name.Pkg() != nil && c.w.g.unitOf[name.Pkg()] == nil {
		c.use(use{keeper: keeperOf(t)})
	}
}

// use is a mention of what may call user code.
type use struct {
	keeper keeper
	iface  types.Type
}

func (c *writer) use(u use) {
	if u != (use{}) && !slices.Contains(c.w.n.uses, u) {
		c.w.n.uses = append(c.w.n.uses, u)
	}
}

// given returns the user code that dependencies may call when the declarations use them: what the covered code gave them.
func (q *inquiry) given(by map[*node]bool) map[*node]bool {
	used := map[keeper]bool{}
	for n := range by {
		for _, u := range n.uses {
			if u.iface == nil {
				used[u.keeper] = true
				continue
			}
			for _, k := range q.keepersBehind(u.iface) {
				used[k] = true
			}
		}
	}
	found := map[*node]bool{}
	for grown := len(used) > 0; grown; {
		grown = false
		for k := range used { // an object goes by its package's variables, too
			if k.object != nil && k.object.Pkg() != nil {
				used[keeper{pkg: k.object.Pkg().Path()}] = true
			}
		}
		for n := range q.code {
			for _, g := range n.gifts {
				if !used[g.to] || q.outside(n, g.handed) {
					continue
				}
				more := []keeper{g.object}
				if g.iface != nil {
					more = q.keepersBehind(g.iface)
					q.methodsBehind(g.iface, found)
				}
				for _, k := range more {
					grown = grown || k != (keeper{}) && !used[k]
					used[k] = true
				}
				if g.code != nil {
					found[g.code] = true
				}
			}
		}
	}
	return found
}

// keepersBehind are the types of dependencies' objects that a value of the interface may be in the covered code, and the
// interface itself where a dependency's function returned it.
func (q *inquiry) keepersBehind(iface types.Type) []keeper {
	var found []keeper
	if name := typeName(iface); name != nil && name.Pkg() != nil && q.unitOf[name.Pkg()] == nil {
		found = append(found, keeper{object: name})
	}
	for _, t := range q.behind(iface) {
		if name := typeName(t); name != nil && name.Pkg() != nil && q.unitOf[name.Pkg()] == nil {
			found = append(found, keeper{object: name})
		}
	}
	return found
}

// methodsBehind adds the methods of the user's types that a value of the interface may be.
func (q *inquiry) methodsBehind(iface types.Type, found map[*node]bool) {
	for _, t := range q.behind(iface) {
		if name := typeName(t); name != nil {
			for _, m := range q.methods[name] {
				found[m] = true
			}
		}
	}
}

// behind are the types that become values of the interface in the covered code.
func (q *inquiry) behind(iface types.Type) []types.Type {
	if q.behindOf == nil {
		q.behindOf = map[types.Type][]types.Type{}
	}
	if found, ok := q.behindOf[iface]; ok {
		return found
	}
	found := []types.Type{}
	it, _ := iface.Underlying().(*types.Interface)
	for n := range q.code {
		for _, t := range n.converted {
			if it != nil && !types.IsInterface(t) && types.Implements(t, it) {
				found = append(found, t)
			}
		}
	}
	q.behindOf[iface] = found
	return found
}
