package clone

import (
	"reflect"
	"unsafe"
)

// This is the only file of the package that imports unsafe. What keeps it sound:
//
//   - Every address comes from a typed Go pointer (a *T given by the caller, a slice's data, a fresh allocation) and stays
//     an unsafe.Pointer: there is no uintptr arithmetic that outlives an expression, so the collector and a moving stack
//     see every reference. The roots of what is walked are on the heap (see pair); the address of a variable that may be on a
//     stack is only assigned from and to (see hidden).
//   - Memory that can hold pointers is allocated with its real type (reflect.New, reflect.Value.Grow, make of a type that
//     is pointers only) and is written through typed assignment, reflect.Value.Set or reflect.Copy. So the collector knows
//     its layout and write barriers are never skipped.
//   - Memory that cannot hold pointers is allocated as unsigned integers of the element type's alignment. The collector
//     does not look into it, and a smaller or equal type of the same alignment may be read there (unsafe.Pointer rule 1).
//   - Slice headers are read and written as []byte or []ptr headers: all slice headers have one layout, and the data word
//     is a pointer in every one of them.

// ptr lets the rest of the package pass addresses on without importing unsafe.
type ptr = unsafe.Pointer

// ptrTo forgets the type of p. Whoever gets it must know the type from its plan.
func ptrTo[T any](p *T) ptr { return ptr(p) }

// assign copies the T at src to dst by assignment. It keeps neither address.
func assign[T any](dst, src ptr) { *(*T)(dst) = *(*T)(src) }

// newOf allocates a zero value of type t.
func newOf(t reflect.Type) reflect.Value { return reflect.New(t).Elem() }

// addressOf returns the address of an addressable value.
func addressOf(v reflect.Value) ptr { return v.Addr().UnsafePointer() }

// words are an interface of type any: the type, and the value where that is a pointer.
func words(v *any) *[2]ptr { return (*[2]ptr)(ptr(v)) }

// target returns the address that v, a pointer, holds.
func target(v any) ptr { return words(&v)[1] }

// pointerLike returns p as a pointer of the same type as like, which is one.
func pointerLike(like any, p ptr) any {
	words(&like)[1] = p
	return like
}

// sameType reports whether two interfaces hold values of one type.
func sameType(a, b any) bool { return words(&a)[0] == words(&b)[0] }

// hidden is [Hidden] for the address of a T.
func hidden[T any](p *T) ptr { return Hidden(ptr(p)) }

// Hidden returns p, the address of a variable, so that the compiler may leave the variable on the stack: it does not see
// that the address is passed on. Whoever gets it must not keep it beyond the call, nor let anything on the heap refer to
// it. Nor does the compiler see what becomes of what the variable refers to: it may be on the stack likewise, unless it is
// passed on openly somewhere else.
//
// Between its two lines the address is a number, which a stack that moves would not change. So nothing may be called
// there, not even what the race detector or the checks of unsafe pointers put in.
//
//go:nosplit
//go:norace
//go:nocheckptr
func Hidden(p unsafe.Pointer) unsafe.Pointer {
	address := uintptr(p)
	return *(*ptr)(ptr(&address))
}

// at returns the T at p. T must be the type of what is there, or one with the same layout.
func at[T any](p ptr) *T { return (*T)(p) }

// add returns the address off bytes into the object at p. The object must be larger than off.
func add(p ptr, off uintptr) ptr { return unsafe.Add(p, off) }

// addrOf returns the data address that a slice or a map, the one at p, refers to, or a pointer's target.
func addrOf(p ptr) ptr { return *(*ptr)(p) }

// sliceLen and sliceCap read the header of the slice at p, whatever its element type.
func sliceLen(p ptr) int { return len(*(*[]byte)(p)) }
func sliceCap(p ptr) int { return cap(*(*[]byte)(p)) }

// valueAt returns the addressable value of type t at p. It allocates nothing.
func valueAt(t reflect.Type, p ptr) reflect.Value { return reflect.NewAt(t, p).Elem() }

// pointerOf returns the address of the value that v, a pointer, points to.
func pointerOf(v reflect.Value) ptr { return v.UnsafePointer() }

// A block allocates a copy of n bytes without pointers at src and returns its address.
type block func(src ptr, n uintptr) ptr

// blockFor returns the block for memory of type t, which must hold no pointers and have a size above zero.
func blockFor(t reflect.Type) block {
	switch t.Align() {
	case 1:
		return copyWords[uint8]
	case 2:
		return copyWords[uint16]
	case 4:
		return copyWords[uint32]
	default:
		return copyWords[uint64]
	}
}

// copyWords copies n bytes as words of W. A type's size is a multiple of its alignment, so nothing is left over. The
// form make+copy lets the compiler skip clearing the new memory.
func copyWords[W uint8 | uint16 | uint32 | uint64](src ptr, n uintptr) ptr {
	var w W
	from := unsafe.Slice((*W)(src), n/unsafe.Sizeof(w))
	to := make([]W, len(from))
	copy(to, from)
	return ptr(unsafe.SliceData(to))
}

// setSlice writes the header of a slice with n elements, and no room for more, at dst.
func setSlice(dst, data ptr, n int) {
	// Through a []byte header: its data word is written with a write barrier, and n counts elements of any type.
	*(*[]byte)(dst) = unsafe.Slice((*byte)(data), n)
}

// clonePointers makes the slice of pointers (or maps) at dst a copy of the one at src, the targets still shared.
func clonePointers(dst, src ptr) {
	from := *(*[]ptr)(src)
	to := make([]ptr, len(from))
	copy(to, from)
	*(*[]ptr)(dst) = to
}

// setPointer makes the pointer at dst point to target.
func setPointer(dst, target ptr) { *(*ptr)(dst) = target }

// dataOf returns the address of s's first element.
func dataOf[E any](s []E) ptr { return ptr(unsafe.SliceData(s)) }

// dataOfText returns the address of s's bytes.
func dataOfText(s string) ptr { return ptr(unsafe.StringData(s)) }

// textAt returns the string of n bytes at p, which never change.
func textAt(p ptr, n int) string { return unsafe.String((*byte)(p), n) }

// typeID returns an address that stands for t.
func typeID(t reflect.Type) ptr { return reflect.ValueOf(t).UnsafePointer() }

// bytesAt returns the n bytes at p, to be read.
func bytesAt(p ptr, n uintptr) []byte { return unsafe.Slice((*byte)(p), n) }

// sliceAt returns the slice of n elements at p, without room for more.
func sliceAt[E any](p ptr, n int) []E { return unsafe.Slice((*E)(p), n) }

// mapAt returns the map that p refers to.
func mapAt[M any](p ptr) M { return *(*M)(ptr(&p)) }

// setSliceOf writes the header of a slice with n elements and room for c of them at dst.
func setSliceOf(dst, data ptr, n, c int) { *(*[]byte)(dst) = unsafe.Slice((*byte)(data), c)[:n] }

// newValue allocates a zero value of type t.
func newValue(t reflect.Type) ptr { return reflect.New(t).UnsafePointer() }
