package engine_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// fleet is several containers over one backend in virtual time.
type fleet struct {
	t    *testing.T
	m    backends.PersistenceManager
	runs atomic.Int64
	took time.Duration
}

// bubble runs f in virtual time.
func bubble(t *testing.T, f func(t *testing.T, fl *fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, &fleet{t: t, m: backend(t)}) })
}

// container returns a container whose function takes the fleet's run time and returns the number of its run.
func (fl *fleet) container(change ...func(*engine.Spec)) *box {
	now := new(atomic.Int64)
	b := newBox(fl.t, fl.m, now, change...)
	b.env.Now = func() int64 { return time.Now().UnixNano() }
	b.run = func(ctx context.Context, _ string) (int64, error) {
		n := fl.runs.Add(1)
		select {
		case <-time.After(fl.took):
			return n, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return b
}

// call is one invocation with a timeout; it returns how long it took.
func (b *box) call(in string, timeout time.Duration) (v int64, took time.Duration, err error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	ctx, inv := invocation.Begin(ctx, invocation.Options{AfterResponse: true})
	r, err := b.f.Get(ctx, b.lookup(in))
	took = time.Since(start)
	if err == nil {
		v = *r.Value.(*int64)
	}
	inv.Finish(ctx)
	return v, took, err
}

// dead takes the lease of a key as a container does that is never heard of again.
func (fl *fleet) dead(b *box, in string, run time.Duration) {
	s, err := fl.m.Store(fl.t.Context(), backends.Function{Name: "f", NearTTL: 5 * time.Second})
	if err != nil {
		fl.t.Fatal(err)
	}
	req := backends.LeaseRequest{Token: "dead/1", TTL: 10 * time.Second, RunTime: run}
	if _, _, err = s.(backends.Leaser).Lease(fl.t.Context(), b.f.Digest(b.lookup(in)), req, backends.ReadOptions{}); err != nil {
		fl.t.Fatal(err)
	}
}

func TestWaitingForOtherContainers(t *testing.T) {
	t.Run("S5 two cold containers, a run of 2 s, a timeout of 3 s, the first run ever: nobody fails", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			fl.took = 2 * time.Second
			var wg sync.WaitGroup
			for range 2 {
				b := fl.container()
				wg.Go(func() {
					if _, took, err := b.call("x", 3*time.Second); err != nil || took > 2500*time.Millisecond {
						t.Error(took, err)
					}
				})
			}
			wg.Wait()
		})
	})
	t.Run("S7 an invocation that fails and tries again does not wait for its own lease", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			b := fl.container()
			failed := errors.New("at first")
			fl.took = 1600 * time.Millisecond
			run := b.run
			b.run = func(context.Context, string) (int64, error) { return 0, failed }
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			ctx, inv := invocation.Begin(ctx, invocation.Options{AfterResponse: true})
			if _, err := b.f.Get(ctx, b.lookup("x")); !errors.Is(err, failed) {
				t.Error(err)
			}
			b.run = run
			start := time.Now()
			if _, err := b.f.Get(ctx, b.lookup("x")); err != nil || time.Since(start) > 1700*time.Millisecond {
				t.Error(err, time.Since(start))
			}
			inv.Finish(ctx)
		})
	})
	t.Run("S6 of 20 containers that wait for a dead holder, whose run time is known, one runs", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			fl.took = 4 * time.Second
			first := fl.container()
			if _, _, err := first.call("warm", 28*time.Second); err != nil {
				t.Fatal(err)
			}
			fl.runs.Store(0)
			fl.dead(first, "x", 4*time.Second)
			var wg sync.WaitGroup
			for range 20 {
				b := fl.container()
				wg.Go(func() {
					if _, took, err := b.call("x", 28*time.Second); err != nil || took > 18*time.Second {
						t.Error(took, err)
					}
				})
			}
			wg.Wait()
			if n := fl.runs.Load(); n > 2 {
				t.Error("runs:", n)
			}
		})
	})
	t.Run("S2 a run that everybody has left holds no other container up", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			a, b := fl.container(), fl.container()
			stop := make(chan struct{})
			a.run = func(context.Context, string) (int64, error) { <-stop; return 1, nil }
			if _, _, err := a.call("x", time.Second); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			if _, took, err := b.call("x", 10*time.Second); err != nil || took > 100*time.Millisecond {
				t.Error(took, err)
			}
			close(stop)
		})
	})
	t.Run("S8 by its deadline less a margin an invocation has given its leases back, though its run goes on", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			a, b := fl.container(), fl.container()
			stop := make(chan struct{})
			a.run = func(context.Context, string) (int64, error) { <-stop; return 1, nil }
			var wg sync.WaitGroup
			wg.Go(func() { _, _, _ = a.call("x", 2*time.Second) })
			time.Sleep(1950 * time.Millisecond)
			s, err := fl.m.Store(t.Context(), backends.Function{Name: "f", NearTTL: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			req := backends.LeaseRequest{Token: "other/1", TTL: time.Second}
			if _, _, err := s.(backends.Leaser).Lease(t.Context(), b.f.Digest(b.lookup("x")), req, backends.ReadOptions{}); err != nil {
				t.Error("the lease is still held:", err)
			}
			close(stop)
			wg.Wait()
		})
	})
	t.Run("F3 a private result is never another's, and nobody waits for one", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			a, b := fl.container(), fl.container()
			fl.took = 50 * time.Millisecond
			a.terms.Private, b.terms.Private = true, true
			var wg sync.WaitGroup
			var mu sync.Mutex
			seen := map[int64]bool{}
			one := func(b *box) {
				wg.Go(func() {
					v, took, err := b.call("x", 10*time.Second)
					mu.Lock()
					defer mu.Unlock()
					if err != nil || seen[v] || took > 200*time.Millisecond {
						t.Error("got", v, seen[v], took, err)
					}
					seen[v] = true
				})
			}
			for range 3 {
				one(a)
			}
			wg.Wait()
			one(a)
			one(b)
			one(b)
			wg.Wait()
		})
	})
	t.Run("F3 of two containers, the second does not wait for a refused result longer than it runs", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			a, b := fl.container(), fl.container()
			fl.took = 50 * time.Millisecond
			a.terms.Refused, b.terms.Refused = true, true
			for range 5 {
				for _, c := range []*box{a, b} {
					if _, took, err := c.call("x", 10*time.Second); err != nil || took > 60*time.Millisecond {
						t.Error(took, err)
					}
				}
			}
		})
	})
}

