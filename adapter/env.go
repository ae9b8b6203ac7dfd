package adapter

import (
	"context"
	"errors"
	"fmt"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine"
)

// fillEnv fills in what the engine is offered.
func (rt *Runtime) fillEnv() {
	c := &rt.config
	rt.env = engine.Env{
		Now: rt.now, Log: rt.log, LogOnce: rt.logOnce, Emit: rt.emitEngine, Observed: rt.observed,
		Defer: rt.after, DeferRefresh: rt.afterOr, Defers: rt.defers, Closed: rt.closed.Load,
		Reads: rt.reads, Writes: rt.writes, Sealer: rt.sealer, Namespace: c.Namespace, LeaseTTL: c.LeaseTTL,
		BackendTimeout: c.BackendTimeout, MaxWait: c.MaxWait, MemoryMax: c.MemoryMax,
	}
	rt.env.Init()
}

// defers reports whether work can be left for later.
func (rt *Runtime) defers(ctx context.Context) bool {
	return !rt.freezes || rt.invocation(ctx).Holds()
}

// emitEngine turns an event of the engine into one that users see.
func (rt *Runtime) emitEngine(ctx context.Context, e engine.Event) {
	rt.emit(ctx, Event{
		Kind: EventKind(e.Kind), Function: e.Function, Key: e.Key, Tier: e.Tier, Reason: e.Reason, Age: e.Age, TTL: e.TTL,
		Expires: e.Expires, Duration: e.Duration, Size: e.Size, Err: e.Err,
	})
}

// clear clears the function for [Runtime.ClearData].
func (s *dataState) clear(ctx context.Context) error {
	if s.rt.off() {
		return s.unheard()
	}
	if err := s.f.Clear(ctx); err != nil {
		return &ClearError{Function: s.f.Name(), Err: err}
	}
	return nil
}

// unheard is the error of a clear that a closed Runtime cannot tell the backend of; nil where there is nobody to tell.
func (s *dataState) unheard() error {
	if !s.rt.closed.Load() || s.rt.config.Disabled || !s.f.Persists() {
		return nil
	}
	return &ClearError{Function: s.f.Name(), Err: backends.ErrClosed}
}

// InvalidateTags makes every cached result that carries one of the tags a miss, whichever function made it: in this
// container at once, in others within [NearTTL]. It costs the same for one entry as for a million. See [Tags].
//
// An error means that a backend could not be reached. This container's memory misses all the same, and repeats the
// invalidation before it uses a tagged entry of the backend. After [Runtime.Close] nothing is told to anybody: the error
// wraps [backends.ErrClosed].
func InvalidateTags(ctx context.Context, tags ...string) error {
	return runtimeIn(ctx).InvalidateTags(ctx, tags...)
}

// InvalidateTags is [InvalidateTags] for the functions and HTTP caches of this Runtime.
func (rt *Runtime) InvalidateTags(ctx context.Context, tags ...string) error {
	if len(tags) == 0 {
		return nil
	}
	if rt.off() {
		return rt.unheard()
	}
	rt.mu.Lock()
	others := rt.tagged
	rt.mu.Unlock()
	errs := []error{rt.invalidateData(ctx, tags)}
	for _, other := range others {
		errs = append(errs, other(ctx, tags))
	}
	return errors.Join(errs...)
}

// unheard is the error of an invalidation that a closed Runtime cannot tell the backend of; nil where there is none.
func (rt *Runtime) unheard() error {
	if !rt.closed.Load() || rt.config.Disabled || rt.manager == nil {
		return nil
	}
	return fmt.Errorf("invalidating tags in the backend: %w", backends.ErrClosed)
}

// invalidateData is InvalidateTags for the functions.
func (rt *Runtime) invalidateData(ctx context.Context, tags []string) error {
	if rt.off() || len(tags) == 0 {
		return nil
	}
	for _, e := range rt.functions(kindData) { // also those that were not called here yet: others have called them
		e.ensure(ctx, rt)
	}
	rt.mu.Lock()
	all := rt.data
	rt.mu.Unlock()
	return engine.InvalidateTags(ctx, functionsOf(all), tags)
}

func functionsOf(all []*dataState) []*engine.Function {
	fs := make([]*engine.Function, len(all))
	for i, s := range all {
		fs[i] = s.f
	}
	return fs
}
