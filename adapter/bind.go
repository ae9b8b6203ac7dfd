package adapter

import (
	"context"
	"reflect"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/key"
)

const defaultNearTTL = 5 * time.Second

// bind makes the function's state in a Runtime.
func (d *Data[In, Out]) bind(rt *Runtime) (*dataState, func(context.Context)) {
	o := d.opts
	s := &dataState{rt: rt}
	manager, why := rt.backendFor(o.persist)
	spec := engine.Spec{
		Name: d.id.name, Code: func() (string, error) { return d.code(rt) }, In: d.keys.fingerprint(), Out: key.Fingerprint(reflect.TypeFor[Out]()),
		Manager: manager, Tags: rt.manager, Owner: rt.tier.Owner(s.evicted, o.maxEntries, o.maxSize),
		Policy: freshness.Policy{
			TTL: o.ttl, Stale: o.staleFor, FailSafe: o.failSafe, Jitter: o.jitter, Ahead: o.refreshAhead,
		},
		NearTTL: o.nearTTL, SoftTimeout: o.softTimeout, Coherent: o.coherent, TagsOf: o.tagsOf.fn != nil,
		MaxEntries: o.maxEntries, MaxSize: o.maxSize,
		Progress: func(ctx context.Context) func() { return o.spinner.start(ctx, rt, d.id.name) },
		Describe: func() engine.Description { return describe[In, Out](kindData) },
	}
	if spec.NearTTL == 0 {
		spec.NearTTL = defaultNearTTL
	}
	if d.many != nil {
		spec.Many = func(ctx context.Context, ls []*engine.Lookup) []engine.Result { return d.runMany(ctx, s, ls) }
	}
	s.f = engine.New(&rt.env, spec)
	rt.addData(s)
	if why == "" {
		return s, nil
	}
	return s, func(ctx context.Context) { rt.unpersisted(ctx, d.id.name, why) }
}

// code is what entries of the function must have in common with this program.
func (d *Data[In, Out]) code(rt *Runtime) (string, error) {
	if d.opts.version != "" {
		return "version " + d.opts.version, nil
	}
	id, err := codeIdentity(d.id.name)
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
