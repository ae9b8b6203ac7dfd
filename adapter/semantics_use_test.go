package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// Section R of the semantics: validation with a cause, Use, refreshes that fail, addresses as keys.

func TestUse(t *testing.T) {
	bg := context.Background()
	wrap := func(c *container, o *opener, opts ...adapter.ResourceOption) *adapter.Resource[string, *conn] {
		return adapter.CacheResource(o.open, append(opts, adapter.Name("conn"), adapter.WithRuntime(c.Runtime))...)
	}
	ways := map[string]func(w *world, r *adapter.Resource[string, *conn]){
		"cleared": func(_ *world, r *adapter.Resource[string, *conn]) { _ = r.Clear(bg) },
		"by key":  func(_ *world, r *adapter.Resource[string, *conn]) { _ = r.ClearFor(bg, "a") },
		"expired": func(w *world, r *adapter.Resource[string, *conn]) { w.clock.Advance(time.Hour); _, _ = r.Get(bg, "a") },
		"evicted": func(_ *world, r *adapter.Resource[string, *conn]) { _, _ = r.Get(bg, "b"); _, _ = r.Get(bg, "c") },
		"replaced": func(w *world, r *adapter.Resource[string, *conn]) {
			w.clock.Advance(11 * time.Minute)
			_, _ = r.Get(bg, "a")
		},
	}
	for name, leave := range ways {
		t.Run("R6 an object in Use that is "+name+" is released when Use ends, with a context that never does", func(t *testing.T) {
			w, o := newWorld(t), &opener{}
			c := w.alone()
			r := wrap(c, o, adapter.TTL("10m"), adapter.StaleFor("5m"), adapter.MaxEntries(2))
			var got *conn
			err := r.Use(bg, "a", func(c1 *conn) error {
				got = c1
				leave(w, r)
				c.settle()
				if got.closed.Load() != 0 {
					t.Error("released in use")
				}
				return nil
			})
			if err != nil || got.closed.Load() != 1 {
				t.Fatal(err, got.closed.Load())
			}
		})
	}
	t.Run("R6 what stays in the cache is not released when Use ends", func(t *testing.T) {
		o := &opener{}
		r := wrap(newWorld(t).alone(), o)
		for range 3 {
			if err := r.Use(bg, "a", func(c *conn) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if o.opened() != 1 || o.conn(0).closed.Load() != 0 {
			t.Fatal(o.opened())
		}
	})
	t.Run("R6 its error is that of the function, or that of Get", func(t *testing.T) {
		o, boom := &opener{}, errors.New("boom")
		r := wrap(newWorld(t).alone(), o)
		if err := r.Use(bg, "a", func(*conn) error { return boom }); err != boom { //nolint:errorlint // the very error
			t.Fatal(err)
		}
		o.fail = errors.New("refused")
		called := false
		if err := r.Use(bg, "b", func(*conn) error { called = true; return nil }); !errors.Is(err, o.fail) || called {
			t.Fatal(err, called)
		}
	})
	t.Run("R6 a panic in Use lets the object go", func(t *testing.T) {
		o := &opener{}
		r := wrap(newWorld(t).alone(), o)
		func() {
			defer func() { _ = recover() }()
			_ = r.Use(bg, "a", func(*conn) error { _ = r.Clear(bg); panic("boom") })
		}()
		if o.conn(0).closed.Load() != 1 {
			t.Fatal(o.conn(0).closed.Load())
		}
	})
	t.Run("R6 many at once: the last one counts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := &opener{wait: time.Second}
			r := wrap(newWorld(t).alone(), o)
			var wg sync.WaitGroup
			for i := range 10 {
				wg.Go(func() {
					_ = r.Use(bg, "a", func(c *conn) error {
						time.Sleep(time.Duration(i) * time.Second)
						if c.closed.Load() != 0 {
							t.Error("released in use")
						}
						return nil
					})
				})
			}
			time.Sleep(2500 * time.Millisecond)
			_ = r.Clear(bg)
			wg.Wait()
			if o.opened() != 1 || o.conn(0).closed.Load() != 1 {
				t.Fatal(o.opened(), o.conn(0).closed.Load())
			}
		})
	})
}

