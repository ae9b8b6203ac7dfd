package adapter

import (
	"reflect"
	"unsafe"
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

// textOf returns b as a string without copying; b must never change again.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
