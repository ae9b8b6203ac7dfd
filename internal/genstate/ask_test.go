package genstate

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func wall() int64 { return time.Now().UnixNano() }

func TestAsk(t *testing.T) {
	t.Run("callers that come together share one question", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var s State
			var asks atomic.Int32
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					g, _, err := s.Ask(t.Context(), wall, time.Minute, func(context.Context) (uint64, error) {
						asks.Add(1)
						time.Sleep(time.Second)
						return 7, nil
					})
					if g != 7 || err != nil {
						t.Errorf("Ask = %d, %v", g, err)
					}
				})
			}
			wg.Wait()
			if n := asks.Load(); n != 1 {
				t.Fatalf("%d questions, want 1", n)
			}
		})
	})
	t.Run("nobody gets an answer that is too old for it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var s State
			var asks atomic.Int32
			ask := func(context.Context) (uint64, error) {
				asks.Add(1)
				time.Sleep(10 * time.Second)
				return 7, nil
			}
			var wg sync.WaitGroup
			wg.Go(func() { _, _, _ = s.Ask(t.Context(), wall, time.Second, ask) })
			time.Sleep(5 * time.Second)
			if g, age, err := s.Ask(t.Context(), wall, time.Second, ask); g != 7 || err != nil || age != 10*time.Second {
				t.Errorf("Ask = %d, %v, %v", g, age, err)
			}
			wg.Wait()
			if n := asks.Load(); n != 2 {
				t.Errorf("%d questions, want 2", n)
			}
		})
	})
	t.Run("a waiter does not get the cancellation of the one who asked", func(t *testing.T) {
		var s State
		ctx, cancel := context.WithCancel(t.Context())
		asking := make(chan struct{})
		var first, second error
		var g uint64
		var asks atomic.Int32
		ask := func(ctx context.Context) (uint64, error) {
			if asks.Add(1) == 1 {
				close(asking)
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return 7, nil
		}
		var wg sync.WaitGroup
		wg.Go(func() { _, _, first = s.Ask(ctx, wall, time.Minute, ask) })
		<-asking
		wg.Go(func() { g, _, second = s.Ask(t.Context(), wall, time.Minute, ask) })
		cancel()
		wg.Wait()
		if !errors.Is(first, context.Canceled) || second != nil || g != 7 {
			t.Fatalf("the asker has %v, the waiter %d, %v", first, g, second)
		}
	})
	t.Run("a waiter leaves when its own context ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var s State
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _, _ = s.Ask(t.Context(), wall, time.Hour, func(context.Context) (uint64, error) {
					time.Sleep(time.Minute)
					return 1, nil
				})
			}()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, _, err := s.Ask(ctx, wall, time.Hour, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Ask: %v", err)
			}
			<-done
		})
	})
	t.Run("C2 an answer from before a clear is not kept", func(t *testing.T) {
		var s State
		g, _, err := s.Ask(t.Context(), wall, time.Minute, func(context.Context) (uint64, error) {
			s.Forget()
			return 1, nil
		})
		if g != 1 || err != nil {
			t.Fatal(g, err)
		}
		g, _, err = s.Ask(t.Context(), wall, time.Minute, func(context.Context) (uint64, error) { return 2, nil })
		if g != 2 || err != nil {
			t.Fatalf("%d, %v: the answer from before the clear was kept", g, err)
		}
	})
	t.Run("an error reaches everybody and is not kept", func(t *testing.T) {
		var s State
		down := errors.New("down")
		if _, _, err := s.Ask(t.Context(), wall, time.Minute, func(context.Context) (uint64, error) { return 0, down }); !errors.Is(err, down) {
			t.Fatal(err)
		}
		if g, _, err := s.Ask(t.Context(), wall, time.Minute, func(context.Context) (uint64, error) { return 3, nil }); g != 3 || err != nil {
			t.Fatal(g, err)
		}
	})
	t.Run("W3 a question that panics leaves no waiter behind", func(t *testing.T) {
		var s State
		func() {
			defer func() { _ = recover() }()
			_, _, _ = s.Ask(t.Context(), wall, time.Minute, func(context.Context) (uint64, error) { panic("boom") })
		}()
		if g, _, err := s.Ask(t.Context(), wall, time.Minute, func(context.Context) (uint64, error) { return 3, nil }); g != 3 || err != nil {
			t.Fatal(g, err)
		}
	})
}

// TestC1NoLockOnTheWayOfHits: readers race writers; whoever trusts a generation trusts one that was known then.
func TestC1NoLockOnTheWayOfHits(t *testing.T) {
	var s State
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for last := uint64(0); !stop.Load(); {
				g, _, ok := s.Fresh(sec, time.Hour)
				if ok && g < last {
					t.Errorf("C1 %d is fresh after %d", g, last)
				}
				last = max(last, g)
			}
		})
	}
	for g := range uint64(20_000) {
		s.Observe(s.Begin(sec), g+1, 0)
		if g%100 == 0 {
			s.Forget()
		}
	}
	stop.Store(true)
	wg.Wait()
}
