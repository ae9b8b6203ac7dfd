// Package genstate is what one process knows of one generation: a number in a backend that every clear replaces by a new,
// unique one. It answers three questions: which generation is current, may an entry of it be believed without asking
// again, and what must the backend be told before anything there is believed.
//
// # Why it is correct
//
// Generations are unique and only a clear makes a new one, so two different numbers mean that a clear came between them.
// What is hard is the order: answers overtake each other, clears of this process run beside reads, and a backend can go
// back to an older state. The order is decided by counters, never by a clock:
//
//   - A read that began before the last clear of this process says nothing about what came after it. It is [Discarded].
//   - A read that began before the latest change was noted, and brings another number, is [Older]: the change may have
//     happened after the backend answered. The noted number stays.
//   - A read that began after a number was noted as replaced, and brings that number, shows that the backend went back
//     to it: a failover, a restored snapshot. It is [Returned], and entries that were cleared are back with it; the caller
//     clears. Numbers that were replaced are remembered, the last 64.
//   - A clear of this process makes the generation unknown until the backend has acknowledged the clear. No entry of the
//     backend may be used before. If clears run concurrently, each has to be acknowledged.
//
// Clocks only decide how long an answer may be used. Times are nanoseconds since 1970 by the wall clock, since a frozen
// process has a monotonic clock that stands still; one that steps back makes an answer too old, never younger.
package genstate

import (
	"sync"
	"sync/atomic"
	"time"
)

// maxReplaced is how many replaced generations are remembered.
const maxReplaced = 64

// State is one generation's. The zero value knows nothing. It is safe for concurrent use, and no lock is held longer than a
// few comparisons take. It must not be copied.
type State struct {
	// generation is the one that is known, 0: none. readAt is when the read began that brought it, less its age then.
	// Writers store readAt 0, then generation, then readAt; readers load readAt first. So whoever finds a time that may be
	// trusted finds the generation that it belongs to, or a later one.
	generation atomic.Uint64
	readAt     atomic.Int64
	owing      atomic.Bool   // something has to be told
	last       atomic.Uint64 // the one that was known last

	mu       sync.Mutex
	clears   uint64 // begun or noted in this process
	changes  uint64 // of generation
	replaced []uint64
	owed     debts
	flight   *flight
}

// A Read marks when a read of the backend began. Make it before the read.
type Read struct {
	at              int64
	clears, changes uint64
}

// An Outcome says what a read meant for what is known.
type Outcome int

const (
	// Discarded means that this process cleared after the read began, or that the backend has not acknowledged a clear
	// yet. The result of the read must not be used.
	Discarded Outcome = iota
	// Older means that another generation was noted after the read began. What it brought is of an older one, or may be.
	Older
	// Returned means that the backend went back to a generation that was replaced before. The result of the read must
	// not be used, and the function is to be cleared.
	Returned
	// Current means that the generation was known already.
	Current
	// Changed means that the generation was not known; whatever was known before is of an older one.
	Changed
)

// Begin returns the mark of a read that begins now.
func (s *State) Begin(now int64) Read {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Read{at: now, clears: s.clears, changes: s.changes}
}

// Observe notes the generation that a read brought, which may have been age old when it came. It returns the generation
// that is current as far as is known now, 0: none, and what the read meant.
func (s *State) Observe(r Read, generation uint64, age time.Duration) (current uint64, o Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, at := s.generation.Load(), r.at-int64(max(0, age))
	switch {
	case r.clears != s.clears, s.owed.all != 0:
		return known, Discarded
	case generation == known:
		// An answer that was overtaken does not make the known one older; a time from the future is replaced.
		if old := s.readAt.Load(); at > old || r.at < old {
			s.readAt.Store(at)
		}
		return known, Current
	case known != 0 && (r.changes != s.changes || age > 0 && at < s.readAt.Load()):
		return known, Older
	case s.wasReplaced(generation):
		return known, Returned
	}
	s.set(generation, at)
	return generation, Changed
}

// set makes the generation the known one. The lock is held.
func (s *State) set(generation uint64, at int64) {
	if known := s.generation.Load(); known != 0 {
		s.replace(known)
	}
	s.changes++
	s.readAt.Store(0)
	s.generation.Store(generation)
	s.readAt.Store(at)
}

func (s *State) replace(generation uint64) {
	if s.wasReplaced(generation) {
		return
	}
	if len(s.replaced) >= maxReplaced {
		s.replaced = append(s.replaced[:0], s.replaced[1:]...)
	}
	s.replaced = append(s.replaced, generation)
}

func (s *State) wasReplaced(generation uint64) bool {
	for _, old := range s.replaced {
		if old == generation {
			return true
		}
	}
	return false
}

// Known returns the generation that is known, 0: none. It takes no lock.
func (s *State) Known() uint64 { return s.generation.Load() }

// MayStay reports whether what was made under the generation may be used while the backend cannot be asked: no later one
// was heard of. It takes no lock.
func (s *State) MayStay(generation uint64) bool {
	known := s.generation.Load()
	if known != 0 || generation == 0 {
		return generation == known
	}
	last := s.last.Load()
	return last == 0 || generation == last
}

// Fresh returns the generation and its age, where it is known and younger than within. It takes no lock.
func (s *State) Fresh(now int64, within time.Duration) (generation uint64, age time.Duration, ok bool) {
	at := s.readAt.Load()
	generation = s.generation.Load()
	age = time.Duration(now - at)
	return generation, age, at != 0 && generation != 0 && age >= 0 && age < within
}

// Trusts reports whether the generation is the known one, and that was read less than within ago. It takes no lock: it is
// on the way of every hit in memory.
func (s *State) Trusts(generation uint64, now int64, within time.Duration) bool {
	known, _, ok := s.Fresh(now, within)
	return ok && known == generation
}

// Forget makes the generation unknown, and discards reads that are under way: somebody else's clear of everything may
// have replaced it.
func (s *State) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
}

func (s *State) forget() {
	s.clears++
	s.readAt.Store(0)
	if known := s.generation.Swap(0); known != 0 {
		s.last.Store(known)
		s.replace(known)
	}
	s.flight = nil
}
