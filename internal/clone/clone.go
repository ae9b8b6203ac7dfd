package clone

import (
	"fmt"
	"reflect"
	"sync"
)

// A Plan says how to copy and how to measure the values of one type. It is immutable, safe for concurrent use and made
// once per type: [Compile] returns the same plan for the same type as long as the process lives.
type Plan struct {
	typ  reflect.Type
	root *node
	// scratch holds *pair[T] values for Copy and Size, so that neither lets the caller's variables escape to the heap.
	scratch sync.Pool
}

// plans is the cache behind Compile: reflect.Type -> *Plan.
var plans sync.Map

// Compile returns the plan for t. The error is an *[UnsupportedError] when some part of t cannot be copied so that the
// result equals what the codec restores; it names that part and the way to it.
func Compile(t reflect.Type) (*Plan, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*Plan), nil
	}
	root, err := compile(t)
	if err != nil {
		return nil, err
	}
	p, _ := plans.LoadOrStore(t, &Plan{typ: t, root: root})
	return p.(*Plan), nil
}

// Flat reports whether assignment alone is an exact, isolated copy: the type holds no memory that anybody can change
// (strings count as values) and nothing that the codec would bring into another form, as it does with [time.Time].
func (p *Plan) Flat() bool { return p.root.flat() }

// Type returns the type that the plan was compiled for.
func (p *Plan) Type() reflect.Type { return p.typ }

// pair is the working memory of one Copy: the shallow source, the copy that grows out of it and how far it got.
type pair[T any] struct {
	dst, src T
	state    state
}

// Copy sets *dst to a copy of *src that shares no memory with it that anybody can change. T must be the type that p was
// compiled for. A flat copy allocates nothing.
//
// The error is [ErrCycle], [ErrTooDeep] or [ErrTooLarge] for a value that contains itself, nests too deep or unfolds to
// more than a gibibyte, a *[DynamicTypeError] for an interface that holds a type the codec does not restore, or the error
// of a type's own marshaler; *dst is unchanged then. Copy only reads *src, so many
// copies of one value may run at once, but nobody may change it meanwhile.
func Copy[T any](p *Plan, dst, src *T) error {
	if p.typ != reflect.TypeFor[T]() {
		return fmt.Errorf("clone: a plan for %v cannot copy a %v", p.typ, reflect.TypeFor[T]())
	}
	if p.root.flat() {
		*dst = *src
		return nil
	}
	s := takePair[T](p)
	s.src, s.dst = *src, *src
	err := p.root.copy(walk{state: &s.state}, ptrTo(&s.dst), ptrTo(&s.src))
	if err == nil {
		*dst = s.dst
	}
	givePair(p, s)
	return err
}

// Size estimates how many bytes *v holds: its own and those of everything that it reaches, with what it shares counted
// each time it is reached. Slices without pointers cost constant time however long they are. A part that nests deeper
// than [Copy] would follow counts as nothing.
func Size[T any](p *Plan, v *T) int64 {
	own := int64(reflect.TypeFor[T]().Size())
	if p.typ != reflect.TypeFor[T]() || p.root.size == nil {
		return own
	}
	s := takePair[T](p)
	s.src = *v
	own += p.root.size(walk{state: &s.state}, ptrTo(&s.src))
	givePair(p, s)
	return own
}

func takePair[T any](p *Plan) *pair[T] {
	s, ok := p.scratch.Get().(*pair[T])
	if !ok {
		s = new(pair[T])
	}
	s.state.left = maxBytes
	return s
}

// givePair empties s first: a pooled pair must not keep a caller's value alive.
func givePair[T any](p *Plan, s *pair[T]) {
	*s = pair[T]{}
	p.scratch.Put(s)
}
