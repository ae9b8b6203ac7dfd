package clone

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/stillwarm/stillwarm/internal/refs"
)

// A Plan says how to copy, keep and measure the values of one type, the results of cached functions. It is immutable, safe for
// concurrent use and made once per type: [Compile] returns the same plan for the same type as long as the process lives.
type Plan struct {
	typ  reflect.Type
	root *node
	// scratch holds *pair values, so that no copy lets the caller's variables escape to the heap.
	scratch sync.Pool
	// keeping is the plan of Keep, made at the first result.
	keeping  func() *Plan
	overlap  bool // parts of a value may share memory
	timeKeys bool // maps may have times in their keys
}

// plans is the cache behind Compile: reflect.Type -> *Plan.
var plans sync.Map

// Compile returns the plan for t. The error is an *[UnsupportedError] when some part of t cannot be copied so that the
// result equals what the codec restores; it names that part and the way to it.
func Compile(t reflect.Type) (*Plan, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*Plan), nil
	}
	root, overlap, err := compile(t, forCaller)
	if err != nil {
		return nil, err
	}
	made := &Plan{typ: t, root: root, overlap: overlap}
	made.keeping = sync.OnceValue(func() *Plan {
		root, overlap, err := compile(t, forKeeping)
		if err != nil {
			panic(err) // the two modes accept the same types
		}
		return &Plan{typ: t, root: root, overlap: overlap, timeKeys: hasTimeKeys(t, map[reflect.Type]bool{})}
	})
	p, _ := plans.LoadOrStore(t, made)
	return p.(*Plan), nil
}

// Flat reports whether assignment alone is an exact, isolated copy of a value that is kept: the type holds no memory that anybody
// can change (strings and times count as values).
func (p *Plan) Flat() bool { return p.root.flat() }

// Type returns the type that the plan was compiled for.
func (p *Plan) Type() reflect.Type { return p.typ }

// pair is the working memory of one copy: the shallow source, the copy that grows out of it and how far it got.
type pair struct {
	dst, src ptr // to values of the plan's type
	values   [2]reflect.Value
	state    state
}

// Kept is a value that a cache keeps and hands out copies of: what [Keep] returned, or what was decoded into a new Kept's Value.
// Nobody may change it.
type Kept[T any] struct {
	Value T
	shape atomic.Uint32
}

// What is known of a kept value's shape.
const (
	shapeUnknown = iota
	shapeTree    // no two of its references refer to the same thing, so its copies need not look for that
	shapeGraph
)

// Copy sets *dst to a copy of the kept value that shares no memory with it that anybody can change. T must be the type that p was
// compiled for. What two references share in the value, they share in the copy. A flat copy allocates nothing.
//
// The error is [ErrTooDeep] or [ErrTooLarge], a *[DynamicTypeError] for an interface that holds a type the codec does not
// restore, or the error of a type's own marshaler; *dst is unchanged then. Copy only reads the value, so many copies may be
// made at once.
func Copy[T any](p *Plan, dst *T, kept *Kept[T]) error {
	if p.typ != reflect.TypeFor[T]() {
		return fmt.Errorf("clone: a plan for %v cannot copy a %v", p.typ, reflect.TypeFor[T]())
	}
	if p.root.flat() {
		*dst = kept.Value
		return nil
	}
	return p.copyTo(assign[T], hidden(dst), ptrTo(&kept.Value), &kept.shape)
}

// copyTo is Copy without the type, for a value at src on the heap. The value at dst may be on a stack: nothing keeps its
// address.
func (p *Plan) copyTo(assign func(dst, src ptr), dst, src ptr, shape *atomic.Uint32) error {
	s := p.takePair()
	assign(s.dst, src)
	s.state.tree = shape.Load() == shapeTree
	err := p.root.copy(walk{state: &s.state}, s.dst, src)
	if err == nil {
		assign(dst, s.dst)
		if !s.state.tree {
			shape.Store(s.state.shape())
		}
	}
	p.givePair(s)
	return err
}

