package codeid

import (
	"go/ast"
	"go/types"
)

// uncopied are the types of cached functions that may return what the function returned itself, not a copy of it: a Scope that
// panics leaves a call without a key. Without names, any may.
type uncopied struct {
	types map[string]bool
	any   bool
}

func uncopiedBy(units []*unit) *uncopied {
	found := &uncopied{types: map[string]bool{}}
	for _, u := range units {
		direct := map[*ast.Ident]bool{}
		for e, tv := range u.info.Types {
			call, ok := e.(*ast.CallExpr)
			if !ok || call.Ellipsis.IsValid() {
				continue
			}
			if fn := calleeOf(u.info, call); fn == nil || wrapperName(fn) == "" {
				continue
			}
			for _, arg := range call.Args {
				if option, ok := ast.Unparen(arg).(*ast.CallExpr); ok && isScope(u.info, calledName(option)) {
					direct[calledName(option)] = true
					found.add(tv.Type)
				}
			}
		}
		for id := range u.info.Uses {
			found.any = found.any || isScope(u.info, id) && !direct[id]
		}
	}
	return found
}

func isScope(info *types.Info, id *ast.Ident) bool {
	if id == nil {
		return false
	}
	fn, ok := info.Uses[id].(*types.Func)
	return ok && isLibrary(fn) && fn.Name() == "Scope"
}

// add notes the type of what a wrap returns, beside which there may be an error.
func (u *uncopied) add(t types.Type) {
	if several, ok := t.(*types.Tuple); ok {
		if several.Len() == 0 {
			return
		}
		t = several.At(0).Type()
	}
	if typeName(t) == nil {
		u.any = true
	}
	u.types[canonical(t)] = true
}

// holds reports whether a cached function of the type may return what is not a copy.
func (u *uncopied) holds(t types.Type) bool {
	return t != nil && (u.any || u.types[canonical(t)] || u.types[canonical(types.NewPointer(t))])
}
