package codeid

import (
	"go/ast"
	"go/types"
	"maps"
	"slices"
)

// waiting are methods that wait until somebody calls one of the others.
var waiting = map[string]string{
	"(*sync.WaitGroup).Wait": "", "(*sync.WaitGroup).Done": "waits", "(*sync.WaitGroup).Add": "waits",
	"(*sync.Cond).Wait": "", "(*sync.Cond).Signal": "waits", "(*sync.Cond).Broadcast": "waits",
}

// signals notes who waits, and who lets those go on that wait.
func (c *writer) signals(n *ast.CallExpr, sel *ast.SelectorExpr, fn *types.Func) {
	signal, known := waiting[fn.FullName()]
	if !known {
		return
	}
	at := heldBy(fn.Signature().Recv().Type())
	switch p := c.follow(sel.X); {
	case signal == "":
		c.w.n.waits = append(c.w.n.waits, wait{at, c.late})
	case !c.private(p):
		c.addEvent(event{to: at, what: "changed by ." + fn.Name(), signal: true}, n)
	}
}

// wait is a place where code waits for others.
type wait struct {
	on   location
	late bool
}

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
	q.awaited = map[location]bool{}
	decides, late, bound := maps.Clone(q.closure), map[*node]bool{}, map[*node]bool{}
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
				q.waitsLate(n, reached)
			}
		}
		if grown {
			q.shared = q.sharedBy(q.w, decides, q.code, q.closures(), slices.Concat(receivers(bound), lateTypes(late), q.registered(decides), q.opened()))
			q.results()
		}
	}
}

// waitsLate notes what the goroutines of a declaration wait for.
func (q *inquiry) waitsLate(n *node, reached map[*node]bool) {
	for m := range reached {
		for _, at := range m.waits {
			q.awaited[at.on] = true
		}
	}
	for _, at := range n.waits {
		q.awaited[at.on] = q.awaited[at.on] || at.late
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
