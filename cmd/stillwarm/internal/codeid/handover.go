package codeid

import (
	"go/ast"
	"go/types"
	"strings"
)

// call looks at what a call means to the graph: a wrap, or a function that is handed over.
func (w *walker) call(call *ast.CallExpr) {
	fn := calleeOf(w.info, call)
	if fn == nil {
		return
	}
	w.called[calledName(call)] = true
	if isHandover(fn) {
		for _, arg := range call.Args {
			w.markHanded(arg)
		}
	}
	if isLibrary(fn) && fn.Name() == "Scope" {
		for _, arg := range call.Args {
			w.scoped[arg] = true
		}
	}
	if fn.Origin().FullName() == "(*sync.WaitGroup).Go" {
		for _, arg := range call.Args {
			w.late[arg] = true
		}
	}
	if call != w.n.decl {
		w.g.foundCall(w.n, call, fn)
		w.g.foundDelegate(w.n, call, fn)
	}
}

// hand counts what is handed over around what is read.
func (w *walker) hand(n ast.Node, more int) {
	w.inHanded += more
	if _, ok := n.(*ast.FuncLit); ok {
		w.inWritten += more
	}
}

// markHanded marks the function values among the arguments. What else an argument says is evaluated, so it counts: a call
// that makes a function, the receiver of a method value.
func (w *walker) markHanded(e ast.Expr) {
	switch e := ast.Unparen(e).(type) {
	case *ast.FuncLit:
		w.handed[e] = true
	case *ast.Ident:
		if _, ok := w.info.Uses[e].(*types.Func); ok {
			w.handed[e] = true
		}
	case *ast.SelectorExpr:
		if s := w.info.Selections[e]; s != nil && s.Kind() == types.MethodVal {
			w.handed[e.Sel] = true
		} else if _, ok := w.info.Uses[e.Sel].(*types.Func); ok {
			w.handed[e] = true
		}
	case *ast.IndexExpr:
		if _, ok := w.info.TypeOf(e).(*types.Signature); ok {
			w.markHanded(e.X)
		}
	case *ast.IndexListExpr:
		w.markHanded(e.X)
	case *ast.CallExpr:
		if tv := w.info.Types[e.Fun]; tv.IsType() && len(e.Args) == 1 { // http.HandlerFunc(f)
			w.markHanded(e.Args[0])
		}
	}
}

// calleeOf returns the function that the call names; nil for calls of values and conversions.
func calleeOf(info *types.Info, call *ast.CallExpr) *types.Func {
	id := calledName(call)
	if id == nil {
		return nil
	}
	fn, _ := info.Uses[id].(*types.Func)
	return fn
}

// calledName returns the identifier of what is called, or nil.
func calledName(call *ast.CallExpr) *ast.Ident {
	fun := ast.Unparen(call.Fun)
	switch f := fun.(type) {
	case *ast.IndexExpr:
		fun = ast.Unparen(f.X)
	case *ast.IndexListExpr:
		fun = ast.Unparen(f.X)
	}
	switch f := fun.(type) {
	case *ast.Ident:
		return f
	case *ast.SelectorExpr:
		return f.Sel
	}
	return nil
}

// isHandover reports whether the function keeps the functions that it gets, to call them after the setup.
func isHandover(fn *types.Func) bool {
	if isLibrary(fn) {
		return fn.Signature().Recv() == nil || fn.Name() == "Handler" // methods call what they get: Resource.Use
	}
	if fn.Pkg() == nil {
		return false
	}
	switch fn.Pkg().Path() {
	case "net/http":
		return strings.HasPrefix(fn.Name(), "Handle") || strings.HasPrefix(fn.Name(), "ListenAndServe") || strings.HasPrefix(fn.Name(), "Serve")
	case "github.com/aws/aws-lambda-go/lambda":
		return strings.HasPrefix(fn.Name(), "Start")
	}
	return false
}

// isLibrary reports whether the function is Stillwarm's.
func isLibrary(fn *types.Func) bool {
	return fn.Pkg() != nil && wrapping(fn.Pkg().Path())
}
