package adapter_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

func TestTagsOfMemoryOnlyFunctions(t *testing.T) {
	t.Run("C8 what another container invalidates reaches results in memory only that were made of tagged ones", func(t *testing.T) {
		w := newWorld(t)
		a, b := w.container(), w.container()
		var outerRuns, innerRuns atomic.Int64
		wrap := func(c *container) (inner, outer *adapter.Data[int, int64]) {
			outer = adapter.CacheData(func(ctx context.Context, in int) (int64, error) {
				outerRuns.Add(1)
				return inner.Get(ctx, in)
			}, adapter.WithRuntime(c.Runtime), adapter.Name("outer"), adapter.Persist(false))
			inner = adapter.CacheData(func(context.Context, int) (int64, error) { return innerRuns.Add(1), nil },
				adapter.WithRuntime(c.Runtime), adapter.Name("inner"), adapter.Tags(func(int) []string { return []string{"a"} }))
			return inner, outer
		}
		wrap(a) // the function without a backend of its own is the first to be told
		_, outer := wrap(b)
		for range 2 {
			b.invoke(func(ctx context.Context) { get(t, ctx, outer, 1) })
		}
		if outerRuns.Load() != 1 {
			t.Fatal("outer ran", outerRuns.Load())
		}
		a.invoke(func(ctx context.Context) {
			if err := a.InvalidateTags(ctx, "a"); err != nil {
				t.Error(err)
			}
		})
		w.clock.Advance(6 * time.Second)
		b.invoke(func(ctx context.Context) {
			if got := get(t, ctx, outer, 1); got != 2 {
				t.Error("invalidated elsewhere, and served:", got)
			}
		})
	})
}
