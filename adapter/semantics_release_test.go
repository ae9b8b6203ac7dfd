package adapter_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// Section 7 of the semantics: when a resource is released.

func TestReleaseWhileInUse(t *testing.T) {
	bg := context.Background()
	wrap := func(c *container, o *opener, opts ...adapter.ResourceOption) *adapter.Resource[string, *conn] {
		return adapter.CacheResource(o.open, append(opts, adapter.Name("conn"), adapter.WithRuntime(c.Runtime))...)
	}
	for _, tt := range []struct {
		name  string
		leave func(w *world, r *adapter.Resource[string, *conn])
	}{
		{"cleared", func(_ *world, r *adapter.Resource[string, *conn]) { _ = r.Clear(bg) }},
		{"cleared by key", func(_ *world, r *adapter.Resource[string, *conn]) { _ = r.ClearFor(bg, "a") }},
		{"expired", func(w *world, r *adapter.Resource[string, *conn]) {
			w.clock.Advance(time.Hour)
			_, _ = r.Get(bg, "a")
		}},
		{"evicted", func(_ *world, r *adapter.Resource[string, *conn]) { _, _ = r.Get(bg, "b"); _, _ = r.Get(bg, "c") }},
	} {
		t.Run(tt.name+": released when the invocation that got it is over, once", func(t *testing.T) {
			w, o := newWorld(t), &opener{}
			c := w.alone()
			r := wrap(c, o, adapter.TTL("10m"), adapter.MaxEntries(2))
			var got *conn
			c.invoke(func(ctx context.Context) {
				got = get(t, ctx, r, "a")
				tt.leave(w, r)
				if got.closed.Load() != 0 {
					t.Fatal("released while its invocation runs")
				}
			})
			if n := got.closed.Load(); n != 1 {
				t.Fatalf("released %d times", n)
			}
		})
	}
	t.Run("two invocations: the last one counts", func(t *testing.T) {
		w, o := newWorld(t), &opener{}
		r := wrap(w.alone(), o)
		ctx1, inv1 := invocation.Begin(bg, invocation.Options{AfterResponse: true})
		ctx2, inv2 := invocation.Begin(bg, invocation.Options{AfterResponse: true})
		got := get(t, ctx1, r, "a")
		get(t, ctx2, r, "a")
		_ = r.Clear(bg)
		inv1.Finish(bg)
		if got.closed.Load() != 0 {
			t.Fatal("released while the second invocation runs")
		}
		inv2.Finish(bg)
		if got.closed.Load() != 1 {
			t.Fatal(got.closed.Load())
		}
	})
	t.Run("a late result of a cleared run is released after its callers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, o := newWorld(t), &opener{wait: time.Second}
			c := w.alone()
			r := wrap(c, o)
			var got *conn
			done := make(chan struct{})
			ctx, inv := invocation.Begin(bg, invocation.Options{AfterResponse: true})
			go func() { defer close(done); got, _ = r.Get(ctx, "a") }()
			synctest.Wait()
			_ = r.Clear(bg)
			<-done
			if got == nil || got.closed.Load() != 0 {
				t.Fatal("the caller did not get it, or got it closed")
			}
			inv.Finish(bg)
			if got.closed.Load() != 1 {
				t.Fatal(got.closed.Load())
			}
			if s := r.Stats(); s.Open != 0 {
				t.Fatalf("%+v", s)
			}
		})
	})
	t.Run("work after the response still has it", func(t *testing.T) {
		w, o := newWorld(t), &opener{}
		c := w.alone()
		r := wrap(c, o)
		var got *conn
		c.invoke(func(ctx context.Context) {
			got = get(t, ctx, r, "a")
			invocation.From(ctx).After(func(context.Context) {
				_ = r.Clear(bg)
				if got.closed.Load() != 0 {
					t.Error("released under the work after the response")
				}
			})
		})
		if got.closed.Load() != 1 {
			t.Fatal(got.closed.Load())
		}
	})
	t.Run("outside Lambda the context's end counts", func(t *testing.T) {
		w, o := newWorld(t), &opener{}
		r := wrap(w.alone(), o)
		ctx, cancel := context.WithCancel(bg)
		got := get(t, ctx, r, "a")
		get(t, ctx, r, "a")
		_ = r.Clear(bg)
		if got.closed.Load() != 0 {
			t.Fatal("released while its context lives")
		}
		cancel()
		eventually(t, "released", func() bool { return got.closed.Load() == 1 })
	})
	t.Run("Close waits for a running invocation, within its bound", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, o := newWorld(t), &opener{}
			c := w.alone()
			r := wrap(c, o)
			ctx, inv := invocation.Begin(bg, invocation.Options{AfterResponse: true})
			got := get(t, ctx, r, "a")
			bound, cancel := context.WithTimeout(bg, time.Second)
			defer cancel()
			if err := c.Close(bound); err == nil || got.closed.Load() != 0 {
				t.Fatal(err, got.closed.Load())
			}
			inv.Finish(bg)
			if got.closed.Load() != 1 {
				t.Fatal(got.closed.Load())
			}
		})
	})
}

