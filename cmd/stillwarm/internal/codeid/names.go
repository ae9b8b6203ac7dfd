package codeid

import (
	"go/ast"
	"go/types"
	"slices"
)

// binding says that what is changed under one name is changed under the other: a pointer and the variable it was made
// of, an object of a dependency and what it was given to write to.
type binding struct {
	object, state location
	within        types.Type // instead of a state: what values of this interface hold
	both          bool       // the object is a pointer: what is changed by the state's name is seen through it, too
}

// addressed notes that pointers may be another name for what the expression names.
func (c *writer) addressed(e ast.Expr) {
	p := c.follow(e)
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

// bind notes what an object that a dependency's function returns was made of.
func (c *writer) bind(n *ast.CallExpr, fn *types.Func) {
	t := c.info.TypeOf(n)
	if fn.Pkg().Path() == "bytes" && fn.Name() == "NewReader" { // which never writes to it
		return
	}
	if t == nil || !isPointer(t) && !types.IsInterface(t) || immutable(t) {
		return
	}
	object := heldBy(t)
	for _, arg := range n.Args {
		if u, ok := ast.Unparen(arg).(*ast.UnaryExpr); ok {
			if p := c.follow(u.X); p.inner != (location{}) {
				c.w.n.bound = append(c.w.n.bound, binding{object: object, state: p.inner})
			}
		}
		switch at := c.info.TypeOf(arg); {
		case at == nil || immutable(at):
		case types.IsInterface(at):
			c.w.n.bound = append(c.w.n.bound, binding{object: object, within: at})
		case isReference(at):
			c.w.n.bound = append(c.w.n.bound, binding{object: object, state: heldBy(at)})
		}
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
				if !s.locations[b.object] && s.sharedBy(b) {
					s.locations[b.object], grown = true, true
				}
			}
		}
	}
}

func (s *sharing) behindPointers(alive []*node) {
	var behind []location
	for _, n := range alive {
		for _, b := range n.bound {
			if b.both && s.locations[b.object] && b.state != (location{}) {
				behind = append(behind, b.state)
			}
		}
	}
	for _, l := range behind {
		s.locations[l] = true
	}
}

func (s *sharing) sharedBy(b binding) bool {
	if b.within == nil {
		return s.locations[b.state]
	}
	return slices.ContainsFunc(s.g.held(b.within, ""), func(l location) bool { return s.locations[l] })
}

// held returns what the dependencies' objects hold that a value of the interface may be. With the name of a method, only
// objects that it changes count.
func (g *graph) held(iface types.Type, method string) []location {
	key := heldKey{iface, method}
	if found, ok := g.heldIn[key]; ok {
		return found
	}
	var found []location
	it, _ := under(iface).(*types.Interface)
	for _, t := range g.converted() {
		if it == nil || !isReference(t) || types.IsInterface(t) || immutable(t) || !types.Implements(t, it) {
			continue
		}
		if method != "" {
			obj, _, _ := types.LookupFieldOrMethod(t, true, nil, method)
			fn, ok := obj.(*types.Func)
			if !ok || fn.Pkg() == nil || g.unitOf[fn.Pkg()] != nil || readOnlyMethod(fn) {
				continue
			}
		}
		found = append(found, heldBy(t))
	}
	g.heldIn[key] = found
	return found
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
