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
	clone := commonMap(n.typ, elem)
	if clone == nil {
		clone = func(w walk, dst, src ptr) error { return cloneMap(n, key, elem, w, dst, src) }
	}
	n.copy = func(w walk, dst, src ptr) error {
		from := addrOf(src)
		if from == nil {
			return nil
		}
		here := place{at: from, node: n}
		w, err := w.enter(here, uintptr(mapBytes(valueAt(n.typ, src).Len(), key, elem)))
		if err != nil {
			return err
		}
		err = clone(w, dst, src)
		w.leave(here)
		return err
	}
}

// cloneMap copies a map of any type through reflection. Keys and values pass through variables of their types, made once
// per map: the shallow ones as the iterator gives them, and the copies that grow out of them.
func cloneMap(n, key, elem *node, w walk, dst, src ptr) error {
	from := valueAt(n.typ, src)
	count := from.Len()
	to := reflect.MakeMapWithSize(n.typ, count)
	k, v := newEntry(key), newEntry(elem)
	for iter := from.MapRange(); iter.Next(); {
		k.shallow.SetIterKey(iter)
		if k.src != nil {
			k.copied.SetIterKey(iter)
			if err := key.copy(w, k.dst, k.src); err != nil {
				return err
			}
		}
		v.shallow.SetIterValue(iter)
		if v.src != nil {
			v.copied.SetIterValue(iter)
			if err := elem.copy(w, v.dst, v.src); err != nil {
				return err
			}
		}
		to.SetMapIndex(k.copied, v.copied)
	}
	if to.Len() != count {
		return errKeysCollide
	}
	valueAt(n.typ, dst).Set(to)
	return nil
}

// An entry holds the variables for one side of a map's entries. Where assignment is the whole copy the two are one, and
// there are no addresses to copy between.
type entry struct {
	shallow, copied reflect.Value
	src, dst        ptr
}

func newEntry(n *node) entry {
	from := reflect.New(n.typ)
	if n.flat() {
		return entry{shallow: from.Elem(), copied: from.Elem()}
	}
	to := reflect.New(n.typ)
	return entry{from.Elem(), to.Elem(), pointerOf(from), pointerOf(to)}
}

// mapBytes estimates what a map with count entries takes.
func mapBytes(count int, key, elem *node) int64 {
	return mapHeader + int64(count)*int64(key.bytes+elem.bytes+entryOverhead)
}

// mapSize counts the entries at their size and, only where they refer to more, one by one what that is.
func mapSize(n, key, elem *node, w walk, src ptr) int64 {
	if addrOf(src) == nil {
		return 0
	}
	m := valueAt(n.typ, src)
	total := mapBytes(m.Len(), key, elem)
	if key.size == nil && elem.size == nil {
		return total
	}
	here := place{at: addrOf(src), node: n}
	w, err := w.enter(here, uintptr(total))
	if err != nil {
		return total
	}
	k, v := reflect.New(key.typ), reflect.New(elem.typ)
	for iter := m.MapRange(); iter.Next(); {
		if key.size != nil {
			k.Elem().SetIterKey(iter)
			total += key.size(w, pointerOf(k))
		}
		if elem.size != nil {
			v.Elem().SetIterValue(iter)
			total += elem.size(w, pointerOf(v))
		}
	}
	w.leave(here)
	return total
}

// mapHeader is what an empty map holds, about.
const mapHeader = 48
