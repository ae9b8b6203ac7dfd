package codeid

import (
	"slices"
)

// sees reports whether the function can see the event.
func (q *inquiry) sees(e event) bool {
	if e.signal {
		return q.awaited[e.to]
	}
	if e.to != (location{}) && (!e.part || q.addressed()[e.to]) && q.seesState(e.to) {
		return true
	}
	if e.deep != nil && q.mayHappen(e) {
		for l := range q.leads(e.deep) {
			if q.seesState(l) {
				return true
			}
		}
	}
	return e.iface != nil && slices.ContainsFunc(q.held(e.iface, e.method), q.seesState)
}

// addressed are the places of which some declaration takes the address.
func (an *analysis) addressed() map[location]bool {
	if an.addresses == nil {
		an.addresses = map[location]bool{}
		for _, n := range an.alive {
			for _, b := range n.bound {
				if b.both {
					an.addresses[b.state] = true
				}
			}
		}
	}
	return an.addresses
}

// mayHappen reports whether there is what an event takes.
func (q *inquiry) mayHappen(e event) bool {
	if e.filler != "" {
		return slices.ContainsFunc(q.alive, func(n *node) bool { return slices.Contains(n.fillers, e.filler) })
	}
	return e.behind == nil || len(q.held(e.behind, e.method)) > 0
}

// seesState reports whether the function can see a change of the state.
func (q *inquiry) seesState(l location) bool {
	if l.variable != nil && q.unitOf[l.variable.Pkg()] == nil {
		return true // a dependency's: its code may read it anywhere
	}
	return l.global == "" && (q.shared[l] || q.globals()[l])
}

func (e event) String() string {
	switch {
	case e.to != (location{}):
		return e.to.String()
	case e.deep != nil:
		return "what " + shortType((&walker{}).typeText(e.deep)) + " leads to"
	}
	return "what " + shortType((&walker{}).typeText(e.iface)) + " may be"
}

func (l location) String() string {
	switch {
	case l.variable != nil:
		return "variable " + l.variable.Name()
	case l.field != nil:
		return "field " + l.field.Name()
	case l.held != "":
		return "what " + shortType(l.held) + " holds"
	}
	return l.global
}
