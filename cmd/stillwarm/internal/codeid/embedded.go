package codeid

import (
	"go/ast"
	"go/types"
	"slices"
)

// ownValue reports whether a method is called on, or bound to, a local variable that holds what the method changes, and not
// a pointer to it that others may have, too, nor a copy of what exists.
func (c *writer) ownValue(p route, t types.Type, sel *ast.SelectorExpr) bool {
	v, ok := p.root.(*types.Var)
	return ok && isLocal(v) && !p.shared && !isReference(t) && !c.copies[v] && (c.fresh[v] || !throughPointer(c.info.Selections[sel]))
}

// changesOwn notes the call of a method that changes a local variable which holds what it changes. Functions that captured the
// same one can see it.
func (c *writer) changesOwn(p route, sel *ast.SelectorExpr, what string) bool {
	if !c.ownValue(p, c.info.TypeOf(sel.X), sel) {
		return false
	}
	if p.captured {
		c.addEvent(event{to: p.inner, what: what, captured: true}, sel)
	}
	c.writtenOut(c.info.TypeOf(sel.X), sel, what)
	return true
}

// writtenOut notes what a dependency's object may change that the program can have put into its fields, as with an
// io.LimitedReader.
func (c *writer) writtenOut(t types.Type, n ast.Node, what string) {
	name := typeName(t)
	st, ok := under(t).(*types.Struct)
	if name == nil || name.Pkg() == nil || c.w.g.unitOf[name.Pkg()] != nil || !ok {
		return
	}
	for f := range st.Fields() {
		if ft := f.Type(); f.Exported() && !flat(ft) && !immutable(ft) && !isError(ft) {
			c.addEvent(event{to: heldBy(ft), deep: ft, what: what}, n)
		}
	}
}

// bindsOwn notes that a method is bound to a local variable which holds what the method changes: others see that where they may
// have another such function of the same call.
func (c *writer) bindsOwn(p route, sel *ast.SelectorExpr, what string) {
	if v, ok := p.root.(*types.Var); ok && (c.w.n.release.stores || c.w.n.release.returns) {
		if !slices.Contains(c.w.n.captured, v) {
			c.w.n.captured = append(c.w.n.captured, v)
		}
		c.addEvent(event{to: location{variable: v}, what: what, captured: true}, sel)
	}
}

// throughPointer reports whether an embedded pointer or interface lies on the way to the method.
func throughPointer(s *types.Selection) bool {
	if s == nil {
		return false
	}
	fields, all := embeddedFields(s)
	return !all || slices.ContainsFunc(fields, func(f *types.Var) bool { return isReference(f.Type()) })
}

// embeddedFields returns the embedded fields on the way to a method, and whether these are all.
func embeddedFields(s *types.Selection) (fields []*types.Var, all bool) {
	t := s.Recv()
	for _, i := range s.Index()[:len(s.Index())-1] {
		if p, ok := under(t).(*types.Pointer); ok {
			t = p.Elem()
		}
		st, ok := under(t).(*types.Struct)
		if !ok {
			return fields, false
		}
		fields = append(fields, st.Field(i))
		t = st.Field(i).Type()
	}
	return fields, true
}

// embedded notes what changes with a method of something embedded: all that the outer value leads to.
func (c *writer) embedded(sel *ast.SelectorExpr, p route, what string) {
	s := c.info.Selections[sel]
	if s == nil || len(s.Index()) < 2 {
		return
	}
	p.shared = p.shared || throughPointer(s)
	if !c.private(p) {
		c.addEvent(event{deep: c.info.TypeOf(sel.X), what: what}, sel)
	}
}
