package codeid

import (
	"go/ast"
	"go/types"
)

// changes is what initialisers change beside the variable that they belong to. Another initialiser that reads any of it gives
// another value before and after.
type changes struct {
	g      *graph
	places map[location]bool
	deep   []types.Type
}

// earlyChanges collects them from all initialisers that do more than give a value.
func (g *graph) earlyChanges() *changes {
	var roots []*node
	for _, u := range g.units {
		for _, init := range u.info.InitOrder {
			if n := g.initialiser(u, init, nil); n != nil {
				roots = append(roots, n)
			}
		}
	}
	found := &changes{g: g, places: map[location]bool{}}
	for n := range reach(roots, func(_ *node, e edge) bool { return !e.handed }) {
		for _, e := range n.events {
			if e.to != (location{}) {
				found.places[e.to] = true
			}
			if e.deep != nil {
				found.deep = append(found.deep, e.deep)
			}
		}
	}
	return found
}

// readBy reports whether the expression reads a variable, outside of the functions in it, that may be among the changes or
// leads to one.
func (c *changes) readBy(u *unit, e ast.Expr) bool {
	if c == nil || len(c.places) == 0 && len(c.deep) == 0 {
		return false
	}
	read := false
	ast.Inspect(e, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := u.info.Uses[id].(*types.Var); ok && !v.IsField() && !isLocal(v) {
				read = read || c.of(v)
			}
		}
		return !read
	})
	return read
}

func (c *changes) of(v *types.Var) bool {
	if c.places[location{variable: v}] {
		return true
	}
	leads := c.g.leads(types.NewPointer(v.Type()))
	for l := range leads {
		if c.places[l] {
			return true
		}
	}
	for _, t := range c.deep {
		for l := range c.g.leads(t) {
			if leads[l] {
				return true
			}
		}
	}
	return false
}
