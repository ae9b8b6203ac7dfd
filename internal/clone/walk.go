package clone

// The limits are the codec's own, so that a value can be copied where it can be encoded.
const (
	// maxDepth bounds how deep pointers, slices and maps may nest, so that no value can exhaust the stack.
	maxDepth = 10_000
	// watchDepth is the depth from which on the way down is remembered, to find cycles. Hardly any value gets there, so
	// hardly any copy pays for it; a cycle gets there at once.
	watchDepth = 200
	// maxBytes bounds a copy. Where pointers share their targets level by level a small value unfolds without end.
	maxBytes = 1 << 30
)

// A place identifies what a pointer, slice or map refers to. The node is part of it because a struct and its first field
// share an address, the length because a slice and its own beginning do.
type place struct {
	at  ptr
	len int
	*node
}

// state is what one copy remembers beside the depth.
type state struct {
	left int64              // how many bytes the copy may still take
	path map[place]struct{} // what the copy is inside of, beyond watchDepth
}

// A walk is one way down through a value. It is passed by value: depth needs no undoing.
type walk struct {
	depth int
	*state
}

// enter goes one level down, into p, for which the copy takes bytes of new memory. What follows uses the returned walk
// and ends with its leave, unless an error ends the whole copy.
func (w walk) enter(p place, bytes uintptr) (walk, error) {
	if err := w.touch(bytes); err != nil {
		if _, again := w.path[p]; again {
			return w, ErrCycle
		}
		return w, err
	}
	w.depth++
	if w.depth > watchDepth {
		return w, w.watch(p)
	}
	return w, nil
}

// touch accounts for a level that nothing is below of.
func (w walk) touch(bytes uintptr) error {
	if w.depth >= maxDepth {
		return ErrTooDeep
	}
	return w.spend(bytes)
}

// spend accounts for memory that the codec does not count as a level: runs of bytes and floats.
func (w walk) spend(bytes uintptr) error {
	w.left -= int64(bytes)
	if w.left < 0 {
		return ErrTooLarge
	}
	return nil
}

func (w walk) watch(p place) error {
	if _, again := w.path[p]; again {
		return ErrCycle
	}
	if w.path == nil {
		w.path = make(map[place]struct{})
	}
	w.path[p] = struct{}{}
	return nil
}

// leave undoes enter: a place may be visited again on another way.
func (w walk) leave(p place) {
	if w.depth > watchDepth {
		delete(w.path, p)
	}
}
