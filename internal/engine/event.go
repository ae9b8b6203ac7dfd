package engine

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/stripe"
)

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	EventHit     Kind = "hit"
	EventStale   Kind = "stale"
	EventMiss    Kind = "miss"
	EventRun     Kind = "run"
	EventWait    Kind = "wait"
	EventRefresh Kind = "refresh"
	EventStore   Kind = "store"
	EventEvict   Kind = "evict"
	EventRelease Kind = "release"
	EventOutage  Kind = "outage"
)

// The tiers.
const (
	TierMemory  = "memory"
	TierBackend = "backend"
)

// Event tells of one thing that happened to a function.
type Event struct {
	Kind     Kind
	Function string
	Key      string // a digest
	Tier     string
	Reason   string // why a miss
	Age, TTL time.Duration
	Expires  bool
	Duration time.Duration
	Size     int64
	Err      error
}

// Counters count what happened to a function.
type Counters struct {
	MemoryHits stripe.Counter // the only one on the way of a hit in memory

	BackendHits, Stale, Misses, Runs, Errors, Waits, FleetWaits, Evictions, Stores, StoreErrors, BackendErrors,
	BadEntries atomic.Uint64
}

// emit tells observers of an event about a lookup.
func (f *Function) emit(ctx context.Context, l *Lookup, e Event) {
	if !f.env.Observed(ctx) {
		return
	}
	e.Function = f.spec.Name
	if l != nil {
		e.Key = l.Digest()
	}
	f.env.Emit(ctx, e)
}

// Hit counts a fresh entry from memory for callers that took the short way, and reports whether anybody is to be told of
// it, with [Function.TellHit].
func (f *Function) Hit(ctx context.Context, e *memory.Entry) (observed bool) {
	f.Stats.MemoryHits.Add(1)
	f.inheritRefs(ctx, e.Refs, e.RefEpoch.Load())
	return f.env.Observed(ctx)
}

// TellHit tells of a hit.
func (f *Function) TellHit(ctx context.Context, e *memory.Entry, digest string) {
	ev := f.about(e, Event{Kind: EventHit, Function: f.spec.Name, Tier: TierMemory})
	ev.Key = digest
	f.env.Emit(ctx, ev)
}

// about completes an event with what an entry says.
func (f *Function) about(e *memory.Entry, ev Event) Event {
	now := f.env.Now()
	ev.Age, ev.Size = freshness.Age(times(e), now), e.Cost
	if ev.Kind == EventHit || ev.Kind == EventStale {
		ev.Duration = time.Duration(e.RunTime) // what it saved
	}
	if e.Fresh != freshness.Never {
		ev.Expires, ev.TTL = true, time.Duration(e.Fresh-now)
	}
	return ev
}

func times(e *memory.Entry) freshness.Times {
	return freshness.Times{Created: e.Created, Fresh: e.Fresh}
}

// Ran counts and tells of a run that is not cached.
func (f *Function) Ran(ctx context.Context, took time.Duration, err error) {
	f.Stats.Runs.Add(1)
	if err != nil {
		f.Stats.Errors.Add(1)
	}
	f.emit(ctx, nil, Event{Kind: EventRun, Duration: took, Err: err})
}
