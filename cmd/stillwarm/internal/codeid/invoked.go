package codeid

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// invocation is the call of something that is not named where it is called: a value of a function type, or a method of an
// interface.
type invocation struct {
	signature string // "" where any will do
	method    string // "" for a function's value
	handed    bool
	kept      string // not empty in a function that is kept: others may call it
	parameter bool   // of a declared function: its callers know what it is
}

// anyFunction is the signature of a function value whose type generic code leaves open.
const anyFunction = ""

// invokes notes what the expression may call, or let others call: any value of a function type counts that is not the name of
// a function, and any method of an interface.
func (c *writer) invokes(n ast.Node) {
	if e, ok := n.(ast.Expr); ok {
		c.uses(e)
	}
	switch e := n.(type) {
	case *ast.FuncLit:
	case *ast.Ident:
		if v, ok := c.info.Uses[e].(*types.Var); ok {
			c.invokesValue(v.Type(), c.params[v] && c.lit == nil)
		}
	case *ast.SelectorExpr:
		s := c.info.Selections[e]
		if s == nil {
			return
		}
		fn, ok := s.Obj().(*types.Func)
		if !ok {
			c.invokesValue(s.Type(), false)
		} else if recv := fn.Signature().Recv(); recv != nil && types.IsInterface(recv.Type()) {
			c.invoke(invocation{signature: signatureKey(fn.Signature()), method: fn.Name()})
		}
	case *ast.CallExpr:
		c.invokesValue(c.info.TypeOf(e), false)
		c.lets(e)
	case ast.Expr:
		if !c.info.Types[e].IsType() {
			c.invokesValue(c.info.TypeOf(e), false)
		}
	}
}

// wrapped notes the variables among the arguments of a wrap that hold functions: the cached function calls them.
func (c *writer) wrapped(call *ast.CallExpr) {
	for _, arg := range call.Args {
		ast.Inspect(arg, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if v, ok := c.info.Uses[id].(*types.Var); ok {
					c.invokesValue(v.Type(), false)
				}
			}
			return true
		})
	}
}

func (c *writer) invokesValue(t types.Type, parameter bool) {
	if t == nil {
		return
	}
	if sig, ok := t.Underlying().(*types.Signature); ok {
		c.invoke(invocation{signature: signatureKey(sig), parameter: parameter})
	}
}

func (c *writer) invoke(i invocation) {
	i.handed, i.kept = c.handed, c.kept
	if !c.invoked[i] {
		c.invoked[i] = true
		c.w.n.invoked = append(c.w.n.invoked, i)
	}
}

// anyMethod stands for the methods that a template names.
const anyMethod = "*"

// byAnyName are packages whose functions call methods that the program does not name.
var byAnyName = map[string]bool{"text/template": true, "html/template": true, "net/rpc": true, "reflect": true}

// calledByName are methods that the standard library calls on values of any.
var calledByName = []string{
	"String", "Error", "Format", "GoString", "MarshalJSON", "MarshalText", "MarshalBinary", "MarshalXML", "LogValue",
	"UnmarshalJSON", "UnmarshalText", "UnmarshalBinary", "UnmarshalXML", "Scan", "Value", "Is", "As", "Unwrap",
}

// lets notes the methods that a dependency may call on the interface values that it gets.
func (c *writer) lets(n *ast.CallExpr) {
	fn := calleeOf(c.info, n)
	if fn == nil || fn.Pkg() == nil || c.w.g.unitOf[fn.Pkg()] != nil {
		return
	}
	if fn.Signature().Recv() == nil {
		c.use(use{keeper: keeper{pkg: fn.Pkg().Path()}})
	}
	c.giftsTo(n, fn)
	if fn.Pkg().Path() == "reflect" && strings.HasPrefix(fn.Name(), "Call") {
		c.invoke(invocation{signature: anyFunction})
	}
	for _, arg := range n.Args {
		t := c.info.TypeOf(arg)
		if s, ok := under(t).(interface{ Elem() types.Type }); ok && t != nil { // of a slice, a map, behind a pointer
			t = s.Elem()
		}
		if t == nil || !types.IsInterface(t) || isContext(t) {
			continue
		}
		it, ok := t.Underlying().(*types.Interface)
		if !ok {
			continue
		}
		for m := range it.Methods() {
			c.invoke(invocation{signature: signatureKey(m.Type()), method: m.Name()})
		}
		if it.NumMethods() == 0 && byAnyName[fn.Pkg().Path()] {
			c.invoke(invocation{method: anyMethod})
		}
		if it.NumMethods() == 0 {
			for _, name := range calledByName {
				c.invoke(invocation{method: name})
			}
		}
		if isError(t) { // what errors.Is asks
			for _, name := range []string{"Is", "As", "Unwrap"} {
				c.invoke(invocation{method: name})
			}
		}
	}
}

// signatureKey writes a function's type without receiver and without the names of parameters.
func signatureKey(t types.Type) string {
	sig, ok := t.Underlying().(*types.Signature)
	if !ok || hasTypeParam(t) || openTuple(sig.Params()) || openTuple(sig.Results()) {
		return anyFunction
	}
	return canonical(types.NewSignatureType(nil, nil, nil, sig.Params(), sig.Results(), sig.Variadic()))
}

func openTuple(t *types.Tuple) bool {
	for v := range t.Variables() {
		if hasTypeParam(v.Type()) {
			return true
		}
	}
	return false
}

// installed returns the code whose functions the invocations may reach without naming them: what makes function values of
// the signatures, and methods of the names.
func (q *inquiry) installed(by map[*node]bool) map[*node]bool {
	signatures, methods := map[string]bool{}, map[string]bool{}
	for n := range by {
		for _, i := range n.invoked {
			if i.method == "" {
				signatures[i.signature] = true
			} else {
				methods[i.method] = true
			}
		}
	}
	fits := func(signature string) bool {
		return len(signatures) > 0 && (signature == anyFunction || signatures[anyFunction] || signatures[signature])
	}
	found := map[*node]bool{}
	for n := range q.code {
		if slices.ContainsFunc(n.makes, fits) {
			found[n] = true
		}
		for _, e := range n.edges {
			fn, ok := e.to.obj.(*types.Func)
			if !ok || !e.value || e.handed || !q.code[e.to] {
				continue
			}
			if sig := fn.Signature(); fits(signatureKey(sig)) || sig.Recv() != nil && (methods[fn.Name()] || methods[anyMethod]) {
				found[e.to] = true
			}
		}
	}
	return found
}

// outside reports whether a part of a declaration is not covered by the identity: it belongs to no covered declaration, or
// to a function that the setup only hands over.
func (q *inquiry) outside(n *node, handed bool) bool {
	return !q.code[n] || handed && !q.closure[n]
}
