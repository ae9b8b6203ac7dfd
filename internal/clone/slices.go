package clone

import (
	"reflect"

	"github.com/stillwarm/stillwarm/internal/heapsize"
)

// sliceOps: an array of its own, exactly as long as the slice; what lies between length and capacity is not part of the
// value, except that of an argument. Nil stays nil and empty stays empty.
func sliceOps(n, elem *node, m mode) {
	resultSlice(n, elem)
	if m == forArgument {
		argumentSlice(n)
	}
}

// argumentSlice makes the copies of slices have the room of their sources, and what is in it: a function may append to its
// argument, or look there.
func argumentSlice(n *node) {
	whole := n.copy
	n.copy = func(w walk, dst, src ptr) error {
		if addrOf(src) == nil {
			return nil
		}
		count, room := sliceLen(src), sliceCap(src)
		headers := new([2][]byte)
		from, to := ptrTo(&headers[0]), ptrTo(&headers[1])
		setSlice(from, addrOf(src), room)
		setSlice(to, addrOf(src), room)
		if err := whole(w, to, from); err != nil {
			return err
		}
		setSliceOf(dst, addrOf(to), count, room)
		return nil
	}
}

func resultSlice(n, elem *node) {
	n.target = elem
	n.size = func(w walk, src ptr) int64 { return sliceSize(n, elem, w, src) }
	shallow := shallowSlice(n.typ, elem)
	if elem.done && elem.flat() {
		account := walk.touch
		switch elem.typ.Kind() {
		case reflect.Uint8, reflect.Float32, reflect.Float64:
			account = walk.spend
		}
		n.copy = func(w walk, dst, src ptr) error {
			from := addrOf(src)
			if from == nil {
				return nil
			}
			count := sliceLen(src)
			if to := w.copied(n, from, sized(elem)*count); to != nil {
				setSlice(dst, to, count)
				return nil
			}
			if err := account(w, uintptr(count)*elem.bytes); err != nil {
				return err
			}
			shallow(dst, src, count)
			w.copying(n, from, sized(elem)*count, uintptr(count)*elem.bytes, addrOf(dst))
			return nil
		}
		return
	}
	n.copy = func(w walk, dst, src ptr) error {
		from := addrOf(src)
		if from == nil {
			return nil
		}
		count := sliceLen(src)
		if to := w.copied(n, from, sized(elem)*count); to != nil {
			setSlice(dst, to, count)
			return nil
		}
		w, err := w.enter(uintptr(count) * elem.bytes)
		if err != nil {
			return err
		}
		shallow(dst, src, count)
		w.copying(n, from, sized(elem)*count, uintptr(count)*elem.bytes, addrOf(dst))
		return copyEach(elem, w, addrOf(dst), from, count)
	}
}

// sliceSize counts the array up to the capacity, since all of it is held, and what its visible elements refer to.
func sliceSize(n, elem *node, w walk, src ptr) int64 {
	count := sliceLen(src)
	if !w.first(n, addrOf(src), sized(elem)*count) {
		return 0
	}
	total := heapsize.Alloc(int64(elem.bytes) * int64(sliceCap(src)))
	if elem.size == nil || count == 0 {
		return total
	}
	w, err := w.enter(uintptr(total))
	if err != nil {
		return total
	}
	return total + sizeEach(elem, w, addrOf(src), count)
}

// shallowSlice returns how to give the slice at dst an array of its own with the elements of the one at src. Each way is
// one allocation; they differ in how the new memory gets its type.
func shallowSlice(t reflect.Type, elem *node) func(dst, src ptr, count int) {
	switch {
	case elem.bytes == 0:
		return func(dst, _ ptr, count int) { *at[[]struct{}](dst) = make([]struct{}, count) }
	case elem.noscan:
		clone := blockFor(elem.typ)
		return func(dst, src ptr, count int) {
			setSlice(dst, clone(addrOf(src), uintptr(count)*elem.bytes), count)
		}
	case elem.typ.Kind() == reflect.String:
		return func(dst, src ptr, _ int) { cloneSlice[string](dst, src) }
	case elem.typ.Kind() == reflect.Interface:
		return func(dst, src ptr, _ int) { cloneSlice[any](dst, src) }
	case elem.typ.Kind() == reflect.Pointer, elem.typ.Kind() == reflect.Map:
		return func(dst, src ptr, _ int) { clonePointers(dst, src) }
	default:
		return func(dst, src ptr, count int) { cloneTyped(t, dst, src, count) }
	}
}

// cloneSlice copies a slice whose type, or whose type's layout, is known when this package is compiled.
func cloneSlice[E any](dst, src ptr) {
	from := *at[[]E](src)
	to := make([]E, len(from))
	copy(to, from)
	*at[[]E](dst) = to
}

// cloneTyped copies a slice of any type. Growing the slice in its place saves the header that reflect.MakeSlice allocates.
func cloneTyped(t reflect.Type, dst, src ptr, count int) {
	if count == 0 {
		*at[[]struct{}](dst) = []struct{}{}
		return
	}
	*at[[]struct{}](dst) = nil
	to := valueAt(t, dst)
	to.Grow(count)
	setSlice(dst, addrOf(dst), count) // to sees it: it is the slice at dst
	reflect.Copy(to, valueAt(t, src))
}
