package engine

import (
	"unsafe"

	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// keep puts an entry into memory unless it was cleared since point, and reports whether it was not.
func (f *Function) keep(l *Lookup, point invalidation.Point, e *memory.Entry) bool {
	return f.log.Store(l.Key, point, func() { f.put(l.Key, e) })
}

// keep is Function.keep for the turn's entry. That of a Refresh is not replaced by a run that began before and ends later: one
// that nobody could join, so that it was not known when the Refresh began.
func (t *turn) keep(e *memory.Entry) bool {
	if !t.replacing {
		return t.f.keep(t.l, t.point, e)
	}
	point, kept := t.f.log.Replace(t.l.Key, t.point, func() { t.f.put(t.l.Key, e) })
	if kept {
		t.f.log.End(t.point)
		t.point = point
	}
	return kept
}

// put is keep under the log's lock. An older entry goes where there is no room for the new one.
func (f *Function) put(key string, e *memory.Entry) {
	owner := f.spec.Owner
	switch {
	case e.End != freshness.Never && e.End <= f.env.Now():
	case !owner.Fits(e.Cost):
		owner.Delete(key)
	default:
		e.Epoch = f.log.Epoch()
		if len(e.Refs) > 0 && !f.refers.Load() {
			f.refers.Store(true)
		}
		owner.Set(cloneString(key), e) // the key shares memory with the whole lookup
	}
}

// replace puts n in the place of e, where memory still has that, and not only until it is swept.
func (f *Function) replace(key string, e, n *memory.Entry) {
	point := f.log.Begin()
	defer f.log.End(point)
	f.log.Store(key, point, func() {
		if f.spec.Owner.Get(bytesOf(key)) == e && e.Epoch == f.log.Epoch() {
			f.put(key, n)
		}
	})
}

// forget removes e from memory, where it is still there.
func (f *Function) forget(key string, e *memory.Entry) {
	point := f.log.Begin()
	defer f.log.End(point)
	f.log.Store(key, point, func() {
		if f.spec.Owner.Get(bytesOf(key)) == e {
			f.spec.Owner.Delete(key)
		}
	})
}

func newer(a, b *memory.Entry) *memory.Entry {
	if a == nil || b != nil && b.Created > a.Created {
		return b
	}
	return a
}

// sameResult reports whether two entries are of one result: what memory has of it is replaced by a copy where more is known of
// its tags, or the clock was set back.
func sameResult(a, b *memory.Entry) bool { return a == b || a != nil && b != nil && a.Value == b.Value }

func copyEntry(e *memory.Entry) *memory.Entry {
	n := &memory.Entry{
		Value: e.Value, Created: e.Created, Fresh: e.Fresh, End: e.End, Generation: e.Generation, Epoch: e.Epoch, Cost: e.Cost,
		RunTime: e.RunTime, Refs: e.Refs, Seen: e.Seen,
	}
	n.RefPoint.Store(e.RefPoint.Load())
	n.RefEpoch.Store(e.RefEpoch.Load())
	n.Version.Store(e.Version.Load())
	n.Checked.Store(e.Checked.Load())
	return n
}

// bytesOf returns the bytes of s without copying; they must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// textOf returns b as a string without copying; b must never change again.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func cloneString(s string) string { return string(append([]byte(nil), s...)) }
