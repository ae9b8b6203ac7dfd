package serialize

import (
	"encoding/binary"
	"reflect"
	"unsafe"
)

// useScalar plans a type of a basic kind and reports whether t is one. A named type is written as its kind: its methods
// cannot know more than its value says.
func (pl *plan) useScalar() bool {
	switch pl.t.Kind() {
	case reflect.Bool:
		pl.enc, pl.dec = encodeBool, decodeBool
	case reflect.Int:
		pl.enc, pl.dec = encodeInt[int], decodeInt[int]
	case reflect.Int8:
		pl.enc, pl.dec = encodeInt[int8], decodeInt[int8]
	case reflect.Int16:
		pl.enc, pl.dec = encodeInt[int16], decodeInt[int16]
	case reflect.Int32:
		pl.enc, pl.dec = encodeInt[int32], decodeInt[int32]
	case reflect.Int64:
		pl.enc, pl.dec = encodeInt[int64], decodeInt[int64]
	case reflect.Uint:
		pl.enc, pl.dec = encodeUint[uint], decodeUint[uint]
	case reflect.Uint8:
		pl.enc, pl.dec = encodeUint[uint8], decodeUint[uint8]
	case reflect.Uint16:
		pl.enc, pl.dec = encodeUint[uint16], decodeUint[uint16]
	case reflect.Uint32:
		pl.enc, pl.dec = encodeUint[uint32], decodeUint[uint32]
	case reflect.Uint64:
		pl.enc, pl.dec = encodeUint[uint64], decodeUint[uint64]
	case reflect.Float32:
		pl.enc, pl.dec, pl.least = encodeFloat32, decodeFloat32, 5
	case reflect.Float64:
		pl.enc, pl.dec, pl.least = encodeFloat64, decodeFloat64, 9
	case reflect.Complex64:
		pl.enc, pl.dec, pl.least = encodeComplex64, decodeComplex64, 11
	case reflect.Complex128:
		pl.enc, pl.dec, pl.least = encodeComplex128, decodeComplex128, 19
	case reflect.String:
		pl.enc, pl.dec = encodeString, decodeString
	default:
		return false
	}
	return true
}

func encodeBool(e *encoder, p unsafe.Pointer) error {
	if *(*bool)(p) {
		e.buf = append(e.buf, byteTrue)
	} else {
		e.buf = append(e.buf, byteFalse)
	}
	return nil
}

func decodeBool(d *decoder, p unsafe.Pointer) error {
	if d.left() == 0 {
		return d.malformed("the bytes end here")
	}
	b := d.data[d.off]
	if b != byteTrue && b != byteFalse {
		return d.malformed("initial byte %#02x where a boolean is expected", b)
	}
	d.off++
	*(*bool)(p) = b == byteTrue
	return nil
}

func encodeInt[T int | int8 | int16 | int32 | int64](e *encoder, p unsafe.Pointer) error {
	e.buf = appendInt(e.buf, int64(*(*T)(p)))
	return nil
}

func decodeInt[T int | int8 | int16 | int32 | int64](d *decoder, p unsafe.Pointer) error {
	n, err := d.int64()
	if err != nil {
		return err
	}
	if int64(T(n)) != n {
		return d.malformed("%d does not fit in %d bits", n, 8*unsafe.Sizeof(T(0)))
	}
	*(*T)(p) = T(n)
	return nil
}

func encodeUint[T uint | uint8 | uint16 | uint32 | uint64](e *encoder, p unsafe.Pointer) error {
	e.buf = appendHead(e.buf, majorUint, uint64(*(*T)(p)))
	return nil
}

func decodeUint[T uint | uint8 | uint16 | uint32 | uint64](d *decoder, p unsafe.Pointer) error {
	n, err := d.expect(majorUint)
	if err != nil {
		return err
	}
	if uint64(T(n)) != n {
		return d.malformed("%d does not fit in %d bits", n, 8*unsafe.Sizeof(T(0)))
	}
	*(*T)(p) = T(n)
	return nil
}

// Floats are written in their own width and moved as bits, so that no conversion touches the payload of a NaN.

func appendFloat32(b []byte, bits uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, byteFloat32), bits)
}

func appendFloat64(b []byte, bits uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, byteFloat64), bits)
}

func (d *decoder) float32() (uint32, error) {
	if d.left() < 5 || d.data[d.off] != byteFloat32 {
		return 0, d.malformed("no 32-bit float")
	}
	bits := binary.BigEndian.Uint32(d.data[d.off+1:])
	d.off += 5
	return bits, nil
}

func (d *decoder) float64() (uint64, error) {
	if d.left() < 9 || d.data[d.off] != byteFloat64 {
		return 0, d.malformed("no 64-bit float")
	}
	bits := binary.BigEndian.Uint64(d.data[d.off+1:])
	d.off += 9
	return bits, nil
}

func encodeFloat32(e *encoder, p unsafe.Pointer) error {
	e.buf = appendFloat32(e.buf, *(*uint32)(p))
	return nil
}

func decodeFloat32(d *decoder, p unsafe.Pointer) error {
	bits, err := d.float32()
	*(*uint32)(p) = bits
	return err
}

func encodeFloat64(e *encoder, p unsafe.Pointer) error {
	e.buf = appendFloat64(e.buf, *(*uint64)(p))
	return nil
}

func decodeFloat64(d *decoder, p unsafe.Pointer) error {
	bits, err := d.float64()
	*(*uint64)(p) = bits
	return err
}

// Complex numbers are arrays of the real and the imaginary part.

func encodeComplex64(e *encoder, p unsafe.Pointer) error {
	parts := (*[2]uint32)(p)
	e.buf = appendFloat32(appendFloat32(appendHead(e.buf, majorArray, 2), parts[0]), parts[1])
	return nil
}

func decodeComplex64(d *decoder, p unsafe.Pointer) (err error) {
	if err := d.pair(); err != nil {
		return err
	}
	parts := (*[2]uint32)(p)
	if parts[0], err = d.float32(); err == nil {
		parts[1], err = d.float32()
	}
	return err
}

func encodeComplex128(e *encoder, p unsafe.Pointer) error {
	parts := (*[2]uint64)(p)
	e.buf = appendFloat64(appendFloat64(appendHead(e.buf, majorArray, 2), parts[0]), parts[1])
	return nil
}

func decodeComplex128(d *decoder, p unsafe.Pointer) (err error) {
	if err := d.pair(); err != nil {
		return err
	}
	parts := (*[2]uint64)(p)
	if parts[0], err = d.float64(); err == nil {
		parts[1], err = d.float64()
	}
	return err
}

// pair reads the head of an array of two.
func (d *decoder) pair() error {
	n, err := d.expect(majorArray)
	if err == nil && n != 2 {
		return d.malformed("%d elements where 2 are expected", n)
	}
	return err
}
