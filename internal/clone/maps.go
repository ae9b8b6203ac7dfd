package clone

import (
	"reflect"

	"github.com/stillwarm/stillwarm/internal/heapsize"
)

// mapOps: a map of its own with room for as many entries.
func mapOps(n, key, elem *node) {
	n.size = func(w walk, src ptr) int64 { return mapSize(n, key, elem, w, src) }
	clone := commonMap(n, key, elem)
	if clone == nil {
		clone = func(w walk, dst, src ptr) error { return cloneMap(n, key, elem, w, dst, src) }
	}
	n.copy = func(w walk, dst, src ptr) error {
		from := addrOf(src)
		if from == nil {
			return nil
		}
		if to := w.copied(n, from, 1); to != nil {
			setPointer(dst, to)
			return nil
		}
		w, err := w.enter(uintptr(mapBytes(valueAt(n.typ, src).Len(), key, elem)))
		if err != nil {
			return err
		}
		return clone(w, dst, src)
	}
}

// cloneMap copies a map of any type through reflection. Keys and values pass through variables of their types, made once
// per map: the shallow ones as the iterator gives them, and the copies that grow out of them.
func cloneMap(n, key, elem *node, w walk, dst, src ptr) error {
	from := valueAt(n.typ, src)
	count := from.Len()
	to := reflect.MakeMapWithSize(n.typ, count)
	w.copying(n, addrOf(src), 1, 0, to.UnsafePointer())
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
		return ErrKeysCollide
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
func mapBytes(count int, key, elem *node) int64 { return heapsize.Map(count, key.bytes, elem.bytes) }

// mapSize counts the entries at their size and, only where they refer to more, one by one what that is.
func mapSize(n, key, elem *node, w walk, src ptr) int64 {
	if addrOf(src) == nil || !w.first(n, addrOf(src), 1) {
		return 0
	}
	m := valueAt(n.typ, src)
	total := mapBytes(m.Len(), key, elem)
	if key.size == nil && elem.size == nil {
		return total
	}
	w, err := w.enter(uintptr(total))
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
	return total
}
