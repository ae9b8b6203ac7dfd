package codeid

import (
	"go/ast"
	"go/types"
	"maps"
)

// usedLate notes the local variables that a goroutine uses: they may lead to state that others have, such as a channel.
func (c *writer) usedLate(id *ast.Ident) {
	if !c.late {
		return
	}
	if v, ok := c.info.Uses[id].(*types.Var); ok && !v.IsField() && isLocal(v) && !flat(v.Type()) {
		c.w.n.lateTypes = append(c.w.n.lateTypes, v.Type())
	}
}

// shareMore adds the state that decides about results although the function does not mention it: what functions use that
// the setup has installed in variables, and behind interfaces, for the function to call; and what goroutines of the setup go
// by when they change what the function sees.
func (q *inquiry) shareMore() {
	decides, late, bound := map[*node]bool{}, map[*node]bool{}, map[*node]bool{}
	for n := range q.closure {
		decides[n] = true
	}
	inCode := func(_ *node, e edge) bool { return q.code[e.to] && !e.handed }
	for grown := true; grown; {
		grown = false
		add := func(more map[*node]bool) {
			for m := range more {
				grown = grown || !decides[m]
				decides[m] = true
			}
		}
		more := q.installed(decides)
		maps.Copy(more, q.given(decides))
		for n := range more {
			grown = grown || !bound[n]
			bound[n] = true
			add(reach([]*node{n}, inCode))
		}
		for n := range q.code {
			if late[n] {
				continue
			}
			if reached, changes := q.late(n); changes {
				late[n], grown = true, true
				add(reached)
			}
		}
		if grown {
			q.shared = q.sharedBy(q.w, decides, q.code, append(receivers(bound), lateTypes(late)...))
		}
	}
}

// late returns what the goroutines of a declaration mention, and whether any of it changes what the function sees.
func (q *inquiry) late(n *node) (reached map[*node]bool, changes bool) {
	var starts []*node
	for _, e := range n.edges {
		if e.late && q.code[e.to] {
			starts = append(starts, e.to)
		}
	}
	for _, e := range n.events {
		changes = changes || e.late && q.sees(e)
	}
	inCode := func(_ *node, e edge) bool { return q.code[e.to] && !e.handed }
	reached = reach(starts, inCode)
	for grown := true; grown; {
		grown = false
		for m := range q.installed(reached) {
			for r := range reach([]*node{m}, inCode) {
				grown = grown || !reached[r]
				reached[r] = true
			}
		}
	}
	for m := range reached {
		for _, e := range m.events {
			if changes {
				break
			}
			changes = q.sees(e)
		}
	}
	return reached, changes
}

// receivers are what the methods among the declarations are bound to.
func receivers(nodes map[*node]bool) (found []types.Type) {
	for n := range nodes {
		if fn, ok := n.obj.(*types.Func); ok && fn.Signature().Recv() != nil {
			found = append(found, fn.Signature().Recv().Type())
		}
	}
	return found
}

func lateTypes(nodes map[*node]bool) (found []types.Type) {
	for n := range nodes {
		found = append(found, n.lateTypes...)
	}
	return found
}
