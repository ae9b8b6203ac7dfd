package adapter

import (
	"context"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/internal/hooks"
	"github.com/stillwarm/stillwarm/internal/runtimeport"
)

func init() {
	runtimeport.Of = func(rt any) *runtimeport.Env { return rt.(*Runtime).portEnv() }
	hooks.ObserveRequests = func(ctx context.Context, fn func(string)) context.Context {
		return context.WithValue(ctx, requestObserverKey{}, fn)
	}
}

// portEnv is what package httpcache gets of a Runtime.
func (rt *Runtime) portEnv() *runtimeport.Env {
	return &runtimeport.Env{
		Now: rt.now, Log: rt.log, LogOnce: rt.logOnce, Defer: rt.after, DeferRefresh: rt.afterOr, Off: rt.off,
		Tenant: rt.tenants.of,
		Backend: func(set, on bool, name string) (backends.PersistenceManager, string) {
			return rt.backendFor(persistence{set: set, on: on, name: name})
		},
		InvalidateTags: rt.invalidateData,
		OnInvalidateTags: func(f func(context.Context, []string) error) {
			rt.mu.Lock()
			defer rt.mu.Unlock()
			rt.tagged = append(rt.tagged, f)
		},
		Claim:    rt.claimCache,
		Observed: rt.observedHTTP, Emit: rt.emitHTTP, OnEntries: rt.listHTTP,
		Tier: rt.tier, Reads: rt.reads, Writes: rt.writes, Sealer: rt.sealer, Namespace: rt.config.Namespace,
		BackendTimeout: rt.config.BackendTimeout, LeaseTTL: rt.config.LeaseTTL, Leases: rt.env.Leases(), Development: rt.development(),
	}
}

type requestObserverKey struct{}

// observedHTTP reports whether the events of HTTP caches are observed. A context's observer of calls (see [Observe]) gets no
// requests: it says of a call where its result came from.
func (rt *Runtime) observedHTTP(ctx context.Context) bool {
	return rt.config.Observer != nil || devchannel.Linked && rt.dev != nil || ctx.Value(requestObserverKey{}) != nil
}

// emitHTTP reports an event of an HTTP cache. Only the workbench gets the address: events carry no arguments.
func (rt *Runtime) emitHTTP(ctx context.Context, h runtimeport.Event) {
	e := Event{
		Kind: EventKind(h.Kind), Function: h.Cache, Key: h.Key, Tier: h.Tier, Reason: h.Reason, Age: h.Age, TTL: h.TTL,
		Expires: h.Kind == string(EventHit) || h.Kind == string(EventStale), Size: h.Size, Duration: h.Duration, Err: h.Err,
	}
	if rt.config.Observer != nil {
		rt.config.Observer(ctx, e)
	}
	if fn, ok := ctx.Value(requestObserverKey{}).(func(string)); ok {
		fn(h.Kind)
	}
	if devchannel.Linked && rt.dev != nil {
		rt.dev.tell(rt.dev.request(ctx, h.URL), e)
	}
}

// listHTTP notes how to list what memory holds of an HTTP cache.
func (rt *Runtime) listHTTP(list func(limit int) []runtimeport.Entry) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.listings = append(rt.listings, list)
}

// claimCache takes the name of an HTTP cache: two of one name would answer each other's requests.
func (rt *Runtime) claimCache(name string) (uint32, bool) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	_, taken := rt.caches[name]
	if !taken {
		if rt.caches == nil {
			rt.caches = map[string]struct{}{}
		}
		rt.caches[name] = struct{}{}
	}
	return uint32(len(rt.caches)), !taken
}
