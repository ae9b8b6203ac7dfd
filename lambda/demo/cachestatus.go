package main

import (
	"context"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// cacheName is how this cache calls itself in Cache-Status.
const cacheName = "stillwarm"

// cacheStatus is what RFC 9211's Cache-Status tells of one answer. The zero value says that no cache was asked.
type cacheStatus struct {
	asked     bool
	hit       bool
	expires   bool
	ttl       time.Duration // freshness left, negative when stale
	detail    string        // a token: memory, backend or stale
	collapsed bool          // the answer is that of another caller's run
}

// String returns the field's value: a list of one token with parameters, by RFC 8941.
func (s cacheStatus) String() string {
	var b strings.Builder
	b.WriteString(cacheName)
	switch {
	case !s.asked:
		b.WriteString("; fwd=bypass")
	case !s.hit:
		b.WriteString("; fwd=miss")
		if s.collapsed {
			b.WriteString("; collapsed")
		}
	default:
		b.WriteString("; hit")
		if s.expires {
			// Whole seconds, rounded down: what is said to be fresh is fresh.
			b.WriteString("; ttl=")
			b.WriteString(strconv.FormatInt(int64(math.Floor(s.ttl.Seconds())), 10))
		}
		if s.detail != "" {
			b.WriteString("; detail=")
			b.WriteString(s.detail)
		}
	}
	return b.String()
}

// statusWatch finds out where one answer came from.
type statusWatch struct {
	mu     sync.Mutex
	status cacheStatus
}

// watch returns a context whose cached calls the watch sees.
func (w *statusWatch) watch(ctx context.Context) context.Context {
	return adapter.Observe(ctx, w.see)
}

// see takes the first answer to the question whether the cache has it: those that follow come from what the function
// asked in turn while it ran.
func (w *statusWatch) see(e adapter.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Kind == adapter.EventWait && w.status.asked && !w.status.hit {
		w.status.collapsed = true
	}
	if w.status.asked {
		return
	}
	switch e.Kind {
	case adapter.EventMiss:
		w.status = cacheStatus{asked: true}
	case adapter.EventHit:
		w.status = cacheStatus{asked: true, hit: true, expires: e.Expires, ttl: e.TTL, detail: e.Tier}
	case adapter.EventStale:
		w.status = cacheStatus{asked: true, hit: true, expires: e.Expires, ttl: e.TTL, detail: "stale"}
	}
}

func (w *statusWatch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status.String()
}
