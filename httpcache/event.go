package httpcache

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	"github.com/stillwarm/stillwarm/internal/runtimeport"
)

// Events are those of cached functions (see [adapter.Event]): Function is the cache's name after "http ", and Key the digest
// of the slot. They carry no address; a local runner's workbench is told it, too.

// emit tells observers of one thing that happened to a request.
func (x *exchange) emit(ctx context.Context, kind adapter.EventKind, key port.Key, e runtimeport.Event) {
	c := x.c
	if !c.env.Observed(ctx) {
		return
	}
	e.Kind, e.Cache, e.URL, e.Key = string(kind), c.fullName, x.keys.URL, hex.EncodeToString(key[:])
	c.env.Emit(ctx, e)
}

// emitHit tells of an answer from the store.
func (x *exchange) emitHit(f found, stale bool, reason string) {
	if !x.c.env.Observed(x.r.Context()) {
		return
	}
	kind, tier := adapter.EventHit, adapter.TierBackend
	if f.inMemory {
		tier = adapter.TierMemory
	}
	if stale {
		kind = adapter.EventStale
	}
	t, now := &f.resp.Terms, x.engine.Now()
	x.emit(x.r.Context(), kind, f.at, runtimeport.Event{
		Tier: tier, Reason: reason, Age: t.Age(now), TTL: t.Lifetime - t.Age(now), Size: f.resp.Size(),
	})
}

// emitMiss tells that the handler has to run, and why.
func (x *exchange) emitMiss(ctx context.Context, key port.Key, v rule.Verdict) {
	x.emit(ctx, adapter.EventMiss, key, runtimeport.Event{Tier: adapter.TierBackend, Reason: v.Fwd})
}

// emitRun tells of a run that is over.
func (x *exchange) emitRun(ctx context.Context, key port.Key, kind adapter.EventKind, began time.Time, err error, failed bool) {
	if err == nil && failed {
		err = errPanicked
	}
	x.emit(ctx, kind, key, runtimeport.Event{Tier: adapter.TierBackend, Duration: time.Since(began), Err: err})
}

var errPanicked = errors.New("the handler panicked")
