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
	"github.com/stillwarm/stillwarm/backends"
)

// failsLater is a function with a stand-in at hand: its first result is old, later runs take a while and fail.
func failsLater(w *world, c *container, opts ...adapter.DataOption) *adapter.Data[int, string] {
	var down atomic.Bool
	d := adapter.CacheData(func(_ context.Context, in int) (string, error) {
		if down.Load() {
			time.Sleep(5 * time.Second)
			return "", errors.New("down")
		}
		return fmt.Sprint("old ", in), nil
	}, append([]adapter.DataOption{adapter.Name("fails later"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.FailSafe("1h"),
		adapter.Tags(func(int) []string { return []string{"t"} })}, opts...)...)
	all := make([]int, 17)
	for i := range all {
		all[i] = i
	}
	_, _ = d.GetAll(context.Background(), all)
	w.clock.Advance(2 * time.Minute)
	down.Store(true)
	return d
}

// What a call knew before something was cleared is nobody's stand-in afterwards.
func TestStandInsAfterAClear(t *testing.T) {
	clears := map[string]func(*container, *adapter.Data[int, string]) error{
		"C2 T6 ClearFor": func(_ *container, d *adapter.Data[int, string]) error { return d.ClearFor(context.Background(), 16) },
		"C2 T6 Clear":    func(_ *container, d *adapter.Data[int, string]) error { return d.Clear(context.Background()) },
		"C8 T6 InvalidateTags": func(c *container, _ *adapter.Data[int, string]) error {
			return c.InvalidateTags(context.Background(), "t")
		},
	}
	// The last of 17 elements waits for its turn; a joiner of a run that has timed out begins one of its own.
	calls := map[string]func(context.Context, *adapter.Data[int, string]){
		"one call": func(ctx context.Context, d *adapter.Data[int, string]) { _, _ = d.Get(ctx, 16) },
		"a batch": func(ctx context.Context, d *adapter.Data[int, string]) {
			all := make([]int, 17)
			for i := range all {
				all[i] = i
			}
			_, _ = d.GetAll(ctx, all)
		},
	}
	for name, clear := range clears {
		for how, call := range calls {
			t.Run(name+" beside "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					c := w.alone()
					d := failsLater(w, c)
					var wg sync.WaitGroup
					wg.Go(func() { call(t.Context(), d) })
					time.Sleep(time.Second)
					if err := clear(c, d); err != nil {
						t.Fatal(err)
					}
					if v, err := d.Get(t.Context(), 16); err == nil {
						t.Errorf("at once %q, of a run that began before", v)
					}
					wg.Wait()
					if v, err := d.Get(t.Context(), 16); err == nil {
						t.Errorf("later %q, of a run that began before", v)
					}
				})
			})
		}
	}
}

// A joiner of a run that has timed out runs alone; what it knew before a clear must not stand in.
func TestStandInsOfJoinersAfterAClear(t *testing.T) {
	for _, clear := range []string{"ClearFor", "Clear"} {
		t.Run("C2 T6 "+clear, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				c := w.alone()
				var mode atomic.Int64
				var n atomic.Int64
				d := adapter.CacheData(func(ctx context.Context, in int) (string, error) {
					switch mode.Load() {
					case 0:
						return "old", nil
					case 1:
						if n.Add(1) == 1 {
							time.Sleep(10 * time.Second)
							return "", context.DeadlineExceeded
						}
					}
					return "", errors.New("down")
				}, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.FailSafe("1h"))
				get(t, t.Context(), d, 1)
				w.clock.Advance(2 * time.Minute)
				mode.Store(1)
				var wg sync.WaitGroup
				wg.Go(func() { _, _ = d.Get(t.Context(), 1) })
				time.Sleep(time.Second)
				wg.Go(func() { _, _ = d.Get(t.Context(), 1) }) // joins
				time.Sleep(time.Second)
				var err error
				if clear == "Clear" {
					err = d.Clear(t.Context())
				} else {
					err = d.ClearFor(t.Context(), 1)
				}
				if err != nil {
					t.Fatal(err)
				}
				wg.Wait()
				v, err := d.Get(t.Context(), 1)
				if err == nil {
					t.Errorf("Get after %s returned %q, of a run that began before", clear, v)
				}
			})
		})
	}
}

// A call that comes after a clear does not join a run from before it.
func TestJoiningARunFromBefore(t *testing.T) {
	for _, how := range []string{"ClearFor", "InvalidateTags"} {
		t.Run(map[string]string{"ClearFor": "C2", "InvalidateTags": "C8"}[how]+" "+how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newWorld(t).alone()
				var source atomic.Value
				source.Store("old")
				d := adapter.CacheData(func(ctx context.Context, in int) (string, error) {
					v := source.Load().(string)
					time.Sleep(5 * time.Second)
					return v, nil
				}, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.Tags(func(int) []string { return []string{"t"} }))
				var wg sync.WaitGroup
				wg.Go(func() { _, _ = d.Get(t.Context(), 1) })
				time.Sleep(time.Second)
				source.Store("new")
				var err error
				if how == "ClearFor" {
					err = d.ClearFor(t.Context(), 1)
				} else {
					err = c.InvalidateTags(t.Context(), "t")
				}
				if err != nil {
					t.Fatal(err)
				}
				if v := get(t, t.Context(), d, 1); v != "new" {
					t.Errorf("Get after %s returned %q", how, v)
				}
				wg.Wait()
			})
		})
	}
}

