package clone

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/internal/refs"
)

// Custody says who can change the argument that a run works on.
type Custody uint8

const (
	// Borrowed says that the caller, or others, can change it. The run works on the argument itself and must not outlive the call.
	Borrowed Custody = iota
	// Immutable says that nobody can. The run works on the argument itself.
	Immutable
	// Copied says that the run works on an exact copy, which nobody else has.
	Copied
)

// String returns the word for c.
func (c Custody) String() string { return [...]string{"borrowed", "immutable", "copied"}[c] }

// An ArgumentPlan says how far the arguments of one type can be kept apart from their callers. It is immutable, safe for
// concurrent use and made once per type.
type ArgumentPlan struct {
	plan *Plan // nil: no value of the type can be copied
	flat bool  // every value of the type is immutable
}

var argumentPlans sync.Map // reflect.Type -> *ArgumentPlan

// ForArgument returns the plan for arguments of type t.
func ForArgument(t reflect.Type) *ArgumentPlan {
	if p, ok := argumentPlans.Load(t); ok {
		return p.(*ArgumentPlan)
	}
	made := &ArgumentPlan{}
	if root, overlap, err := compileMode(t, forArgument, "in"); err == nil {
		made.plan, made.flat = &Plan{typ: t, root: root, overlap: overlap}, root.flat()
	}
	p, _ := argumentPlans.LoadOrStore(t, made)
	return p.(*ArgumentPlan)
}

// ByType returns what the type alone decides: Immutable or Borrowed for all its values, or Copied where that depends on the
// value.
func (p *ArgumentPlan) ByType() Custody {
	switch {
	case p.plan == nil:
		return Borrowed
	case p.flat:
		return Immutable
	}
	return Copied
}

// TakeArgument returns the argument that a run is to work on, and who can change it: an exact copy of *in, where there can be
// one, and in itself otherwise.
//
// A copy is exact if nobody who has nothing but the argument can tell: pointers to one thing are pointers to one copy of it, keys
// of maps are found by the pointers that the argument has, slices have their capacity and what is in it, times their monotonic
// reading. What cannot be copied so is Borrowed: functions, channels, locks, hidden fields that refer to something, pointers
// to what hides fields (errors such as io.EOF are known by their address), parts that share memory otherwise than by equal
// pointers, maps or slices. Fields tagged `cache:"-"` are no part of the argument and shared with it: they hold what callers
// share on purpose.
func TakeArgument[T any](p *ArgumentPlan, in *T) (*T, Custody) {
	if custody := p.ByType(); custody != Copied {
		return in, custody
	}
	out, custody := p.take(assign[T], ptrTo(in))
	return at[T](out), custody
}

// take is TakeArgument without the type, for values of which some can be copied.
func (p *ArgumentPlan) take(assign func(dst, src ptr), in ptr) (ptr, Custody) {
	s := p.plan.takePair()
	defer p.plan.givePair(s)
	s.state.watched = true
	assign(s.src, in)
	assign(s.dst, in)
	err := p.plan.root.copy(walk{state: &s.state}, s.dst, s.src)
	switch {
	case err != nil, refs.Overlap(s.state.regions):
		return in, Borrowed
	case s.state.refs.Len() == 0 && s.state.left == maxBytes:
		return in, Immutable
	}
	out := addressOf(newOf(p.plan.typ))
	assign(out, s.dst)
	return out, Copied
}

var errInexact = errors.New("clone: no exact copy")

// fillArgument gives n its functions where an exact copy differs from that of a result. It reports whether it did.
func (c *compiler) fillArgument(n *node, path string) (done bool, err error) {
	t := n.typ
	switch {
	case t == timeType, t == reflect.TypeFor[regexp.Regexp](), t == reflect.TypeFor[*time.Location]():
		return true, nil // immutable once made: assignment is exact
	case knownTypes[t] != nil:
		return false, nil
	case isCommon(t):
		return true, c.refuse(t, path, "it guards what others use")
	}
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		onlyZero(n)
		return true, nil
	case reflect.Interface:
		n.copy = func(w walk, dst, src ptr) error { return copyHeld(t, w, dst, src) }
		return true, nil
	case reflect.Pointer:
		// What hides fields is known by its address more often than not: errors such as io.EOF are.
		if hidesFields(t.Elem()) {
			onlyZero(n)
			return true, nil
		}
	case reflect.Struct:
		return true, c.argumentStruct(n, path)
	}
	return false, nil
}

