package clone

import (
	"reflect"
	"strings"

	"github.com/stillwarm/stillwarm/internal/refs"
)

// The limits are the codec's own, so that a value can be copied where it can be encoded.
const (
	// maxDepth bounds how deep pointers, slices and maps may nest, so that no value can exhaust the stack.
	maxDepth = 10_000
	// maxBytes bounds a copy.
	maxBytes = 1 << 30
)

// state is what one copy remembers beside the depth.
type state struct {
	left int64           // how many bytes the copy may still take
	refs refs.Table[ptr] // what pointers, slices and maps refer to, and where its copy is
	// regions is the memory that they refer to, where it has to be known that no two overlap.
	regions []refs.Region
	watched bool
	tree    bool        // it is known that no two references refer to the same thing
	shared  bool        // two were found that do
	proof   *comparison // of what methods of their own have copied; nil where nobody asks
}

// shape returns what the walk through the whole value has shown.
func (s *state) shape() uint32 {
	if s.shared {
		return shapeGraph
	}
	return shapeTree
}

// reset empties the state: what is pooled must not keep a caller's value alive.
func (s *state) reset() {
	s.refs.Reset()
	clear(s.regions)
	*s = state{refs: s.refs, regions: s.regions[:0]}
}

// A walk is one way down through a value. It is passed by value: depth needs no undoing.
type walk struct {
	depth int
	*state
}

// enter goes one level down, for which the copy takes bytes of new memory. What follows uses the returned walk.
func (w walk) enter(bytes uintptr) (walk, error) {
	err := w.touch(bytes)
	w.depth++
	return w, err
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

// copied returns where the copy is of what a reference of the node refers to, count elements at the address; nil where there
// is none yet.
func (w walk) copied(n *node, at ptr, count int) ptr {
	if !n.many || w.tree || count == 0 {
		return nil
	}
	if to := w.refs.Find(refs.Ref{At: at, Len: count, Type: n.id}); to != nil {
		w.shared = true
		return *to
	}
	return nil
}

// copying notes where the copy is. It is noted before what is in it is copied, for that may refer to it.
func (w walk) copying(n *node, at ptr, count int, bytes uintptr, to ptr) {
	if n.many && !w.tree && count != 0 {
		w.refs.Add(refs.Ref{At: at, Len: count, Type: n.id}, to)
	}
	if w.watched && bytes > 0 {
		w.regions = append(w.regions, refs.Region{At: at, Size: bytes})
	}
}

// first reports whether a reference is the first one to what it refers to, for those who measure.
func (w walk) first(n *node, at ptr, count int) bool {
	if !n.many || w.tree || count == 0 {
		return true
	}
	r := refs.Ref{At: at, Len: count, Type: n.id}
	if w.refs.Find(r) != nil {
		return false
	}
	w.refs.Add(r, at)
	return true
}

// sized returns 1 for a type whose values have an identity of their own, 0 for one without size: all its values may lie at
// one address.
func sized(n *node) int {
	if n.bytes == 0 {
		return 0
	}
	return 1
}

// own returns s in memory that holds nothing else: a short string may be cut from a long one, and would keep all of it alive.
// Strings at one address, as constants are, stay one.
func (w walk) own(s string) string {
	if s == "" {
		return ""
	}
	r := refs.Ref{At: dataOfText(s), Len: len(s), Type: textID}
	if to := w.refs.Find(r); to != nil {
		return textAt(*to, len(s))
	}
	fresh := strings.Clone(s)
	w.refs.Add(r, dataOfText(fresh))
	return fresh
}

// textID stands for strings in the table of references.
var textID = typeID(reflect.TypeFor[string]())
