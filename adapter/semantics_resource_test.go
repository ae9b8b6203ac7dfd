package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// Section 7 of the semantics: resources.

type conn struct {
	id     int
	closed atomic.Int64
	broken atomic.Bool
}

func (c *conn) Close() error { c.closed.Add(1); return nil }

// opener opens connections and remembers them.
type opener struct {
	mu   sync.Mutex
	all  []*conn
	fail error
	wait time.Duration
}

func (o *opener) open(_ context.Context, _ string) (*conn, error) {
	time.Sleep(o.wait)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return nil, o.fail
	}
	c := &conn{id: len(o.all) + 1}
	o.all = append(o.all, c)
	return c, nil
}

func (o *opener) opened() int { o.mu.Lock(); defer o.mu.Unlock(); return len(o.all) }

func (o *opener) conn(i int) *conn { o.mu.Lock(); defer o.mu.Unlock(); return o.all[i] }

func valid(_ context.Context, c *conn) bool { return !c.broken.Load() }

func TestResources(t *testing.T) {
	bg := context.Background()
	wrap := func(c *container, o *opener, opts ...adapter.ResourceOption) *adapter.Resource[string, *conn] {
		return adapter.CacheResource(o.open, append(opts, adapter.Name("conn"), adapter.WithRuntime(c.Runtime))...)
	}
	t.Run("a hit returns the shared object itself", func(t *testing.T) {
		o := &opener{}
		r := wrap(newWorld(t).alone(), o)
		if first := get(t, bg, r, "a"); first != get(t, bg, r, "a") || o.opened() != 1 {
			t.Fatal(o.opened())
		}
		if get(t, bg, r, "b") == get(t, bg, r, "a") {
			t.Fatal("two arguments share an object")
		}
	})
	t.Run("opened once, however many callers wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := &opener{wait: time.Second}
			r := wrap(newWorld(t).alone(), o)
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() { get(t, bg, r, "a") })
			}
			wg.Wait()
			if o.opened() != 1 {
				t.Fatal(o.opened())
			}
		})
	})
	t.Run("an error of the open function is not cached", func(t *testing.T) {
		o := &opener{fail: errors.New("refused")}
		r := wrap(newWorld(t).alone(), o)
		if _, err := r.Get(bg, "a"); !errors.Is(err, o.fail) {
			t.Fatal(err)
		}
		o.fail = nil
		get(t, bg, r, "a")
	})
	t.Run("validate runs at every access, and false opens a new one", func(t *testing.T) {
		o, checks := &opener{}, 0
		r := wrap(newWorld(t).alone(), o, adapter.Validate(func(ctx context.Context, c *conn) bool { checks++; return valid(ctx, c) }))
		first := get(t, bg, r, "a")
		get(t, bg, r, "a")
		get(t, bg, r, "a")
		if checks != 2 {
			t.Fatal(checks)
		}
		first.broken.Store(true)
		if get(t, bg, r, "a") == first {
			t.Fatal("an invalid object was returned")
		}
		if first.closed.Load() != 1 {
			t.Fatalf("the invalid object was closed %d times", first.closed.Load())
		}
	})
	t.Run("an invalid new object is an error, after one try", func(t *testing.T) {
		o := &opener{}
		r := wrap(newWorld(t).alone(), o, adapter.Validate(func(context.Context, *conn) bool { return false }))
		get(t, bg, r, "a")
		if _, err := r.Get(bg, "a"); !errors.Is(err, adapter.ErrInvalid) {
			t.Fatal(err)
		}
		if o.opened() != 2 {
			t.Fatal(o.opened())
		}
	})
	t.Run("a validation that panics counts as false and is logged", func(t *testing.T) {
		w, o, panics := newWorld(t), &opener{}, true
		c := w.alone()
		r := wrap(c, o, adapter.Validate(func(context.Context, *conn) bool {
			if panics {
				panics = false
				panic("boom")
			}
			return true
		}))
		get(t, bg, r, "a")
		get(t, bg, r, "a")
		if o.opened() != 2 || len(c.logs.with("WARN", "validating a resource panicked")) != 1 {
			t.Fatal(o.opened(), c.logs.text())
		}
	})
	t.Run("ValidateWith gets the arguments", func(t *testing.T) {
		o := &opener{}
		var seen string
		r := wrap(newWorld(t).alone(), o, adapter.ValidateWith(func(_ context.Context, in string, _ *conn) bool { seen = in; return true }))
		get(t, bg, r, "a")
		get(t, bg, r, "a")
		if seen != "a" {
			t.Fatal(seen)
		}
	})
	t.Run("validation runs outside any lock that another key needs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			block := make(chan struct{})
			o := &opener{}
			r := wrap(newWorld(t).alone(), o, adapter.ValidateWith(func(_ context.Context, in string, _ *conn) bool {
				if in == "slow" {
					<-block
				}
				return true
			}))
			get(t, bg, r, "slow")
			get(t, bg, r, "quick")
			var wg sync.WaitGroup
			wg.Go(func() { get(t, bg, r, "slow") })
			synctest.Wait()
			get(t, bg, r, "quick")
			close(block)
			wg.Wait()
		})
	})
	t.Run("ValidateEvery limits how often it runs", func(t *testing.T) {
		w, o, checks := newWorld(t), &opener{}, 0
		r := wrap(w.alone(), o, adapter.ValidateEvery(10*time.Second),
			adapter.Validate(func(context.Context, *conn) bool { checks++; return true }))
		for range 10 {
			get(t, bg, r, "a")
		}
		if checks != 0 {
			t.Fatal(checks)
		}
		w.clock.Advance(10 * time.Second)
		for range 10 {
			get(t, bg, r, "a")
		}
		if checks != 1 {
			t.Fatal(checks)
		}
	})
	t.Run("after a thaw it is validated even if ValidateEvery would skip it", func(t *testing.T) {
		w, o, checks := newWorld(t), &opener{}, 0
		r := wrap(w.alone(), o, adapter.ValidateEvery(time.Hour),
			adapter.Validate(func(context.Context, *conn) bool { checks++; return true }))
		get(t, bg, r, "a")
		get(t, bg, r, "a")
		w.clock.Advance(31 * time.Second)
		get(t, bg, r, "a")
		get(t, bg, r, "a")
		if checks != 1 {
			t.Fatal(checks)
		}
	})
	t.Run("ttl holds on the wall clock", func(t *testing.T) {
		w, o := newWorld(t), &opener{}
		r := wrap(w.alone(), o, adapter.TTL("10m"))
		first := get(t, bg, r, "a")
		w.clock.Advance(10*time.Minute - 1)
		if get(t, bg, r, "a") != first {
			t.Fatal("expired early")
		}
		w.clock.Advance(1)
		if get(t, bg, r, "a") == first {
			t.Fatal("kept beyond its ttl")
		}
		if first.closed.Load() != 1 {
			t.Fatal(first.closed.Load())
		}
	})
	t.Run("in the stale window the old object is returned and a new one opened after the response", func(t *testing.T) {
		w, o := newWorld(t), &opener{}
		c := w.alone()
		r := wrap(c, o, adapter.TTL("10m"), adapter.StaleFor("5m"))
		var first *conn
		c.invoke(func(ctx context.Context) { first = get(t, ctx, r, "a") })
		w.clock.Advance(10 * time.Minute)
		c.invoke(func(ctx context.Context) {
			if get(t, ctx, r, "a") != first || o.opened() != 1 {
				t.Fatal("the old object was not returned at once")
			}
		})
		if o.opened() != 2 || first.closed.Load() != 1 {
			t.Fatal(o.opened(), first.closed.Load())
		}
		if get(t, bg, r, "a") == first {
			t.Fatal("the old object is still there")
		}
	})
	t.Run("max entries releases the least recently used", func(t *testing.T) {
		o := &opener{}
		r := wrap(newWorld(t).alone(), o, adapter.MaxEntries(2))
		a, b := get(t, bg, r, "a"), get(t, bg, r, "b")
		get(t, bg, r, "a")
		get(t, bg, r, "c")
		if a.closed.Load() != 0 || b.closed.Load() != 1 {
			t.Fatal(a.closed.Load(), b.closed.Load())
		}
	})
	t.Run("Clear and ClearFor release, and the next Get opens anew", func(t *testing.T) {
		o := &opener{}
		r := wrap(newWorld(t).alone(), o)
		a, b := get(t, bg, r, "a"), get(t, bg, r, "b")
		if err := r.ClearFor(bg, "a"); err != nil || a.closed.Load() != 1 || b.closed.Load() != 0 {
			t.Fatal(err, a.closed.Load(), b.closed.Load())
		}
		if err := r.Clear(bg); err != nil || b.closed.Load() != 1 {
			t.Fatal(err, b.closed.Load())
		}
		if get(t, bg, r, "b") == b {
			t.Fatal("a cleared object was returned")
		}
	})
	t.Run("ClearResources clears every resource of the runtime", func(t *testing.T) {
		o := &opener{}
		c := newWorld(t).alone()
		a := get(t, bg, wrap(c, o), "a")
		if err := c.ClearResources(bg); err != nil || a.closed.Load() != 1 {
			t.Fatal(err, a.closed.Load())
		}
	})
	t.Run("Close releases everything exactly once", func(t *testing.T) {
		o := &opener{}
		c := newWorld(t).alone()
		r := wrap(c, o)
		for i := range 10 {
			get(t, bg, r, fmt.Sprint(i))
		}
		if err := errors.Join(c.Close(bg), c.Close(bg)); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			if n := o.conn(i).closed.Load(); n != 1 {
				t.Fatalf("closed %d times", n)
			}
		}
	})
}

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
	t.Run("switched off, an object lives as long as its invocation", func(t *testing.T) {
		o := &opener{}
		c := newWorld(t).alone(func(c *adapter.Config) { c.Disabled, c.ReleaseTimeout = true, 50*time.Millisecond })
		r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(c.Runtime))
		var got *conn
		c.invoke(func(ctx context.Context) {
			got = get(t, ctx, r, "a")
			if got.closed.Load() != 0 {
				t.Fatal("closed at once")
			}
		})
		if got.closed.Load() != 1 {
			t.Fatal(got.closed.Load())
		}
		get(t, bg, r, "a")
		if o.opened() != 2 {
			t.Fatal(o.opened())
		}
	})
}

type quiet struct{ closed int }

func (q *quiet) Close() { q.closed++ }
