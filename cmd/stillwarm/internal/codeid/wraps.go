package codeid

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
)

// wrap is one call that makes a cached function.
type wrap struct {
	*node
	call   *ast.CallExpr
	within *node // the declaration that the call is part of
	caller string

	name    pattern
	version string // what Version says, "" without
	locals  bool   // the call uses local variables, a parameter or a receiver of the declaration around it
	fn      ast.Expr
	in, out types.Type
}

// pattern is what is known of a name at build time: all of it, or how it begins.
type pattern struct {
	text  string
	exact bool
}

// unnamed begins what stands for the name of a wrap that has none.
const unnamed = "\x00"

// matches reports whether the pattern may be the name.
func (p pattern) matches(name string) bool {
	if p.exact {
		return p.text == name
	}
	return strings.HasPrefix(name, p.text)
}

func (p pattern) String() string {
	if p.exact {
		return p.text
	}
	return p.text + "*"
}

// wrappers are the functions that cache data. Resources live in one container only: no deploy meets them. The value says
// whether it is a function's results, and the function the first argument; responses of HTTP caches belong to the build.
var wrappers = map[string]bool{
	"adapter.CacheData": true, "adapter.NewData": true, "adapter.CacheBatch": true, "adapter.NewBatch": true,
	"adapter.Cache": true, "adapter.ExperimentalMemo": true,
	"lambda.CacheHandler": true, "lambda.NewHandler": true,
	"lambda.CacheHTTP": false, "httpcache.Middleware": false, "httpcache.New": false,
}

func wrapperName(fn *types.Func) string {
	if !isLibrary(fn) || fn.Signature().Recv() != nil {
		return ""
	}
	return strings.TrimPrefix(fn.Pkg().Path(), root+"/") + "." + fn.Name()
}

// foundCall registers a call that wraps.
func (g *graph) foundCall(within *node, call *ast.CallExpr, fn *types.Func) {
	takesFunction, wraps := wrappers[wrapperName(fn)]
	if !wraps || within.kind == kindWrap {
		return
	}
	u := within.unit
	w := &wrap{call: call, within: within, caller: wrapperName(fn)}
	w.node = &node{kind: kindWrap, unit: u, file: within.file, decl: call, place: g.place(call.Pos())}
	if takesFunction && len(call.Args) > 0 {
		w.fn = call.Args[0]
	}
	if sig, ok := u.info.TypeOf(call.Fun).(*types.Signature); ok && takesFunction {
		w.in, w.out = wrappedTypes(sig)
	}
	w.name = g.wrapName(w)
	w.version = g.optionText(w, "Version").text
	w.locals = g.usesLocals(w)
	base := "wrap " + strings.TrimPrefix(w.name.String(), unnamed)
	w.node.id = base
	for i := 2; g.byID[w.node.id] != nil; i++ {
		w.node.id = fmt.Sprintf("%s#%d", base, i)
	}
	g.byID[w.node.id] = w.node
	g.wraps = append(g.wraps, w)
}

// wrappedTypes returns the argument and the result of the function that is the call's first argument.
func wrappedTypes(sig *types.Signature) (in, out types.Type) {
	if sig.Params().Len() == 0 {
		return nil, nil
	}
	fn, ok := sig.Params().At(0).Type().Underlying().(*types.Signature)
	if !ok || fn.Params().Len() != 2 || fn.Results().Len() == 0 {
		return nil, nil
	}
	return fn.Params().At(1).Type(), fn.Results().At(0).Type()
}

// wrapName returns the name that the function will have in keys: the Name option's, or that of the function itself.
func (g *graph) wrapName(w *wrap) pattern {
	if w.fn == nil {
		return pattern{text: unnamed + "HTTP cache", exact: true} // its name is looked up in no table
	}
	if p := g.optionText(w, "Name"); p.exact || p.text != "" || g.hasOption(w, "Name") {
		return p
	}
	if g.dynamicOptions(w) {
		return pattern{}
	}
	if fn := g.wrappedFunc(w); fn != nil && fn.Signature().Recv() == nil && fn.Signature().TypeParams() == nil {
		return pattern{text: g.runtimeName(fn), exact: true}
	}
	if _, ok := ast.Unparen(w.fn).(*ast.FuncLit); ok {
		return pattern{text: unnamed + "function literal", exact: true} // refused when it is wrapped: it needs a name
	}
	return pattern{}
}

