package adapter

import (
	"context"
	"time"
)

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	EventHit     EventKind = "hit"     // a fresh entry was returned; Tier says from where
	EventStale   EventKind = "stale"   // an entry past its ttl was returned: in its stale window, or by fail-safe
	EventMiss    EventKind = "miss"    // nothing was at hand
	EventRun     EventKind = "run"     // the function ran; Duration and Err say how it went
	EventWait    EventKind = "wait"    // the call waited for a run of another caller or another container
	EventRefresh EventKind = "refresh" // the function ran to renew a stale entry
	EventStore   EventKind = "store"   // an entry was written to the backend, or could not be (Err)
	EventEvict   EventKind = "evict"   // an entry left memory for want of room
	EventRelease EventKind = "release" // a resource was released
	EventOutage  EventKind = "outage"  // the backend began to fail (Err), or works again (no Err)
)

// The tiers of an [Event] and an [Explanation].
const (
	TierMemory  = "memory"
	TierBackend = "backend"
)

// Event tells of one thing that happened to a cached function. It carries no arguments and no results.
type Event struct {
	Kind     EventKind
	Function string
	Tier     string        // TierMemory or TierBackend where it matters
	Age      time.Duration // of the entry
	TTL      time.Duration // freshness left; negative when stale; meaningless unless Expires
	Expires  bool          // the entry has a ttl
	Duration time.Duration // how long it took, for runs, waits, stores and releases
	Err      error
}

type observerKey struct{}

// Observe returns a context whose cached calls tell fn what happens to them. It is for one invocation: to count its
// hits, or to say in a header where an answer came from. fn is called on the calling goroutine, or on that of a run it
// waits for, so it must be quick and safe for concurrent use.
func Observe(ctx context.Context, fn func(Event)) context.Context {
	if outer, _ := ctx.Value(observerKey{}).(func(Event)); outer != nil {
		inner := fn
		fn = func(e Event) { inner(e); outer(e) }
	}
	return context.WithValue(ctx, observerKey{}, fn)
}

// emit tells the runtime's observer, and the context's, of an event.
func (rt *Runtime) emit(ctx context.Context, e Event) {
	if rt.config.Observer != nil {
		rt.config.Observer(e)
	}
	if fn, _ := ctx.Value(observerKey{}).(func(Event)); fn != nil {
		fn(e)
	}
}
