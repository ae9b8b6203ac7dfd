package slots

import (
	"encoding/hex"
	"math"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// item is an entry in memory with what it was checked under. It does not change; a check makes a new one.
type item struct {
	key      port.Key
	entry    *port.Entry
	names    []string // of the invalidation records, and of the slot itself
	ids      []string // of the records, by index; nil: not read yet
	sequence uint64   // of the local order
	epoch    string   // under which the records were checked
	gen      uint64   // of the cache; zero: not known, so the backend is asked again
	version  port.Version
}

// memoryKey is a slot's key in the tier that all cached functions share.
type memoryKey [4 + len(port.Key{})]byte

func (e *Engine) memoryKey(k port.Key) memoryKey {
	n := e.spec.Number
	m := memoryKey{byte(n >> 16), byte(n >> 8), byte(n), 1} // functions of package adapter have 0 there
	copy(m[4:], k[:])
	return m
}

// recall returns what memory has under the key and nothing here has invalidated, or nil.
func (e *Engine) recall(k port.Key) *item {
	mk := e.memoryKey(k)
	m := e.owner.Get(mk[:])
	if m == nil {
		return nil
	}
	it := m.Value.(*item)
	if e.env.Now() >= m.End || e.local.Void(it.names, it.sequence) {
		return nil
	}
	return it
}

// Peek returns what memory holds under a key and may be believed without asking anybody.
func (e *Engine) Peek(k port.Key) *port.Entry {
	it := e.recall(k)
	if it == nil || e.spec.Manager != nil && !e.believes(it, e.trusted()) {
		return nil
	}
	return it.entry
}

// Hint returns what memory holds under a key, whether or not it may be believed.
func (e *Engine) Hint(k port.Key) *port.Entry { return entryOf(e.recall(k)) }

// Void reports whether a run's result may not be shared with whoever asks now.
func (e *Engine) Void(r port.Run, k port.Key, resources, tags []string) bool {
	if e.local.Now() == r.Sequence {
		return false
	}
	return e.local.Void(namesOf(k, &port.Entry{Resources: resources, Tags: tags}), r.Sequence)
}

// VoidByTag reports whether a run whose tags are not known yet may not be shared with whoever asks now.
func (e *Engine) VoidByTag(r port.Run) bool { return e.local.VoidByTag(r.Sequence) }

// believes reports whether an item in memory needs no check under what was heard; h nil: too long ago.
func (e *Engine) believes(it *item, h *hearing) bool {
	return h != nil && it.gen == h.generation && it.epoch == h.epoch
}

// trusted returns what was heard within NearTTL, or nil.
func (e *Engine) trusted() *hearing {
	h := e.heard.Load()
	if h == nil {
		return nil
	}
	if age := e.env.Now() - h.at; age < 0 || age >= int64(e.spec.NearTTL) {
		return nil
	}
	return h
}

// keep puts an item into memory unless it is void, and reports whether it was not.
func (e *Engine) keep(k port.Key, it *item) bool {
	mk := e.memoryKey(k)
	if it.key == (port.Key{}) {
		it.key = k
	}
	m := &memory.Entry{
		Value: it, Created: it.entry.Began.UnixNano(), Fresh: nanos(it.entry.Keep), End: nanos(it.entry.Keep),
		Cost: it.entry.Value.Size() + int64(len(it.names))*80 + 256, RunTime: int64(it.entry.RunTime),
	}
	return e.local.Store(it.names, it.sequence, func() {
		if !e.owner.Fits(m.Cost) {
			e.owner.Delete(string(mk[:]))
			return
		}
		e.owner.Set(string(mk[:]), m)
	})
}

func (e *Engine) forget(k port.Key) {
	mk := e.memoryKey(k)
	e.owner.Delete(string(mk[:]))
}

// forgetItem forgets an item, where memory still has that.
func (e *Engine) forgetItem(k port.Key, it *item) {
	mk := e.memoryKey(k)
	if m := e.owner.Get(mk[:]); m != nil && m.Value.(*item) == it {
		e.owner.Delete(string(mk[:]))
	}
}

// nanos is a time in nanoseconds since 1970, as far as they reach.
func nanos(t time.Time) int64 {
	if t.After(time.Unix(0, math.MaxInt64)) {
		return math.MaxInt64
	}
	return t.UnixNano()
}

// namesOf returns what invalidates an entry: its records, and locally the slot itself.
func namesOf(k port.Key, entry *port.Entry) []string {
	names := make([]string, 0, len(entry.Resources)+len(entry.Tags)+1)
	for _, r := range entry.Resources {
		names = append(names, resourceRecord(r))
	}
	for _, t := range entry.Tags {
		names = append(names, tagRecord(t))
	}
	return append(names, slotName(k))
}

// records are the names that have records in the backend.
func records(names []string) []string { return names[:len(names)-1] }

func slotName(k port.Key) string { return "slot/" + hex.EncodeToString(k[:]) }
