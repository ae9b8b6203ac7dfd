package adapter_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// Section 4 of the semantics: time.

func TestTTL(t *testing.T) {
	t.Run("T4 an entry is fresh within its ttl and a miss after it, in memory", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.alone()
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"))
		get(t, t.Context(), d, 1)
		w.clock.Advance(10*time.Minute - 1)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 1)
		w.clock.Advance(1)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 2)
	})
	t.Run("T4 ttl holds for persisted entries too", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		wrap := func(c *container) *adapter.Data[int, result] {
			return adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"))
		}
		a := w.container()
		get(t, t.Context(), wrap(a), 1)
		a.settle()
		w.clock.Advance(10*time.Minute - 1)
		get(t, t.Context(), wrap(w.container()), 1)
		wantRuns(t, f, 1)
		w.clock.Advance(1)
		get(t, t.Context(), wrap(w.container()), 1)
		wantRuns(t, f, 2)
	})
	t.Run("T4 reads do not extend it", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(w.alone().Runtime), adapter.TTL("10m"))
		for range 11 {
			get(t, t.Context(), d, 1)
			w.clock.Advance(time.Minute)
		}
		wantRuns(t, f, 2)
	})
	t.Run("T1 none means never", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(w.alone().Runtime))
		get(t, t.Context(), d, 1)
		w.clock.Advance(50 * 365 * 24 * time.Hour)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 1)
	})
	t.Run("T4 a shorter ttl cuts entries of a longer one", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		wrap := func(c *container, ttl string) *adapter.Data[int, result] {
			return adapter.CacheData(f.compute, adapter.Name("f"), adapter.Version("1"), adapter.WithRuntime(c.Runtime), adapter.TTL(ttl))
		}
		a := w.container()
		get(t, t.Context(), wrap(a, "1h"), 1)
		a.settle()
		w.clock.Advance(2 * time.Minute)
		get(t, t.Context(), wrap(w.container(), "1m"), 1)
		wantRuns(t, f, 2)
	})
	t.Run("T3 the age counts from the beginning of the run", func(t *testing.T) {
		w := newWorld(t)
		runs := 0
		d := adapter.CacheData(func(context.Context, int) (int, error) {
			runs++
			w.clock.Advance(time.Minute) // the run takes, or is frozen for, a minute
			return runs, nil
		}, adapter.Name("f"), adapter.WithRuntime(w.alone().Runtime), adapter.TTL("10m"))
		get(t, t.Context(), d, 1)
		w.clock.Advance(9 * time.Minute)
		get(t, t.Context(), d, 1)
		if runs != 2 {
			t.Fatal(runs)
		}
	})
	for _, tier := range []string{"memory", "memory alone", "the backend"} {
		t.Run("T3 an entry from the future is used and not kept longer than its ttl from now, in "+tier, func(t *testing.T) {
			w, f := newWorld(t), &counter{}
			wrap := func(c *container) *adapter.Data[int, result] {
				return adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"))
			}
			c := w.container()
			if tier == "memory alone" {
				c = w.alone()
			}
			d := wrap(c)
			get(t, t.Context(), d, 1)
			c.settle()
			w.clock.Advance(-24 * time.Hour)
			if tier == "the backend" {
				c = w.container()
				d = wrap(c)
			}
			get(t, t.Context(), d, 1)
			c.settle()
			wantRuns(t, f, 1)
			w.clock.Advance(10*time.Minute - 1)
			get(t, t.Context(), d, 1)
			wantRuns(t, f, 1)
			w.clock.Advance(1)
			get(t, t.Context(), d, 1)
			wantRuns(t, f, 2)
		})
	}
	t.Run("T4 jitter spreads expiry over the last part of the ttl", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(w.alone().Runtime), adapter.TTL("100m"), adapter.Jitter(0.5))
		seen := map[time.Duration]bool{}
		for i := range 50 {
			get(t, t.Context(), d, i)
			x, err := d.Explain(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			left := x.Fresh.Sub(w.clock.Now())
			if left < 50*time.Minute || left > 100*time.Minute {
				t.Fatalf("%v left", left)
			}
			seen[left] = true
		}
		if len(seen) < 40 {
			t.Fatalf("%d different expiries of 50", len(seen))
		}
	})
}

func TestClock(t *testing.T) {
	t.Run("T9 only the injected clock decides: no real time passes", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(w.alone().Runtime), adapter.TTL("1000d"))
		get(t, t.Context(), d, 1)
		w.clock.Advance(1000*24*time.Hour - 1)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 1)
		w.clock.Advance(1)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 2)
	})
}

