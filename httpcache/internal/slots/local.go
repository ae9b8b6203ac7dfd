package slots

import (
	"sync"
	"sync/atomic"
)

// maxLocal bounds the invalidations that are remembered in this container.
const maxLocal = 1 << 16

// local orders invalidations in this container by a counter. Its zero value is ready; it is safe for concurrent use.
type local struct {
	sequence atomic.Uint64

	mu    sync.RWMutex
	all   moment // what began before is void
	tags  moment // when a tag was invalidated last, whichever
	names map[string]moment
}

// moment is when something was invalidated.
type moment struct {
	sequence uint64
	at       int64 // wall clock, for entries of other containers
}

// Now is the point from which a run or a read that begins now counts.
func (l *local) Now() uint64 { return l.sequence.Load() }

// Invalidate voids everything that began before and depends on one of the names; without names everything.
func (l *local) Invalidate(at int64, names ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := moment{l.sequence.Add(1), at}
	if len(names) == 0 || len(l.names)+len(names) > maxLocal {
		l.all, l.names = now, nil // what is under way loses more than it must
	}
	if l.names == nil {
		l.names = map[string]moment{}
	}
	for _, name := range names {
		l.names[name] = now
		if isTag(name) {
			l.tags = now
		}
	}
}

// VoidByTag reports whether any tag was invalidated after the point.
func (l *local) VoidByTag(point uint64) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.tags.sequence > point
}

// Void reports whether one of the names was invalidated after the point.
func (l *local) Void(names []string, point uint64) bool {
	if l.sequence.Load() <= point {
		return false
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.all.sequence > point {
		return true
	}
	for _, name := range names {
		if l.names[name].sequence > point {
			return true
		}
	}
	return false
}

// Store runs put unless one of the names was invalidated after the point, as one step, and reports whether it did.
func (l *local) Store(names []string, point uint64, put func()) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.all.sequence > point {
		return false
	}
	for _, name := range names {
		if l.names[name].sequence > point {
			return false
		}
	}
	put()
	return true
}

// Since reports whether one of the names was invalidated here at or after the time. It holds for entries that were read from
// the backend even where the record of the invalidation was lost there.
func (l *local) Since(names []string, began int64) bool {
	if l.sequence.Load() == 0 {
		return false
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.all.sequence > 0 && l.all.at >= began {
		return true
	}
	for _, name := range names {
		if m, ok := l.names[name]; ok && m.at >= began {
			return true
		}
	}
	return false
}
