package serialize

import (
	"reflect"
	"unsafe"
)

// A sharedValue is what several references of a value refer to, as the decoder has made it.
type sharedValue struct {
	t  reflect.Type
	at unsafe.Pointer // where a pointer points to, a slice's first element, a map
	n  int            // the length of a slice
}

const byteTag = majorTag<<5 | 24 // the first byte of a tag between 24 and 255

// tagAhead returns the tag for sharing that is next, or 0.
func (d *decoder) tagAhead() byte {
	if d.left() < 2 || d.data[d.off] != byteTag {
		return 0
	}
	if tag := d.data[d.off+1]; tag == tagShared || tag == tagReference {
		return tag
	}
	return 0
}

// reference reads what stands before a value that is shared, or in the place of one that was read already: then that becomes
// the value of the pointer, slice or map at to, and done is true. mark is the number of a value that is marked, else -1.
func (d *decoder) reference(pl *plan, to unsafe.Pointer) (mark int, done bool, err error) {
	if !pl.many {
		return -1, false, nil
	}
	switch d.tagAhead() {
	case 0:
		return -1, false, nil
	case tagShared:
		d.off += 2
		d.shared = append(d.shared, sharedValue{t: pl.t})
		return len(d.shared) - 1, false, nil
	}
	v, err := d.referred()
	if err != nil {
		return -1, false, err
	}
	if v.t != pl.t {
		return -1, false, d.malformed("a reference to a %s where a %s is expected", v.t, pl.t)
	}
	v.set(to)
	return -1, true, nil
}

// referred reads a reference.
func (d *decoder) referred() (sharedValue, error) {
	d.off += 2
	n, err := d.expect(majorUint)
	if err != nil {
		return sharedValue{}, err
	}
	if n >= uint64(len(d.shared)) || d.shared[n].at == nil {
		return sharedValue{}, d.malformed("a reference to value %d", n)
	}
	return d.shared[n], nil
}

// marked keeps a value that is marked. It is there before its content is, for that may refer to it.
func (d *decoder) marked(mark int, at unsafe.Pointer, n int) {
	if mark >= 0 {
		d.shared[mark].at, d.shared[mark].n = at, n
	}
}

func (v *sharedValue) set(to unsafe.Pointer) {
	if v.t.Kind() == reflect.Slice {
		*(*sliceHeader)(to) = sliceHeader{v.at, v.n, v.n}
		return
	}
	*(*unsafe.Pointer)(to) = v.at
}
