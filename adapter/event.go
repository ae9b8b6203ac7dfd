package adapter

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
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
	EventOutage  EventKind = "outage"  // the backend became unavailable (Err), or has recovered (no Err)
)

// The tiers of an [Event] and an [Explanation].
const (
	TierMemory  = "memory"
	TierBackend = "backend"
)

// Event describes one thing that happened to a cached function. It carries no arguments and no results.
type Event struct {
	Kind     EventKind
	Function string
	// Tier is TierMemory or TierBackend: where an entry was found, left or was written; for a wait, whether it was for a
	// run of this container or of another; for a miss or a run, the last tier that the function has.
	Tier string
	// Key is the digest of the call's key, the same that Explain shows; empty for events of no single key.
	Key string
	// Reason says why a miss was one, such as "cleared" or "expired"; empty for other kinds, and where it is not known.
	Reason  string
	Age     time.Duration // of the entry
	TTL     time.Duration // freshness left; negative when stale; meaningless unless Expires
	Expires bool          // the entry has a ttl
	Size    int64         // of the entry, in bytes: in memory for hits and evictions, as stored for stores; zero: not known
	// Duration is how long it took, for runs, waits, stores and releases; for hits and stale results, how long the run
	// of the entry took: the time that the cache saved.
	Duration time.Duration
	Err      error
}

type observerKey struct{}

// Observe returns a context whose cached calls report their events to fn. Use it for one invocation: to count its hits,
// or to say in a header where an answer came from. fn is called on the calling goroutine, or on that of a run it waits
// for, so it must be quick and safe for concurrent use.
func Observe(ctx context.Context, fn func(Event)) context.Context {
	if outer, _ := ctx.Value(observerKey{}).(func(Event)); outer != nil {
		inner := fn
		fn = func(e Event) { inner(e); outer(e) }
	}
	return context.WithValue(ctx, observerKey{}, fn)
}

// observed reports whether the events of a call are observed, so that work that only an observer needs can be saved.
func (rt *Runtime) observed(ctx context.Context) bool {
	return rt.config.Observer != nil || devchannel.Linked && rt.dev != nil || ctx.Value(observerKey{}) != nil
}

// tellObserver calls an observer and logs its first panic: some events come from goroutines that no caller waits for.
func (rt *Runtime) tellObserver(ctx context.Context, tell func()) {
	defer func() {
		if r := recover(); r != nil {
			rt.logOnce(ctx, "observer", slog.LevelWarn, "an observer panicked", "panic", fmt.Sprint(r))
		}
	}()
	tell()
}

// emit tells the runtime's observer, and the context's, of an event.
func (rt *Runtime) emit(ctx context.Context, e Event) {
	if rt.config.Observer != nil {
		rt.tellObserver(ctx, func() { rt.config.Observer(ctx, e) })
	}
	if fn, _ := ctx.Value(observerKey{}).(func(Event)); fn != nil {
		rt.tellObserver(ctx, func() { fn(e) })
	}
	if devchannel.Linked && rt.dev != nil {
		rt.dev.tell(ctx, e)
	}
}