func TestStaleWindow(t *testing.T) {
	wrap := func(c *container, f *counter, opts ...adapter.DataOption) *adapter.Data[int, result] {
		opts = append(opts, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.StaleFor("5m"))
		return adapter.CacheData(f.compute, opts...)
	}
	t.Run("T5 in it the stale value is returned at once and one refresh runs after the response", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		w.clock.Advance(10 * time.Minute)
		c.invoke(func(ctx context.Context) {
			for range 3 {
				if r := get(t, ctx, d, 1); r.Run != 1 {
					t.Fatal(r.Run)
				}
			}
			wantRuns(t, f, 1)
		})
		wantRuns(t, f, 2)
		if r := get(t, t.Context(), d, 1); r.Run != 2 {
			t.Fatal(r.Run)
		}
		if s := d.Stats(); s.Stale != 3 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("T5 a stale entry from the backend is returned at once and refreshed", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		a.invoke(func(ctx context.Context) { get(t, ctx, wrap(a, f), 1) })
		w.clock.Advance(12 * time.Minute)
		d := wrap(b, f)
		b.invoke(func(ctx context.Context) {
			if r := get(t, ctx, d, 1); r.Run != 1 {
				t.Fatal(r.Run)
			}
		})
		wantRuns(t, f, 2)
	})
	t.Run("T5 a refresh found in the backend does not run again", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		da, db := wrap(a, f), wrap(b, f)
		a.invoke(func(ctx context.Context) { get(t, ctx, da, 1) })
		b.invoke(func(ctx context.Context) { get(t, ctx, db, 1) })
		w.clock.Advance(11 * time.Minute)
		a.invoke(func(ctx context.Context) { get(t, ctx, da, 1) })
		b.invoke(func(ctx context.Context) { get(t, ctx, db, 1) })
		wantRuns(t, f, 2)
		if r := get(t, t.Context(), db, 1); r.Run != 2 {
			t.Fatal(r.Run)
		}
	})
	t.Run("T5 after it the next call recomputes in the foreground", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		w.clock.Advance(15 * time.Minute)
		if r := get(t, t.Context(), d, 1); r.Run != 2 {
			t.Fatal(r.Run)
		}
	})
	t.Run("T5 a failing refresh keeps the stale value, logs once and cools down", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		f.failWith(errors.New("boom"))
		w.clock.Advance(10 * time.Minute)
		for range 5 {
			c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
			w.clock.Advance(10 * time.Second)
		}
		wantRuns(t, f, 2)
		if n := len(c.logs.with("WARN", "refresh failed")); n != 1 {
			t.Fatalf("logged %d times", n)
		}
		w.clock.Advance(10 * time.Second) // a minute after the failure
		f.recover()
		c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		wantRuns(t, f, 3)
	})
	t.Run("T5 a refresh overtaken by Clear is dropped", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		var d *adapter.Data[int, result]
		clearing := false
		d = adapter.CacheData(func(ctx context.Context, n int) (result, error) {
			if clearing {
				clearing = false
				if err := d.Clear(ctx); err != nil {
					t.Error(err)
				}
			}
			return f.compute(ctx, n)
		}, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.StaleFor("5m"))
		c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		w.clock.Advance(11 * time.Minute)
		clearing = true
		c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		wantRuns(t, f, 2)
		if r := get(t, t.Context(), d, 1); r.Run != 3 {
			t.Fatal("the dropped refresh was served:", r.Run)
		}
	})
	t.Run("T5 a refresh that Clear comes before does not run", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		w.clock.Advance(11 * time.Minute)
		c.invoke(func(ctx context.Context) {
			get(t, ctx, d, 1)
			if err := d.Clear(ctx); err != nil {
				t.Error(err)
			}
		})
		wantRuns(t, f, 1)
	})
	t.Run("T5 outside Lambda the refresh runs in a goroutine", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		get(t, t.Context(), d, 1)
		c.settle()
		w.clock.Advance(11 * time.Minute)
		if r := get(t, t.Context(), d, 1); r.Run != 1 {
			t.Fatal(r.Run)
		}
		c.settle()
		wantRuns(t, f, 2)
	})
}

func TestFailSafe(t *testing.T) {
	wrap := func(c *container, f *counter) *adapter.Data[int, result] {
		return adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.FailSafe("1h"))
	}
	t.Run("T6 a failing function gives its last result, with the error logged", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		get(t, t.Context(), d, 1)
		f.failWith(errors.New("boom"))
		w.clock.Advance(70*time.Minute - 1)
		if r := get(t, t.Context(), d, 1); r.Run != 1 {
			t.Fatal(r.Run)
		}
		if len(c.logs.with("ERROR", "serving its last result")) != 1 {
			t.Fatal(c.logs.text())
		}
	})
	t.Run("T6 also where the freeze made the write come too late", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		c.invoke(func(ctx context.Context) {
			get(t, ctx, d, 1)
			w.clock.Advance(20 * time.Minute)
		})
		f.failWith(errors.New("boom"))
		if r := get(t, t.Context(), d, 1); r.Run != 1 {
			t.Fatal(r.Run)
		}
	})
	t.Run("T6 also from the backend", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a := w.container()
		get(t, t.Context(), wrap(a, f), 1)
		a.settle()
		f.failWith(errors.New("boom"))
		w.clock.Advance(30 * time.Minute)
		if r := get(t, t.Context(), wrap(w.container(), f), 1); r.Run != 1 {
			t.Fatal(r.Run)
		}
	})
	t.Run("T6 not beyond ttl and fail-safe", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		d := wrap(w.container(), f)
		get(t, t.Context(), d, 1)
		f.failWith(errors.New("boom"))
		w.clock.Advance(70 * time.Minute)
		if _, err := d.Get(t.Context(), 1); err == nil {
			t.Fatal("no error")
		}
	})
	t.Run("T6 off by default", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(w.container().Runtime), adapter.TTL("10m"))
		get(t, t.Context(), d, 1)
		f.failWith(errors.New("boom"))
		w.clock.Advance(10 * time.Minute)
		if _, err := d.Get(t.Context(), 1); err == nil {
			t.Fatal("no error")
		}
	})
}
