package adapter_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

func TestResultsThatDecide(t *testing.T) {
	t.Run("F3 a private result goes to the caller whose run made it, and to nobody who waited", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var runs atomic.Int64
			d := adapter.CacheData(func(context.Context, int) (int64, error) {
				time.Sleep(time.Second)
				return runs.Add(1), nil
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime), adapter.PrivateIf(func(int64) bool { return true }))
			var mu sync.Mutex
			var got []int64
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					v := get(t, t.Context(), d, 1)
					mu.Lock()
					defer mu.Unlock()
					got = append(got, v)
				})
			}
			wg.Wait()
			slices.Sort(got)
			if !slices.Equal(got, []int64{1, 2, 3}) {
				t.Fatal(got)
			}
		})
	})
	t.Run("F4 a predicate that sorts its slice changes what nobody gets, nor the function's own variable", func(t *testing.T) {
		own := []int{3, 1, 2}
		d := adapter.CacheData(func(context.Context, int) ([]int, error) { return own, nil }, adapter.Name("f"),
			adapter.WithRuntime(newWorld(t).container().Runtime),
			adapter.CacheIf(func(s []int) bool { slices.Sort(s); return true }))
		for range 2 {
			if got := get(t, t.Context(), d, 1); !slices.Equal(got, []int{3, 1, 2}) || !slices.Equal(own, []int{3, 1, 2}) {
				t.Fatal(got, own)
			}
		}
	})
	t.Run("F4 a predicate that panics leaves the result uncached, and says so", func(t *testing.T) {
		c, f := newWorld(t).container(), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime),
			adapter.CacheIf(func(result) bool { panic("no") }))
		for range 3 {
			get(t, t.Context(), d, 1)
		}
		wantRuns(t, f, 3)
		if n := len(c.logs.with("WARN", "panicked")); n != 1 {
			t.Fatal(n, c.logs.text())
		}
	})
	t.Run("F4 one predicate that panics leaves the result uncached, whatever the others say", func(t *testing.T) {
		quiet := map[string]adapter.DataOption{
			"FailIf": adapter.FailIf(func(result) bool { return false }), "PrivateIf": adapter.PrivateIf(func(result) bool { return false }),
			"CacheIf": adapter.CacheIf(func(result) bool { return true }), "TTLFrom": adapter.TTLFrom(func(result) time.Duration { return time.Hour }),
			"TagsOf": adapter.TagsOf(func(int, result) []string { return nil }),
		}
		loud := map[string]adapter.DataOption{
			"FailIf": adapter.FailIf(func(result) bool { panic("no") }), "PrivateIf": adapter.PrivateIf(func(result) bool { panic("no") }),
			"CacheIf": adapter.CacheIf(func(result) bool { panic("no") }), "TTLFrom": adapter.TTLFrom(func(result) time.Duration { panic("no") }),
			"TagsOf": adapter.TagsOf(func(int, result) []string { panic("no") }),
		}
		for name := range loud {
			f := &counter{}
			opts := []adapter.DataOption{adapter.Name("f"), adapter.WithRuntime(newWorld(t).alone().Runtime), adapter.TTL("1h"), adapter.FailSafe("1h"), loud[name]}
			for other := range quiet {
				if other != name {
					opts = append(opts, quiet[other])
				}
			}
			d := adapter.CacheData(f.compute, opts...)
			get(t, t.Context(), d, 1)
			get(t, t.Context(), d, 1)
			if f.runs.Load() != 2 {
				t.Errorf("%s panicked, and its result was cached", name)
			}
		}
	})
	t.Run("T2 the result decides how long it lives, within the ttl", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		life := time.Minute
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"),
			adapter.TTLFrom(func(result) time.Duration { return life }))
		get(t, t.Context(), d, 1)
		w.clock.Advance(59 * time.Second)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 1)
		w.clock.Advance(time.Second)
		life = time.Hour
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 2)
		w.clock.Advance(10 * time.Minute)
		life = 0
		get(t, t.Context(), d, 1)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 4)
	})
	t.Run("T6 a result that counts as a failure gives way to the last good one, and the key rests", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		bad := false
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.FailSafe("1h"),
			adapter.FailIf(func(result) bool { return bad }))
		get(t, t.Context(), d, 1)
		w.clock.Advance(2 * time.Minute)
		bad = true
		for range 3 {
			if r := get(t, t.Context(), d, 1); r.Run != 1 {
				t.Fatal(r)
			}
		}
		wantRuns(t, f, 2)
		w.clock.Advance(61 * time.Second)
		bad = false
		if r := get(t, t.Context(), d, 1); r.Run != 3 {
			t.Fatal(r)
		}
	})
	t.Run("T5 a refused refresh keeps the stale value and cools down", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.StaleFor("1h"),
			adapter.CacheIf(func(r result) bool { return r.Run == 1 }))
		c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
		w.clock.Advance(2 * time.Minute)
		for range 6 {
			c.invoke(func(ctx context.Context) {
				if r := get(t, ctx, d, 1); r.Run != 1 {
					t.Error(r)
				}
			})
		}
		wantRuns(t, f, 2)
	})
	t.Run("T7 a run that takes too long leaves the stale value, and is finished after the response", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.clock.at.Store(time.Now().UnixNano())
			c := w.container(func(c *adapter.Config) { c.Clock = time.Now })
			var runs atomic.Int64
			d := adapter.CacheData(func(context.Context, int) (int64, error) {
				n := runs.Add(1)
				if n > 1 {
					time.Sleep(3 * time.Second)
				}
				return n, nil
			}, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.FailSafe("1h"), adapter.SoftTimeout("100ms"))
			c.invoke(func(ctx context.Context) { get(t, ctx, d, 1) })
			time.Sleep(2 * time.Minute)
			c.invoke(func(ctx context.Context) {
				start := time.Now()
				if v := get(t, ctx, d, 1); v != 1 || time.Since(start) != 100*time.Millisecond {
					t.Error(v, time.Since(start))
				}
			})
			if v := get(t, t.Context(), d, 1); v != 2 {
				t.Error("the run was not finished after the response:", v)
			}
		})
	})
	t.Run("T8 a hit in the last part of the ttl is refreshed after the response, once", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.RefreshAhead(0.8))
		once := func(want int64) {
			t.Helper()
			c.invoke(func(ctx context.Context) {
				if r := get(t, ctx, d, 1); r.Run != want {
					t.Errorf("got run %d, want %d", r.Run, want)
				}
			})
		}
		once(1)
		w.clock.Advance(7 * time.Minute)
		once(1)
		wantRuns(t, f, 1)
		w.clock.Advance(90 * time.Second)
		once(1)
		once(2)
		wantRuns(t, f, 2)
	})
	t.Run("K21 an uncached call runs the function and leaves what is cached alone", func(t *testing.T) {
		c, f := newWorld(t).container(), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		get(t, t.Context(), d, 1)
		if r, err := d.Uncached(t.Context(), 1); err != nil || r.Run != 2 {
			t.Fatal(r, err)
		}
		if r := get(t, t.Context(), d, 1); r.Run != 1 {
			t.Fatal(r)
		}
	})
}

