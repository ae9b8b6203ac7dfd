package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
)

func TestBatches(t *testing.T) {
	squares := func(seen *[][]int, mu *sync.Mutex) func(context.Context, []int) ([]int, error) {
		return func(_ context.Context, ns []int) ([]int, error) {
			mu.Lock()
			defer mu.Unlock()
			*seen = append(*seen, slices.Clone(ns))
			outs := make([]int, len(ns))
			errs := map[int]error{}
			for i, n := range ns {
				if n < 0 {
					errs[i] = errors.New("negative")
					continue
				}
				outs[i] = n * n
			}
			if len(errs) > 0 {
				return outs, &adapter.BatchError{Errs: errs}
			}
			return outs, nil
		}
	}
	t.Run("B2 a batch function gets just what is missing, each argument once", func(t *testing.T) {
		w := newWorld(t)
		m := &counting{PersistenceManager: inMemory(t)}
		use := func(c *adapter.Config) { c.Manager = m }
		a, b := w.container(use), w.container(use)
		var seen [][]int
		var mu sync.Mutex
		wrap := func(c *container) *adapter.Data[int, int] {
			return adapter.CacheBatch(squares(&seen, &mu), adapter.Name("squares"), adapter.WithRuntime(c.Runtime))
		}
		d := wrap(a)
		if got := get(t, t.Context(), d, 3); got != 9 {
			t.Fatal(got)
		}
		a.settle()
		got, err := d.GetAll(t.Context(), []int{1, 3, 2, 1})
		if err != nil || !slices.Equal(got, []int{1, 9, 4, 1}) {
			t.Fatal(got, err)
		}
		a.settle()
		if got, err := wrap(b).GetAll(t.Context(), []int{2, 4, 3}); err != nil || !slices.Equal(got, []int{4, 16, 9}) {
			t.Fatal(got, err)
		}
		if fmt.Sprint(seen) != "[[3] [1 2] [4]]" {
			t.Fatal(seen)
		}
	})
	t.Run("B1 errors are by index, and lose no other result", func(t *testing.T) {
		var seen [][]int
		var mu sync.Mutex
		d := adapter.CacheBatch(squares(&seen, &mu), adapter.Name("squares"), adapter.WithRuntime(newWorld(t).container().Runtime))
		got, err := d.GetAll(t.Context(), []int{2, -1, 3, -2})
		var failed *adapter.BatchError
		if !errors.As(err, &failed) || len(failed.Errs) != 2 || failed.Errs[1] == nil || failed.Errs[3] == nil || got[0] != 4 || got[2] != 9 {
			t.Fatal(got, err)
		}
		if got, err := d.GetAll(t.Context(), []int{2, 3}); err != nil || !slices.Equal(got, []int{4, 9}) || len(seen) != 1 {
			t.Fatal(got, err, seen)
		}
	})
	t.Run("B1 each element gets a copy of its own", func(t *testing.T) {
		d := adapter.CacheData(func(_ context.Context, n int) ([]int, error) { return []int{n}, nil }, adapter.Name("f"),
			adapter.WithRuntime(newWorld(t).container().Runtime))
		for range 2 {
			got, err := d.GetAll(t.Context(), []int{1, 1, 2})
			if err != nil {
				t.Fatal(err)
			}
			got[0][0] = 99
			if got[1][0] != 1 || got[2][0] != 2 {
				t.Fatal(got)
			}
		}
	})
	t.Run("B1 K18 what runs as it is changes no argument whose key was taken", func(t *testing.T) {
		type basket struct {
			Skip bool
			Of   []int
		}
		d := adapter.CacheData(func(_ context.Context, in basket) (int, error) {
			n := in.Of[0]
			in.Of[0] = 100
			return n, nil
		}, adapter.Name("basket"), adapter.WithRuntime(newWorld(t).container().Runtime),
			adapter.Key(func(in basket) (int, bool) { return in.Of[0], !in.Skip }))
		shared := []int{1}
		if got, err := d.GetAll(t.Context(), []basket{{Skip: true, Of: shared}, {Of: shared}}); err != nil || !slices.Equal(got, []int{1, 1}) {
			t.Fatal(got, err)
		}
		if got, err := d.Get(t.Context(), basket{Of: []int{1}}); err != nil || got != 1 {
			t.Fatal(got, err)
		}
	})
	t.Run("B1 a GetAll and a Get of one key at once run it once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var runs atomic.Int64
			d := adapter.CacheBatch(func(_ context.Context, ns []int) ([]int, error) {
				time.Sleep(time.Second)
				runs.Add(int64(len(ns)))
				return ns, nil
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			var wg sync.WaitGroup
			wg.Go(func() {
				if got, err := d.GetAll(t.Context(), []int{1, 2}); err != nil || !slices.Equal(got, []int{1, 2}) {
					t.Error(got, err)
				}
			})
			wg.Go(func() { get(t, t.Context(), d, 2) })
			wg.Go(func() {
				if got, err := d.GetAll(t.Context(), []int{2, 3}); err != nil || !slices.Equal(got, []int{2, 3}) {
					t.Error(got, err)
				}
			})
			wg.Wait()
			if runs.Load() != 3 {
				t.Error(runs.Load())
			}
		})
	})
	t.Run("B2 who joined a batch that failed runs alone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := adapter.CacheBatch(func(_ context.Context, ns []int) ([]int, error) {
				time.Sleep(time.Second)
				if len(ns) > 1 {
					return nil, errors.New("one of them is bad")
				}
				return ns, nil
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := d.GetAll(t.Context(), []int{1, 2}); err == nil {
					t.Error("no error")
				}
			})
			synctest.Wait()
			if got := get(t, t.Context(), d, 2); got != 2 {
				t.Error(got)
			}
			wg.Wait()
		})
	})
}

// panicking is a backend whose every operation panics.
type panicking struct{ backends.PersistenceManager }

func (m panicking) Store(context.Context, backends.Function) (backends.Store, error) {
	return panickingStore{}, nil
}

type panickingStore struct{ backends.Store } // nil: each call is a nil dereference
