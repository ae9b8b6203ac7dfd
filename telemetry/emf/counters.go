package emf

import (
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// counters are what was counted of one function since the last line.
type counters struct {
	hits, misses, stale, errors, saved atomic.Int64 // saved in nanoseconds
}

// count counts an event, and reports whether it did.
func (c *counters) count(e adapter.Event) bool {
	switch e.Kind {
	case adapter.EventHit:
		c.hits.Add(1)
		c.saved.Add(int64(e.Duration))
	case adapter.EventStale:
		c.stale.Add(1)
		c.saved.Add(int64(e.Duration))
	case adapter.EventMiss:
		c.misses.Add(1)
	case adapter.EventRun, adapter.EventRefresh:
		if e.Err == nil {
			return false
		}
		c.errors.Add(1)
	default:
		return false
	}
	return true
}

// sums are what one line says.
type sums struct {
	hits, misses, stale, errors int64
	saved                       time.Duration
}

// take returns what was counted and begins anew.
func (c *counters) take() sums {
	return sums{
		hits: c.hits.Swap(0), misses: c.misses.Swap(0), stale: c.stale.Swap(0), errors: c.errors.Swap(0),
		saved: time.Duration(c.saved.Swap(0)),
	}
}

func (s *sums) add(o sums) {
	s.hits += o.hits
	s.misses += o.misses
	s.stale += o.stale
	s.errors += o.errors
	s.saved += o.saved
}