func TestReleaseHooks(t *testing.T) {
	bg := context.Background()
	t.Run("OnRelease stands in for Close and has a bounded context", func(t *testing.T) {
		o := &opener{}
		var released *conn
		var bounded bool
		c := newWorld(t).alone()
		r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(c.Runtime),
			adapter.OnRelease(func(ctx context.Context, c *conn) error {
				_, bounded = ctx.Deadline()
				released = c
				return nil
			}))
		got := get(t, bg, r, "a")
		_ = r.Clear(bg)
		if released != got || !bounded || got.closed.Load() != 0 {
			t.Fatal(released, bounded, got.closed.Load())
		}
	})
	for name, hook := range map[string]func(context.Context, *conn) error{
		"error": func(context.Context, *conn) error { return errors.New("would not go") },
		"panic": func(context.Context, *conn) error { panic("would not go") },
	} {
		t.Run("its "+name+" is logged", func(t *testing.T) {
			c := newWorld(t).alone()
			r := adapter.CacheResource((&opener{}).open, adapter.Name("conn"), adapter.WithRuntime(c.Runtime), adapter.OnRelease(hook))
			get(t, bg, r, "a")
			_ = r.Clear(bg)
			if len(c.logs.with("WARN", "releasing a resource failed")) != 1 {
				t.Fatal(c.logs.text())
			}
		})
	}
	t.Run("a hook that hangs holds nobody", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			block := make(chan struct{})
			defer close(block)
			c := newWorld(t).alone()
			r := adapter.CacheResource((&opener{}).open, adapter.Name("conn"), adapter.WithRuntime(c.Runtime),
				adapter.OnRelease(func(context.Context, *conn) error { <-block; return nil }))
			get(t, bg, r, "a")
			start := time.Now()
			_ = r.Clear(bg)
			if took := time.Since(start); took > 100*time.Millisecond {
				t.Fatal(took)
			}
			c.settle()
			if len(c.logs.with("WARN", "releasing a resource failed")) != 1 {
				t.Fatal(c.logs.text())
			}
		})
	})
	t.Run("a Close without an error is the hook, too", func(t *testing.T) {
		c := newWorld(t).alone()
		q := &quiet{}
		r := adapter.CacheResource(func(context.Context, adapter.None) (*quiet, error) { return q, nil },
			adapter.Name("quiet"), adapter.WithRuntime(c.Runtime))
		get(t, bg, r, adapter.None{})
		_ = r.Clear(bg)
		if q.closed != 1 {
			t.Fatal(q.closed)
		}
	})
	t.Run("NeedsRelease tells whether anything is to be released at shutdown", func(t *testing.T) {
		c := newWorld(t).alone()
		adapter.CacheResource(func(context.Context, adapter.None) (int, error) { return 1, nil }, adapter.Name("number"), adapter.WithRuntime(c.Runtime))
		if c.NeedsRelease() {
			t.Fatal("a number needs no release")
		}
		adapter.CacheResource((&opener{}).open, adapter.Name("conn"), adapter.WithRuntime(c.Runtime))
		if !c.NeedsRelease() {
			t.Fatal("a connection does")
		}
	})
	t.Run("F9 switched off, resources stay warm", func(t *testing.T) {
		o := &opener{}
		c := newWorld(t).alone(func(c *adapter.Config) { c.Disabled = true })
		r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(c.Runtime))
		for range 3 {
			c.invoke(func(ctx context.Context) { get(t, ctx, r, "a") })
		}
		if o.opened() != 1 || o.conn(0).closed.Load() != 0 {
			t.Fatal(o.opened(), o.conn(0).closed.Load())
		}
	})
	t.Run("F9 a closed Runtime opens, and releases with the invocation, the context or Use", func(t *testing.T) {
		o := &opener{}
		c := newWorld(t).alone()
		r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(c.Runtime))
		warm := get(t, bg, r, "a")
		if err := c.Close(bg); err != nil || warm.closed.Load() != 1 {
			t.Fatal(err, warm.closed.Load())
		}
		var got *conn
		c.invoke(func(ctx context.Context) {
			got = get(t, ctx, r, "a")
			if got == warm || got.closed.Load() != 0 {
				t.Fatal("a released object, or closed at once")
			}
		})
		if got.closed.Load() != 1 {
			t.Fatal("not released with its invocation")
		}
		ctx, cancel := context.WithCancel(bg)
		got = get(t, ctx, r, "a")
		cancel()
		eventually(t, "released with its context", func() bool { return got.closed.Load() == 1 })
		if err := r.Use(bg, "a", func(c *conn) error { got = c; return nil }); err != nil || got.closed.Load() != 1 {
			t.Fatal("not released with its Use", err)
		}
		get(t, bg, r, "a")
		if n := len(c.logs.with("WARN", "Resource.Use")); n != 1 {
			t.Fatalf("a context that never ends is not told of: %s", c.logs.text())
		}
		if r.Stats().Open != 0 {
			t.Fatal("kept in a closed pool")
		}
	})
	t.Run("R3 in Lambda a context that was made anew belongs to the invocation under way", func(t *testing.T) {
		t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
		o := &opener{}
		c := newWorld(t).alone()
		r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(c.Runtime))
		var got *conn
		c.invoke(func(context.Context) {
			got = get(t, bg, r, "a")
			_ = r.Clear(bg)
			if got.closed.Load() != 0 {
				t.Fatal("released while the invocation runs")
			}
		})
		if got.closed.Load() != 1 {
			t.Fatal(got.closed.Load())
		}
	})
	t.Run("R3 one object in use does not keep others from being released at Close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o, other := &opener{}, &opener{}
			c := newWorld(t).alone()
			r := adapter.CacheResource(o.open, adapter.Name("used"), adapter.WithRuntime(c.Runtime))
			q := adapter.CacheResource(other.open, adapter.Name("idle"), adapter.WithRuntime(c.Runtime))
			ctx, inv := invocation.Begin(bg, invocation.Options{AfterResponse: true})
			get(t, ctx, r, "a")
			get(t, bg, q, "a")
			bound, cancel := context.WithTimeout(bg, time.Second)
			defer cancel()
			start := time.Now()
			go func() { _ = c.Close(bound) }()
			synctest.Wait()
			if other.conn(0).closed.Load() != 1 || time.Since(start) != 0 {
				t.Fatal("the idle one waits for the one in use")
			}
			inv.Finish(bg)
		})
	})
}

type quiet struct{ closed int }

func (q *quiet) Close() { q.closed++ }
