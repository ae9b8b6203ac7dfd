package serialize

import (
	"encoding/binary"
	"reflect"
	"unsafe"
)

// Slices of floats are typed arrays of RFC 8746: one byte string, little-endian, under a tag that names the width. They
// are what large numeric results consist of, and this form reads several times faster than one head for each number.
const (
	tagFloat32s = 85
	tagFloat64s = 86
)

// useBytes plans a slice of bytes.
func (pl *plan) useBytes() {
	pl.enc = func(e *encoder, p unsafe.Pointer) error {
		b := *(*[]byte)(p)
		if b == nil {
			e.buf = append(e.buf, byteNull)
			return nil
		}
		if e.reference(pl, unsafe.Pointer(unsafe.SliceData(b)), len(b)) {
			return nil
		}
		e.buf = append(appendHead(e.buf, majorBytes, uint64(len(b))), b...)
		return nil
	}
	pl.dec = func(d *decoder, p unsafe.Pointer) error {
		if d.null() {
			return nil
		}
		mark, done, err := d.reference(pl, p)
		if done || err != nil {
			return err
		}
		b, err := d.bytes()
		if err == nil {
			err = d.spend(int64(len(b)))
		}
		if err != nil {
			return err
		}
		own := append(make([]byte, 0, len(b)), b...)
		*(*[]byte)(p) = own
		d.marked(mark, unsafe.Pointer(unsafe.SliceData(own)), len(own))
		return nil
	}
}

func (pl *plan) useByteArray(length int) {
	pl.least = 1 + length
	pl.enc = func(e *encoder, p unsafe.Pointer) error {
		e.buf = append(appendHead(e.buf, majorBytes, uint64(length)), unsafe.Slice((*byte)(p), length)...)
		return nil
	}
	pl.dec = func(d *decoder, p unsafe.Pointer) error {
		b, err := d.bytes()
		if err != nil {
			return err
		}
		if len(b) != length {
			return d.malformed("%d bytes where %d are expected", len(b), length)
		}
		copy(unsafe.Slice((*byte)(p), length), b)
		return nil
	}
}

// useFloats plans a slice of floats. The elements move as bits, see appendFloat64.
func (pl *plan) useFloats() {
	if pl.t.Elem().Kind() == reflect.Float32 {
		useFloats(pl, tagFloat32s, appendFloats32, floats32)
	} else {
		useFloats(pl, tagFloat64s, appendFloats64, floats64)
	}
}

func useFloats[W uint32 | uint64](pl *plan, tag uint64, write func([]byte, []W) []byte, read func([]byte) []W) {
	width := int(unsafe.Sizeof(W(0)))
	pl.enc = func(e *encoder, p unsafe.Pointer) error {
		s := *(*[]W)(p)
		if s == nil {
			e.buf = append(e.buf, byteNull)
			return nil
		}
		if e.reference(pl, unsafe.Pointer(unsafe.SliceData(s)), len(s)) {
			return nil
		}
		e.buf = appendHead(e.buf, majorTag, tag)
		e.buf = appendHead(e.buf, majorBytes, uint64(width)*uint64(len(s)))
		e.buf = write(e.buf, s)
		return nil
	}
	pl.dec = func(d *decoder, p unsafe.Pointer) error {
		if d.null() {
			return nil
		}
		mark, done, err := d.reference(pl, p)
		if done || err != nil {
			return err
		}
		b, err := d.typedArray(tag, width)
		if err == nil {
			err = d.spend(int64(len(b)))
		}
		if err != nil {
			return err
		}
		s := read(b)
		*(*[]W)(p) = s
		d.marked(mark, unsafe.Pointer(unsafe.SliceData(s)), len(s))
		return nil
	}
}

func appendFloats32(dst []byte, s []uint32) []byte {
	for _, bits := range s {
		dst = binary.LittleEndian.AppendUint32(dst, bits)
	}
	return dst
}

func appendFloats64(dst []byte, s []uint64) []byte {
	for _, bits := range s {
		dst = binary.LittleEndian.AppendUint64(dst, bits)
	}
	return dst
}

func floats32(b []byte) []uint32 {
	s := make([]uint32, len(b)/4)
	for i := range s {
		s[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return s
}

func floats64(b []byte) []uint64 {
	s := make([]uint64, len(b)/8)
	for i := range s {
		s[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return s
}

// typedArray reads the bytes of a typed array.
func (d *decoder) typedArray(tag uint64, width int) ([]byte, error) {
	if err := d.tag(tag); err != nil {
		return nil, err
	}
	b, err := d.bytes()
	if err == nil && len(b)%width != 0 {
		return nil, d.malformed("%d bytes of %d-byte numbers", len(b), width)
	}
	return b, err
}
