package codeid

import (
	"go/ast"
	"go/types"
)

// usedLate notes the local variables that a goroutine uses, or what runs once: they may lead to state that others have, such
// as a channel.
func (c *writer) usedLate(id *ast.Ident) {
	if !c.late {
		return
	}
	if v, ok := c.info.Uses[id].(*types.Var); ok && !v.IsField() && isLocal(v) && !flat(v.Type()) {
		c.w.n.lateTypes = append(c.w.n.lateTypes, v.Type())
	}
}

// shareLate adds what decides about results although the function does not mention it: the state that goroutines of the
// setup, and what a sync.Once runs for whoever comes first, go by when they change what the function sees.
func (q *inquiry) shareLate() {
	decides := map[*node]bool{}
	for n := range q.closure {
		decides[n] = true
	}
	var locals []types.Type
	done := map[*node]bool{}
	for grown := true; grown; {
		grown = false
		for n := range q.code {
			if done[n] {
				continue
			}
			reached, changes := q.late(n)
			if !changes {
				continue
			}
			done[n], grown = true, true
			for m := range reached {
				decides[m] = true
			}
			locals = append(locals, n.lateTypes...)
		}
		if grown {
			q.shared = q.sharedBy(q.w, decides, q.code, locals)
		}
	}
}

// late returns what the late parts of a declaration mention, and whether any of it changes what the function sees.
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
	reached = reach(starts, func(_ *node, e edge) bool { return q.code[e.to] && !e.handed })
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
