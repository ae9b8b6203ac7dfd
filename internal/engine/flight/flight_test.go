package flight_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/flight"
)

func TestDo(t *testing.T) {
	t.Run("one run, and everybody gets its value", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var g flight.Group
			var runs, joined atomic.Int64
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					v, j, err := g.Do(t.Context(), "k", func(context.Context, *flight.Call) (any, error) {
						time.Sleep(time.Second)
						return runs.Add(1), nil
					})
					if v != int64(1) || err != nil {
						t.Error(v, err)
					}
					if j {
						joined.Add(1)
					}
				})
			}
			wg.Wait()
			if joined.Load() != 49 {
				t.Fatal(joined.Load())
			}
		})
	})
	t.Run("keys do not wait for each other", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var g flight.Group
			block := make(chan struct{})
			go func() {
				_, _, _ = g.Do(t.Context(), "slow", func(context.Context, *flight.Call) (any, error) { <-block; return nil, nil })
			}()
			synctest.Wait()
			if v, _, err := g.Do(t.Context(), "quick", func(context.Context, *flight.Call) (any, error) { return 1, nil }); v != 1 || err != nil {
				t.Fatal(v, err)
			}
			close(block)
		})
	})
	t.Run("a run that ends its goroutine ends its callers'", func(t *testing.T) {
		var g flight.Group
		done := make(chan bool, 1)
		go func() {
			returned := false
			defer func() { done <- returned }()
			_, _, _ = g.Do(context.Background(), "k", func(context.Context, *flight.Call) (any, error) { runtime.Goexit(); return nil, nil })
			returned = true
		}()
		if <-done {
			t.Fatal("Do returned")
		}
	})
	t.Run("values of the first caller's context reach the run, its cancellation does not", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			type key struct{}
			var g flight.Group
			ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "v"))
			result := make(chan any, 1)
			go func() {
				_, _, _ = g.Do(ctx, "k", func(ctx context.Context, _ *flight.Call) (any, error) {
					time.Sleep(time.Second)
					result <- ctx.Value(key{})
					if ctx.Err() != nil {
						t.Error("cancelled although another caller waits")
					}
					return nil, nil
				})
			}()
			synctest.Wait()
			go func() { _, _, _ = g.Do(t.Context(), "k", nil) }()
			synctest.Wait()
			cancel()
			if v := <-result; v != "v" {
				t.Fatal(v)
			}
		})
	})
	t.Run("LeaderGone tells that the first caller has left", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var g flight.Group
			ctx, cancel := context.WithCancel(t.Context())
			gone := make(chan bool, 2)
			go func() {
				_, _, _ = g.Do(ctx, "k", func(_ context.Context, c *flight.Call) (any, error) {
					gone <- c.LeaderGone()
					time.Sleep(time.Second)
					gone <- c.LeaderGone()
					return nil, nil
				})
			}()
			synctest.Wait()
			go func() { _, _, _ = g.Do(t.Context(), "k", nil) }()
			synctest.Wait()
			cancel()
			if before, after := <-gone, <-gone; before || !after {
				t.Fatal(before, after)
			}
		})
	})
	t.Run("no deadline while one of those who wait has none", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var g flight.Group
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			bounded := make(chan bool, 2)
			go func() {
				_, _, _ = g.Do(ctx, "k", func(ctx context.Context, _ *flight.Call) (any, error) {
					_, ok := ctx.Deadline()
					bounded <- ok
					time.Sleep(time.Second)
					_, ok = ctx.Deadline()
					bounded <- ok
					return nil, nil
				})
			}()
			synctest.Wait()
			go func() { _, _, _ = g.Do(context.Background(), "k", nil) }()
			if first, second := <-bounded, <-bounded; !first || second {
				t.Fatal(first, second)
			}
			synctest.Wait()
		})
	})
}

func TestDrop(t *testing.T) {
	for name, drop := range map[string]func(*flight.Group){
		"one key":   func(g *flight.Group) { g.Drop("k") },
		"every key": func(g *flight.Group) { g.DropAll() },
	} {
		t.Run(name+": the run learns of it and nobody joins it", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g flight.Group
				dropped := make(chan bool, 1)
				go func() {
					_, _, _ = g.Do(t.Context(), "k", func(_ context.Context, c *flight.Call) (any, error) {
						time.Sleep(time.Second)
						dropped <- c.Dropped()
						return 1, nil
					})
				}()
				synctest.Wait()
				drop(&g)
				v, joined, err := g.Do(t.Context(), "k", func(context.Context, *flight.Call) (any, error) { return 2, nil })
				if v != 2 || joined || err != nil {
					t.Fatal(v, joined, err)
				}
				if !<-dropped {
					t.Fatal("the run was not told")
				}
			})
		})
	}
}

func TestDeadlock(t *testing.T) {
	t.Run("S3 the search visits each run once, however many ways lead to it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			const layers = 40 // with two runs in each, each of which waits for both of the next: 2^40 ways to the last
			var g flight.Group
			stop := make(chan struct{})
			var ask func(ctx context.Context, layer int)
			ask = func(ctx context.Context, layer int) {
				var wg sync.WaitGroup
				for i := range 2 {
					wg.Go(func() {
						key := fmt.Sprint(layer, " ", i)
						if _, _, err := g.Do(ctx, key, func(ctx context.Context, _ *flight.Call) (any, error) {
							if layer == layers {
								<-stop
							} else {
								ask(ctx, layer+1)
							}
							return nil, nil
						}); err != nil {
							t.Error(key, err)
						}
					})
				}
				wg.Wait()
			}
			var wg sync.WaitGroup
			wg.Go(func() { ask(t.Context(), 1) })
			synctest.Wait()
			wg.Go(func() {
				_, _, _ = g.Do(t.Context(), "another", func(ctx context.Context, _ *flight.Call) (any, error) { ask(ctx, 1); return nil, nil })
			})
			synctest.Wait()
			close(stop)
			wg.Wait()
		})
	})
	t.Run("a run that asks for itself", func(t *testing.T) {
		var g flight.Group
		_, _, err := g.Do(t.Context(), "k", func(ctx context.Context, _ *flight.Call) (any, error) {
			_, _, err := g.Do(ctx, "k", nil)
			return nil, err
		})
		if !errors.Is(err, flight.ErrDeadlock) {
			t.Fatal(err)
		}
	})
	t.Run("through another run, and another group", func(t *testing.T) {
		var g, h flight.Group
		_, _, err := g.Do(t.Context(), "k", func(ctx context.Context, _ *flight.Call) (any, error) {
			_, _, err := h.Do(ctx, "k", func(ctx context.Context, _ *flight.Call) (any, error) {
				_, _, err := g.Do(ctx, "k", nil)
				return nil, err
			})
			return nil, err
		})
		if !errors.Is(err, flight.ErrDeadlock) {
			t.Fatal(err)
		}
	})
	t.Run("a run may ask for others side by side", func(t *testing.T) {
		var g flight.Group
		v, _, err := g.Do(t.Context(), "k", func(ctx context.Context, _ *flight.Call) (any, error) {
			var sum atomic.Int64
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					v, _, err := g.Do(ctx, "other", func(context.Context, *flight.Call) (any, error) { return int64(1), nil })
					if err != nil {
						t.Error(err)
						return
					}
					sum.Add(v.(int64))
				})
			}
			wg.Wait()
			return sum.Load(), nil
		})
		if v != int64(10) || err != nil {
			t.Fatal(v, err)
		}
	})
}
