package adapter

import (
	"context"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/runtimeport"
)

func init() {
	runtimeport.Of = func(rt any) *runtimeport.Env { return rt.(*Runtime).portEnv() }
}

// portEnv is what package httpcache gets of a Runtime.
func (rt *Runtime) portEnv() *runtimeport.Env {
	return &runtimeport.Env{
		Now: rt.now, Log: rt.log, LogOnce: rt.logOnce, Defer: rt.after, Off: rt.off,
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
		Claim: rt.claimCache,
		Tier:  rt.tier, Reads: rt.reads, Writes: rt.writes, Sealer: rt.sealer, Namespace: rt.config.Namespace,
		BackendTimeout: rt.config.BackendTimeout, LeaseTTL: rt.config.LeaseTTL, Leases: rt.env.Leases(), Development: rt.development(),
	}
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
