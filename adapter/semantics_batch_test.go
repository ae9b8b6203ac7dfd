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
	t.Run("B1 K21 runs of what is not cached count as those of Get do", func(t *testing.T) {
		rt := newWorld(t).container().Runtime
		odd := adapter.Key(func(n int) (int, bool) { return n, n%2 == 0 })
		one := adapter.CacheData(func(_ context.Context, n int) (int, error) { return n, nil }, adapter.Name("one"), adapter.WithRuntime(rt), odd)
		many := adapter.CacheBatch(func(_ context.Context, ns []int) ([]int, error) { return ns, nil }, adapter.Name("many"), adapter.WithRuntime(rt), odd)
		for d, want := range map[*adapter.Data[int, int]]uint64{one: 3, many: 2} {
			if _, err := d.GetAll(t.Context(), []int{1, 2, 3}); err != nil {
				t.Fatal(err)
			}
			if n := d.Stats().Runs; n != want {
				t.Errorf("%d runs, want %d", n, want)
			}
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
	t.Run("T7 B1 one soft timeout bounds a GetAll, also of several slow keys", func(t *testing.T) {
		slow := func(runs *atomic.Int64) { // all but the first run of each of two keys
			if runs.Add(1) > 2 {
				time.Sleep(time.Minute)
			}
		}
		for how, wrap := range map[string]func(*atomic.Int64, ...adapter.DataOption) *adapter.Data[int, int]{
			"CacheData": func(runs *atomic.Int64, opts ...adapter.DataOption) *adapter.Data[int, int] {
				return adapter.CacheData(func(_ context.Context, n int) (int, error) { slow(runs); return n, nil }, opts...)
			},
			"CacheBatch": func(runs *atomic.Int64, opts ...adapter.DataOption) *adapter.Data[int, int] {
				return adapter.CacheBatch(func(_ context.Context, ns []int) ([]int, error) {
					for range ns {
						slow(runs)
					}
					return ns, nil
				}, opts...)
			},
		} {
			t.Run("B1 T7 "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var runs atomic.Int64
					c := newWorld(t).alone(func(c *adapter.Config) { c.Clock = time.Now })
					d := wrap(&runs, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.FailSafe("1h"), adapter.SoftTimeout("1s"))
					for _, want := range []time.Duration{0, time.Second} {
						c.invoke(func(ctx context.Context) {
							start := time.Now()
							if got, err := d.GetAll(ctx, []int{1, 2}); err != nil || !slices.Equal(got, []int{1, 2}) || time.Since(start) != want {
								t.Error(got, err, time.Since(start))
							}
						})
						time.Sleep(2 * time.Minute)
					}
				})
			})
		}
	})
	t.Run("S1 a GetAll that panics waits for no run any more, and the last to leave that cancels it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cancelled := make(chan struct{})
			d := adapter.CacheBatch(func(ctx context.Context, ns []int) ([]int, error) {
				if ns[0] == 1 {
					panic("one")
				}
				<-ctx.Done()
				close(cancelled)
				return nil, ctx.Err()
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).alone().Runtime))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = d.Get(ctx, 2) })
			synctest.Wait()
			func() {
				defer func() {
					if panicValue(recover()) != "one" {
						t.Error("no panic")
					}
				}()
				_, _ = d.GetAll(t.Context(), []int{1, 2})
			}()
			cancel()
			wg.Wait()
			synctest.Wait()
			select {
			case <-cancelled:
			default:
				t.Fatal("the run goes on")
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
