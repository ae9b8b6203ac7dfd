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
	t.Run("R1 a hit returns the shared object itself", func(t *testing.T) {
		o := &opener{}
		r := wrap(newWorld(t).alone(), o)
		if first := get(t, bg, r, "a"); first != get(t, bg, r, "a") || o.opened() != 1 {
			t.Fatal(o.opened())
		}
		if get(t, bg, r, "b") == get(t, bg, r, "a") {
			t.Fatal("two arguments share an object")
		}
	})
	t.Run("R1 opened once, however many callers wait", func(t *testing.T) {
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
	t.Run("R1 an error of the open function is not cached", func(t *testing.T) {
		o := &opener{fail: errors.New("refused")}
		r := wrap(newWorld(t).alone(), o)
		if _, err := r.Get(bg, "a"); !errors.Is(err, o.fail) {
			t.Fatal(err)
		}
		o.fail = nil
		get(t, bg, r, "a")
	})
	t.Run("R2 validate runs at every access, and false opens a new one", func(t *testing.T) {
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
	t.Run("R2 an invalid new object is an error, after one try", func(t *testing.T) {
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
	t.Run("R2 a validation that panics counts as false and is logged", func(t *testing.T) {
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
	t.Run("R2 ValidateWith gets the arguments", func(t *testing.T) {
		o := &opener{}
		var seen string
		r := wrap(newWorld(t).alone(), o, adapter.ValidateWith(func(_ context.Context, in string, _ *conn) bool { seen = in; return true }))
		get(t, bg, r, "a")
		get(t, bg, r, "a")
		if seen != "a" {
			t.Fatal(seen)
		}
	})
	t.Run("R2 validation runs outside any lock that another key needs", func(t *testing.T) {
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
	t.Run("R2 ValidateEvery limits how often it runs", func(t *testing.T) {
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
	t.Run("R4 after a thaw it is validated even if ValidateEvery would skip it", func(t *testing.T) {
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
	t.Run("R5 ttl holds on the wall clock", func(t *testing.T) {
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
	t.Run("R5 in the stale window the old object is returned and a new one opened after the response", func(t *testing.T) {
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
	t.Run("R3 max entries releases the least recently used", func(t *testing.T) {
		o := &opener{}
		r := wrap(newWorld(t).alone(), o, adapter.MaxEntries(2))
		a, b := get(t, bg, r, "a"), get(t, bg, r, "b")
		get(t, bg, r, "a")
		get(t, bg, r, "c")
		if a.closed.Load() != 0 || b.closed.Load() != 1 {
			t.Fatal(a.closed.Load(), b.closed.Load())
		}
	})
	t.Run("R3 Clear and ClearFor release, and the next Get opens anew", func(t *testing.T) {
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
	t.Run("R3 ClearResources clears every resource of the runtime", func(t *testing.T) {
		o := &opener{}
		c := newWorld(t).alone()
		a := get(t, bg, wrap(c, o), "a")
		if err := c.ClearResources(bg); err != nil || a.closed.Load() != 1 {
			t.Fatal(err, a.closed.Load())
		}
	})
	t.Run("R3 Close releases everything exactly once", func(t *testing.T) {
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
