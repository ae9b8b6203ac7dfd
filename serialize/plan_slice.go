package serialize

import (
	"reflect"
	"strconv"
	"unsafe"
)

// sliceHeader is the memory layout of a slice, as the plans walk it by address.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// isBytes reports whether t is a slice of bytes, named or not.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// slice plans a slice: null where it is nil, otherwise an array; bytes and floats have denser forms.
func (c *compiler) slice(pl *plan, path string) *UnserializableError {
	switch pl.t.Elem().Kind() {
	case reflect.Uint8:
		pl.useBytes()
		return nil
	case reflect.Float32, reflect.Float64:
		pl.useFloats()
		return nil
	}
	elem, err := c.compile(pl.t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	pl.parts = []part{{elem, true}}
	s := &slicePlan{self: pl, elem: elem, size: pl.t.Elem().Size()}
	pl.enc, pl.dec = s.encode, s.decode
	return nil
}

type slicePlan struct {
	self, elem *plan
	size       uintptr // of one element in memory
}

func (s *slicePlan) encode(e *encoder, from unsafe.Pointer) error {
	h := (*sliceHeader)(from)
	if h.data == nil {
		e.buf = append(e.buf, byteNull)
		return nil
	}
	if s.size > 0 && e.reference(s.self, h.data, h.len) {
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	e.buf = appendHead(e.buf, majorArray, uint64(h.len))
	err := encodeElements(e, s.elem, h.data, h.len, s.size)
	e.leave()
	return err
}

func (s *slicePlan) decode(d *decoder, to unsafe.Pointer) error {
	if d.null() {
		return nil
	}
	mark, done, err := d.reference(s.self, to)
	if done || err != nil {
		return err
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	n, err := d.count(majorArray, s.elem.least)
	if err != nil {
		return err
	}
	if err := d.spend(int64(n) * int64(s.size)); err != nil {
		return err
	}
	makeSlice(s.self.t, to, n)
	h := (*sliceHeader)(to)
	d.marked(mark, h.data, n)
	return decodeElements(d, s.elem, h.data, n, s.size)
}

// makeSlice sets the slice of type t at p, which is nil, to n zero elements.
func makeSlice(t reflect.Type, p unsafe.Pointer, n int) {
	v := reflect.NewAt(t, p).Elem()
	if n == 0 {
		v.Set(reflect.MakeSlice(t, 0, 0))
		return
	}
	v.Grow(n) // in place: unlike MakeSlice it does not allocate a header
	v.SetLen(n)
}

// array plans an array: an array of its elements; a byte string for bytes.
func (c *compiler) array(pl *plan, path string) *UnserializableError {
	length := pl.t.Len()
	if pl.t.Elem().Kind() == reflect.Uint8 {
		pl.useByteArray(length)
		return nil
	}
	elem, err := c.compile(pl.t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	size := pl.t.Elem().Size()
	pl.parts = []part{{elem, length > 1}}
	pl.least = 1 + length*elem.least
	pl.enc = func(e *encoder, p unsafe.Pointer) error {
		e.buf = appendHead(e.buf, majorArray, uint64(length))
		return encodeElements(e, elem, p, length, size)
	}
	pl.dec = func(d *decoder, p unsafe.Pointer) error {
		n, err := d.count(majorArray, elem.least)
		if err != nil {
			return err
		}
		if n != length {
			return d.malformed("%d elements where %d are expected", n, length)
		}
		return decodeElements(d, elem, p, n, size)
	}
	return nil
}

func encodeElements(e *encoder, elem *plan, p unsafe.Pointer, n int, size uintptr) error {
	for i := range n {
		if err := elem.enc(e, unsafe.Add(p, uintptr(i)*size)); err != nil {
			return within(err, "["+strconv.Itoa(i)+"]")
		}
	}
	return nil
}

func decodeElements(d *decoder, elem *plan, p unsafe.Pointer, n int, size uintptr) error {
	for i := range n {
		if err := elem.dec(d, unsafe.Add(p, uintptr(i)*size)); err != nil {
			return err
		}
	}
	return nil
}
