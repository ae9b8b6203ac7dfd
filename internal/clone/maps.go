package clone

import (
	"errors"
	"reflect"
)

// errKeysCollide reports a map with two keys that become one when they are brought into the form in which the codec
// restores them, as two time.Time keys for one instant do.
var errKeysCollide = errors.New("clone: two keys of a map are the same once decoded: use keys that are equal only if they are the same")

// entryOverhead is what a map holds for an entry beside key and value, about: the control byte and the free slots.
const entryOverhead = 4

// mapOps: a map of its own with room for as many entries.
func mapOps(n, key, elem *node) {
	n.size = func(w walk, src ptr) int64 { return mapSize(n, key, elem, w, src) }
	if key.flat() {
		if clone := commonMap(n.typ, elem); clone != nil {
			n.copy = func(w walk, dst, src ptr) error {
				at := addrOf(src)
				if at == nil {
					return nil
				}
				w, err := n.enter(w, place{at: at})
				if err != nil {
					return err
				}
				err = clone(w, dst, src)
				n.leave(w, place{at: at})
				return err
			}
			return
		}
	}
	n.copy = func(w walk, dst, src ptr) error {
		at := addrOf(src)
		if at == nil {
			return nil
		}
		w, err := n.enter(w, place{at: at})
		if err != nil {
			return err
		}
		err = cloneMap(n, key, elem, w, dst, src)
		n.leave(w, place{at: at})
		return err
	}
}

// cloneMap copies a map of any type through reflection. Keys and values pass through four variables of their types, made
// once per map: the shallow ones as the iterator gives them, and the copies that grow out of them.
func cloneMap(n, key, elem *node, w walk, dst, src ptr) error {
	from := valueAt(n.typ, src)
	to := reflect.MakeMapWithSize(n.typ, from.Len())
	key1, elem1 := reflect.New(key.typ).Elem(), reflect.New(elem.typ).Elem()
	key2, elem2 := key1, elem1
	if !key.flat() {
		key2 = reflect.New(key.typ).Elem()
	}
	if !elem.flat() {
		elem2 = reflect.New(elem.typ).Elem()
	}
	for iter := from.MapRange(); iter.Next(); {
		key1.SetIterKey(iter)
		elem1.SetIterValue(iter)
		if !key.flat() {
			key2.Set(key1)
			if err := key.copy(w, pointerOf(key2.Addr()), pointerOf(key1.Addr())); err != nil {
				return err
			}
		}
		if !elem.flat() {
			elem2.Set(elem1)
			if err := elem.copy(w, pointerOf(elem2.Addr()), pointerOf(elem1.Addr())); err != nil {
				return err
			}
		}
		to.SetMapIndex(key2, elem2)
	}
	if to.Len() != from.Len() {
		return errKeysCollide
	}
	valueAt(n.typ, dst).Set(to)
	return nil
}

// mapSize counts the entries at their size and, only where they refer to more, one by one what that is.
func mapSize(n, key, elem *node, w walk, src ptr) int64 {
	if addrOf(src) == nil {
		return 0
	}
	m := valueAt(n.typ, src)
	total := mapHeader + int64(m.Len())*int64(key.bytes+elem.bytes+entryOverhead)
	if key.size == nil && elem.size == nil {
		return total
	}
	here := place{at: addrOf(src)}
	w, err := n.enter(w, here)
	if err != nil {
		return total
	}
	k, v := reflect.New(key.typ).Elem(), reflect.New(elem.typ).Elem()
	for iter := m.MapRange(); iter.Next(); {
		if key.size != nil {
			k.SetIterKey(iter)
			total += key.size(w, pointerOf(k.Addr()))
		}
		if elem.size != nil {
			v.SetIterValue(iter)
			total += elem.size(w, pointerOf(v.Addr()))
		}
	}
	n.leave(w, here)
	return total
}

// mapHeader is what an empty map holds, about.
const mapHeader = 48