// Tags are heard from elsewhere by functions whose results stay in memory, too.
func TestTagsElsewhere(t *testing.T) {
	for name, others := range map[string]bool{"alone": false, "beside a function that nobody has called": true} {
		for _, persist := range []bool{true, false} {
			t.Run(fmt.Sprintf("C8 persist %v, %s", persist, name), func(t *testing.T) {
				w, f := newWorld(t), &counter{}
				a, b := w.container(), w.container()
				wrap := func(c *container) *adapter.Data[int, result] {
					if others {
						adapter.CacheData(f.compute, adapter.Name("other"), adapter.WithRuntime(c.Runtime), adapter.TTL("1h"))
					}
					return adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1h"), adapter.Persist(persist),
						adapter.Tags(func(int) []string { return []string{"t"} }))
				}
				da, db := wrap(a), wrap(b)
				get(t, t.Context(), da, 1)
				get(t, t.Context(), db, 1)
				a.settle()
				b.settle()
				if err := a.InvalidateTags(t.Context(), "t"); err != nil {
					t.Fatal(err)
				}
				runs := f.runs.Load()
				w.clock.Advance(time.Minute)
				get(t, t.Context(), db, 1)
				if f.runs.Load() == runs {
					t.Error("never heard")
				}
				get(t, t.Context(), db, 1)
				if got := f.runs.Load(); got != runs+1 {
					t.Errorf("%d runs, want 1: it is cached again", got-runs)
				}
			})
		}
	}
}

// What a run called names tags that its own result has, too, also where that missed.
func TestTagsOfResultsAreInherited(t *testing.T) {
	for _, backend := range []bool{false, true} {
		for _, how := range []string{"cold", "warm", "refused", "getall", "batch"} {
			t.Run(fmt.Sprintf("C8 backend %v, %s", backend, how), func(t *testing.T) {
				w := newWorld(t)
				c := w.alone()
				if backend {
					c = w.container()
				}
				f, g := &counter{}, &counter{}
				opts := []adapter.DataOption{adapter.Name("inner"), adapter.WithRuntime(c.Runtime), adapter.TTL("1h"), adapter.TagsOf(func(int, result) []string { return []string{"t"} })}
				if how == "refused" {
					opts = append(opts, adapter.CacheIf(func(result) bool { return false }))
				}
				inner := adapter.CacheData(f.compute, opts...)
				if how == "batch" {
					inner = adapter.CacheBatch(func(ctx context.Context, ns []int) ([]result, error) {
						r, _ := f.compute(ctx, 0)
						return []result{r}, nil
					},
						append(opts, adapter.Name("inner2"))...)
				}
				outer := adapter.CacheData(func(ctx context.Context, n int) (result, error) {
					if how == "getall" || how == "batch" {
						_, _ = inner.GetAll(ctx, []int{1})
					} else {
						_, _ = inner.Get(ctx, 1)
					}
					return g.compute(ctx, n)
				}, adapter.Name("outer"), adapter.WithRuntime(c.Runtime), adapter.TTL("1h"))
				if how == "warm" {
					get(t, t.Context(), inner, 1)
					c.settle()
				}
				get(t, t.Context(), outer, 1)
				c.settle()
				_ = c.InvalidateTags(t.Context(), "t")
				runs := g.runs.Load()
				get(t, t.Context(), outer, 1)
				if g.runs.Load() == runs {
					t.Error("the outer result survives an invalidation of a tag that the inner result named")
				}
			})
		}
	}
}

// After Close nobody tells the backend of a clear, and the caller is told that.
func TestClearsAfterClose(t *testing.T) {
	for name, clear := range map[string]func(c *container, d *adapter.Data[int, result]) error{
		"Clear":    func(_ *container, d *adapter.Data[int, result]) error { return d.Clear(context.Background()) },
		"ClearFor": func(_ *container, d *adapter.Data[int, result]) error { return d.ClearFor(context.Background(), 1) },
		"Set": func(_ *container, d *adapter.Data[int, result]) error {
			return d.Set(context.Background(), 1, result{Run: 99})
		},
		"InvalidateTags": func(c *container, _ *adapter.Data[int, result]) error {
			return c.InvalidateTags(context.Background(), "t")
		},
		"ClearData": func(c *container, _ *adapter.Data[int, result]) error { return c.ClearData(context.Background()) },
	} {
		for _, persist := range []bool{true, false} {
			t.Run(fmt.Sprintf("C4 %s, persist %v", name, persist), func(t *testing.T) {
				w, f := newWorld(t), &counter{}
				c := w.container()
				d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1h"), adapter.Persist(persist),
					adapter.Tags(func(int) []string { return []string{"t"} }))
				get(t, t.Context(), d, 1)
				if err := c.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				told := persist || name == "InvalidateTags" // which other programs may have results for
				if err := clear(c, d); errors.Is(err, backends.ErrClosed) != told || err != nil && !told {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}
