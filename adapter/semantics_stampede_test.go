package adapter_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// Section 5 of the semantics: stampedes.

func TestStampedesInContainer(t *testing.T) {
	t.Run("S1 one run per key, whatever the number of callers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var runs atomic.Int64
			d := adapter.CacheData(func(context.Context, int) (int, error) {
				time.Sleep(time.Second)
				return int(runs.Add(1)), nil
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					if n := get(t, t.Context(), d, 1); n != 1 {
						t.Error(n)
					}
				})
			}
			wg.Wait()
			if s := d.Stats(); s.Runs != 1 || s.Waits != 99 {
				t.Fatalf("%+v", s)
			}
		})
	})
	t.Run("F1 an error reaches every caller that waited", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			boom := errors.New("boom")
			var runs, failed atomic.Int64
			d := adapter.CacheData(func(context.Context, int) (int, error) {
				runs.Add(1)
				time.Sleep(time.Second)
				return 0, boom
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if _, err := d.Get(t.Context(), 1); errors.Is(err, boom) {
						failed.Add(1)
					}
				})
			}
			wg.Wait()
			if runs.Load() != 1 || failed.Load() != 10 {
				t.Fatal(runs.Load(), failed.Load())
			}
		})
	})
	t.Run("F2 a panic reaches every caller that waited", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var panicked atomic.Int64
			d := adapter.CacheData(func(context.Context, int) (int, error) {
				time.Sleep(time.Second)
				panic("boom")
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					defer func() {
						if panicValue(recover()) == "boom" {
							panicked.Add(1)
						}
					}()
					_, _ = d.Get(t.Context(), 1)
				})
			}
			wg.Wait()
			if panicked.Load() != 10 {
				t.Fatal(panicked.Load())
			}
		})
	})
	t.Run("S1 a waiter whose context ends leaves and the run goes on for the others", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := adapter.CacheData(func(ctx context.Context, _ int) (int, error) {
				select {
				case <-time.After(time.Second):
					return 7, nil
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			var wg sync.WaitGroup
			wg.Go(func() {
				if n := get(t, t.Context(), d, 1); n != 7 {
					t.Error(n)
				}
			})
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := d.Get(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			wg.Wait()
		})
	})
	t.Run("S1 the first caller's cancellation does not fail the others", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := adapter.CacheData(func(ctx context.Context, _ int) (int, error) {
				select {
				case <-time.After(time.Second):
					return 7, nil
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			first, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := d.Get(first, 1); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
			synctest.Wait()
			wg.Go(func() {
				if n := get(t, t.Context(), d, 1); n != 7 {
					t.Error(n)
				}
			})
			synctest.Wait()
			cancel()
			wg.Wait()
		})
	})
	t.Run("K18 a call whose argument cannot be copied returns when its run does, so the run sees the argument that has the key", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var runs atomic.Int64
			d := adapter.CacheData(func(_ context.Context, p *guarded) (int, error) {
				runs.Add(1)
				time.Sleep(time.Second)
				return int(p.n.Load()), nil
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			first := newGuarded(7)
			ctx, cancel := context.WithCancel(t.Context())
			left := make(chan struct{})
			go func() {
				defer close(left)
				_, _ = d.Get(ctx, first)
			}()
			synctest.Wait()
			var wg sync.WaitGroup
			wg.Go(func() {
				if n := get(t, t.Context(), d, newGuarded(7)); n != 7 {
					t.Errorf("got the answer to another question: %d", n)
				}
			})
			synctest.Wait()
			cancel()
			<-left
			first.n.Store(8)
			wg.Wait()
			if n := runs.Load(); n != 1 { // the first caller returned when its run did
				t.Errorf("%d runs", n)
			}
		})
	})
	t.Run("S1 a run that everybody has left is cancelled, and not joined", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var cancelled atomic.Bool
			var runs atomic.Int64
			d := adapter.CacheData(func(ctx context.Context, _ int) (int, error) {
				if runs.Add(1) > 1 {
					return 2, nil
				}
				<-ctx.Done()
				cancelled.Store(true)
				return 0, ctx.Err()
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := d.Get(ctx, 1); err == nil {
				t.Error("no error")
			}
			if n := get(t, t.Context(), d, 1); n != 2 {
				t.Error(n)
			}
			synctest.Wait()
			if !cancelled.Load() {
				t.Error("the run was not cancelled")
			}
		})
	})
	t.Run("S1 the run's deadline is the latest of those who wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var second time.Time
			d := adapter.CacheData(func(ctx context.Context, _ int) (int, error) {
				time.Sleep(time.Second)
				second, _ = ctx.Deadline()
				return 7, nil
			}, adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			short, cancel1 := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel1()
			long, cancel2 := context.WithTimeout(t.Context(), time.Minute)
			defer cancel2()
			var wg sync.WaitGroup
			wg.Go(func() { get(t, short, d, 1) })
			synctest.Wait()
			wg.Go(func() { get(t, long, d, 1) })
			wg.Wait()
			if want, _ := long.Deadline(); !second.Equal(want) {
				t.Error(second, want)
			}
		})
	})
	t.Run("S3 a function that calls itself with the same arguments gets an error", func(t *testing.T) {
		var d *adapter.Data[int, int]
		d = adapter.CacheData(func(ctx context.Context, n int) (int, error) { return d.Get(ctx, n) },
			adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
		if _, err := d.Get(t.Context(), 1); !errors.Is(err, adapter.ErrRecursive) {
			t.Fatal(err)
		}
	})
	t.Run("S3 a function that calls itself with other arguments works", func(t *testing.T) {
		var d *adapter.Data[int, int]
		d = adapter.CacheData(func(ctx context.Context, n int) (int, error) {
			if n < 2 {
				return n, nil
			}
			a, err := d.Get(ctx, n-1)
			if err != nil {
				return 0, err
			}
			b, err := d.Get(ctx, n-2)
			return a + b, err
		}, adapter.Name("fib"), adapter.WithRuntime(newWorld(t).container().Runtime))
		if n := get(t, t.Context(), d, 46); n != 1836311903 {
			t.Fatal(n)
		}
		if s := d.Stats(); s.Runs != 47 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("S3 two functions that wait for each other get an error, not a deadlock", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newWorld(t).container()
			var a, b *adapter.Data[int, int]
			a = adapter.CacheData(func(ctx context.Context, n int) (int, error) {
				time.Sleep(time.Second) // until the other one runs, too
				return b.Get(ctx, n)
			}, adapter.Name("a"), adapter.WithRuntime(c.Runtime))
			b = adapter.CacheData(func(ctx context.Context, n int) (int, error) {
				time.Sleep(time.Second)
				return a.Get(ctx, n)
			}, adapter.Name("b"), adapter.WithRuntime(c.Runtime))
			var wg sync.WaitGroup
			for _, d := range []*adapter.Data[int, int]{a, b} {
				wg.Go(func() {
					if _, err := d.Get(t.Context(), 1); !errors.Is(err, adapter.ErrRecursive) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	})
}
