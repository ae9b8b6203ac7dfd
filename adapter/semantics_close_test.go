package adapter_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// L5: Close beside calls.

func TestCloseBesideCalls(t *testing.T) {
	t.Run("L5 no panic, no race, and every result of a call that went through the cache is in the backend", func(t *testing.T) {
		for range 20 {
			w, f, o := newWorld(t), &counter{}, &opener{}
			a := w.container()
			d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(a.Runtime))
			r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(a.Runtime))
			closing := make(chan struct{})
			var before sync.Map // keys that were answered before Close was called
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					for i := range 20 {
						in := 100*g + i
						get(t, context.Background(), d, in)
						select {
						case <-closing:
						default:
							before.Store(in, true)
						}
						if err := r.Use(context.Background(), "a", func(c *conn) error {
							runtime.Gosched()
							if c.closed.Load() != 0 {
								t.Error("released in use")
							}
							return nil
						}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			for range 50 {
				runtime.Gosched()
			}
			close(closing)
			if err := a.Close(context.Background()); err != nil {
				t.Error(err)
			}
			wg.Wait()
			a.settle()
			for i := range o.opened() {
				if n := o.conn(i).closed.Load(); n != 1 {
					t.Fatalf("a connection was closed %d times", n)
				}
			}
			b := w.container()
			db := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(b.Runtime))
			runs := f.runs.Load()
			before.Range(func(in, _ any) bool {
				get(t, context.Background(), db, in.(int))
				return true
			})
			if lost := f.runs.Load() - runs; lost != 0 {
				t.Fatalf("%d results were lost", lost)
			}
		}
	})
	t.Run("L5 Close beside Close, Clear and Refresh", func(t *testing.T) {
		for range 20 {
			f := &counter{}
			c := newWorld(t).container()
			d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					get(t, context.Background(), d, i)
					_, _ = d.Refresh(context.Background(), i)
					_ = d.ClearFor(context.Background(), i)
					_ = d.Clear(context.Background())
				})
			}
			for range 2 {
				wg.Go(func() { _ = c.Close(context.Background()) })
			}
			wg.Wait()
		}
	})
	t.Run("R3 L5 a call that runs longer than Close may wait does not keep resources from being released in that time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, o := newWorld(t).container(), &opener{}
			end := make(chan struct{})
			d := adapter.CacheData(func(context.Context, int) (int, error) { <-end; return 1, nil }, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
			released := false
			r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(c.Runtime), adapter.OnRelease(func(context.Context, *conn) error {
				time.Sleep(50 * time.Millisecond)
				released = true
				return nil
			}))
			c.invoke(func(ctx context.Context) { get(t, ctx, r, "a") })
			var calls sync.WaitGroup
			calls.Go(func() { get(t, context.Background(), d, 1) })
			synctest.Wait()
			bound, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
			defer cancel()
			start := time.Now()
			if err := c.Close(bound); err == nil || time.Since(start) > 400*time.Millisecond {
				t.Error(err, time.Since(start))
			}
			if !released {
				t.Error("Close has returned, and the resource is not released")
			}
			close(end)
			calls.Wait()
		})
	})
}
