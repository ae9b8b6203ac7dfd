package clone

import (
	"maps"
	"reflect"
)

// A mapCloner makes the map at dst a copy of the one at src, which is not nil.
type mapCloner func(w walk, dst, src ptr) error

// commonMaps has loops without reflection for the map types that occur most. Named types with the same key and element
// use them too: they differ from these in name only.
var commonMaps = map[reflect.Type]func(n, elem *node) mapCloner{}

func init() {
	common[string, string]()
	common[string, bool]()
	common[string, int]()
	common[string, int64]()
	common[string, float64]()
	common[string, any]()
	common[string, []string]()
	common[string, []byte]()
	common[string, struct{}]()
	common[string, map[string]string]()
	common[string, map[string]any]()
	common[int, string]()
	common[int, int]()
	common[int, bool]()
	common[int, float64]()
	common[int64, string]()
	common[int64, int64]()
}

func common[K comparable, V any]() {
	commonMaps[reflect.TypeFor[map[K]V]()] = func(n, elem *node) mapCloner {
		if elem.flat() {
			return func(w walk, dst, src ptr) error { return cloneFlatMap[K, V](n, w, dst, src) }
		}
		return func(w walk, dst, src ptr) error { return cloneCommonMap[K, V](n, elem, w, dst, src) }
	}
}

// commonMap returns the loop for maps of the node, or nil.
func commonMap(n, key, elem *node) mapCloner {
	if !key.done || !key.flat() || !elem.done {
		return nil
	}
	if make := commonMaps[reflect.MapOf(n.typ.Key(), n.typ.Elem())]; make != nil {
		return make(n, elem)
	}
	return nil
}

func cloneFlatMap[K comparable, V any](n *node, w walk, dst, src ptr) error {
	*at[map[K]V](dst) = maps.Clone(*at[map[K]V](src))
	w.copying(n, addrOf(src), 1, 0, addrOf(dst))
	return nil
}

// cloneCommonMap copies the values through one pair of variables, since the loop's own would be allocated for each entry.
func cloneCommonMap[K comparable, V any](n, elem *node, w walk, dst, src ptr) error {
	from := *at[map[K]V](src)
	to := make(map[K]V, len(from))
	w.copying(n, addrOf(src), 1, 0, addrOf(ptrTo(&to)))
	v := new(struct{ dst, src V })
	for k, shallow := range from {
		v.src, v.dst = shallow, shallow
		if err := elem.copy(w, ptrTo(&v.dst), ptrTo(&v.src)); err != nil {
			return err
		}
		to[k] = v.dst
	}
	*at[map[K]V](dst) = to
	return nil
}
