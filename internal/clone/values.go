package clone

import (
	"fmt"
	"reflect"
	"sync/atomic"
)

// A Typed is what only code that knows a type can say of it. It is small: the compiler makes one for each type of results.
type Typed struct {
	assign func(dst, src ptr)
	kept   any // a nil *Kept of the type
}

// TypedOf returns what [ValuesOf] needs to know of T.
func TypedOf[T any]() Typed { return Typed{assign: assign[T], kept: (*Kept[T])(nil)} }

// Assigner returns what sets the T at dst to the one at src, by assignment. It keeps neither address.
func Assigner[T any]() func(dst, src ptr) { return assign[T] }

// Values copies, keeps and measures the values of one type for code that does not know the type. It does what [Copy],
// [Keep] and [Size] do, by the addresses of values and with each *Kept as an any, which the engine has anyway. It is
// immutable and safe for concurrent use.
//
// Addresses given to it may be those of variables on a stack.
type Values struct {
	plan  *Plan
	typed Typed
	shape uintptr // of a Kept, from its beginning
	size  uintptr // of a Kept
	value reflect.Type
}

// ValuesOf returns the Values of type t, for which typed was made. The error is that of [Compile].
func ValuesOf(t reflect.Type, typed Typed) (*Values, error) {
	kept := reflect.TypeOf(typed.kept).Elem()
	if f, _ := kept.FieldByName("Value"); f.Type != t || f.Offset != 0 {
		return nil, fmt.Errorf("clone: a %v does not keep a %v", kept, t)
	}
	plan, err := Compile(t)
	if err != nil {
		return nil, err
	}
	f, _ := kept.FieldByName("shape")
	return &Values{plan: plan, typed: typed, shape: f.Offset, size: kept.Size(), value: t}, nil
}

// Flat is [Plan.Flat].
func (v *Values) Flat() bool { return v.plan.Flat() }

// At returns the address of a kept value, and nil where kept is no *Kept of the type.
func (v *Values) At(kept any) ptr {
	if !sameType(kept, v.typed.kept) {
		return nil
	}
	return target(kept)
}

// New returns a new *Kept and the address of its value.
func (v *Values) New() (kept any, value ptr) {
	value = addressOf(newOf(reflect.TypeOf(v.typed.kept).Elem()))
	return v.In(value), value
}

// Many returns the address of the first of n new Kepts, one behind the other. See Nth.
func (v *Values) Many(n int) ptr {
	return reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(v.typed.kept).Elem()), n, n).UnsafePointer()
}

// Nth returns the address of the i-th of the Kepts that begin at first.
func (v *Values) Nth(first ptr, i int) ptr { return add(first, uintptr(i)*v.size) }

// In returns the *Kept that is at p.
func (v *Values) In(p ptr) any { return pointerLike(v.typed.kept, p) }

// Assign sets the value at dst to the one at src, by assignment.
func (v *Values) Assign(dst, src ptr) { v.typed.assign(dst, src) }

// Copy sets the value at dst to a copy of the kept one. See [Copy].
func (v *Values) Copy(dst ptr, kept any) error {
	src := v.At(kept)
	switch {
	case src == nil:
		return fmt.Errorf("clone: a plan for %v cannot copy a %T", v.value, kept)
	case v.plan.root.flat():
		v.typed.assign(dst, src)
		return nil
	}
	return v.plan.copyTo(v.typed.assign, dst, src, v.shapeOf(src))
}

// Keep returns a *Kept of a copy of the value at src. See [Keep].
func (v *Values) Keep(src ptr) (any, error) {
	kept, dst := v.New()
	if err := v.plan.keepTo(v.typed.assign, dst, src, v.shapeOf(dst)); err != nil {
		return nil, err
	}
	return kept, nil
}

// Size is [Size].
func (v *Values) Size(kept any) int64 {
	src := v.At(kept)
	if src == nil {
		return int64(v.value.Size())
	}
	return v.plan.sizeOf(src, v.shapeOf(src))
}

func (v *Values) shapeOf(kept ptr) *atomic.Uint32 { return at[atomic.Uint32](add(kept, v.shape)) }

// Take is [TakeArgument] for the argument at in, of a type that assign is for.
func (p *ArgumentPlan) Take(assign func(dst, src ptr), in ptr) (ptr, Custody) {
	if custody := p.ByType(); custody != Copied {
		return in, custody
	}
	return p.take(assign, in)
}
