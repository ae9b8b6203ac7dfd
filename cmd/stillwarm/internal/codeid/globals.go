package codeid

import "go/types"

// globals is the state that the dependencies of the code keep in variables of their own: http.DefaultClient is seen by
// whoever calls http.Get, and can be changed by whoever has it under any name.
func (q *inquiry) globals() map[location]bool {
	if q.kept == nil {
		q.kept = map[location]bool{}
		for path := range q.dependencies() {
			if pkg := q.packages[path]; pkg != nil && q.unitOf[pkg] == nil && !wrapping(path) {
				for _, l := range q.globalState(pkg) {
					q.kept[l] = true
				}
			}
		}
	}
	return q.kept
}

// globalState lists what the exported variables of a package lead to: the fields of its structs, and their objects as
// others hold them.
func (g *graph) globalState(pkg *types.Package) []location {
	if found, ok := g.stateOf[pkg]; ok {
		return found
	}
	var state []location
	scope := pkg.Scope()
	for _, name := range scope.Names() {
		v, ok := scope.Lookup(name).(*types.Var)
		if !ok || !v.Exported() || immutable(v.Type()) {
			continue
		}
		for _, held := range holders(scope, v.Type()) {
			state = append(state, heldBy(types.NewPointer(held)))
			for f := range held.Underlying().(*types.Struct).Fields() {
				if f.Exported() {
					state = append(state, location{field: g.shapes.field(f)})
				}
			}
		}
	}
	g.stateOf[pkg] = state
	return state
}

// holders returns the structs of a package that a variable of the type may hold. Errors are compared, not changed.
func holders(scope *types.Scope, t types.Type) []*types.Named {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	if named := structOf(t); named != nil {
		return []*types.Named{named}
	}
	it, ok := t.Underlying().(*types.Interface)
	if !ok || it.NumMethods() == 0 || types.Identical(t, types.Universe.Lookup("error").Type()) {
		return nil
	}
	var found []*types.Named
	for _, name := range scope.Names() {
		if obj, ok := scope.Lookup(name).(*types.TypeName); ok && obj.Exported() {
			if named := structOf(obj.Type()); named != nil && types.Implements(types.NewPointer(named), it) {
				found = append(found, named)
			}
		}
	}
	return found
}

func structOf(t types.Type) *types.Named {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return nil
	}
	if _, ok := named.Underlying().(*types.Struct); !ok || immutable(t) || harmless(named) {
		return nil
	}
	return named
}

func harmless(t *types.Named) bool {
	obj := t.Obj()
	return obj.Pkg() != nil && harmlessTypes[obj.Pkg().Path()+"."+obj.Name()]
}
