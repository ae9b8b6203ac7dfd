package key

import (
	"bytes"
	"reflect"
	"slices"
	"sync"
)

// A mapOp encodes maps of one type. Its pool keeps what reading a map by reflection needs.
type mapOp struct {
	key     *prog
	scratch sync.Pool // *mapScratch
}

// A mapScratch holds one map's entries while they are sorted. Maps within maps take scratches of their own.
type mapScratch struct {
	key, value reflect.Value // where the iterator puts the current entry
	iter       reflect.MapIter
	entries    []byte
	spans      [][2]int
}

func (m *mapOp) get(t reflect.Type) *mapScratch {
	if s, ok := m.scratch.Get().(*mapScratch); ok {
		return s
	}
	return &mapScratch{key: reflect.New(t.Key()).Elem(), value: reflect.New(t.Elem()).Elem()}
}

// put gives s back without what it holds of the map, which would stay reachable otherwise.
func (m *mapOp) put(s *mapScratch) {
	s.key.SetZero()
	s.value.SetZero()
	s.iter.Reset(reflect.Value{})
	s.entries, s.spans = s.entries[:0], s.spans[:0]
	if cap(s.entries) <= 1<<20 {
		m.scratch.Put(s)
	}
}

// mapping encodes the map at p: its length, then its entries in the order of their encodings, which depends on nothing
// but the entries. Keys that are NaN, which no lookup finds, are entries like all others.
func (e *encoder) mapping(dst []byte, o *op, p ptr) ([]byte, *fault) {
	m := valueAt(o.full.typ, p)
	n := m.Len()
	if o.full.tracked && n > 0 {
		var again bool
		var f *fault
		dst, again, f = e.enter(dst, visit{address(loadPtr(p)), 0, o.full.typ, o.full.fam})
		if again || f != nil {
			return dst, f
		}
		defer e.leave()
	} else if o.full.tracked {
		dst = append(dst, tagValue)
	}
	s := o.full.mapping.get(o.full.typ)
	defer o.full.mapping.put(s)
	s.iter.Reset(m)
	for s.iter.Next() {
		if f := e.entry(s, o); f != nil {
			return dst, f
		}
	}
	slices.SortFunc(s.spans, func(a, b [2]int) int {
		return bytes.Compare(s.entries[a[0]:a[1]], s.entries[b[0]:b[1]])
	})
	dst = appendCount(dst, loadPtr(p), len(s.spans))
	for _, span := range s.spans {
		dst = append(dst, s.entries[span[0]:span[1]]...)
	}
	return dst, nil
}

func (e *encoder) entry(s *mapScratch, o *op) (f *fault) {
	s.key.SetIterKey(&s.iter)
	s.value.SetIterValue(&s.iter)
	start := len(s.entries)
	if s.entries, f = e.run(s.entries, o.full.mapping.key, addressOf(s.key)); f != nil {
		return f.within(segKey)
	}
	if s.entries, f = e.run(s.entries, o.sub, addressOf(s.value)); f != nil {
		return f.within(segElem)
	}
	s.spans = append(s.spans, [2]int{start, len(s.entries)})
	return nil
}
