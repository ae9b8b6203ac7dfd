package serialize

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"
	"unsafe"
)

// What an empty interface may hold, and how its type is told. What JSON decodes into is written in CBOR's own kinds:
// nil, bool, float64, string, []any, map[string]any. The types in dynamicTypes are written under a tag of their own. All
// others are refused when a value is encoded.

// tagDynamic is the tag of the first type in dynamicTypes; the others follow. The numbers lie in CBOR's first come,
// first served range.
const tagDynamic = 60_000

// dynamicTypes are the types that an empty interface gives back exactly. The order is part of the format: new types go
// to the end. A nil slice or map of a type that has a natural form, and a string that is not UTF-8, come here too.
var dynamicTypes = [...]reflect.Type{
	reflect.TypeFor[string](), // only where it is not valid UTF-8
	reflect.TypeFor[[]any](),  // only where it is nil
	reflect.TypeFor[map[string]any](),
	reflect.TypeFor[int](),
	reflect.TypeFor[int8](),
	reflect.TypeFor[int16](),
	reflect.TypeFor[int32](),
	reflect.TypeFor[int64](),
	reflect.TypeFor[uint](),
	reflect.TypeFor[uint8](),
	reflect.TypeFor[uint16](),
	reflect.TypeFor[uint32](),
	reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](),
	reflect.TypeFor[complex64](),
	reflect.TypeFor[complex128](),
	reflect.TypeFor[[]byte](),
	reflect.TypeFor[time.Time](),
	reflect.TypeFor[time.Duration](),
	reflect.TypeFor[json.Number](),
	reflect.TypeFor[[]string](),
	reflect.TypeFor[[]int](),
	reflect.TypeFor[[]float64](),
	reflect.TypeFor[map[string]string](),
	reflect.TypeFor[[]map[string]any](),
}

func encodeAny(e *encoder, p unsafe.Pointer) error {
	switch v := (*(*any)(p)).(type) {
	case nil:
		e.buf = append(e.buf, byteNull)
	case bool:
		return encodeBool(e, unsafe.Pointer(&v))
	case float64:
		return encodeFloat64(e, unsafe.Pointer(&v))
	case string:
		if !utf8.ValidString(v) {
			return encodeTagged(e, v)
		}
		e.buf = append(appendHead(e.buf, majorText, uint64(len(v))), v...)
	case []any:
		if v == nil {
			return encodeTagged(e, v)
		}
		return anySlice().enc(e, unsafe.Pointer(&v))
	case map[string]any:
		if v == nil {
			return encodeTagged(e, v)
		}
		return anyMap().enc(e, unsafe.Pointer(&v))
	default:
		return encodeTagged(e, v)
	}
	return nil
}

func encodeTagged(e *encoder, v any) error {
	t := reflect.TypeOf(v)
	for i, known := range dynamicTypes {
		if t != known {
			continue
		}
		codec, err := CodecFor(t)
		if err != nil {
			return err
		}
		e.buf = appendHead(e.buf, majorTag, uint64(tagDynamic+i))
		copied := reflect.New(t)
		copied.Elem().Set(reflect.ValueOf(v))
		return codec.root.enc(e, copied.UnsafePointer())
	}
	return fmt.Errorf("%w: %s", ErrDynamicType, t)
}

func decodeAny(d *decoder, p unsafe.Pointer) error {
	v, err := d.any()
	*(*any)(p) = v
	return err
}

func (d *decoder) any() (any, error) {
	if d.left() == 0 {
		return nil, d.malformed("the bytes end here")
	}
	switch b := d.data[d.off]; {
	case d.null():
		return nil, nil
	case b == byteFalse, b == byteTrue:
		d.off++
		return b == byteTrue, nil
	case b == byteFloat64:
		var f float64
		err := decodeFloat64(d, unsafe.Pointer(&f))
		return f, err
	case b>>5 == majorText:
		s, err := d.string()
		return s, err
	case b>>5 == majorArray:
		var s []any
		err := anySlice().dec(d, unsafe.Pointer(&s))
		return s, err
	case b>>5 == majorMap:
		var m map[string]any
		err := anyMap().dec(d, unsafe.Pointer(&m))
		return m, err
	case b>>5 == majorTag:
		return d.tagged()
	default:
		return nil, d.malformed("initial byte %#02x in an interface", b)
	}
}

func (d *decoder) tagged() (any, error) {
	number, err := d.expect(majorTag)
	if err != nil {
		return nil, err
	}
	i := number - tagDynamic
	if number < tagDynamic || i >= uint64(len(dynamicTypes)) {
		return nil, d.malformed("tag %d in an interface", number)
	}
	codec, err := CodecFor(dynamicTypes[i])
	if err != nil {
		return nil, err
	}
	v := reflect.New(dynamicTypes[i])
	err = codec.root.dec(d, v.UnsafePointer())
	return v.Elem().Interface(), err
}

// planFor returns the plan of a type that is known to have one.
func planFor(t reflect.Type) *plan {
	codec, err := CodecFor(t)
	if err != nil {
		panic(err)
	}
	return codec.root
}

var (
	anySliceType = reflect.TypeFor[[]any]()
	anyMapType   = reflect.TypeFor[map[string]any]()
)

func anySlice() *plan { return planFor(anySliceType) }
func anyMap() *plan   { return planFor(anyMapType) }
