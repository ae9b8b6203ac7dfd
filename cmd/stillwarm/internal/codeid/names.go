package codeid

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// binding says that what is changed under one name is changed under the other: a pointer and the variable it was made
// of, an object of a dependency and what it was given to write to.
type binding struct {
	object, state location
	within        types.Type // instead of a state: what values of this interface hold
	both          bool       // what is changed by the state's name is seen through the object, too
	behind        bool       // and nothing is changed through the object
}

// addressed notes that pointers may be another name for what the expression names.
func (c *writer) addressed(e ast.Expr) {
	p := c.follow(e)
	if v, ok := p.root.(*types.Var); ok && isLocal(v) && !p.shared && !p.captured { // a function that is kept may have it, too
		c.alias(heldBy(types.NewPointer(c.info.TypeOf(e))), location{variable: v})
	}
	if t := c.info.TypeOf(e); t != nil && p.inner != (location{}) && !c.private(p) {
		c.alias(heldBy(types.NewPointer(t)), p.inner)
	}
}

func (c *writer) alias(object, state location) {
	if object != state {
		c.w.n.bound = append(c.w.n.bound, binding{object: object, state: state, both: true})
	}
}

// receiver notes the address that the call of a method takes by itself: of what it is called on, and of the embedded
// structs on the way to it.
func (c *writer) receiver(sel *ast.SelectorExpr) {
	s := c.info.Selections[sel]
	if s == nil || s.Kind() == types.FieldVal {
		return
	}
	recv := s.Obj().(*types.Func).Signature().Recv()
	if recv == nil || !isPointer(recv.Type()) || s.Kind() != types.MethodVal {
		return
	}
	t := c.info.TypeOf(sel.X)
	if t == nil {
		return
	}
	embedded := s.Index()[:len(s.Index())-1]
	if len(embedded) == 0 {
		if !isPointer(t) {
			c.addressed(sel.X)
		}
		return
	}
	for _, i := range embedded {
		if p, ok := under(t).(*types.Pointer); ok {
			t = p.Elem()
		}
		st, ok := under(t).(*types.Struct)
		if !ok {
			return
		}
		f := st.Field(i)
		t = f.Type()
		if !isPointer(t) {
			c.alias(heldBy(types.NewPointer(t)), location{field: c.w.g.shapes.field(f)})
		}
	}
}

// bind notes what the objects that a dependency's function returns were made of.
func (c *writer) bind(n *ast.CallExpr, fn *types.Func) {
	results := fn.Signature().Results()
	t := c.info.TypeOf(n)
	if several, ok := t.(*types.Tuple); ok {
		results = several
	} else if t != nil {
		results = types.NewTuple(types.NewVar(n.Pos(), nil, "", t))
	}
	readsOnly := fn.Pkg().Path() == "bytes" && fn.Name() == "NewReader"
	for v := range results.Variables() {
		t := v.Type()
		if _, ok := t.Underlying().(*types.Signature); ok { // an iterator over what it was given
			c.w.n.makes = append(c.w.n.makes, signatureKey(t))
		}
		if object := objectOf(t); object != (location{}) {
			for _, arg := range n.Args {
				c.bound(object, arg, readsOnly)
			}
		}
	}
}

// partOf notes that what a dependency's method returns may be a part of what it is called on.
func (c *writer) partOf(n *ast.CallExpr, sel *ast.SelectorExpr) {
	if s := c.info.Selections[sel]; s == nil || s.Kind() != types.MethodVal {
		return
	}
	recv, t := c.info.TypeOf(sel.X), c.info.TypeOf(n)
	if recv == nil || t == nil || flat(recv) || immutable(recv) || types.IsInterface(recv) || flat(t) || immutable(t) {
		return
	}
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map:
	default:
		return
	}
	state := heldBy(recv)
	if !isReference(recv) {
		state = heldBy(types.NewPointer(recv))
	}
	c.alias(heldBy(t), state)
}

// objectOf is the location of an object of a dependency, or of what is behind an interface; none for what cannot be changed
// and for errors.
func objectOf(t types.Type) location {
	switch {
	case flat(t) || immutable(t) || isError(t):
		return location{}
	case isPointer(t) || types.IsInterface(t):
		return heldBy(t)
	}
	if _, ok := t.Underlying().(*types.Struct); ok {
		return heldBy(types.NewPointer(t))
	}
	return location{}
}

