package lambda

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// CacheStatus returns a context for cached calls, and the value of the field Cache-Status (RFC 9211) for the first of
// them: whether it was a hit, from which tier (detail), for how long it stays fresh (ttl), and whether it waited for
// another caller's run (collapsed). It is for handlers that call cached functions. Answers of [CacheHTTP] and package
// httpcache have the field already; theirs is added behind this one.
//
//	ctx, status := lambda.CacheStatus(ctx)
//	quote, err := quotes.Get(ctx, symbol)
//	w.Header().Set("Cache-Status", status.String())
func CacheStatus(ctx context.Context) (context.Context, fmt.Stringer) {
	w := &statusWatch{}
	return adapter.Observe(ctx, w.see), w
}

// dataCache is how the cache of data calls itself in Cache-Status. HTTP's is called otherwise, since it takes out members of its
// own that come from further in.
const dataCache = "stillwarm-data"

// statusWatch finds out where one answer came from.
type statusWatch struct {
	mu        sync.Mutex
	asked     bool
	hit       bool
	expires   bool
	ttl       time.Duration // freshness left, negative when stale
	detail    string        // a token: memory, backend or stale
	collapsed bool
}

// see takes the first answer to the question whether the cache has it: those that follow come from what the function
// asked in turn while it ran.
func (w *statusWatch) see(e adapter.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked {
		w.collapsed = w.collapsed || e.Kind == adapter.EventWait && !w.hit
		return
	}
	switch e.Kind {
	case adapter.EventMiss:
		w.asked = true
	case adapter.EventHit:
		w.asked, w.hit, w.expires, w.ttl, w.detail = true, true, e.Expires, e.TTL, e.Tier
	case adapter.EventStale:
		w.asked, w.hit, w.expires, w.ttl, w.detail = true, true, e.Expires, e.TTL, "stale"
	}
}

// String returns the field's value: a list of one token with parameters, by RFC 8941.
func (w *statusWatch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	b.WriteString(dataCache)
	switch {
	case !w.asked:
		b.WriteString("; fwd=bypass")
	case !w.hit:
		b.WriteString("; fwd=miss")
		if w.collapsed {
			b.WriteString("; collapsed")
		}
	default:
		b.WriteString("; hit")
		if w.expires {
			// Whole seconds, rounded down: what is said to be fresh is fresh.
			b.WriteString("; ttl=" + strconv.FormatInt(int64(math.Floor(w.ttl.Seconds())), 10))
		}
		if w.detail != "" {
			b.WriteString("; detail=" + w.detail)
		}
	}
	return b.String()
}
