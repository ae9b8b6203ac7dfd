package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

func TestReleases(t *testing.T) {
	t.Run("S7 a release that failed is tried again with the next one", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			m := newFaulty(fl.m)
			b := fl.container(func(s *engine.Spec) { s.Manager = m })
			compute := b.run
			b.run = func(context.Context, string) (int64, error) { return 0, errors.New("down") }
			m.loseRelease.Store(true)
			if _, _, err := b.call("x", time.Minute); err == nil {
				t.Fatal("no error")
			}
			m.loseRelease.Store(false)
			b.run = compute
			b.get("another")
			if _, took, err := fl.container().call("x", time.Minute); err != nil || took != 0 {
				t.Errorf("another container waits %v for a lease that nobody holds: %v", took, err)
			}
		})
	})
	t.Run("S7 an attempt without an answer counts as taken, and is given back", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			m := newFaulty(fl.m)
			b := fl.container(func(s *engine.Spec) { s.Manager = m })
			compute := b.run
			b.run = func(context.Context, string) (int64, error) { return 0, errors.New("down") }
			m.loseLease.Store(true)
			if _, _, err := b.call("x", time.Minute); err == nil {
				t.Fatal("no error")
			}
			m.loseLease.Store(false)
			b.run = compute
			time.Sleep(5 * time.Second) // the breaker probes
			b.get("another")
			if _, took, err := fl.container().call("x", time.Minute); err != nil || took != 0 {
				t.Errorf("another container waits %v for a lease whose answer was lost: %v", took, err)
			}
		})
	})
	t.Run("S7 a lease that is being given back is taken over: no call waits for one of its own process", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			m := newFaulty(fl.m)
			b := fl.container(func(s *engine.Spec) { s.Manager = m })
			compute := b.run
			b.run = func(context.Context, string) (int64, error) { return 0, errors.New("down") }
			m.releaseTakes.Store(int64(900 * time.Millisecond))
			if o := <-b.begin(context.Background(), "x"); o.err == nil {
				t.Fatal("no error")
			}
			synctest.Wait()
			b.run = compute
			if _, took, err := b.call("x", time.Minute); err != nil || took != 0 {
				t.Errorf("the next call waits %v: %v", took, err)
			}
			time.Sleep(time.Minute)
		})
	})
}

func TestMarks(t *testing.T) {
	t.Run("F3 the runs of a private key go side by side", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			fl.took = time.Second
			b := fl.container()
			b.terms.Private = true
			b.get("x")
			start := time.Now()
			first, second := b.begin(context.Background(), "x"), b.begin(context.Background(), "x")
			one, other := <-first, <-second
			if one.err != nil || other.err != nil || one.v == other.v {
				t.Error(one, other)
			}
			if took := time.Since(start); took != time.Second {
				t.Errorf("they took %v: one waited for the other", took)
			}
		})
	})
	t.Run("F3 a refused result's mark lasts as long as its run, and doubles up to 10 s", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			fl.took = 2 * time.Second
			m := newFaulty(fl.m)
			b := fl.container(func(s *engine.Spec) { s.Manager = m })
			b.terms.Refused = true
			for range 5 {
				b.get("x")
			}
			want := []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second}
			if got := m.marked(); !slices.Equal(got, want) {
				t.Errorf("marks of %v, want %v", got, want)
			}
		})
	})
	t.Run("F3 a container that knows a mark asks the backend once per NearTTL", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			m := newFaulty(fl.m)
			b := fl.container(func(s *engine.Spec) { s.Manager = m })
			b.terms.Private = true
			b.get("x")
			m.reads.Store(0)
			for range 20 {
				time.Sleep(time.Second)
				b.get("x")
			}
			if n := m.reads.Load(); n < 3 || n > 5 {
				t.Errorf("%d reads in 20 s, with a NearTTL of 5 s", n)
			}
		})
	})
	t.Run("F3 a storable result ends the mark, for other containers too", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			b := fl.container()
			b.terms.Private = true
			b.get("x")
			b.terms.Private = false
			time.Sleep(3 * time.Minute)
			b.get("x")
			if v := fl.container().get("x"); v != 2 {
				t.Errorf("%d, want the stored 2", v)
			}
		})
	})
}

func TestBatchesOfEachOther(t *testing.T) {
	t.Run("B2 two batches, each of which holds what the other one wants, publish their own first", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			m := newFaulty(fl.m)
			var waited atomic.Bool
			m.leaseAll = func() {
				if waited.CompareAndSwap(false, true) {
					time.Sleep(time.Millisecond) // the other batch takes its first lease meanwhile
				}
			}
			container := func() *box {
				b := fl.container(func(s *engine.Spec) {
					s.Manager = m
					s.Many = func(_ context.Context, ls []*engine.Lookup) []engine.Result {
						time.Sleep(time.Second)
						rs := make([]engine.Result, len(ls))
						for i := range ls {
							v := fl.runs.Add(1)
							rs[i] = engine.Result{Value: &v, Terms: engine.Terms{TTL: -1}}
						}
						return rs
					}
				})
				return b
			}
			a, b := container(), container()
			start := time.Now()
			var wg sync.WaitGroup
			getAll := func(b *box, keys ...string) {
				ctx, inv := invocation.Begin(context.Background(), invocation.Options{AfterResponse: true})
				defer inv.Finish(ctx)
				for i, answer := range b.getAll(ctx, keys...) {
					if answer.err != nil {
						t.Error(keys[i], answer.err)
					}
				}
			}
			wg.Go(func() { getAll(a, "x", "y") })
			wg.Go(func() { getAll(b, "y", "x") })
			time.Sleep(10 * time.Millisecond) // both have begun to run what they took, for which others of their containers wait
			ofA, ofB := a.begin(context.Background(), "x"), b.begin(context.Background(), "y")
			for _, own := range []<-chan outcome{ofA, ofB} {
				if o := <-own; o.err != nil || time.Since(start) > 1100*time.Millisecond {
					t.Errorf("what a batch took is published after %v: %v", time.Since(start), o.err)
				}
			}
			wg.Wait()
			if took := time.Since(start); took > 3*time.Second || fl.runs.Load() > 4 {
				t.Errorf("%v, %d runs", took, fl.runs.Load())
			}
		})
	})
	t.Run("B2 who joined a batch that failed runs alone", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			failed := errors.New("of the batch")
			b := fl.container(func(s *engine.Spec) {
				s.Many = func(context.Context, []*engine.Lookup) []engine.Result {
					time.Sleep(time.Second)
					return []engine.Result{{Err: failed}}
				}
			})
			get := func() error { return b.getAll(t.Context(), "x")[0].err }
			led := make(chan error)
			go func() { led <- get() }()
			synctest.Wait()
			if joined := get(); joined != nil {
				t.Error("who joined got:", joined)
			}
			if err := <-led; !errors.Is(err, failed) {
				t.Error("whose batch it was got:", err)
			}
		})
	})
}