// bound notes that an object was made of a value. With readsOnly it never changes that.
func (c *writer) bound(object location, arg ast.Expr, readsOnly bool) {
	add := func(b binding) {
		b.object, b.both, b.behind = object, true, readsOnly
		c.w.n.bound = append(c.w.n.bound, b)
	}
	if u, ok := ast.Unparen(arg).(*ast.UnaryExpr); ok && u.Op == token.AND {
		if p := c.follow(u.X); p.inner != (location{}) {
			add(binding{state: p.inner})
		}
	}
	switch t := c.info.TypeOf(arg); {
	case t == nil || immutable(t) || isError(t):
	case types.IsInterface(t):
		if it, ok := t.Underlying().(*types.Interface); ok && it.NumMethods() > 0 {
			add(binding{within: t})
		} else {
			c.w.n.bound = append(c.w.n.bound, binding{object: object, within: t})
		}
	case isReference(t):
		add(binding{state: heldBy(t)})
	}
}

// literal notes what an object of a dependency is made of that is written out.
func (c *writer) literal(lit *ast.CompositeLit) {
	t := c.info.TypeOf(lit)
	name := typeName(t)
	if name == nil || name.Pkg() == nil || c.w.g.unitOf[name.Pkg()] != nil || immutable(t) {
		return
	}
	if _, ok := t.Underlying().(*types.Struct); !ok {
		return
	}
	c.giveElements(keeperOf(t), lit)
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			e = kv.Value
		}
		c.bound(heldBy(types.NewPointer(t)), e, false)
	}
}

// bindings adds the other names of what is shared: first the variables that may be behind its pointers, then everything
// that leads to any of it.
func (s *sharing) bindings(alive []*node) {
	s.behindPointers(alive)
	for grown := true; grown; {
		grown = false
		for _, n := range alive {
			for _, b := range n.bound {
				if !b.behind && !s.locations[b.object] && s.sharedBy(b) {
					s.locations[b.object], grown = true, true
				}
			}
		}
	}
}

func (s *sharing) behindPointers(alive []*node) {
	for grown := true; grown; {
		grown = false
		add := func(l location) {
			if l != (location{}) && !s.locations[l] {
				s.locations[l], grown = true, true
			}
		}
		for _, n := range alive {
			for _, b := range n.bound {
				switch {
				case !b.both || !s.locations[b.object]:
				case b.within != nil:
					for _, l := range s.g.held(b.within, "") {
						add(l)
					}
				default:
					add(b.state)
				}
			}
		}
	}
}

func (s *sharing) sharedBy(b binding) bool {
	if b.within == nil {
		return s.locations[b.state]
	}
	return slices.ContainsFunc(s.g.held(b.within, ""), func(l location) bool { return s.locations[l] })
}

// held returns what the dependencies' objects hold that a value of the interface may be, or have embedded. With the name of
// a method, only objects that it changes count.
func (g *graph) held(iface types.Type, method string) []location {
	key := heldKey{iface, method}
	if found, ok := g.heldIn[key]; ok {
		return found
	}
	var found []location
	it := interfaceOf(iface)
	for _, t := range g.converted() {
		if it == nil || flat(t) || immutable(t) || !types.Implements(t, it) {
			continue
		}
		embedded, changes := g.changing(t, it, method)
		if method != "" && !changes {
			continue
		}
		if isReference(t) {
			found = append(found, heldBy(t))
		}
		if embedded {
			for l := range g.leads(t) {
				found = append(found, l)
			}
		}
	}
	g.heldIn[key] = found
	return found
}

// interfaceOf returns the interface that the type is, or that a type parameter has to fit.
func interfaceOf(t types.Type) *types.Interface {
	if t == nil {
		return nil
	}
	it, _ := t.Underlying().(*types.Interface)
	return it
}

// changing reports whether a method of the interface, or the one of the name, is a dependency's that changes what it is called
// on, and whether the type has it from something embedded.
func (g *graph) changing(t types.Type, it *types.Interface, method string) (embedded, changes bool) {
	for m := range it.Methods() {
		if method != "" && m.Name() != method {
			continue
		}
		obj, index, _ := types.LookupFieldOrMethod(t, true, m.Pkg(), m.Name())
		fn, ok := obj.(*types.Func)
		if !ok || fn.Pkg() == nil || g.unitOf[fn.Pkg()] != nil || readOnlyMethod(fn) {
			continue
		}
		embedded, changes = embedded || len(index) > 1, true
	}
	return embedded, changes
}

type heldKey struct {
	iface  types.Type
	method string
}

// converted returns the types whose values become interface values anywhere in the program.
func (g *graph) converted() []types.Type {
	if g.convertedTypes == nil {
		seen := map[types.Type]bool{}
		g.convertedTypes = []types.Type{}
		for _, n := range g.nodes {
			for _, t := range n.converted {
				if !seen[t] {
					seen[t] = true
					g.convertedTypes = append(g.convertedTypes, t)
				}
			}
		}
	}
	return g.convertedTypes
}
