package invalidation

import (
	"hash/fnv"
	"strconv"
	"sync"
	"sync/atomic"
)

// Ref names an invalidation record that an entry depends on, and the id that the record had when the entry's run began.
// The entry is a miss once the record has another id.
type Ref struct {
	Name string
	ID   uint64 // 0: there was no record
}

// Seen says how far refs were compared with the backend's records: up to an epoch, by whoever reads those records.
type Seen struct {
	By    any
	Epoch uint64
}

// buckets is how many records tags share: two tags in one bucket are invalidated together, which costs a run and is
// never wrong.
const buckets = 1 << 16

// TagRecord returns the name of the record of a tag.
func TagRecord(tag string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(tag))
	return "tag/" + strconv.FormatUint(h.Sum64()%buckets, 16)
}

// maxLocal bounds the invalidations that are remembered in this container.
const maxLocal = 1 << 16

// Local orders invalidations of records in this container by a counter. Its zero value is ready; it is safe for
// concurrent use.
type Local struct {
	seq atomic.Uint64

	mu    sync.RWMutex
	all   uint64            // what began before is void, whatever its records
	names map[string]uint64 // of the last invalidation
}

// Now is the point from which a run or a read that begins now counts.
func (l *Local) Now() uint64 { return l.seq.Load() }

// Invalidate voids everything that began before and depends on one of the records.
func (l *Local) Invalidate(names ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.seq.Add(1)
	if l.names == nil || len(l.names)+len(names) > maxLocal {
		if l.names != nil {
			l.all = now
		}
		l.names = map[string]uint64{}
	}
	for _, name := range names {
		l.names[name] = now
	}
}

// Void reports whether one of the records was invalidated after the point.
func (l *Local) Void(refs []Ref, point uint64) bool {
	_, void := l.First(refs, point)
	return void
}

// First is [Local.Void] that names the first of the records that were invalidated; "" where that is forgotten.
func (l *Local) First(refs []Ref, point uint64) (record string, void bool) {
	if len(refs) == 0 || l.seq.Load() <= point {
		return "", false
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, r := range refs {
		if l.names[r.Name] > point {
			return r.Name, true
		}
	}
	return "", l.all > point
}
