package codeid

import (
	"go/ast"
	"go/types"
)

// implemented notes what a method of the user's interface may fill where a dependency's object is behind it.
func (c *writer) implemented(n *ast.CallExpr, sel *ast.SelectorExpr, fn *types.Func) {
	iface := c.info.TypeOf(sel.X)
	if iface == nil || !types.IsInterface(iface) {
		return
	}
	for _, arg := range n.Args {
		if t := c.info.TypeOf(arg); t != nil && !flat(t) && !immutable(t) && !isError(t) && !c.owns(arg) {
			c.addEvent(event{deep: t, behind: iface, method: fn.Name(), what: "handed to ." + fn.Name(), captured: c.ownsCaptured(arg)}, arg)
		}
	}
}

// convertedHere notes what becomes an interface value where it stands, in the function around it.
func (c *writer) convertedHere(n ast.Node) {
	if e, ok := n.(ast.Expr); ok {
		for _, conv := range c.w.converts[e] {
			c.converted(conv)
		}
	}
}

// converted notes a dependency's object that becomes a value of an interface with a method that changes it.
func (c *writer) converted(conv conversion) {
	it, ok := conv.to.Underlying().(*types.Interface)
	if !ok || flat(conv.from) || immutable(conv.from) {
		return
	}
	for m := range it.Methods() {
		obj, _, _ := types.LookupFieldOrMethod(conv.from, true, m.Pkg(), m.Name())
		fn, ok := obj.(*types.Func)
		if ok && fn.Pkg() != nil && c.w.g.unitOf[fn.Pkg()] == nil && !readOnlyMethod(fn) {
			what := "made an interface with ." + m.Name()
			c.held(conv.value, what)
			if !c.owns(conv.value) {
				c.addEvent(event{deep: conv.from, what: what}, conv.value)
			}
			return
		}
	}
}

// declared notes the types that a declaration's own type gives to generic code, which may call their methods.
func (c *converter) declared(t ast.Node) {
	if isNil(t) {
		return
	}
	ast.Inspect(t, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		inst, ok := c.info.Instances[id]
		if obj := c.info.Uses[id]; !ok || obj == nil || obj.Pkg() == nil || holding[obj.Pkg().Path()] {
			return true
		}
		for t := range inst.TypeArgs.Types() {
			c.becomes(t)
		}
		return true
	})
}

// holding are packages whose generic types call no methods of what they hold.
var holding = map[string]bool{"sync/atomic": true, "iter": true, "unique": true, "weak": true, root + "/adapter": true, root + "/lambda": true}
