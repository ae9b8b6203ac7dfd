// Package refs remembers what the pointers, slices and maps within one value refer to, so that whoever walks the value sees
// when two of them refer to the same thing.
package refs

import (
	"cmp"
	"slices"
	"unsafe"
)

// A Ref is what a pointer, slice or map refers to. Type tells a struct from its first field, which has the same address, and
// Len a slice from its own beginning.
type Ref struct {
	At   unsafe.Pointer
	Len  int
	Type unsafe.Pointer
}

// A Table holds a V for each Ref. The zero value is empty. It is not safe for concurrent use.
type Table[V any] struct {
	few   []entry[V] // the first ones, searched one by one
	slots []entry[V] // all of them, once there are more: an open hash table, at most three quarters full
	spare []entry[V] // empty slots of an earlier use
	used  int
}

type entry[V any] struct {
	Ref
	v V
}

const (
	few       = 8
	keptSlots = 1 << 12
)

// Find returns a pointer to the V of r, which is good until the next Add, or nil.
func (t *Table[V]) Find(r Ref) *V {
	if t.slots == nil {
		for i := range t.few {
			if t.few[i].Ref == r {
				return &t.few[i].v
			}
		}
		return nil
	}
	if e := t.slot(r); e.At != nil {
		return &e.v
	}
	return nil
}

// Add adds r, whose address is not nil and which is not there yet.
func (t *Table[V]) Add(r Ref, v V) {
	if t.slots == nil {
		if len(t.few) < few {
			if t.few == nil {
				t.few = make([]entry[V], 0, few)
			}
			t.few = append(t.few, entry[V]{r, v})
			return
		}
		t.grow(8 * few)
	} else if 4*t.used >= 3*len(t.slots) {
		t.grow(2 * len(t.slots))
	}
	*t.slot(r) = entry[V]{r, v}
	t.used++
}

func (t *Table[V]) grow(size int) {
	old := t.slots
	if old == nil {
		old = t.few
	}
	if t.slots, t.used = t.spare, 0; len(t.slots) < size {
		t.slots = make([]entry[V], size)
	}
	t.spare = nil
	for i := range old {
		if old[i].At != nil {
			*t.slot(old[i].Ref) = old[i]
			t.used++
		}
	}
}

// slot returns the slot of r, or the empty one where it belongs.
func (t *Table[V]) slot(r Ref) *entry[V] {
	mask := len(t.slots) - 1
	h := uint64(uintptr(r.At)) ^ uint64(uintptr(r.Type))<<7 ^ uint64(r.Len)<<17
	h *= 0x9e3779b97f4a7c15
	for i := int(h>>32) & mask; ; i = (i + 1) & mask {
		if e := &t.slots[i]; e.At == nil || e.Ref == r {
			return e
		}
	}
}

// Len returns the number of Refs.
func (t *Table[V]) Len() int {
	if t.slots == nil {
		return len(t.few)
	}
	return t.used
}

// Reset empties the table. What it keeps of its memory holds nothing alive.
func (t *Table[V]) Reset() {
	clear(t.few)
	t.few = t.few[:0]
	if t.slots != nil && len(t.slots) <= keptSlots {
		clear(t.slots)
		t.spare = t.slots
	}
	t.slots, t.used = nil, 0
}

// A Region is memory that something refers to.
type Region struct {
	At   unsafe.Pointer
	Size uintptr
}

// Overlap reports whether two of the regions have memory in common. It sorts them.
func Overlap(regions []Region) bool {
	slices.SortFunc(regions, func(a, b Region) int { return cmp.Compare(uintptr(a.At), uintptr(b.At)) })
	var end uintptr
	for _, r := range regions {
		if uintptr(r.At) < end {
			return true
		}
		end = max(end, uintptr(r.At)+r.Size)
	}
	return false
}
