package adapter_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// Section 5 of the semantics: stampedes across containers.

// guarded is an argument that hides its field, so that it cannot be copied, and may be changed at any time.
type guarded struct{ n atomic.Int64 }

func newGuarded(n int64) *guarded {
	g := &guarded{}
	g.n.Store(n)
	return g
}

func (g *guarded) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, g.n.Load(), 10), nil }

func TestStampedesAcrossContainers(t *testing.T) {
	slow := func(runs *atomic.Int64) func(context.Context, int) (int, error) {
		return func(context.Context, int) (int, error) {
			time.Sleep(3 * time.Second)
			return int(runs.Add(1)), nil
		}
	}
	// warm lets the fleet know how long a run takes.
	warm := func(t *testing.T, w *world, f func(context.Context, int) (int, error)) {
		t.Helper()
		c := w.container()
		get(t, t.Context(), adapter.CacheData(f, adapter.Name("f"), adapter.WithRuntime(c.Runtime)), -1)
		c.settle()
	}
	t.Run("S4 one run per key, the losers wait for the entry", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var runs atomic.Int64
			var wg sync.WaitGroup
			warm(t, w, slow(new(atomic.Int64)))
			for range 20 {
				d := adapter.CacheData(slow(&runs), adapter.Name("f"), adapter.WithRuntime(w.container().Runtime))
				for range 5 {
					wg.Go(func() {
						if n := get(t, t.Context(), d, 1); n != 1 {
							t.Error(n)
						}
					})
				}
			}
			wg.Wait()
			if n := runs.Load(); n != 1 {
				t.Fatalf("ran %d times", n)
			}
		})
	})
	t.Run("S4 a run longer than the lease keeps it by renewing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var runs atomic.Int64
			short := func(c *adapter.Config) { c.LeaseTTL = time.Second }
			f := slow(&runs)
			warm(t, w, slow(new(atomic.Int64)))
			var wg sync.WaitGroup
			for range 5 {
				d := adapter.CacheData(f, adapter.Name("f"), adapter.WithRuntime(w.container(short).Runtime))
				wg.Go(func() { get(t, t.Context(), d, 1) })
			}
			// The store's clock is real time here, the world's stands still.
			wg.Wait()
			if n := runs.Load(); n != 1 {
				t.Fatalf("ran %d times", n)
			}
		})
	})
	t.Run("S5 where the wait would not fit the loser computes itself", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var runs atomic.Int64
			blocked := make(chan struct{})
			a := adapter.CacheData(func(context.Context, int) (int, error) { <-blocked; return 1, nil },
				adapter.Name("f"), adapter.WithRuntime(w.container().Runtime), adapter.Version("1"))
			b := adapter.CacheData(func(context.Context, int) (int, error) { runs.Add(1); return 2, nil },
				adapter.Name("f"), adapter.WithRuntime(w.container().Runtime), adapter.Version("1"))
			var wg sync.WaitGroup
			wg.Go(func() { get(t, t.Context(), a, 1) })
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			if n := get(t, ctx, b, 1); n != 2 {
				t.Error(n)
			}
			close(blocked)
			wg.Wait()
		})
	})
	t.Run("S4 a holder that fails gives the lease to another", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var runs atomic.Int64
			f := func(context.Context, int) (int, error) {
				time.Sleep(time.Second)
				if runs.Add(1) == 1 {
					return 0, errors.New("boom")
				}
				return 2, nil
			}
			warm(t, w, func(context.Context, int) (int, error) { time.Sleep(time.Second); return 0, nil })
			var wg sync.WaitGroup
			var failed atomic.Int64
			for range 5 {
				d := adapter.CacheData(f, adapter.Name("f"), adapter.WithRuntime(w.container().Runtime))
				wg.Go(func() {
					if _, err := d.Get(t.Context(), 1); err != nil {
						failed.Add(1)
					}
				})
			}
			wg.Wait()
			if failed.Load() != 1 || runs.Load() != 2 {
				t.Fatalf("%d callers failed, %d runs", failed.Load(), runs.Load())
			}
		})
	})
	t.Run("S5 where the function keeps failing the losers do not queue up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			f := func(context.Context, int) (int, error) {
				time.Sleep(10 * time.Second)
				return 0, errors.New("boom")
			}
			start := time.Now()
			var wg sync.WaitGroup
			for range 20 {
				d := adapter.CacheData(f, adapter.Name("f"), adapter.WithRuntime(w.container().Runtime))
				wg.Go(func() {
					if _, err := d.Get(t.Context(), 1); err == nil {
						t.Error("no error")
					}
				})
			}
			wg.Wait()
			if took := time.Since(start); took > 45*time.Second {
				t.Fatalf("the last caller waited %v for runs of 10s", took)
			}
		})
	})
	t.Run("S4 a ttl shorter than the run: those who wait get the result of the run they waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			real := func(c *adapter.Config) { c.Clock = time.Now }
			var runs, failed atomic.Int64
			f := slow(&runs)
			warm(t, w, slow(new(atomic.Int64)))
			var wg sync.WaitGroup
			for range 20 {
				d := adapter.CacheData(f, adapter.Name("f"), adapter.WithRuntime(w.container(real).Runtime), adapter.TTL("1s"))
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
					defer cancel()
					if _, err := d.Get(ctx, 1); err != nil {
						failed.Add(1)
					}
				})
			}
			wg.Wait()
			if runs.Load() != 1 || failed.Load() != 0 {
				t.Fatalf("%d runs, %d failed calls", runs.Load(), failed.Load())
			}
		})
	})
	t.Run("T5 in a stale window one container refreshes for the fleet", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var runs atomic.Int64
			f := slow(&runs)
			var all []*adapter.Data[int, int]
			var cs []*container
			for range 10 {
				c := w.container()
				cs = append(cs, c)
				all = append(all, adapter.CacheData(f, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.StaleFor("5m")))
			}
			for _, d := range all {
				get(t, t.Context(), d, 1)
				for _, c := range cs {
					c.settle()
				}
			}
			w.clock.Advance(11 * time.Minute)
			for _, d := range all {
				if n := get(t, t.Context(), d, 1); n != 1 {
					t.Error("a caller waited:", n)
				}
			}
			for _, c := range cs {
				c.settle()
			}
			if n := runs.Load(); n != 2 {
				t.Fatalf("ran %d times", n)
			}
		})
	})
}
