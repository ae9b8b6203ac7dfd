package codeid

import (
	"go/ast"
	"go/types"
	"strings"
)

// invocation is the call of something that is not named where it is called: a value of a function type, or a method of an
// interface.
type invocation struct {
	signature string // "" where any will do
	method    string // "" for a function's value
	handed    bool
}

// anyFunction is the signature of a function value whose type generic code leaves open.
const anyFunction = ""

// invokes notes what the expression may call, or let others call.
func (c *writer) invokes(n ast.Node) {
	switch n := n.(type) {
	case *ast.Ident:
		if v, ok := c.info.Uses[n].(*types.Var); ok {
			c.invokesValue(v.Type())
		}
	case *ast.IndexExpr, *ast.TypeAssertExpr:
		c.invokesValue(c.info.TypeOf(n.(ast.Expr)))
	case *ast.SelectorExpr:
		s := c.info.Selections[n]
		if s != nil && s.Kind() == types.MethodVal && types.IsInterface(s.Recv()) {
			c.invoke(invocation{signature: signatureKey(s.Type()), method: s.Obj().Name()})
		}
	case *ast.CallExpr:
		c.invokesValue(c.info.TypeOf(n))
		c.lets(n)
	}
}

func (c *writer) invokesValue(t types.Type) {
	if t == nil {
		return
	}
	if sig, ok := t.Underlying().(*types.Signature); ok {
		c.invoke(invocation{signature: signatureKey(sig)})
	}
}

func (c *writer) invoke(i invocation) {
	i.handed = c.handed
	if !c.invoked[i] {
		c.invoked[i] = true
		c.w.n.invoked = append(c.w.n.invoked, i)
	}
}

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
	for _, arg := range n.Args {
		t := c.info.TypeOf(arg)
		if t == nil || !types.IsInterface(t) || immutable(t) {
			continue
		}
		it, ok := t.Underlying().(*types.Interface)
		if !ok {
			continue
		}
		for m := range it.Methods() {
			c.invoke(invocation{signature: signatureKey(m.Type()), method: m.Name()})
		}
		if it.NumMethods() == 0 {
			for _, name := range calledByName {
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
	var b strings.Builder
	for _, tuple := range []*types.Tuple{sig.Params(), sig.Results()} {
		b.WriteByte('(')
		for v := range tuple.Variables() {
			b.WriteString((&walker{}).typeText(v.Type()))
			b.WriteByte(',')
		}
		b.WriteByte(')')
	}
	if sig.Variadic() {
		b.WriteString("...")
	}
	return b.String()
}

func openTuple(t *types.Tuple) bool {
	for v := range t.Variables() {
		if hasTypeParam(v.Type()) {
			return true
		}
	}
	return false
}

// invoker returns a declaration outside of the covered code that may call a function without naming it, or nil: as a value
// of the signature where one is made of it, or as the method of an interface.
func (q *inquiry) invoker(signature, method string, value bool) *node {
	for _, by := range q.alive {
		for _, i := range by.invoked {
			fits := i.signature == anyFunction || signature == anyFunction || i.signature == signature
			if !fits || i.method == "" && !value || i.method != "" && i.method != method {
				continue
			}
			if q.outside(by, i.handed) {
				return by
			}
		}
	}
	return nil
}

// outside reports whether a part of a declaration is not covered by the identity: it belongs to no covered declaration, or
// to a function that the setup only hands over.
func (q *inquiry) outside(n *node, handed bool) bool {
	return !q.code[n] || handed && !q.closure[n]
}
