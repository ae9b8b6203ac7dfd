package httpcache

import (
	"sync/atomic"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
)

// counters count what happened to requests; what happened to entries the engine counts.
type counters struct{ memoryHits, backendHits, stale, staleErrors, misses, runs, errors, waits atomic.Uint64 }

func (s *counters) hit(f found, v rule.Verdict) {
	switch {
	case v.Do == rule.ServeStale:
		s.stale.Add(1)
	case f.inMemory:
		s.memoryHits.Add(1)
	default:
		s.backendHits.Add(1)
	}
}

// hitOf counts the leader's hit in a flight that found an answer, or had to serve a stale one.
func (s *counters) hitOf(f found, st rule.Status) {
	v := rule.Verdict{Do: rule.Serve}
	if st.TTL < 0 {
		v.Do = rule.ServeStale
	}
	s.hit(f, v)
}

// Stats tells what happened in this container since the cache was made. Hits are requests that were answered without the
// handler; Stale counts those answered past their lifetime, because of an error too; Waits are requests that waited for
// another one's run.
func (c *Cache) Stats() adapter.Stats {
	s := &c.stats
	u := c.bound().Usage()
	memoryHits := s.memoryHits.Load()
	return adapter.Stats{
		Hits: memoryHits + s.backendHits.Load(), MemoryHits: memoryHits, Stale: s.stale.Load(), Misses: s.misses.Load(),
		Runs: s.runs.Load(), Errors: s.errors.Load() + s.staleErrors.Load(), Waits: s.waits.Load(), FleetWaits: u.FleetWaits,
		Evictions: u.Evictions, Stores: u.Stores, StoreErrors: u.StoreErrors, BackendErrors: u.BackendErrors,
		BadEntries: u.BadEntries, Entries: u.Entries, Bytes: u.Bytes,
	}
}
