package clone

import (
	"encoding/json"
	"maps"
	"reflect"
	"time"

	"github.com/stillwarm/stillwarm/serialize"
)

// dynamicOps copies what an empty interface holds. The codec restores some types there and no others; so does a copy.
func dynamicOps(n *node) {
	n.copy = func(w walk, dst, src ptr) error {
		v, err := copyDynamic(w, *at[any](src))
		if err == nil {
			*at[any](dst) = v
		}
		return err
	}
	n.size = func(w walk, src ptr) int64 { return dynamicSize(w, *at[any](src)) }
}

// copyDynamic returns a copy of v. Scalars and strings are shared: what an interface points to for them is never written.
func copyDynamic(w walk, v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, float64,
		int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, complex64, complex128,
		time.Duration, json.Number:
		return v, nil
	case map[string]any:
		return copyDynamicMap(w, v)
	case []any:
		return copyDynamicSlice(w, v, copyDynamic)
	case []map[string]any:
		return copyDynamicSlice(w, v, func(w walk, m map[string]any) (map[string]any, error) { return copyDynamicMap(w, m) })
	case time.Time:
		return serialize.CanonicalTime(v), nil
	case []byte:
		return cloned(v), w.spend(uintptr(len(v)))
	case []float64:
		return cloned(v), w.spend(8 * uintptr(len(v)))
	case []string:
		return cloned(v), w.touch(stringHeader * uintptr(len(v)))
	case []int:
		return cloned(v), w.touch(8 * uintptr(len(v)))
	case map[string]string:
		return maps.Clone(v), w.touch(2 * stringHeader * uintptr(len(v)))
	default:
		return nil, &DynamicTypeError{Dynamic: reflect.TypeOf(v)}
	}
}

// cloned returns a copy of s without room for more. Nil stays nil and empty stays empty.
func cloned[E any](s []E) []E {
	if s == nil {
		return nil
	}
	to := make([]E, len(s))
	copy(to, s)
	return to
}

func copyDynamicSlice[E any](w walk, v []E, each func(walk, E) (E, error)) (any, error) {
	if v == nil {
		return v, nil
	}
	here := place{at: dataOf(v), len: len(v)}
	w, err := w.enter(here, interfaceHeader*uintptr(len(v)))
	if err != nil {
		return nil, err
	}
	to := make([]E, len(v))
	for i, elem := range v {
		if to[i], err = each(w, elem); err != nil {
			return nil, err
		}
	}
	w.leave(here)
	return to, nil
}

func copyDynamicMap(w walk, v map[string]any) (map[string]any, error) {
	if v == nil {
		return v, nil
	}
	here := place{at: addrOf(ptrTo(&v))}
	w, err := w.enter(here, mapHeader+uintptr(len(v))*dynamicEntry)
	if err != nil {
		return nil, err
	}
	to := make(map[string]any, len(v))
	for key, elem := range v {
		if to[key], err = copyDynamic(w, elem); err != nil {
			return nil, err
		}
	}
	w.leave(here)
	return to, nil
}

// dynamicSize counts what v refers to; the two words of the interface are counted by whoever holds it.
func dynamicSize(w walk, v any) int64 {
	switch v := v.(type) {
	case nil:
		return 0
	case string:
		return stringHeader + int64(len(v))
	case json.Number:
		return stringHeader + int64(len(v))
	case []byte:
		return sliceHeader + int64(cap(v))
	case []int:
		return sliceHeader + 8*int64(cap(v))
	case []float64:
		return sliceHeader + 8*int64(cap(v))
	case []string:
		return sliceHeader + stringHeader*int64(cap(v)) + sumOf(v, func(s string) int64 { return int64(len(s)) })
	case map[string]string:
		total := mapHeader + int64(len(v))*(2*stringHeader+entryOverhead)
		for key, elem := range v {
			total += int64(len(key) + len(elem))
		}
		return total
	case []any:
		return dynamicSliceSize(w, v, interfaceHeader, dynamicSize)
	case []map[string]any:
		return dynamicSliceSize(w, v, 8, dynamicMapSize)
	case map[string]any:
		return dynamicMapSize(w, v)
	default:
		return int64(reflect.TypeOf(v).Size())
	}
}

func dynamicSliceSize[E any](w walk, v []E, header int64, each func(walk, E) int64) int64 {
	total := sliceHeader + header*int64(cap(v))
	here := place{at: dataOf(v), len: len(v)}
	w, err := w.enter(here, uintptr(total))
	if err != nil {
		return total
	}
	total += sumOf(v, func(elem E) int64 { return each(w, elem) })
	w.leave(here)
	return total
}

func dynamicMapSize(w walk, v map[string]any) int64 {
	if v == nil {
		return 0
	}
	total := mapHeader + int64(len(v))*dynamicEntry
	here := place{at: addrOf(ptrTo(&v))}
	w, err := w.enter(here, uintptr(total))
	if err != nil {
		return total
	}
	for key, elem := range v {
		total += int64(len(key)) + dynamicSize(w, elem)
	}
	w.leave(here)
	return total
}

func sumOf[E any](v []E, each func(E) int64) (total int64) {
	for _, elem := range v {
		total += each(elem)
	}
	return total
}

// What the headers of strings, slices and interfaces take, and an entry of a map[string]any.
const (
	stringHeader    = 16
	sliceHeader     = 24
	interfaceHeader = 16
	dynamicEntry    = stringHeader + interfaceHeader + entryOverhead
)
