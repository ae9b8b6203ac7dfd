package codeid

import "go/types"

// eachNamed calls visit for each declared type that a type is made of. Where visit returns true, it goes on with what
// that type is made of.
func eachNamed(t types.Type, visit func(*types.TypeName) bool) {
	(&typeWalk{visit: visit, seen: map[types.Type]bool{}}).walk(t)
}

type typeWalk struct {
	visit func(*types.TypeName) bool
	seen  map[types.Type]bool
}

func (w *typeWalk) walk(t types.Type) {
	if t == nil || w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t := t.(type) {
	case *types.Alias:
		w.visit(t.Obj())
		for a := range t.TypeArgs().Types() {
			w.walk(a)
		}
		w.walk(types.Unalias(t))
	case *types.Named:
		for a := range t.TypeArgs().Types() {
			w.walk(a)
		}
		if w.visit(t.Origin().Obj()) {
			w.walk(t.Underlying())
		}
	case *types.Struct:
		for f := range t.Fields() {
			w.walk(f.Type())
		}
	case *types.Map:
		w.walk(t.Key())
		w.walk(t.Elem())
	case *types.Signature:
		w.tuple(t.Params())
		w.tuple(t.Results())
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			w.walk(m.Type())
		}
		for e := range t.EmbeddedTypes() {
			w.walk(e)
		}
	case *types.Union:
		for term := range t.Terms() {
			w.walk(term.Type())
		}
	case *types.Tuple:
		w.tuple(t)
	case interface{ Elem() types.Type }: // pointers, slices, arrays, channels
		w.walk(t.Elem())
	}
}

func (w *typeWalk) tuple(t *types.Tuple) {
	for v := range t.Variables() {
		w.walk(v.Type())
	}
}
