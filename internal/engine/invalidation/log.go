// Package invalidation decides what this container may still believe.
//
// # The argument
//
// Every clear is one entry of a log, ordered by a counter. Whatever produces a value for the cache (a run, a read of the
// backend, a refresh) takes a [Point] of that order before it begins to look at anything that a clear may void, and gives
// it back when it has stored its value or dropped it. A value may be stored in memory, handed to a caller who came later,
// or written to the backend only if no clear of its key is in the log after its point. The question and the store into
// memory are one step under the log's lock, and so are the entry of a clear and the removal from memory. So when a clear
// has returned, memory holds nothing from before it (what was there was removed with the entry, what comes later is
// refused), and no flight can be joined whose point lies before it. No clock takes part: clock steps undo no clear.
//
// Beyond the container the same order holds by two means. Entries carry the generation under which their run began, so a
// Clear voids all of them at once. And a write is conditional on the version that the run's own lookup saw, which
// ClearFor, Set and Refresh replace; so a write of a run that began before them is refused by the store, whichever
// container it comes from and however late it arrives.
package invalidation

import (
	"sync"
	"sync/atomic"
)

// Point is a place in the order of clears.
type Point uint64

// maxKeys bounds the clears of single keys that are remembered while anything is under way.
const maxKeys = 4096

// Log is the order of clears of one function in this container. Its zero value is ready; it is safe for concurrent use.
type Log struct {
	mu     sync.Mutex
	now    Point
	all    Point            // of the last clear of everything
	keys   map[string]Point // of the last clear of a key; empty while nothing is under way
	active map[Point]int    // points that were not given back, and how often they were taken
	epoch  atomic.Uint64
}

// Begin takes a point. It must be given back with [Log.End].
func (l *Log) Begin() Point {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.take(l.now)
	return l.now
}

// Hold takes the same point again, while it is not given back.
func (l *Log) Hold(p Point) Point {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.take(p)
	return p
}

// End gives a point back.
func (l *Log) End(p Point) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active[p]--; l.active[p] == 0 {
		delete(l.active, p)
	}
	if len(l.active) == 0 {
		clear(l.keys) // nothing is under way that could be older
	}
}

func (l *Log) take(p Point) {
	if l.active == nil {
		l.active = map[Point]int{}
	}
	l.active[p]++
}

// prune forgets clears that everything under way is younger than, and reports whether that made room.
func (l *Log) prune() bool {
	oldest := l.now
	for p := range l.active {
		oldest = min(oldest, p)
	}
	for key, p := range l.keys {
		if p <= oldest {
			delete(l.keys, key)
		}
	}
	return len(l.keys) < maxKeys
}

// Clear enters a clear of everything; remove runs under the lock.
func (l *Log) Clear(remove func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now++
	l.all = l.now
	l.epoch.Add(1)
	clear(l.keys)
	if remove != nil {
		remove()
	}
}

// ClearKey enters a clear of one key; remove runs under the lock.
func (l *Log) ClearKey(key string, remove func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.enter(key)
	if remove != nil {
		remove()
	}
}

// enter enters a clear of one key.
func (l *Log) enter(key string) {
	l.now++
	switch {
	case len(l.active) == 0:
	case len(l.keys) >= maxKeys && !l.prune(): // what is under way loses more than it must, and nothing is lost that must not be
		l.all = l.now
		clear(l.keys)
	default:
		if l.keys == nil {
			l.keys = map[string]Point{}
		}
		l.keys[key] = l.now
	}
}

// Void reports whether what began at p for key was cleared since.
func (l *Log) Void(key string, p Point) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.void(key, p)
}

// VoidAll reports whether everything was cleared since p.
func (l *Log) VoidAll(p Point) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all > p
}

func (l *Log) void(key string, p Point) bool { return l.all > p || l.keys[key] > p }

// Store runs put unless what began at p for key was cleared since, as one step, and reports whether it did.
func (l *Log) Store(key string, p Point, put func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.void(key, p) {
		return false
	}
	put()
	return true
}

// Replace is Store for what replaces all that is under way for key, whenever that began. The point that it returns is taken, and
// stands for p from then on.
func (l *Log) Replace(key string, p Point, put func()) (Point, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.void(key, p) {
		return p, false
	}
	l.enter(key)
	l.take(l.now)
	put()
	return l.now, true
}

// Epoch counts the clears of everything: an entry in memory of an earlier epoch is a miss, so that a clear need not walk
// through memory. It takes no lock.
func (l *Log) Epoch() uint64 { return l.epoch.Load() }
