package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// generation computes batches of numbers that say which run they are from, and notes how many arguments each had.
type generation struct {
	mu    sync.Mutex
	sizes []int
	fails func(n int) error // nil: none
}

func (g *generation) compute(_ context.Context, ns []int) ([]int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sizes = append(g.sizes, len(ns))
	outs, errs := make([]int, len(ns)), map[int]error{}
	for i, n := range ns {
		outs[i] = len(g.sizes)
		if g.fails != nil && len(g.sizes) > 1 && g.fails(n) != nil {
			errs[i] = g.fails(n)
		}
	}
	if len(errs) > 0 {
		return outs, &adapter.BatchError{Errs: errs}
	}
	return outs, nil
}

func (g *generation) want(t *testing.T, sizes ...int) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Equal(g.sizes, sizes) {
		t.Fatalf("runs of %v arguments, want %v", g.sizes, sizes)
	}
}

func TestBatchesInStaleWindows(t *testing.T) {
	const n = 100
	ns := make([]int, n)
	for i := range ns {
		ns[i] = i
	}
	wrap := func(c *container, g *generation, more ...adapter.DataOption) *adapter.Data[int, int] {
		return adapter.CacheBatch(g.compute, append([]adapter.DataOption{
			adapter.Name("g"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.StaleFor("1h"),
		}, more...)...)
	}
	ask := func(t *testing.T, c *container, d *adapter.Data[int, int], want int) {
		t.Helper()
		c.invoke(func(ctx context.Context) {
			got, err := d.GetAll(ctx, ns)
			if err != nil || len(got) != n || slices.Min(got) != want || slices.Max(got) != want {
				t.Fatal(got, err)
			}
		})
	}
	places := map[string]func(w *world) *container{
		"memory alone": func(w *world) *container { return w.alone() }, "a backend": func(w *world) *container { return w.container() },
		"a backend without batches": func(w *world) *container {
			return w.container(func(c *adapter.Config) { c.Manager = &counting{PersistenceManager: inMemory(t)} })
		},
	}
	for place, in := range places {
		t.Run("B2 T5 what a batch finds stale is refreshed by one run, "+place, func(t *testing.T) {
			w, g := newWorld(t), &generation{}
			c := in(w)
			d := wrap(c, g)
			ask(t, c, d, 1)
			w.clock.Advance(11 * time.Minute)
			ask(t, c, d, 1)
			g.want(t, n, n)
			ask(t, c, d, 2)
			g.want(t, n, n)
		})
	}
	t.Run("B2 T8 ahead of the end of the ttl likewise", func(t *testing.T) {
		w, g := newWorld(t), &generation{}
		c := w.container()
		d := wrap(c, g, adapter.RefreshAhead(0.5))
		ask(t, c, d, 1)
		w.clock.Advance(6 * time.Minute)
		ask(t, c, d, 1)
		g.want(t, n, n)
		ask(t, c, d, 2)
	})
	t.Run("B2 T5 what another container has refreshed is taken from it", func(t *testing.T) {
		w, g := newWorld(t), &generation{}
		a, b := w.container(), w.container()
		da, db := wrap(a, g), wrap(b, g)
		ask(t, a, da, 1)
		ask(t, b, db, 1)
		w.clock.Advance(11 * time.Minute)
		a.invoke(func(ctx context.Context) { // half of it
			if got, err := da.GetAll(ctx, ns[:n/2]); err != nil || slices.Max(got) != 1 {
				t.Fatal(got, err)
			}
		})
		g.want(t, n, n/2)
		ask(t, b, db, 1)
		g.want(t, n, n/2, n/2)
		if got, err := db.GetAll(t.Context(), []int{0, n - 1}); err != nil || !slices.Equal(got, []int{2, 3}) {
			t.Fatal(got, err)
		}
	})
	t.Run("B2 T5 what fails keeps its result and rests; that is logged once", func(t *testing.T) {
		w := newWorld(t)
		g := &generation{fails: func(n int) error {
			if n%2 == 1 {
				return errors.New("odd")
			}
			return nil
		}}
		c := w.container()
		d := wrap(c, g)
		ask(t, c, d, 1)
		w.clock.Advance(11 * time.Minute)
		ask(t, c, d, 1)
		for range 2 { // the second one finds no refresh due
			c.invoke(func(ctx context.Context) {
				if got, err := d.GetAll(ctx, ns); err != nil || got[0] != 2 || got[1] != 1 {
					t.Fatal(got, err)
				}
			})
		}
		g.want(t, n, n)
		var said []string
		for _, r := range c.logs.records() {
			if strings.Contains(r["msg"].(string), "refresh failed") {
				said = append(said, fmt.Sprint(r["error"], " ", r["results"]))
			}
		}
		if !slices.Equal(said, []string{"odd 50"}) {
			t.Fatalf("%q", said)
		}
	})
	t.Run("B2 C1 what is cleared before the refresh is not refreshed", func(t *testing.T) {
		w, g := newWorld(t), &generation{}
		c := w.container()
		d := wrap(c, g)
		ask(t, c, d, 1)
		w.clock.Advance(11 * time.Minute)
		c.invoke(func(ctx context.Context) {
			if _, err := d.GetAll(ctx, ns); err != nil {
				t.Fatal(err)
			}
			if err := d.ClearFor(ctx, 7); err != nil {
				t.Fatal(err)
			}
		})
		g.want(t, n, n-1)
		if got := get(t, t.Context(), d, 7); got != 3 {
			t.Fatal(got)
		}
	})
	t.Run("B2 a panic of the refresh is logged once, and what was cached stays", func(t *testing.T) {
		w, g := newWorld(t), &generation{fails: func(int) error { panic("a bad day") }}
		c := w.container()
		d := wrap(c, g)
		ask(t, c, d, 1)
		w.clock.Advance(11 * time.Minute)
		ask(t, c, d, 1)
		ask(t, c, d, 1)
		g.want(t, n, n)
		if said := strings.Count(c.logs.text(), "refresh failed"); said != 1 {
			t.Fatal(said, c.logs.text())
		}
	})
	t.Run("B1 T5 a function of one argument refreshes sixteen at a time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newWorld(t).container(func(c *adapter.Config) { c.Clock = time.Now })
			var running, runs, tooMany atomic.Int64
			d := adapter.CacheData(func(_ context.Context, i int) (int64, error) {
				defer running.Add(-1)
				if running.Add(1) > 16 {
					tooMany.Add(1)
				}
				time.Sleep(time.Second)
				return runs.Add(1), nil
			}, adapter.Name("g"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.StaleFor("1h"))
			for range 2 {
				start := time.Now()
				c.invoke(func(ctx context.Context) {
					if _, err := d.GetAll(ctx, ns); err != nil {
						t.Fatal(err)
					}
				})
				if took := time.Since(start); took != 7*time.Second { // a hundred, sixteen side by side
					t.Error("took", took)
				}
				time.Sleep(11 * time.Minute)
			}
			if runs.Load() != 2*n || tooMany.Load() > 0 {
				t.Fatal(runs.Load(), "runs,", tooMany.Load(), "too many at once")
			}
		})
	})
}
