package clone

import (
	"reflect"

	"github.com/stillwarm/stillwarm/internal/heapsize"
)

// stringOps: strings are shared, but their bytes count. What is kept has strings of its own.
func stringOps(n *node, m mode) {
	n.size = func(_ walk, src ptr) int64 { return textSize(*at[string](src)) }
	if m == forKeeping {
		n.copy = func(w walk, dst, src ptr) error {
			*at[string](dst) = w.own(*at[string](src))
			return nil
		}
	}
}

func textSize(s string) int64 { return heapsize.Alloc(int64(len(s))) }

// pointerOps: a target of its own for every target of the source.
func pointerOps(n, elem *node) {
	n.target = elem
	n.size = func(w walk, src ptr) int64 { return pointerSize(n, elem, w, addrOf(src)) }
	if elem.noscan && elem.bytes > 0 && elem.done && elem.flat() { // one that stores itself is asked
		clone := blockFor(elem.typ)
		n.copy = func(w walk, dst, src ptr) error {
			from := addrOf(src)
			if from == nil {
				return nil
			}
			to := w.copied(n, from, 1)
			if to == nil {
				if err := w.touch(elem.bytes); err != nil {
					return err
				}
				to = clone(from, elem.bytes)
				w.copying(n, from, 1, elem.bytes, to)
			}
			setPointer(dst, to)
			return nil
		}
		return
	}
	n.copy = func(w walk, dst, src ptr) error {
		from := addrOf(src)
		if from == nil {
			return nil
		}
		if to := w.copied(n, from, sized(elem)); to != nil {
			setPointer(dst, to)
			return nil
		}
		w, err := w.enter(elem.bytes)
		if err != nil {
			return err
		}
		fresh := reflect.New(elem.typ)
		fresh.Elem().Set(valueAt(elem.typ, from))
		to := pointerOf(fresh)
		setPointer(dst, to)
		w.copying(n, from, sized(elem), elem.bytes, to)
		if elem.flat() {
			return nil
		}
		return elem.copy(w, to, from)
	}
}

func pointerSize(n, elem *node, w walk, target ptr) int64 {
	if target == nil || !w.first(n, target, sized(elem)) {
		return 0
	}
	total := heapsize.Alloc(int64(elem.bytes))
	if elem.size == nil {
		return total
	}
	w, err := w.enter(elem.bytes)
	if err != nil {
		return total
	}
	return total + elem.size(w, target)
}

// A field is a part of a struct that assignment alone does not copy, or whose own bytes are not all that it holds.
type field struct {
	off uintptr
	*node
}

// structOps: the shallow copy is there, so only the fields that are not flat have work left.
func structOps(n *node, fields []field) {
	var deep, sized []field
	for _, f := range fields {
		if f.copy != nil || !f.done {
			deep = append(deep, f)
		}
		if f.size != nil || !f.done {
			sized = append(sized, f)
		}
	}
	if len(deep) > 0 {
		n.copy = func(w walk, dst, src ptr) error {
			for i := range deep {
				f := &deep[i]
				if err := f.copy(w, add(dst, f.off), add(src, f.off)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if len(sized) > 0 {
		n.size = func(w walk, src ptr) (total int64) {
			for i := range sized {
				f := &sized[i]
				total += f.size(w, add(src, f.off))
			}
			return total
		}
	}
}

// arrayOps: as a struct with count equal fields.
func arrayOps(n, elem *node, count int) {
	if count == 0 {
		return
	}
	if elem.copy != nil || !elem.done {
		n.copy = func(w walk, dst, src ptr) error { return copyEach(elem, w, dst, src, count) }
	}
	if elem.size != nil || !elem.done {
		n.size = func(w walk, src ptr) int64 { return sizeEach(elem, w, src, count) }
	}
}

// copyEach finishes count elements in a row, whose shallow copies are at dst.
func copyEach(elem *node, w walk, dst, src ptr, count int) error {
	for i := range uintptr(count) {
		if err := elem.copy(w, add(dst, i*elem.bytes), add(src, i*elem.bytes)); err != nil {
			return err
		}
	}
	return nil
}

func sizeEach(elem *node, w walk, src ptr, count int) (total int64) {
	for i := range uintptr(count) {
		total += elem.size(w, add(src, i*elem.bytes))
	}
	return total
}
