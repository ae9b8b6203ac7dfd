package clone

import (
	"reflect"
	"time"

	"github.com/stillwarm/stillwarm/serialize"
)

// dynamicOps copies the values that an empty interface may hold. See copyDynamic for which.
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

// copyDynamic returns a copy of v. Scalars and strings are shared: an interface's own word is never written to.
func copyDynamic(w walk, v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string,
		int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return v, nil
	case time.Time:
		return serialize.CanonicalTime(v), nil
	case []byte:
		if v == nil {
			return v, nil
		}
		to := make([]byte, len(v))
		copy(to, v)
		return to, nil
	case []any:
		return copyDynamicSlice(w, v)
	case map[string]any:
		return copyDynamicMap(w, v)
	default:
		return nil, &DynamicTypeError{Dynamic: reflect.TypeOf(v)}
	}
}

func copyDynamicSlice(w walk, v []any) (any, error) {
	if v == nil {
		return v, nil
	}
	here := place{at: dataOf(v), len: len(v)}
	w, err := w.enter(here)
	if err != nil {
		return nil, err
	}
	to := make([]any, len(v))
	for i, elem := range v {
		if to[i], err = copyDynamic(w, elem); err != nil {
			return nil, err
		}
	}
	w.leave(here)
	return to, nil
}

func copyDynamicMap(w walk, v map[string]any) (any, error) {
	if v == nil {
		return v, nil
	}
	here := place{at: addrOf(ptrTo(&v))}
	w, err := w.enter(here)
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

// dynamicSize counts what v refers to; the interface's two words are counted by whoever holds it.
func dynamicSize(w walk, v any) int64 {
	switch v := v.(type) {
	case string:
		return stringHeader + int64(len(v))
	case []byte:
		return sliceHeader + int64(cap(v))
	case []any:
		here := place{at: dataOf(v), len: len(v)}
		w, err := w.enter(here)
		if err != nil {
			return 0
		}
		total := sliceHeader + interfaceHeader*int64(cap(v))
		for _, elem := range v {
			total += dynamicSize(w, elem)
		}
		w.leave(here)
		return total
	case map[string]any:
		here := place{at: addrOf(ptrTo(&v))}
		w, err := w.enter(here)
		if err != nil {
			return 0
		}
		total := mapHeader + int64(len(v))*(stringHeader+interfaceHeader+entryOverhead)
		for key, elem := range v {
			total += int64(len(key)) + dynamicSize(w, elem)
		}
		w.leave(here)
		return total
	case nil:
		return 0
	default:
		return int64(reflect.TypeOf(v).Size())
	}
}

// What the headers of strings, slices and interfaces take.
const (
	stringHeader    = 16
	sliceHeader     = 24
	interfaceHeader = 16
)
