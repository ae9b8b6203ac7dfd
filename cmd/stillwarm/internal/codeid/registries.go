package codeid

import "go/types"

// registries are packages that find by a name what they have given to somebody else, or got from him.
var registries = map[string]bool{"expvar": true, "flag": true}

// registered are the types of what the registries that the declarations ask may hold: what their functions return, and where
// these are told to store.
func (q *inquiry) registered(by map[*node]bool) (found []types.Type) {
	asked := map[string]bool{}
	for n := range by {
		for _, u := range n.uses {
			path := u.keeper.pkg
			if u.keeper.object != nil && u.keeper.object.Pkg() != nil {
				path = u.keeper.object.Pkg().Path()
			}
			asked[path] = asked[path] || registries[path]
		}
	}
	for path, ask := range asked {
		pkg := q.packages[path]
		if !ask || pkg == nil {
			continue
		}
		for _, name := range pkg.Scope().Names() {
			fn, ok := pkg.Scope().Lookup(name).(*types.Func)
			if !ok || !fn.Exported() {
				continue
			}
			for _, tuple := range []*types.Tuple{fn.Signature().Params(), fn.Signature().Results()} {
				for v := range tuple.Variables() {
					if isPointer(v.Type()) {
						found = append(found, v.Type())
					}
				}
			}
		}
	}
	return found
}
