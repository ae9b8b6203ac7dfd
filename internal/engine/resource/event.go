package resource

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/freshness"
)

// Kind says what happened.
type Kind int

// The kinds of events.
const (
	Hit Kind = iota
	Stale
	Miss
	Run
	Refresh
	Wait
	Evict
	Release
)

// Event tells of one thing that happened to a resource.
type Event struct {
	Kind     Kind
	Function string
	Key      string // of the object, as the pool knows it; empty where there is none
	Reason   string // why a miss
	Age, TTL time.Duration
	Expires  bool
	Duration time.Duration
	Err      error
}

// Counters count what happened to a resource.
type Counters struct{ Hits, Stale, Misses, Opens, Errors, Waits, Invalid, Releases atomic.Uint64 }

// tell tells observers of an event about an object.
func (p *Pool) tell(ctx context.Context, kind Kind, o *object) {
	if !p.env.Observed(ctx) {
		return
	}
	p.mu.Lock()
	times := o.times
	p.mu.Unlock()
	now := p.env.Now()
	e := Event{Kind: kind, Function: p.spec.Name, Key: o.key, Age: freshness.Age(times, now)}
	if times.Fresh != freshness.Never {
		e.Expires, e.TTL = true, time.Duration(times.Fresh-now)
	}
	p.env.Emit(ctx, e)
}

// emit tells observers of an event.
func (p *Pool) emit(ctx context.Context, e Event) {
	if p.env.Observed(ctx) {
		e.Function = p.spec.Name
		p.env.Emit(ctx, e)
	}
}
