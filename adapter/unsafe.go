package adapter

import (
	"reflect"
	"unsafe"

	"github.com/stillwarm/stillwarm/internal/clone"
)

// funcPointer returns the address of a function value: of the closure, where it is one. Two values that were made by
// the same function literal share their code but not this; reflect's Pointer cannot tell them apart.
func funcPointer(fn any) unsafe.Pointer {
	if fn == nil || reflect.TypeOf(fn).Kind() != reflect.Func {
		return nil
	}
	// An interface is two words, type and data; for a function type the data word is the function value itself.
	return (*[2]unsafe.Pointer)(unsafe.Pointer(&fn))[1]
}

// closureAt is funcPointer for an addressable value of a function type: a function value is one word.
func closureAt(v reflect.Value) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(v.UnsafeAddr()))
}

// closureIn is funcPointer for an addressable interface that holds a function.
func closureIn(v reflect.Value) unsafe.Pointer {
	return (*[2]unsafe.Pointer)(unsafe.Pointer(v.UnsafeAddr()))[1]
}

// ptr is the address of a value whose type a dataTypes or a resourceTypes knows. Each comes from a variable or an
// allocation of that type.
type ptr = unsafe.Pointer

// hidden is the address of a variable that the compiler may leave on the stack: see [clone.Hidden].
func hidden[T any](v *T) ptr { return clone.Hidden(ptr(v)) }

// argument is hidden for the variable of an argument: that may be on the stack, but nothing that it refers to. A run that
// outlasts the call, whatever waits for it and the function itself have the argument as it is, bytes of strings included, and
// memory that the compiler has put on a stack moves and ends with that.
func argument[In any](in *In) ptr {
	escape(ptr(in))
	return hidden(in)
}

// escape lets the compiler see that what the variable at p refers to outlasts the call.
func escape(p ptr) {
	if escapes {
		escaped = *(*ptr)(p)
	}
}

var (
	escapes bool // never: only the compiler must not know that
	escaped ptr  //nolint:unused // that it is assigned to is all that it is for
)

// element returns the address of the i-th of the values of a size that begin at first.
func element(first ptr, size uintptr, i int) ptr { return unsafe.Add(first, size*uintptr(i)) }

// offset returns the address n bytes into the object at p.
func offset(p ptr, n uintptr) ptr { return unsafe.Add(p, n) }

// newOf allocates a zero value of type t.
func newOf(t reflect.Type) ptr { return reflect.New(t).UnsafePointer() }

// pointerTo returns p, the address of a value of type t, as a pointer of that type.
func pointerTo(t reflect.Type, p ptr) any { return reflect.NewAt(t, p).Interface() }

// valueAt returns the value of type t at p.
func valueAt(t reflect.Type, p ptr) any { return reflect.NewAt(t, p).Elem().Interface() }

// target returns the address that v, a pointer, holds.
func target(v any) ptr { return (*[2]ptr)(ptr(&v))[1] }

// textOf returns b as a string without copying; b must never change again.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
