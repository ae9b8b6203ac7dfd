package codeid

import (
	"go/types"
)

// sharing collects the state that a function's code can reach and that other code can reach, too.
type sharing struct {
	g         *graph
	locations map[location]bool
	converted []types.Type // what becomes an interface value in the code that is hashed
	seen      map[types.Type]bool
}

// share notes what is reached through a value of the type.
func (s *sharing) share(t types.Type) {
	if t == nil || s.seen[t] {
		return
	}
	s.seen[t] = true
	switch u := types.Unalias(t).(type) {
	case *types.Pointer:
		s.holds(u)
		s.share(u.Elem())
		return
	case *types.Named:
		s.named(u)
		if immutable(t) {
			return
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		s.holds(t)
		s.share(u.Elem())
	case *types.Map:
		s.holds(t)
		s.share(u.Key())
		s.share(u.Elem())
	case *types.Slice:
		s.holds(t)
		s.share(u.Elem())
	case *types.Chan:
		s.holds(t)
		s.share(u.Elem())
	case *types.Array:
		s.share(u.Elem())
	case *types.Struct:
		s.fields(t, u)
	case *types.Interface:
		s.locations[heldBy(t)] = true
		s.dynamic(t, u)
	case *types.Signature: // it may return the same each time, as what sync.OnceValue makes does
		for v := range u.Results().Variables() {
			s.share(v.Type())
		}
	}
}

// holds notes what values of a reference type lead to.
func (s *sharing) holds(t types.Type) {
	s.locations[heldBy(t)] = true
	s.locations[location{held: kindOf(t)}] = true
}

// named covers what a dependency's type holds of the user's: its type arguments, and anything where it is a container.
func (s *sharing) named(t *types.Named) {
	obj := t.Obj()
	if obj.Pkg() == nil || s.g.unitOf[obj.Pkg()] != nil {
		return
	}
	s.holds(types.NewPointer(t))
	if wrapping(obj.Pkg().Path()) && obj.Name() == "Data" {
		return // results are copies
	}
	for a := range t.TypeArgs().Types() {
		s.share(a)
	}
	switch obj.Pkg().Path() + "." + obj.Name() {
	case "sync.Map", "sync.Pool", "sync/atomic.Value", "container/list.List", "container/ring.Ring":
		s.dynamic(nil, nil)
	}
}

func (s *sharing) fields(t types.Type, u *types.Struct) {
	name := typeName(t)
	foreign := name != nil && name.Pkg() != nil && s.g.unitOf[name.Pkg()] == nil
	for f := range u.Fields() {
		if foreign && !f.Exported() && !openPackages[name.Pkg().Path()] {
			continue
		}
		s.locations[location{field: s.g.shapes.field(f)}] = true
		s.share(f.Type())
	}
}

// openPackages have types that give away what they hold in fields without a name of their own.
var openPackages = map[string]bool{"container/list": true, "container/ring": true}

// leads returns all that values of the type lead to.
func (g *graph) leads(t types.Type) map[location]bool {
	if found, ok := g.leadsTo[t]; ok {
		return found
	}
	s := &sharing{g: g, locations: map[location]bool{}, seen: map[types.Type]bool{}, converted: g.converted()}
	s.share(t)
	if !hasTypeParam(t) { // its kinds are other types' kinds, too
		for _, kind := range kinds {
			delete(s.locations, location{held: kind})
		}
	}
	g.leadsTo[t] = s.locations
	return s.locations
}

// dynamic covers an interface: any type that becomes one and has its methods may be in it.
func (s *sharing) dynamic(t types.Type, it *types.Interface) {
	if immutable(t) {
		return
	}
	for _, c := range s.converted {
		if it == nil || types.Implements(c, it) || types.Implements(types.NewPointer(c), it) {
			s.share(c)
		}
	}
}

// sharedBy returns the state that a function shares with the rest of the program: what the variables lead to that its
// closure mentions, what the functions capture that it makes, and what values of the types lead to. What they may hold is made anywhere in the code that is
// hashed.
func (an *analysis) sharedBy(w *wrap, closure, code map[*node]bool, made []*node, more []types.Type) map[location]bool {
	g := an.graph
	s := &sharing{g: g, locations: map[location]bool{}, seen: map[types.Type]bool{}}
	for n := range code {
		s.converted = append(s.converted, n.converted...)
	}
	for n := range closure {
		for _, v := range n.captured {
			s.locations[location{variable: v}] = true
			s.share(v.Type())
		}
		for _, v := range n.vars {
			s.locations[location{variable: v}] = true
			if g.exposed(v) {
				s.share(v.Type())
			}
		}
	}
	if w.within.kind == kindVar {
		if v, ok := w.within.obj.(*types.Var); ok { // where Set would be called
			s.locations[location{variable: v}] = true
		}
	}
	for _, n := range made {
		g.shareLocals(s, n)
	}
	for _, t := range more {
		s.share(t)
	}
	s.bindings(an.alive)
	return s.locations
}