func TestValidationCause(t *testing.T) {
	bg := context.Background()
	gone := errors.New("connection reset")
	t.Run("R2 the error of a new object that is not valid either wraps the cause", func(t *testing.T) {
		o := &opener{}
		r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(newWorld(t).alone().Runtime),
			adapter.ValidateErr(func(context.Context, *conn) error { return fmt.Errorf("ping: %w", gone) }))
		get(t, bg, r, "a")
		_, err := r.Get(bg, "a")
		if !errors.Is(err, adapter.ErrInvalid) || !errors.Is(err, gone) || strings.Contains(err.Error(), "\n") {
			t.Fatal(err)
		}
		if o.opened() != 2 || o.conn(0).closed.Load() != 1 || o.conn(1).closed.Load() != 1 {
			t.Fatal(o.opened())
		}
	})
	t.Run("R2 nil keeps the object, an error opens a new one", func(t *testing.T) {
		o := &opener{}
		r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(newWorld(t).alone().Runtime),
			adapter.ValidateErr(func(_ context.Context, c *conn) error {
				if c.broken.Load() {
					return gone
				}
				return nil
			}))
		first := get(t, bg, r, "a")
		if get(t, bg, r, "a") != first {
			t.Fatal("a valid object was not kept")
		}
		first.broken.Store(true)
		if get(t, bg, r, "a") == first || first.closed.Load() != 1 {
			t.Fatal("an invalid object was kept")
		}
	})
	t.Run("R2 a panic of the validation is a cause, too", func(t *testing.T) {
		boom := errors.New("boom")
		r := adapter.CacheResource((&opener{}).open, adapter.Name("conn"), adapter.WithRuntime(newWorld(t).alone().Runtime),
			adapter.ValidateErr(func(context.Context, *conn) error { panic(boom) }))
		get(t, bg, r, "a")
		if _, err := r.Get(bg, "a"); !errors.Is(err, adapter.ErrInvalid) || !errors.Is(err, boom) {
			t.Fatal(err)
		}
	})
	t.Run("R2 two kinds of validation are an error when wrapped", func(t *testing.T) {
		_, err := adapter.NewResource((&opener{}).open, adapter.Name("conn"), adapter.WithRuntime(newWorld(t).alone().Runtime),
			adapter.Validate(valid), adapter.ValidateErr(func(context.Context, *conn) error { return nil }))
		wantOptionError(t, err, "ValidateErr", "Validate is given as well")
	})
	t.Run("R2 callers who find one object invalid at once open one in its place", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := &opener{wait: time.Second}
			r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(newWorld(t).alone().Runtime),
				adapter.ValidateErr(func(_ context.Context, c *conn) error {
					time.Sleep(100 * time.Millisecond)
					if c.broken.Load() {
						return gone
					}
					return nil
				}))
			get(t, bg, r, "a").broken.Store(true)
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() { get(t, bg, r, "a") })
			}
			wg.Wait()
			if o.opened() != 2 || o.conn(0).closed.Load() != 1 {
				t.Fatal(o.opened(), o.conn(0).closed.Load())
			}
		})
	})
}

func TestResourceRefresh(t *testing.T) {
	for name, fail := range map[string]func() error{
		"fails":  func() error { return errors.New("refused") },
		"panics": func() error { panic("refused") },
	} {
		t.Run("R5 a refresh that "+name+" cools down for a minute, and the stale object is kept", func(t *testing.T) {
			w := newWorld(t)
			c := w.alone()
			var opens atomic.Int64
			r := adapter.CacheResource(func(context.Context, string) (*conn, error) {
				if opens.Add(1) > 1 {
					return nil, fail()
				}
				return &conn{id: 1}, nil
			}, adapter.Name("conn"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.StaleFor("1h"))
			call := func() {
				c.invoke(func(ctx context.Context) {
					if got := get(t, ctx, r, "a"); got.id != 1 || got.closed.Load() != 0 {
						t.Error("the stale object is gone")
					}
				})
			}
			call()
			w.clock.Advance(10 * time.Minute)
			for range 6 {
				call()
			}
			if n := opens.Load(); n != 2 {
				t.Fatalf("%d opens, want the first and one refresh", n)
			}
			if n := len(c.logs.with("WARN", "refreshing a resource failed")); n != 1 {
				t.Fatalf("%d records: %s", n, c.logs.text())
			}
			w.clock.Advance(time.Minute)
			call()
			if n := opens.Load(); n != 3 {
				t.Fatalf("%d opens after the cool-down", n)
			}
		})
	}
	t.Run("R5 a refresh that was queued before a clear opens nothing", func(t *testing.T) {
		w, o := newWorld(t), &opener{}
		c := w.alone()
		r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.StaleFor("1h"))
		c.invoke(func(ctx context.Context) { get(t, ctx, r, "a") })
		w.clock.Advance(10 * time.Minute)
		c.invoke(func(ctx context.Context) {
			get(t, ctx, r, "a")
			_ = r.Clear(ctx)
		})
		if o.opened() != 1 || r.Stats().Open != 0 || o.conn(0).closed.Load() != 1 {
			t.Fatal(o.opened(), r.Stats())
		}
	})
	t.Run("R1 an object that was opened before a clear by a run that everybody has left is not kept", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := &opener{wait: time.Second} // it ignores its context
			c := newWorld(t).alone()
			r := adapter.CacheResource(o.open, adapter.Name("conn"), adapter.WithRuntime(c.Runtime))
			ctx, cancel := context.WithCancel(t.Context())
			go func() { _, _ = r.Get(ctx, "a") }()
			synctest.Wait()
			cancel()
			synctest.Wait()
			_ = r.ClearFor(t.Context(), "a")
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if o.opened() != 1 || o.conn(0).closed.Load() != 1 || r.Stats().Open != 0 {
				t.Fatal(o.opened(), o.conn(0).closed.Load(), r.Stats())
			}
		})
	})
}

func TestAddressKeys(t *testing.T) {
	type session struct {
		id   int
		data [1 << 12]byte
	}
	t.Run("K17 what a key's address points to stays alive as long as the object is cached", func(t *testing.T) {
		c := newWorld(t).alone()
		r := adapter.CacheResource(func(_ context.Context, s *session) (int, error) { return s.id, nil },
			adapter.Name("by address"), adapter.WithRuntime(c.Runtime),
			adapter.Key(func(s *session) (*session, bool) { return s, true }))
		for id := range 300 {
			s := &session{id: id}
			if got := get(t, context.Background(), r, s); got != id {
				t.Fatalf("session %d got the object of session %d", id, got)
			}
			if id%20 == 0 {
				runtime.GC()
			}
		}
		var freed atomic.Bool
		func() {
			s := &session{id: 1000}
			runtime.AddCleanup(s, func(int) { freed.Store(true) }, 0)
			get(t, context.Background(), r, s)
		}()
		runtime.GC()
		runtime.GC()
		if freed.Load() {
			t.Fatal("the session was freed while an object is cached under its address")
		}
		_ = r.Clear(context.Background())
		eventually(t, "freed after the clear", func() bool { runtime.GC(); return freed.Load() })
	})
}
