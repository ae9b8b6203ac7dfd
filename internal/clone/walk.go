package clone

const (
	// maxDepth bounds the recursion through recursive types and dynamic values, so that no value can exhaust the stack.
	maxDepth = 10_000
	// trackFrom is the depth from which the way down is remembered to find cycles. Hardly any value gets there, so
	// hardly any copy pays for it; a cycle gets there always.
	trackFrom = 64
)

// A place identifies what a pointer, slice or map refers to. The length tells a slice from its own first element.
type place struct {
	at  ptr
	len int
}

// A walk is the state of one way down through a value. It is passed by value, in registers: a copy of a value that is
// not recursive allocates nothing for it.
type walk struct {
	depth int
	path  map[place]struct{}
}

// enter goes one level down, into p. Leave must follow on what it returns, unless the error ends the whole copy.
func (w walk) enter(p place) (walk, error) {
	w.depth++
	if w.depth <= trackFrom {
		return w, nil
	}
	if w.depth > maxDepth {
		return w, ErrTooDeep
	}
	if w.path == nil {
		w.path = make(map[place]struct{})
	}
	if _, again := w.path[p]; again {
		return w, ErrCycle
	}
	w.path[p] = struct{}{}
	return w, nil
}

// leave undoes enter: a place may be visited again on another way.
func (w walk) leave(p place) {
	if w.path != nil {
		delete(w.path, p)
	}
}

// enter goes down from a value of n into p. Only a type that can contain itself has to watch how deep it is.
func (n *node) enter(w walk, p place) (walk, error) {
	if !n.recursive {
		return w, nil
	}
	return w.enter(p)
}

func (n *node) leave(w walk, p place) {
	if n.recursive {
		w.leave(p)
	}
}
