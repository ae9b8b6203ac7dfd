package adapter_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// virtual makes a container's clock that of a synctest bubble.
func virtual(c *adapter.Config) { c.Clock = time.Now }

func TestSoftTimeouts(t *testing.T) {
	for _, how := range []string{"Get", "GetAll"} {
		t.Run("T7 the run is finished after the response, also where its caller has cancelled its context: "+how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var runs atomic.Int64
				f := func(ctx context.Context, ins []int) ([]int64, error) {
					n := runs.Add(1)
					if n == 1 {
						return []int64{n}, nil
					}
					select {
					case <-time.After(3 * time.Second):
						return []int64{n}, nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				c := newWorld(t).container(virtual)
				d := adapter.CacheBatch(f, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.FailSafe("1h"), adapter.SoftTimeout("100ms"))
				get(t, t.Context(), d, 1)
				time.Sleep(2 * time.Minute)
				c.invoke(func(ctx context.Context) {
					ctx, cancel := context.WithTimeout(ctx, time.Second)
					defer cancel()
					if how == "Get" {
						if v := get(t, ctx, d, 1); v != 1 {
							t.Error(v)
						}
					} else if got, err := d.GetAll(ctx, []int{1}); err != nil || !slices.Equal(got, []int64{1}) {
						t.Error(got, err)
					}
				})
				if v := get(t, t.Context(), d, 1); v != 2 {
					t.Error("the run was not finished:", v)
				}
			})
		})
	}
	t.Run("T7 the value that stands in is one value, whatever is read for the run meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var runs atomic.Int64
			wrap := once(func(c *container) *adapter.Data[int, string] {
				return adapter.CacheData(func(context.Context, int) (string, error) {
					n := runs.Add(1)
					if n > 1 {
						time.Sleep(20 * time.Second)
					}
					return strings.Repeat(string(rune('a'+n)), 1000), nil
				}, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.FailSafe("1h"),
					adapter.SoftTimeout("1s"), adapter.MaxSize(100)) // memory takes none of them
			})
			a, b := w.container(virtual), w.container(virtual)
			a.invoke(func(ctx context.Context) { get(t, ctx, wrap(a), 1) })
			time.Sleep(2 * time.Minute)
			var both sync.WaitGroup
			for _, c := range []*container{a, b} { // the second one waits for the first, and looks again and again
				both.Go(func() {
					c.invoke(func(ctx context.Context) {
						ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
						defer cancel()
						if v := get(t, ctx, wrap(c), 1); v != strings.Repeat("b", 1000) {
							t.Error(v)
						}
					})
				})
				synctest.Wait()
			}
			both.Wait()
			time.Sleep(time.Hour)
		})
	})
}

func TestFailSafeOfThoseWhoJoin(t *testing.T) {
	refresh := func(ctx context.Context, d *adapter.Data[int, int64]) { _, _ = d.Refresh(ctx, 1) }
	hit := func(ctx context.Context, d *adapter.Data[int, int64]) { _, _ = d.Get(ctx, 1) }
	for name, tt := range map[string]struct {
		begin  func(context.Context, *adapter.Data[int, int64])
		after  time.Duration
		result int64 // of the run that fails; 0: an error
		opts   []adapter.DataOption
	}{
		"of a stale value":       {hit, 119 * time.Second, 0, []adapter.DataOption{adapter.StaleFor("1m")}},
		"that counts as failure": {hit, 119 * time.Second, -1, []adapter.DataOption{adapter.StaleFor("1m")}},
		"ahead":                  {hit, 59 * time.Second, 0, []adapter.DataOption{adapter.RefreshAhead(0.8)}},
		"that was asked for":     {refresh, 4 * time.Minute, 0, nil},
	} {
		t.Run("T6 who joins a refresh that fails gets the older value: one "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newWorld(t).container(virtual)
				var runs atomic.Int64
				d := adapter.CacheData(func(context.Context, int) (int64, error) {
					if runs.Add(1) == 1 {
						return 1, nil
					}
					time.Sleep(20 * time.Second)
					if tt.result != 0 {
						return tt.result, nil
					}
					return 0, errors.New("down")
				}, append(tt.opts, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.FailSafe("1h"),
					adapter.FailIf(func(n int64) bool { return n < 0 }))...)
				get(t, t.Context(), d, 1)
				time.Sleep(tt.after)
				var all sync.WaitGroup
				all.Go(func() { c.invoke(func(ctx context.Context) { tt.begin(ctx, d) }) })
				synctest.Wait()
				time.Sleep(2 * time.Second) // the value is of use for fail-safe alone now
				for range 3 {
					all.Go(func() {
						c.invoke(func(ctx context.Context) {
							if v, err := d.Get(ctx, 1); err != nil || v != 1 {
								t.Error(v, err)
							}
						})
					})
				}
				all.Wait()
				if n := runs.Load(); n != 2 {
					t.Errorf("%d runs, want 2", n)
				}
			})
		})
	}
}

func TestGetAllThatEnds(t *testing.T) {
	t.Run("B1 S1 when its context ends a GetAll begins no more runs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var runs atomic.Int64
			d := adapter.CacheData(func(context.Context, int) (int64, error) {
				time.Sleep(time.Minute) // whatever its context says
				return runs.Add(1), nil
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container(virtual).Runtime))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			ins := make([]int, 1000)
			for i := range ins {
				ins[i] = i
			}
			_, err := d.GetAll(ctx, ins)
			var failed *adapter.BatchError
			if !errors.As(err, &failed) || len(failed.Errs) != len(ins) || !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			time.Sleep(time.Hour)
			if n := runs.Load(); n != 16 { // those side by side
				t.Errorf("%d runs", n)
			}
		})
	})
}

