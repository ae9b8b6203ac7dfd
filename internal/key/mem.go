package key

// This is the one file that reads memory by address. A plan knows the type at every address it visits because it was
// compiled from that type, and Append refuses a value of another type, so every load below is of the type that lies
// there. Reading this way costs a few instructions a field where the reflect package costs a call and a check.
//
// No address is kept beyond the call: what tells visited pointers apart is a number (see address), compared only while
// the value that holds the pointer is alive.

import (
	"reflect"
	"time"
	"unsafe"
)

// A ptr is the address of a value whose type the plan knows.
type ptr = unsafe.Pointer

const wordSize = unsafe.Sizeof(uintptr(0))

// packed reports whether memory may be copied as it is: the encoding is little endian with 8-byte ints, which is what
// lies in memory on amd64 and arm64. Elsewhere numbers are appended one by one and the bytes come out the same.
var packed = func() bool {
	one := uint16(1)
	return wordSize == 8 && *(*byte)(unsafe.Pointer(&one)) == 1
}()

func at(p ptr, off uintptr) ptr { return unsafe.Add(p, off) }

func memory(p ptr, n uintptr) []byte { return unsafe.Slice((*byte)(p), n) }

func load8(p ptr) uint8        { return *(*uint8)(p) }
func load16(p ptr) uint16      { return *(*uint16)(p) }
func load32(p ptr) uint32      { return *(*uint32)(p) }
func load64(p ptr) uint64      { return *(*uint64)(p) }
func loadInt(p ptr) int        { return *(*int)(p) }
func loadUint(p ptr) uint      { return *(*uint)(p) }
func loadPtr(p ptr) ptr        { return *(*unsafe.Pointer)(p) }
func loadTime(p ptr) time.Time { return *(*time.Time)(p) }

// loadSlice returns the address of the first element and the length of the slice of any type at p.
func loadSlice(p ptr) (first ptr, n int) {
	s := *(*[]struct{})(p)
	return unsafe.Pointer(unsafe.SliceData(s)), len(s)
}

func loadBytes(p ptr) []byte { return *(*[]byte)(p) }

// bytesAt returns the address of b's content, nil for a nil b.
func bytesAt(b []byte) ptr { return unsafe.Pointer(unsafe.SliceData(b)) }

// isNil reports whether the function, channel, pointer or interface at p is nil: its first word is.
func isNil(p ptr) bool { return *(*unsafe.Pointer)(p) == nil }

// typeHash returns the number that the compiler gave to t. Of two types that are declared under one name within different
// functions it is the only thing that differs, and it is the same in every process of a build. In a release of Go that
// lays types out otherwise it is 0.
func typeHash(t reflect.Type) uint32 {
	descriptor := *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(&t), wordSize))
	if *(*uintptr)(descriptor) != t.Size() {
		return 0
	}
	return *(*uint32)(unsafe.Add(descriptor, 2*wordSize))
}

// dynamicType returns the type of what the interface at p holds, nil for a nil interface. A non-empty interface has a
// method table where an empty one has a type; converting through an interface with a method lets the compiler fetch
// the type from the table.
func dynamicType(p ptr, methods bool) reflect.Type {
	if methods {
		return reflect.TypeOf(any(*(*interface{ m() })(p)))
	}
	return reflect.TypeOf(*(*any)(p))
}

// dynamicValue returns the address of what the non-nil interface at p holds. The second word of an interface is that
// address, or, for types that consist of one pointer, the value itself.
func dynamicValue(p ptr, direct bool) ptr {
	word := unsafe.Add(p, wordSize)
	if direct {
		return word
	}
	return *(*unsafe.Pointer)(word)
}

// heldDirectly reports whether interfaces hold values of type t in their second word. The zero value tells: held
// directly it is a nil word, else it is the address of zeroes.
func heldDirectly(t reflect.Type) bool {
	zero := reflect.Zero(t).Interface()
	return *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(&zero), wordSize)) == nil
}

// address returns a number that tells p apart from the other addresses in use.
func address(p ptr) uintptr { return uintptr(p) }

// valueAt returns the value of type t at p, addressable.
func valueAt(t reflect.Type, p ptr) reflect.Value { return reflect.NewAt(t, p).Elem() }

// addressOf returns the address of an addressable value's memory.
func addressOf(v reflect.Value) ptr { return v.Addr().UnsafePointer() }

// addressOfAny returns the address of an interface variable.
func addressOfAny(v *any) ptr { return unsafe.Pointer(v) }

// addressOfVar returns the address of *v.
func addressOfVar[T any](v *T) ptr { return unsafe.Pointer(v) }

// text returns b as a string without copying; b must not change while the string is in use.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// loadText returns the string at p.
func loadText(p ptr) string { return *(*string)(p) }
