package clone

import "reflect"

// A node is the plan of one type within a plan. The nodes of a recursive type refer to each other in a circle.
type node struct {
	typ    reflect.Type
	bytes  uintptr // size of the value itself
	noscan bool    // no pointer in it at all, not even a string's
	// copy gets a dst that is a shallow copy of src already, and replaces in it every reference to memory that the two
	// must not share. It is nil where there is nothing to replace: see flat.
	copy func(w walk, dst, src ptr) error
	// size counts what the value at src refers to, without its own bytes. It is nil where the value refers to nothing.
	size func(w walk, src ptr) int64
	// done says that copy and size are known. They are not while the parts of a recursive type are being compiled; who
	// needs them then must look them up when called, and may rely on both being there, since only types with
	// references can contain themselves.
	done bool
}

// flat reports whether assignment is the whole copy. It must not be asked before the node is done.
func (n *node) flat() bool { return n.copy == nil }

// pointerFree reports whether the memory of a value of type t can never hold a pointer.
func pointerFree(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return true
	case reflect.Array:
		return t.Len() == 0 || pointerFree(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !pointerFree(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return false
}