func TestRecursion(t *testing.T) {
	t.Run("S3 a run that asks for itself, directly or through another, is told so", func(t *testing.T) {
		b := newBox(t, nil, clockNow())
		b.run = func(ctx context.Context, in string) (int64, error) {
			next := map[string]string{"a": "b", "b": "c", "c": "a"}[in]
			r, err := b.f.Get(ctx, b.lookup(next))
			if err != nil {
				return 0, err
			}
			return *r.Value.(*int64), nil
		}
		if _, err := b.f.Get(t.Context(), b.lookup("a")); !errors.Is(err, engine.ErrRecursive) {
			t.Fatal(err)
		}
	})
	t.Run("S3 many runs that wait for each other's parts cost one pass each", func(t *testing.T) {
		b := newBox(t, nil, clockNow())
		fib := func(ctx context.Context, n int) (int64, error) {
			r, err := b.f.Get(ctx, b.lookup(string(rune('A'+n))))
			if err != nil {
				return 0, err
			}
			return *r.Value.(*int64), nil
		}
		b.run = func(ctx context.Context, in string) (int64, error) {
			n := int([]rune(in)[0] - 'A')
			if n < 2 {
				return int64(n), nil
			}
			var parts [2]int64
			var errs [2]error
			var wg sync.WaitGroup
			for i := range parts {
				wg.Go(func() { parts[i], errs[i] = fib(ctx, n-1-i) })
			}
			wg.Wait()
			return parts[0] + parts[1], errors.Join(errs[:]...)
		}
		if v, err := fib(t.Context(), 60); err != nil || v != 1548008755920 {
			t.Fatal(v, err)
		}
	})
}
