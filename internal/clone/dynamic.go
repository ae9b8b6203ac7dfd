package clone

import (
	"encoding/json"
	"maps"
	"reflect"
	"time"

	"github.com/stillwarm/stillwarm/internal/heapsize"
	"github.com/stillwarm/stillwarm/internal/zone"
	"github.com/stillwarm/stillwarm/serialize"
)

// dynamicOps copies what an empty interface holds. The codec restores some types there and no others; so does a copy.
func dynamicOps(n *node, m mode) {
	d := dynamicCopier{keeping: m == forKeeping}
	n.copy = func(w walk, dst, src ptr) error {
		v, err := d.value(w, *at[any](src))
		if err == nil {
			*at[any](dst) = v
		}
		return err
	}
	n.size = func(w walk, src ptr) int64 { return dynamicSize(w, *at[any](src)) }
}

// reference returns the node that stands for slices and maps of a type in an interface: there any reference may be one of many.
func reference[T any]() *node {
	t := reflect.TypeFor[T]()
	return &node{typ: t, id: typeID(t), many: true, bytes: t.Size()}
}

var (
	anySlice    = reference[[]any]()
	anyMaps     = reference[[]map[string]any]()
	anyMap      = reference[map[string]any]()
	byteSlice   = reference[[]byte]()
	floatSlice  = reference[[]float64]()
	intSlice    = reference[[]int]()
	stringSlice = reference[[]string]()
	stringMap   = reference[map[string]string]()
)

// dynamicReferences are the types of references that an interface may hold.
var dynamicReferences = []reflect.Type{
	anySlice.typ, anyMaps.typ, anyMap.typ, byteSlice.typ, floatSlice.typ, intSlice.typ, stringSlice.typ, stringMap.typ,
}

// A dynamicCopier copies what interfaces hold, for a caller or for keeping.
type dynamicCopier struct{ keeping bool }

func (d dynamicCopier) text(w walk, s string) string {
	if d.keeping {
		return w.own(s)
	}
	return s
}

// value returns a copy of v. Scalars and strings are shared: what an interface points to for them is never written.
func (d dynamicCopier) value(w walk, v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, float64, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, complex64, complex128,
		time.Duration:
		return v, nil
	case string:
		if d.keeping {
			return w.own(v), nil
		}
		return v, nil
	case json.Number:
		return json.Number(d.text(w, string(v))), nil
	case time.Time:
		if !d.keeping {
			return v, nil
		}
		if loc := v.Location(); loc != time.UTC && !zone.Restorable(loc) {
			return nil, serialize.ErrZone
		}
		return v.Round(0), nil
	case map[string]any:
		return d.mapOfAny(w, v)
	case []any:
		return copySlice(w, anySlice, v, true, d.value)
	case []map[string]any:
		return copySlice(w, anyMaps, v, true, d.mapOfAny)
	case []byte:
		return copySlice[byte](w, byteSlice, v, false, nil)
	case []float64:
		return copySlice[float64](w, floatSlice, v, false, nil)
	case []int:
		return copySlice[int](w, intSlice, v, true, nil)
	case []string:
		return copySlice(w, stringSlice, v, true, d.stringIn())
	case map[string]string:
		return d.mapOfStrings(w, v)
	default:
		return nil, &DynamicTypeError{Dynamic: reflect.TypeOf(v)}
	}
}

func (d dynamicCopier) stringIn() func(walk, string) (string, error) {
	if !d.keeping {
		return nil
	}
	return func(w walk, s string) (string, error) { return w.own(s), nil }
}

// copySlice returns a copy of v without room for more. Nil stays nil and empty stays empty.
func copySlice[E any](w walk, n *node, v []E, level bool, each func(walk, E) (E, error)) ([]E, error) {
	if v == nil {
		return nil, nil
	}
	from, bytes := dataOf(v), reflect.TypeFor[E]().Size()*uintptr(len(v))
	if to := w.copied(n, from, len(v)); to != nil {
		return sliceAt[E](to, len(v)), nil
	}
	var err error
	if level {
		w, err = w.enter(bytes)
	} else {
		err = w.spend(bytes)
	}
	if err != nil {
		return nil, err
	}
	to := make([]E, len(v))
	copy(to, v)
	w.copying(n, from, len(v), bytes, dataOf(to))
	if each != nil {
		for i, elem := range v {
			if to[i], err = each(w, elem); err != nil {
				return nil, err
			}
		}
	}
	return to, nil
}