// Keep returns a copy of what a function returned, to be kept and handed out by [Copy]. It proves that the function's result, its
// copies and what is decoded from its bytes are all the same value: every field, hidden ones too; floats by bits; times by
// instant, zone name and rules; what was shared still shared. Strings get memory of their own, so that a short one that was cut
// from a long one keeps only itself. The monotonic reading of times and the spare capacity of slices are dropped.
//
// An error says why that cannot be: the result is then returned as it is and not cached. Beside those of [Copy] it is a
// *[LossError] for a type whose own methods redact, round or forget, [ErrOverlap] for parts that share memory in a way that a
// copy cannot keep, [serialize.ErrZone] for a time in a zone that cannot be loaded again, and [ErrKeysCollide].
func Keep[T any](p *Plan, v *T) (*Kept[T], error) {
	if p.typ != reflect.TypeFor[T]() {
		return nil, fmt.Errorf("clone: a plan for %v cannot keep a %v", p.typ, reflect.TypeFor[T]())
	}
	kept := new(Kept[T])
	if err := p.keepTo(assign[T], ptrTo(&kept.Value), hidden(v), &kept.shape); err != nil {
		return nil, err
	}
	return kept, nil
}

// keepTo is Keep without the type. The value at src may be on a stack: nothing keeps its address.
func (p *Plan) keepTo(assign func(dst, src ptr), dst, src ptr, shape *atomic.Uint32) error {
	k := p.keeping()
	s := k.takePair()
	defer k.givePair(s)
	assign(s.src, src)
	assign(s.dst, src)
	if err := k.keep(&s.state, s.dst, s.src); err != nil {
		return err
	}
	assign(dst, s.dst)
	shape.Store(s.state.shape())
	return nil
}

// keep finishes the copy at dst, which is a shallow one of the value at src, and proves it.
func (p *Plan) keep(s *state, dst, src ptr) error {
	if p.root.flat() {
		return nil
	}
	s.watched = p.overlap
	if err := p.root.copy(walk{state: s}, dst, src); err != nil {
		return err
	}
	if p.overlap && refs.Overlap(s.regions) {
		return ErrOverlap
	}
	if p.timeKeys {
		return decodesAs(p.typ, dst)
	}
	return nil
}

// Size estimates how many bytes the kept value holds: its own and those of everything that it reaches, as the runtime allocates
// it, with what it shares counted once. Slices without pointers cost constant time however long they are. A part that nests
// deeper than [Copy] would follow counts as nothing.
func Size[T any](p *Plan, kept *Kept[T]) int64 {
	if p.typ != reflect.TypeFor[T]() {
		return int64(reflect.TypeFor[T]().Size())
	}
	return p.sizeOf(ptrTo(&kept.Value), &kept.shape)
}

// sizeOf is Size without the type, for a value on the heap.
func (p *Plan) sizeOf(src ptr, shape *atomic.Uint32) int64 {
	own := int64(p.typ.Size())
	if p.root.size == nil {
		return own
	}
	s := p.takePair()
	s.state.tree = shape.Load() == shapeTree
	own += p.root.size(walk{state: &s.state}, src)
	s.state.reset() // there are no values in it
	p.scratch.Put(s)
	return own
}

func (p *Plan) takePair() *pair {
	s, ok := p.scratch.Get().(*pair)
	if !ok {
		s = &pair{values: [2]reflect.Value{newOf(p.typ), newOf(p.typ)}}
		s.dst, s.src = addressOf(s.values[0]), addressOf(s.values[1])
	}
	s.state.left = maxBytes
	return s
}

// givePair empties s first: a pooled pair must not keep a caller's value alive.
func (p *Plan) givePair(s *pair) {
	s.values[0].SetZero()
	s.values[1].SetZero()
	s.state.reset()
	p.scratch.Put(s)
}
