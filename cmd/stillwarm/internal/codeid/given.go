package codeid

import (
	"go/ast"
	"go/types"
)

// gives marks what a dependency keeps of a call's arguments and of the elements of its own structs: it may call functions and
// methods of theirs whenever it likes.
func (w *walker) gives(n ast.Node) {
	switch n := n.(type) {
	case *ast.CallExpr:
		if fn := calleeOf(w.info, n); fn != nil && w.g.keeps(fn) {
			for _, arg := range n.Args {
				w.give(arg)
			}
		}
	case *ast.CompositeLit:
		if name := typeName(w.info.TypeOf(n)); name == nil || name.Pkg() == nil || w.g.unitOf[name.Pkg()] != nil {
			return
		}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				e = kv.Value
			}
			w.give(e)
		}
	}
}

func (w *walker) give(e ast.Expr) {
	w.given[ast.Unparen(e)] = true
	if conv, ok := ast.Unparen(e).(*ast.CallExpr); ok && len(conv.Args) == 1 && w.info.Types[conv.Fun].IsType() {
		w.give(conv.Args[0])
	}
	if t := w.info.TypeOf(e); t != nil {
		if it, ok := t.Underlying().(*types.Interface); ok && !isContext(t) && !isError(t) {
			for m := range it.Methods() {
				w.n.gives = append(w.n.gives, invocation{signature: signatureKey(m.Type()), method: m.Name()})
			}
		}
	}
}

// isFunction reports whether the node is the name of a function, or a method's value.
func (w *walker) isFunction(n ast.Node) bool {
	e, ok := n.(ast.Expr)
	if !ok {
		return false
	}
	switch e.(type) {
	case *ast.Ident, *ast.SelectorExpr:
		_, ok := under(w.info.TypeOf(e)).(*types.Signature)
		return ok
	}
	return false
}

// keeps reports whether a dependency's function may keep what it gets beyond the call.
func (g *graph) keeps(fn *types.Func) bool {
	if fn.Pkg() == nil || g.unitOf[fn.Pkg()] != nil || isLibrary(fn) || isHandover(fn) || callingMethods[fn.Origin().FullName()] {
		return false
	}
	path := fn.Pkg().Path()
	switch {
	case callingPackages[path]:
	case path == "fmt" || path == "errors" || path == "io" || path == "encoding/json" || path == "encoding/xml" || path == "encoding/gob":
		if fn.Signature().Recv() != nil {
			return false // an encoder's Encode
		}
	default:
		return true
	}
	for v := range fn.Signature().Results().Variables() {
		switch t := v.Type().Underlying().(type) {
		case *types.Signature, *types.Pointer, *types.Interface:
			return !isError(v.Type())
		case *types.Struct:
			return !flat(t)
		}
	}
	return false
}