func TestCoherentEntries(t *testing.T) {
	for name, tt := range map[string]struct {
		age  time.Duration
		opts []adapter.DataOption
	}{
		"T5 stale":                 {2 * time.Minute, nil},
		"T8 due for refresh ahead": {40 * time.Second, []adapter.DataOption{adapter.RefreshAhead(0.5)}},
	} {
		t.Run("C4 what another container has put in is served at once, where it is "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				wrap := once(func(c *container) *adapter.Data[int, int64] {
					return adapter.CacheData(func(context.Context, int) (int64, error) { return 1, nil },
						append(tt.opts, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.StaleFor("1h"), adapter.Coherent())...)
				})
				a, b := w.container(virtual), w.container(virtual)
				for _, c := range []*container{a, b} {
					c.invoke(func(ctx context.Context) { get(t, ctx, wrap(c), 1) })
				}
				time.Sleep(10 * time.Second)
				if err := wrap(a).Set(t.Context(), 1, 100); err != nil {
					t.Error(err)
				}
				time.Sleep(tt.age)
				b.invoke(func(ctx context.Context) {
					if v := get(t, ctx, wrap(b), 1); v != 100 {
						t.Error(v)
					}
				})
			})
		})
	}
	t.Run("C4 L2 a result that is written after the response is believed until then", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var runs atomic.Int64
			wrap := once(func(c *container) *adapter.Data[int, int64] {
				return adapter.CacheData(func(context.Context, int) (int64, error) {
					time.Sleep(6 * time.Second) // longer than NearTTL
					return runs.Add(1), nil
				}, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1h"), adapter.Coherent())
			})
			a, b := w.container(virtual), w.container(virtual)
			a.invoke(func(ctx context.Context) {
				for range 2 {
					if v := get(t, ctx, wrap(a), 1); v != 1 {
						t.Error(v)
					}
				}
				if err := wrap(b).Set(t.Context(), 1, 100); err != nil {
					t.Error(err)
				}
				time.Sleep(6 * time.Second)
				if v := get(t, ctx, wrap(a), 1); v != 100 {
					t.Error("what another container has put in is not seen:", v)
				}
			})
		})
	})
}

func TestGetAllWithTags(t *testing.T) {
	t.Run("B1 C8 what a GetAll takes grows with its elements, each with a tag of its own, no faster than they do", func(t *testing.T) {
		w := newWorld(t)
		taken := func(n int) uint64 {
			wrap := once(func(c *container) *adapter.Data[int, int] {
				return adapter.CacheBatch(func(_ context.Context, ns []int) ([]int, error) { return ns, nil },
					adapter.Name("f"+strconv.Itoa(n)), adapter.WithRuntime(c.Runtime),
					adapter.Tags(func(n int) []string { return []string{strconv.Itoa(n)} }))
			})
			ins := make([]int, n)
			for i := range ins {
				ins[i] = i
			}
			ask := func(ctx context.Context, c *container) {
				if got, err := wrap(c).GetAll(ctx, ins); err != nil || !slices.Equal(got, ins) {
					t.Error(err)
				}
			}
			a, b := w.container(), w.container()
			a.invoke(func(ctx context.Context) { ask(ctx, a) })
			var before, after runtime.MemStats
			b.invoke(func(ctx context.Context) {
				runtime.ReadMemStats(&before)
				ask(ctx, b) // hits in the backend
				runtime.ReadMemStats(&after)
			})
			if runs := wrap(b).Stats().Runs; runs != 0 {
				t.Error("runs:", runs)
			}
			return after.TotalAlloc - before.TotalAlloc
		}
		if few, many := taken(100), taken(1600); many > 48*few { // in the square it would be 256 times as much
			t.Errorf("%d bytes for 100 elements, %d for 1600", few, many)
		}
	})
}

func TestRefreshesThatARunLeaves(t *testing.T) {
	t.Run("S3 T5 the run that leaves a refresh does not wait for it, so the refresh may wait for that run", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newWorld(t).container(virtual)
			var of *adapter.Data[int, int]
			var runs atomic.Int64
			parts := adapter.CacheData(func(ctx context.Context, n int) (int, error) {
				if runs.Add(1) == 1 {
					return 10, nil
				}
				return of.Get(ctx, 1) // of the batch that has found the part stale
			}, adapter.Name("parts"), adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.StaleFor("1h"))
			of = adapter.CacheBatch(func(ctx context.Context, ns []int) ([]int, error) {
				part, err := parts.Get(ctx, 5)
				time.Sleep(time.Second) // the refresh begins meanwhile
				return []int{20, part}, err
			}, adapter.Name("of"), adapter.WithRuntime(c.Runtime))
			get(t, t.Context(), parts, 5)
			time.Sleep(2 * time.Minute)
			if got, err := of.GetAll(t.Context(), []int{1, 2}); err != nil || !slices.Equal(got, []int{20, 10}) {
				t.Error(got, err)
			}
			c.settle()
			if v := get(t, t.Context(), parts, 5); v != 20 || runs.Load() != 2 {
				t.Error("not refreshed:", v, runs.Load())
			}
		})
	})
}
