package serialize

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
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
		e.buf = appendHead(e.buf, majorTag, uint64(tagDynamic+i))
		copied := reflect.New(t)
		copied.Elem().Set(reflect.ValueOf(v))
		return planFor(t).enc(e, copied.UnsafePointer())
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
		if err == nil {
			err = d.spend(boxSize)
		}
		return f, err
	case b>>5 == majorText:
		s, err := d.string()
		if err == nil {
			err = d.spend(boxSize)
		}
		return s, err
	case b>>5 == majorArray:
		return decodeHeld[[]any](d)
	case b>>5 == majorMap:
		return decodeHeld[map[string]any](d)
	case d.tagAhead() == tagReference:
		return d.heldReference()
	case d.tagAhead() == tagShared && d.left() > 2 && d.data[d.off+2]>>5 == majorArray:
		return decodeHeld[[]any](d)
	case d.tagAhead() == tagShared:
		return decodeHeld[map[string]any](d)
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
	if err := d.spend(boxSize); err != nil {
		return nil, err
	}
	v := reflect.New(dynamicTypes[i])
	err = planFor(dynamicTypes[i]).dec(d, v.UnsafePointer())
	return v.Elem().Interface(), err
}

// boxSize is what an interface takes for a value beside what that refers to, about.
const boxSize = 24

// decodeHeld reads a slice or map that an interface holds.
func decodeHeld[T any](d *decoder) (any, error) {
	var v T
	if err := d.spend(boxSize); err != nil {
		return nil, err
	}
	err := planFor(reflect.TypeFor[T]()).dec(d, unsafe.Pointer(&v))
	return v, err
}

// heldReference reads a reference in the place of a slice or map that an interface holds.
func (d *decoder) heldReference() (any, error) {
	v, err := d.referred()
	if err != nil {
		return nil, err
	}
	if v.t != anySliceType && v.t != anyMapType {
		return nil, d.malformed("a reference to a %s in an interface", v.t)
	}
	held := reflect.New(v.t)
	v.set(held.UnsafePointer())
	return held.Elem().Interface(), nil
}

// dynamicPlans has the plans of what interfaces hold. They differ from others of the same types in this: every reference is
// one of many.
var dynamicPlans sync.Map // reflect.Type -> *plan

// planFor returns the plan of a type that an interface may hold.
func planFor(t reflect.Type) *plan {
	if pl, ok := dynamicPlans.Load(t); ok {
		return pl.(*plan)
	}
	c := compiler{root: t, plans: map[reflect.Type]*plan{}, dynamic: true}
	pl, err := c.compile(t, "out")
	if err != nil {
		panic(err)
	}
	c.settle(pl)
	actual, _ := dynamicPlans.LoadOrStore(t, pl)
	return actual.(*plan)
}

var (
	anySliceType = reflect.TypeFor[[]any]()
	anyMapType   = reflect.TypeFor[map[string]any]()
)

func anySlice() *plan { return planFor(anySliceType) }
func anyMap() *plan   { return planFor(anyMapType) }
