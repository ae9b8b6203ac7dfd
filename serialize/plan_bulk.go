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

func encodeBytes(e *encoder, p unsafe.Pointer) error {
	b := *(*[]byte)(p)
	if b == nil {
		e.buf = append(e.buf, byteNull)
		return nil
	}
	e.buf = append(appendHead(e.buf, majorBytes, uint64(len(b))), b...)
	return nil
}

func decodeBytes(d *decoder, p unsafe.Pointer) error {
	if d.null() {
		return nil
	}
	b, err := d.bytes()
	if err != nil {
		return err
	}
	*(*[]byte)(p) = append(make([]byte, 0, len(b)), b...)
	return nil
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
		pl.enc, pl.dec = encodeFloat32s, decodeFloat32s
	} else {
		pl.enc, pl.dec = encodeFloat64s, decodeFloat64s
	}
}

func encodeFloat32s(e *encoder, p unsafe.Pointer) error {
	s := *(*[]uint32)(p)
	if s == nil {
		e.buf = append(e.buf, byteNull)
		return nil
	}
	e.buf = appendHead(e.buf, majorTag, tagFloat32s)
	e.buf = appendHead(e.buf, majorBytes, 4*uint64(len(s)))
	for _, bits := range s {
		e.buf = binary.LittleEndian.AppendUint32(e.buf, bits)
	}
	return nil
}

func decodeFloat32s(d *decoder, p unsafe.Pointer) error {
	b, err := d.typedArray(tagFloat32s, 4)
	if b == nil || err != nil {
		return err
	}
	s := make([]uint32, len(b)/4)
	for i := range s {
		s[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	*(*[]uint32)(p) = s
	return nil
}

func encodeFloat64s(e *encoder, p unsafe.Pointer) error {
	s := *(*[]uint64)(p)
	if s == nil {
		e.buf = append(e.buf, byteNull)
		return nil
	}
	e.buf = appendHead(e.buf, majorTag, tagFloat64s)
	e.buf = appendHead(e.buf, majorBytes, 8*uint64(len(s)))
	for _, bits := range s {
		e.buf = binary.LittleEndian.AppendUint64(e.buf, bits)
	}
	return nil
}

func decodeFloat64s(d *decoder, p unsafe.Pointer) error {
	b, err := d.typedArray(tagFloat64s, 8)
	if b == nil || err != nil {
		return err
	}
	s := make([]uint64, len(b)/8)
	for i := range s {
		s[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	*(*[]uint64)(p) = s
	return nil
}

// typedArray reads the bytes of a typed array, or nil for a null.
func (d *decoder) typedArray(tag uint64, width int) ([]byte, error) {
	if d.null() {
		return nil, nil
	}
	if err := d.tag(tag); err != nil {
		return nil, err
	}
	b, err := d.bytes()
	if err == nil && len(b)%width != 0 {
		return nil, d.malformed("%d bytes of %d-byte numbers", len(b), width)
	}
	return b, err
}
