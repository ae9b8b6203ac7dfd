package adapter

import (
	"context"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/key"
)

const defaultNearTTL = 5 * time.Second

// bind makes the function's state in a Runtime.
func (c *dataCore) bind(rt *Runtime) (*dataState, func(context.Context)) {
	o := c.opts
	s := &dataState{rt: rt}
	s.bare = func() *engine.Lookup { return c.bareLookup(s) }
	manager, why := rt.backendFor(o.persist)
	spec := engine.Spec{
		Name: c.id.name, Code: func() (string, error) { return c.code(rt) }, In: c.keys.fingerprint(), Out: key.Fingerprint(c.out),
		Manager: manager, Tags: rt.manager, Owner: rt.tier.Owner(s.evicted, o.maxEntries, o.maxSize),
		Policy: freshness.Policy{
			TTL: o.ttl, Stale: o.staleFor, FailSafe: o.failSafe, Jitter: o.jitter, Ahead: o.refreshAhead,
		},
		NearTTL: o.nearTTL, SoftTimeout: o.softTimeout, Coherent: o.coherent, TagsOf: o.tagsOf.fn != nil,
		MaxEntries: o.maxEntries, MaxSize: o.maxSize,
		Progress: func(ctx context.Context) func() { return o.spinner.start(ctx, rt, c.id.name) },
		Describe: func() engine.Description { return describe(kindData, c.in, c.out) },
	}
	if spec.NearTTL == 0 {
		spec.NearTTL = defaultNearTTL
	}
	if c.many != nil {
		spec.Many = func(ctx context.Context, ls []*engine.Lookup) []engine.Result { return c.runMany(ctx, s, ls) }
	}
	s.f = engine.New(&rt.env, spec)
	rt.addData(s)
	if why == "" {
		return s, nil
	}
	return s, func(ctx context.Context) { rt.unpersisted(ctx, c.id.name, why) }
}

// code is what entries of the function must have in common with this program.
func (c *dataCore) code(rt *Runtime) (string, error) {
	if c.opts.version != "" {
		return "version " + c.opts.version, nil
	}
	id, err := codeIdentity(c.id.name)
	return id + " environment " + rt.environment, err
}

// stats returns what happened to the function.
func (s *dataState) stats() Stats {
	c := &s.f.Stats
	memoryHits := c.MemoryHits.Load()
	entries, bytes := s.f.Held()
	return Stats{
		Hits: memoryHits + c.BackendHits.Load(), MemoryHits: memoryHits, Stale: c.Stale.Load(), Misses: c.Misses.Load(),
		Runs: c.Runs.Load(), Errors: c.Errors.Load(), Waits: c.Waits.Load(), FleetWaits: c.FleetWaits.Load(),
		Evictions: c.Evictions.Load(), Stores: c.Stores.Load(), StoreErrors: c.StoreErrors.Load(),
		BackendErrors: c.BackendErrors.Load(), BadEntries: c.BadEntries.Load(), Entries: entries, Bytes: bytes,
	}
}

// evicted is told of each entry that left memory for want of room.
func (s *dataState) evicted() { s.f.Evicted(context.Background()) }

// explanation turns what the engine says of a lookup into what users see.
func explanation(function string, x engine.Explanation) Explanation {
	return Explanation{
		Function: function, Key: x.Key, Hit: x.Hit, Stale: x.Stale, Tier: x.Tier, Age: x.Age, RunTime: x.RunTime, Why: x.Why,
		Created: wallTime(x.Times.Created), Fresh: freshness.Time(x.Times.Fresh), Expires: freshness.Time(x.End),
	}
}

// wallTime returns the instant of t, and the zero time for 0.
func wallTime(t int64) time.Time {
	if t == 0 {
		return time.Time{}
	}
	return freshness.Time(t)
}