func (d dynamicCopier) mapOfAny(w walk, v map[string]any) (map[string]any, error) {
	if v == nil {
		return nil, nil
	}
	from := addrOf(ptrTo(&v))
	if to := w.copied(anyMap, from, 1); to != nil {
		return mapAt[map[string]any](to), nil
	}
	w, err := w.enter(uintptr(heapsize.Map(len(v), stringHeader, interfaceHeader)))
	if err != nil {
		return nil, err
	}
	to := make(map[string]any, len(v))
	w.copying(anyMap, from, 1, 0, addrOf(ptrTo(&to)))
	for key, elem := range v {
		if to[d.text(w, key)], err = d.value(w, elem); err != nil {
			return nil, err
		}
	}
	return to, nil
}

func (d dynamicCopier) mapOfStrings(w walk, v map[string]string) (map[string]string, error) {
	if v == nil {
		return nil, nil
	}
	from := addrOf(ptrTo(&v))
	if to := w.copied(stringMap, from, 1); to != nil {
		return mapAt[map[string]string](to), nil
	}
	if err := w.touch(uintptr(heapsize.Map(len(v), stringHeader, stringHeader))); err != nil {
		return nil, err
	}
	to := maps.Clone(v)
	if d.keeping {
		to = make(map[string]string, len(v))
		for key, elem := range v {
			to[w.own(key)] = w.own(elem)
		}
	}
	w.copying(stringMap, from, 1, 0, addrOf(ptrTo(&to)))
	return to, nil
}

// dynamicSize counts what v refers to; the two words of the interface are counted by whoever holds it.
func dynamicSize(w walk, v any) int64 {
	switch v := v.(type) {
	case nil:
		return 0
	case string:
		return stringHeader + textSize(v)
	case json.Number:
		return stringHeader + textSize(string(v))
	case []byte:
		return dynamicSlice[byte](w, byteSlice, v, nil)
	case []int:
		return dynamicSlice[int](w, intSlice, v, nil)
	case []float64:
		return dynamicSlice[float64](w, floatSlice, v, nil)
	case []string:
		return dynamicSlice(w, stringSlice, v, func(_ walk, s string) int64 { return textSize(s) })
	case []any:
		return dynamicSlice(w, anySlice, v, dynamicSize)
	case []map[string]any:
		return dynamicSlice(w, anyMaps, v, dynamicMapSize)
	case map[string]any:
		return dynamicMapSize(w, v)
	case map[string]string:
		if v == nil || !w.first(stringMap, addrOf(ptrTo(&v)), 1) {
			return 0
		}
		total := heapsize.Map(len(v), stringHeader, stringHeader)
		for key, elem := range v {
			total += textSize(key) + textSize(elem)
		}
		return total
	default:
		return heapsize.Alloc(int64(reflect.TypeOf(v).Size()))
	}
}

func dynamicSlice[E any](w walk, n *node, v []E, each func(walk, E) int64) int64 {
	if !w.first(n, dataOf(v), len(v)) {
		return sliceHeader
	}
	total := sliceHeader + heapsize.Alloc(int64(reflect.TypeFor[E]().Size())*int64(cap(v)))
	w, err := w.enter(uintptr(total))
	if err != nil || each == nil {
		return total
	}
	for _, elem := range v {
		total += each(w, elem)
	}
	return total
}

func dynamicMapSize(w walk, v map[string]any) int64 {
	if v == nil || !w.first(anyMap, addrOf(ptrTo(&v)), 1) {
		return 0
	}
	total := heapsize.Map(len(v), stringHeader, interfaceHeader)
	w, err := w.enter(uintptr(total))
	if err != nil {
		return total
	}
	for key, elem := range v {
		total += textSize(key) + dynamicSize(w, elem)
	}
	return total
}

// What the headers of strings, slices and interfaces take.
const (
	stringHeader    = 16
	sliceHeader     = 24
	interfaceHeader = 16
)
