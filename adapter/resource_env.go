package adapter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/resource"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// resourceEnv is what the Runtime offers its resources.
func (rt *Runtime) resourceEnv() *resource.Env {
	return &resource.Env{
		Now: rt.now, Log: rt.log, LogOnce: rt.logOnce,
		Emit: rt.emitResource, Observed: rt.observed,
		Defer: rt.after, DeferRefresh: rt.afterOr,
		Invocation: rt.invocation,
		Begin:      rt.begin, End: rt.end, Closed: rt.closed.Load,
		Used: rt.thawed, Thaws: rt.thaws.Load,
		ReleaseTimeout: rt.config.ReleaseTimeout,
	}
}

// resourceSpec is what the options say of a resource.
func (c *options) resourceSpec(rt *Runtime, id identity, release func(context.Context, any) error) resource.Spec {
	return resource.Spec{
		Name:       id.name,
		Policy:     freshness.Policy{TTL: c.ttl, Stale: c.staleFor},
		MaxEntries: c.maxEntries, ValidateEvery: c.validateEvery, Release: release,
		Progress: func(ctx context.Context) func() { return c.spinner.start(ctx, rt, id.name) },
	}
}

// invocation returns the invocation that a context belongs to. Where the process serves one at a time that is the one
// under way, also for a context that was made anew: what a handler got it may use until it returns.
func (rt *Runtime) invocation(ctx context.Context) *invocation.Invocation {
	if inv := invocation.From(ctx); inv != nil || !rt.freezes {
		return inv
	}
	return invocation.Current()
}

// resourceEvents are the kinds of events as users see them.
var resourceEvents = [...]EventKind{
	resource.Hit: EventHit, resource.Stale: EventStale, resource.Miss: EventMiss, resource.Run: EventRun,
	resource.Refresh: EventRefresh, resource.Wait: EventWait, resource.Evict: EventEvict, resource.Release: EventRelease,
}

func (rt *Runtime) emitResource(ctx context.Context, e resource.Event) {
	ev := Event{
		Kind: resourceEvents[e.Kind], Function: e.Function, Tier: TierMemory, Reason: e.Reason,
		Age: e.Age, TTL: e.TTL, Expires: e.Expires, Duration: e.Duration, Err: e.Err,
	}
	if e.Key != "" {
		sum := sha256.Sum256([]byte(e.Key)) // keys carry arguments
		ev.Key = hex.EncodeToString(sum[:])
	}
	rt.emit(ctx, ev)
}

// snapshot returns the resource's statistics.
func (p *resourceState) snapshot() ResourceStats {
	s := &p.Pool.Stats
	return ResourceStats{
		Hits: s.Hits.Load(), Stale: s.Stale.Load(), Misses: s.Misses.Load(), Opens: s.Opens.Load(), Errors: s.Errors.Load(),
		Waits: s.Waits.Load(), Invalid: s.Invalid.Load(), Releases: s.Releases.Load(), Open: p.Len(),
	}
}

// thawed notes a use of a resource and returns the number of thaws so far.
func (rt *Runtime) thawed() int64 {
	now := rt.now()
	last := rt.lastSeen.Swap(now)
	if last != 0 && time.Duration(now-last) > rt.config.ThawGap {
		return rt.thaws.Add(1)
	}
	return rt.thaws.Load()
}
