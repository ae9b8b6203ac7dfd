package adapter

import (
	"context"
	"reflect"
	"unsafe"

	"github.com/stillwarm/stillwarm/internal/clone"
)

// What is generic in this package is compiled again for each function that a program caches, in the program's own package:
// after each edit, before anybody sees its result. So generic code only turns values into addresses and back. What works on
// addresses is compiled once, in this package: a dataCore behind a Data, a resourceCore behind a Resource.
//
// Compiling a generic type also reads every type that it mentions, and what these mention. So a Data does not mention its
// dataCore but has it in an any, as a dataRef.

// dataTypes is what of a cached function only code that knows its types can do.
type dataTypes struct {
	in, out  reflect.Type
	assignIn func(dst, src ptr)
	kept     clone.Typed // of out
	wrapped  any         // the function as it was given; nil where it was nil

	// run calls the function and sets what is at out. It keeps neither address.
	run func(ctx context.Context, in, out ptr) error
	// many calls a batch function, and returns the address of its first result and how many there are.
	many func(ctx context.Context, ins []ptr) (outs ptr, n int, err error)

	calls func(n int) ptr // allocates typedCalls
	// The size of a typedCall and the offsets of its parts.
	callSize, inAt, passAt uintptr
}

// typedCall is a call with room for its argument, and for a result that memory has no room for on its way to the caller.
type typedCall[In, Out any] struct {
	call call
	in   In
	pass clone.Kept[Out]
}

func typesOf[In, Out any]() dataTypes {
	var c typedCall[In, Out]
	return dataTypes{
		in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](), assignIn: clone.Assigner[In](), kept: clone.TypedOf[Out](),
		calls:    func(n int) ptr { return ptr(unsafe.SliceData(make([]typedCall[In, Out], n))) },
		callSize: unsafe.Sizeof(c), inAt: unsafe.Offsetof(c.in), passAt: unsafe.Offsetof(c.pass),
	}
}

// dataTypesOf returns the types of a function that is cached.
func dataTypesOf[In, Out any](fn func(context.Context, In) (Out, error)) dataTypes {
	t := typesOf[In, Out]()
	if fn != nil {
		t.wrapped = fn
		t.run = func(ctx context.Context, in, out ptr) (err error) {
			*(*Out)(out), err = fn(ctx, *(*In)(in))
			return err
		}
	}
	return t
}

// batchTypesOf returns the types of a function that computes many results at once.
func batchTypesOf[In, Out any](fn func(context.Context, []In) ([]Out, error)) dataTypes {
	t := typesOf[In, Out]()
	if fn != nil {
		t.wrapped = fn
		t.many = func(ctx context.Context, ins []ptr) (ptr, int, error) {
			args := make([]In, len(ins))
			for i, in := range ins {
				args[i] = *(*In)(in)
			}
			outs, err := fn(ctx, args)
			return ptr(unsafe.SliceData(outs)), len(outs), err
		}
	}
	return t
}

// resourceTypes is what of a resource only code that knows its types can do.
type resourceTypes struct {
	in, out  reflect.Type
	assignIn func(dst, src ptr)
	wrapped  any // the function as it was given; nil where it was nil

	// open opens an object for the argument at in, and returns a pointer to it.
	open func(ctx context.Context, in ptr) (any, error)
}

func resourceTypesOf[In, Out any](fn func(context.Context, In) (Out, error)) resourceTypes {
	t := resourceTypes{in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](), assignIn: clone.Assigner[In]()}
	if fn != nil {
		t.wrapped = fn
		t.open = func(ctx context.Context, in ptr) (any, error) {
			out, err := fn(ctx, *(*In)(in))
			return &out, err
		}
	}
	return t
}
