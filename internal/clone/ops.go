package clone

import "reflect"

// stringOps: strings are shared, but their bytes count.
func stringOps(n *node) {
	n.size = func(_ walk, src ptr) int64 { return int64(len(*at[string](src))) }
}

// pointerOps: a target of its own for every pointer. Two pointers to one target become two targets, as after decoding.
func pointerOps(n, elem *node) {
	n.size = func(w walk, src ptr) int64 { return pointerSize(n, elem, w, addrOf(src)) }
	if elem.noscan && elem.bytes > 0 {
		clone := blockFor(elem.typ)
		n.copy = func(w walk, dst, src ptr) error {
			from := addrOf(src)
			if from == nil {
				return nil
			}
			if err := w.touch(elem.bytes); err != nil {
				return err
			}
			setPointer(dst, clone(from, elem.bytes))
			return nil
		}
		return
	}
	n.copy = func(w walk, dst, src ptr) error {
		from := addrOf(src)
		if from == nil {
			return nil
		}
		here := place{at: from, node: n}
		w, err := w.enter(here, elem.bytes)
		if err != nil {
			return err
		}
		fresh := reflect.New(elem.typ)
		fresh.Elem().Set(valueAt(elem.typ, from))
		to := pointerOf(fresh)
		setPointer(dst, to)
		if !elem.flat() {
			err = elem.copy(w, to, from)
		}
		w.leave(here)
		return err
	}
}

func pointerSize(n, elem *node, w walk, target ptr) int64 {
	if target == nil {
		return 0
	}
	total := int64(elem.bytes)
	if elem.size == nil {
		return total
	}
	here := place{at: target, node: n}
	w, err := w.enter(here, elem.bytes)
	if err != nil {
		return total
	}
	total += elem.size(w, target)
	w.leave(here)
	return total
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
