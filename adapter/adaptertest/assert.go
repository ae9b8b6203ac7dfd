package adaptertest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
)

// Function is a cached function: an *adapter.Data or an *adapter.Resource.
type Function interface{ Name() string }

// recorder remembers what happened to each function of one container. It is safe for concurrent use.
type recorder struct {
	mu      sync.Mutex
	lookups map[string][]adapter.EventKind // hits, stale results and misses, in order
	runs    map[string]int
}

// observe returns an observer that records, and then tells next, which may be nil.
func (r *recorder) observe(next func(context.Context, adapter.Event)) func(context.Context, adapter.Event) {
	return func(ctx context.Context, e adapter.Event) {
		r.record(e)
		if next != nil {
			next(ctx, e)
		}
	}
}

func (r *recorder) record(e adapter.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case adapter.EventHit, adapter.EventStale, adapter.EventMiss:
		if r.lookups == nil {
			r.lookups = map[string][]adapter.EventKind{}
		}
		r.lookups[e.Function] = append(r.lookups[e.Function], e.Kind)
	case adapter.EventRun, adapter.EventRefresh:
		if r.runs == nil {
			r.runs = map[string]int{}
		}
		r.runs[e.Function]++
	}
}

// Hit asserts that the last call of the function in this container was answered from the cache, with a fresh result.
func Hit(t testing.TB, ctx context.Context, f Function) {
	t.Helper()
	last(t, ctx, f, adapter.EventHit)
}

// Stale asserts that the last call of the function in this container was answered with a result past its ttl.
func Stale(t testing.TB, ctx context.Context, f Function) {
	t.Helper()
	last(t, ctx, f, adapter.EventStale)
}

// Miss asserts that the last call of the function in this container found no result in the cache.
func Miss(t testing.TB, ctx context.Context, f Function) {
	t.Helper()
	last(t, ctx, f, adapter.EventMiss)
}

func last(t testing.TB, ctx context.Context, f Function, want adapter.EventKind) {
	t.Helper()
	r := &of(ctx).events
	r.mu.Lock()
	defer r.mu.Unlock()
	lookups := r.lookups[f.Name()]
	if len(lookups) == 0 {
		t.Errorf("%s: want a %s; it was not called with this test's context", f.Name(), want)
		return
	}
	if got := lookups[len(lookups)-1]; got != want {
		var all []string
		for _, k := range lookups {
			all = append(all, string(k))
		}
		t.Errorf("%s: the last call was a %s, want a %s (all calls: %s)", f.Name(), got, want, strings.Join(all, ", "))
	}
}

// Runs asserts how often the function ran in this container, refreshes included.
func Runs(t testing.TB, ctx context.Context, f Function, want int) {
	t.Helper()
	Settle(ctx)
	r := &of(ctx).events
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := r.runs[f.Name()]; got != want {
		t.Errorf("%s ran %d times, want %d", f.Name(), got, want)
	}
}

// Stored asserts how many entries of the function the backend holds that have not expired, those of before a clear included.
func Stored(t testing.TB, ctx context.Context, f Function, want int) {
	t.Helper()
	Settle(ctx)
	s, err := of(ctx).world.store.Store(ctx, backends.Function{Namespace: "test", Name: f.Name()})
	if err != nil {
		t.Errorf("%s: %v", f.Name(), err)
		return
	}
	got := 0
	if err := s.(backends.Lister).List(ctx, func(backends.Info) bool { got++; return true }); err != nil {
		t.Errorf("%s: %v", f.Name(), err)
		return
	}
	if got != want {
		t.Errorf("%s has %d entries in the backend, want %d", f.Name(), got, want)
	}
}