// once wraps a function once in each container.
func once[D any](wrap func(*container) D) func(*container) D {
	wrapped := map[*container]D{}
	return func(c *container) D {
		if d, there := wrapped[c]; there {
			return d
		}
		d := wrap(c)
		wrapped[c] = d
		return d
	}
}

func TestWriteThroughAndTags(t *testing.T) {
	t.Run("C7 Set puts a result in, here and for other containers", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		wrap := func(c *container) *adapter.Data[int, result] {
			return adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		}
		d := wrap(a)
		get(t, t.Context(), d, 1)
		a.settle()
		if err := d.Set(t.Context(), 1, result{Run: 77}); err != nil {
			t.Fatal(err)
		}
		if r := get(t, t.Context(), d, 1); r.Run != 77 {
			t.Fatal(r)
		}
		if r := get(t, t.Context(), wrap(b), 1); r.Run != 77 {
			t.Fatal("elsewhere:", r)
		}
	})
	t.Run("C4 a coherent function sees ClearFor, Set and Refresh of another container within NearTTL", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		wrap := func(c *container) *adapter.Data[int, result] {
			return adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.Coherent())
		}
		here, there := wrap(a), wrap(b)
		get(t, t.Context(), here, 1)
		a.settle()
		get(t, t.Context(), there, 1)
		if err := here.Set(t.Context(), 1, result{Run: 50}); err != nil {
			t.Fatal(err)
		}
		if r := get(t, t.Context(), there, 1); r.Run != 1 {
			t.Fatal("too early", r)
		}
		w.clock.Advance(5 * time.Second)
		if r := get(t, t.Context(), there, 1); r.Run != 50 {
			t.Fatal(r)
		}
		if err := here.ClearFor(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(5 * time.Second)
		if r := get(t, t.Context(), there, 1); r.Run != 2 {
			t.Fatal(r)
		}
	})
	t.Run("C8 InvalidateTags makes every entry with the tag a miss, whichever function made it", func(t *testing.T) {
		for _, where := range []string{"memory only", "with a backend"} {
			t.Run(where, func(t *testing.T) {
				w, f, g := newWorld(t), &counter{}, &counter{}
				a, b := w.container(), w.container()
				if where == "memory only" {
					a = w.alone()
					b = a
				}
				tag := func(n int) []string { return []string{fmt.Sprint("customer:", n)} }
				orders := once(func(c *container) *adapter.Data[int, result] {
					return adapter.CacheData(f.compute, adapter.Name("orders"), adapter.WithRuntime(c.Runtime), adapter.Tags(tag))
				})
				totals := once(func(c *container) *adapter.Data[int, result] {
					return adapter.CacheData(g.compute, adapter.Name("totals"), adapter.WithRuntime(c.Runtime),
						adapter.TagsOf(func(n int, _ result) []string { return tag(n) }))
				})
				for range 2 {
					for n := range 2 {
						get(t, t.Context(), orders(a), n)
						get(t, t.Context(), totals(a), n)
						a.settle()
						get(t, t.Context(), orders(b), n)
						get(t, t.Context(), totals(b), n)
					}
				}
				wantRuns(t, f, 2)
				wantRuns(t, g, 2)
				if err := a.InvalidateTags(t.Context(), "customer:1"); err != nil {
					t.Fatal(err)
				}
				get(t, t.Context(), orders(a), 0)
				get(t, t.Context(), totals(a), 0)
				wantRuns(t, f, 2)
				wantRuns(t, g, 2)
				get(t, t.Context(), orders(a), 1)
				get(t, t.Context(), totals(a), 1)
				a.settle()
				wantRuns(t, f, 3)
				wantRuns(t, g, 3)
				w.clock.Advance(5 * time.Second)
				if r := get(t, t.Context(), orders(b), 1); r.Run != 3 {
					t.Fatal("elsewhere:", r)
				}
				// The result was computed so soon after the invalidation that the store's clock cannot tell them apart: it
				// may not have been stored.
				if r := get(t, t.Context(), totals(b), 1); r.Run < 3 {
					t.Fatal("elsewhere:", r)
				}
			})
		}
	})
	t.Run("C8 an entry inherits the tags of the cached calls that its run made", func(t *testing.T) {
		c, inner, outer := newWorld(t).container(), &counter{}, &counter{}
		price := adapter.CacheData(inner.compute, adapter.Name("price"), adapter.WithRuntime(c.Runtime),
			adapter.Tags(func(int) []string { return []string{"prices"} }))
		page := adapter.CacheData(func(ctx context.Context, n int) (result, error) {
			r, _ := outer.compute(ctx, n)
			p, err := price.Get(ctx, n)
			r.Tags["price"] = fmt.Sprint(p.Run)
			return r, err
		}, adapter.Name("page"), adapter.WithRuntime(c.Runtime))
		get(t, t.Context(), page, 1)
		c.settle()
		get(t, t.Context(), page, 1)
		wantRuns(t, outer, 1)
		if err := c.InvalidateTags(t.Context(), "prices"); err != nil {
			t.Fatal(err)
		}
		if r := get(t, t.Context(), page, 1); r.Tags["price"] != "2" {
			t.Fatal(r)
		}
	})
	t.Run("C8 an invalidation that the backend could not be told is told before tagged entries there are believed", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		m := &counting{PersistenceManager: inMemory(t)}
		use := func(c *adapter.Config) { c.Manager = m }
		wrap := func(c *container) *adapter.Data[int, result] {
			return adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime),
				adapter.Tags(func(int) []string { return []string{"all"} }))
		}
		a := w.container(use)
		d := wrap(a)
		get(t, t.Context(), d, 1)
		a.settle()
		m.failWrites.Store(true)
		if err := a.InvalidateTags(t.Context(), "all"); err == nil {
			t.Fatal("no error")
		}
		m.failWrites.Store(false)
		if r := get(t, t.Context(), d, 1); r.Run != 2 {
			t.Fatal(r)
		}
	})
}

func TestABackendThatPanics(t *testing.T) {
	t.Run("W3 a backend that panics is as one that is down", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container(func(c *adapter.Config) { c.Manager = panicking{inMemory(t)} })
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		for i := range 5 {
			get(t, t.Context(), d, i)
		}
		if err := d.Clear(t.Context()); err == nil {
			t.Error("Clear says nothing")
		}
		wantRuns(t, f, 5)
		c.settle()
		if n := len(c.logs.with("WARN", "backend unavailable")); n != 1 {
			t.Error(n, c.logs.text())
		}
	})
}