// wrappedFunc returns the declared function that is wrapped, or nil.
func (g *graph) wrappedFunc(w *wrap) *types.Func {
	var fn *types.Func
	switch e := ast.Unparen(w.fn).(type) {
	case *ast.Ident:
		fn, _ = w.unit.info.Uses[e].(*types.Func)
	case *ast.SelectorExpr:
		fn, _ = w.unit.info.Uses[e.Sel].(*types.Func)
	}
	return fn
}

// runtimeName is the function's name as the adapter reads it from the running program.
func (g *graph) runtimeName(fn *types.Func) string {
	path := fn.Pkg().Path()
	if path == cleanPath(g.main.ImportPath) {
		if path == "command-line-arguments" {
			path = "main"
		}
		return path + "." + fn.Name()
	}
	return escapePath(path) + "." + fn.Name()
}

// escapePath is how the compiler writes a package's path into names of functions.
func escapePath(path string) string {
	slash := strings.LastIndexByte(path, '/')
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c <= ' ' || c == '.' && i > slash || c == '%' || c == '"' || c >= 0x7f {
			const hex = "0123456789abcdef"
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// options are the option arguments of the call.
func (w *wrap) options() []ast.Expr {
	if w.fn == nil {
		return w.call.Args
	}
	return w.call.Args[1:]
}

// option returns the last call of the named option among the arguments.
func (g *graph) option(w *wrap, name string) (found *ast.CallExpr) {
	for _, arg := range w.options() {
		if call, ok := ast.Unparen(arg).(*ast.CallExpr); ok {
			if fn := calleeOf(w.unit.info, call); fn != nil && isLibrary(fn) && fn.Name() == name {
				found = call
			}
		}
	}
	return found
}

func (g *graph) hasOption(w *wrap, name string) bool { return g.option(w, name) != nil }

// optionText returns what is known of the text of an option: Name or Version.
func (g *graph) optionText(w *wrap, name string) pattern {
	call := g.option(w, name)
	if call == nil || len(call.Args) != 1 {
		return pattern{}
	}
	return textOf(w.unit.info, call.Args[0])
}

// dynamicOptions reports whether there are options that the source does not list: one of them may be a name.
func (g *graph) dynamicOptions(w *wrap) bool {
	if w.call.Ellipsis.IsValid() {
		return true
	}
	for _, arg := range w.options() {
		call, ok := ast.Unparen(arg).(*ast.CallExpr)
		if !ok {
			return true
		}
		if fn := calleeOf(w.unit.info, call); fn == nil || !isLibrary(fn) {
			return true
		}
	}
	return false
}

// textOf returns the constant text of an expression, or the constant beginning of a sum.
func textOf(info *types.Info, e ast.Expr) pattern {
	if tv := info.Types[e]; tv.Value != nil && tv.Value.Kind() == constant.String {
		return pattern{text: constant.StringVal(tv.Value), exact: true}
	}
	if sum, ok := ast.Unparen(e).(*ast.BinaryExpr); ok && sum.Op == token.ADD {
		left := textOf(info, sum.X)
		return pattern{text: left.text}
	}
	return pattern{}
}

// usesLocals reports whether the call depends on the state of the function around it.
func (g *graph) usesLocals(w *wrap) bool {
	inside := map[types.Object]bool{}
	local := false
	ast.Inspect(w.call, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		if def := w.unit.info.Defs[id]; def != nil {
			inside[def] = true
			return true
		}
		v, ok := w.unit.info.Uses[id].(*types.Var)
		if ok && v.Pkg() == w.unit.pkg && !v.IsField() && isLocal(v) && !inside[v] && (v.Pos() < w.call.Pos() || v.Pos() >= w.call.End()) {
			local = true
		}
		return true
	})
	return local
}