// argumentStruct is structNode for arguments. A hidden field that refers to nothing is copied by assignment, whatever it means;
// one that refers to something may mean more than it says.
func (c *compiler) argumentStruct(n *node, path string) error {
	t := n.typ
	if t.ConvertibleTo(timeType) {
		return nil
	}
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" || leftOut(f) {
			continue
		}
		inner := &node{typ: f.Type, id: typeID(f.Type), bytes: f.Type.Size(), done: true}
		switch {
		case f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct:
			var err error
			if inner, err = c.node(f.Type, path+"."+f.Name); err != nil {
				return err
			}
		case isCommon(f.Type):
			return c.refuse(f.Type, path+"."+f.Name, "it guards what others use")
		case isValue(f.Type):
			continue
		default:
			onlyZero(inner)
		}
		fields = append(fields, field{off: f.Offset, node: inner})
		n.parts = append(n.parts, part{inner, false})
	}
	structOps(n, fields)
	return nil
}

// onlyZero is for what can be copied only where there is nothing.
func onlyZero(n *node) {
	n.copy = func(_ walk, _, src ptr) error {
		if !isZero(bytesAt(src, n.bytes)) {
			return errInexact
		}
		return nil
	}
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// hidesFields reports whether t is a struct with unexported fields that this package does not know.
func hidesFields(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || knownTypes[t] != nil || t == reflect.TypeFor[regexp.Regexp]() || t == reflect.TypeFor[url.Userinfo]() {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); !f.IsExported() && f.Name != "_" && !leftOut(f) && !f.Anonymous {
			return true
		}
	}
	return false
}

// isValue reports whether values of type t refer to nothing that can be changed.
func isValue(t reflect.Type) bool {
	if t == timeType || t == reflect.TypeFor[*time.Location]() || t.PkgPath() == "net/netip" {
		return true
	}
	switch t.Kind() {
	case reflect.String:
		return true
	case reflect.Array:
		return isValue(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i).Type; isCommon(f) || !isValue(f) {
				return false
			}
		}
		return true
	}
	return pointerFree(t)
}

// copyHeld copies what the interface of type t at src holds, by the plan for values of that type.
func copyHeld(t reflect.Type, w walk, dst, src ptr) error {
	v := valueAt(t, src).Elem()
	if !v.IsValid() {
		return nil
	}
	n, err := heldPlan(v.Type())
	if err != nil || n.flat() {
		return err // what an interface holds is never written: a value without references is shared
	}
	to := held(v)
	if err := n.copy(w, to, held(v)); err != nil {
		return err
	}
	valueAt(t, dst).Set(valueAt(v.Type(), to))
	return nil
}

// heldPlans are the plans for what the interfaces of arguments hold. In them every reference may be one of many.
var heldPlans sync.Map // reflect.Type -> *node, or error

func heldPlan(t reflect.Type) (*node, error) {
	found, ok := heldPlans.Load(t)
	if !ok {
		c := compiler{root: t, nodes: map[reflect.Type]*node{}, mode: forArgument}
		n, err := c.node(t, "in")
		if err != nil {
			found, _ = heldPlans.LoadOrStore(t, err)
		} else {
			for _, inner := range c.nodes {
				inner.many = true
			}
			found, _ = heldPlans.LoadOrStore(t, n)
		}
	}
	if n, ok := found.(*node); ok {
		return n, nil
	}
	return nil, fmt.Errorf("%w: %w", errInexact, found.(error))
}

// leftOut reports whether the field is no part of a key.
func leftOut(f reflect.StructField) bool { return f.Tag.Get("cache") == "-" }
