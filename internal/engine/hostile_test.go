package engine_test

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

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/breaker"
	"github.com/stillwarm/stillwarm/internal/engine"
)

// tampered is a backend whose operations a test may hold or fail.
type tampered struct {
	backends.PersistenceManager
	hooks *tamper
}

type tamper struct {
	invalidate   func() error
	writeRecords func() error
	lease        func() error
	after        func() // WriteRecords
}

func (m tampered) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return &tamperedStore{Store: s, Leaser: s.(backends.Leaser), Records: s.(backends.Records), hooks: m.hooks}, nil
}

type tamperedStore struct {
	backends.Store
	backends.Leaser
	backends.Records
	hooks *tamper
}

func (s *tamperedStore) Invalidate(ctx context.Context, key string) error {
	if s.hooks.invalidate != nil {
		if err := s.hooks.invalidate(); err != nil {
			return err
		}
	}
	return s.Store.Invalidate(ctx, key)
}

func (s *tamperedStore) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	if s.hooks.writeRecords != nil {
		if err := s.hooks.writeRecords(); err != nil {
			return err
		}
	}
	err := s.Records.WriteRecords(ctx, names, values, expires)
	if s.hooks.after != nil {
		s.hooks.after()
	}
	return err
}

func (s *tamperedStore) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	l, reading, err := s.Leaser.Lease(ctx, key, r, o)
	if s.hooks.lease != nil {
		if err := s.hooks.lease(); err != nil {
			return nil, backends.Reading{}, err
		}
	}
	return l, reading, err
}

var errRefused = errors.New("refused")

func TestUnsettledClears(t *testing.T) {
	t.Run("C3 the read that comes with a lease does not bring back what a failed ClearFor cleared", func(t *testing.T) {
		hooks := &tamper{}
		b := newBox(t, tampered{backend(t), hooks}, clockNow())
		b.env.Writes = breaker.New(time.Second, func(context.Context, error) { b.env.Writes.Reset() }) // another key's write succeeds at once
		if b.get("x") != 1 {
			t.Fatal("the first run")
		}
		hooks.invalidate = func() error { return errRefused }
		b.invoke(func(ctx context.Context) {
			if err := b.f.ClearFor(ctx, b.lookup("x")); !errors.Is(err, errRefused) {
				t.Error(err)
			}
		})
		if v := b.get("x"); v != 2 {
			t.Fatal("cleared, and back:", v)
		}
	})
	tagged := func(ctx context.Context, b *box, tag string) int64 {
		l := b.lookup("of " + tag)
		l.Tags = []string{tag}
		r, err := b.f.Get(ctx, l)
		if err != nil {
			t.Error(err)
			return 0
		}
		return *r.Value.(*int64)
	}
	getTagged := func(b *box, tag string) (v int64) {
		b.invoke(func(ctx context.Context) { v = tagged(ctx, b, tag) })
		return v
	}
	invalidate := func(b *box, tags ...string) error {
		return engine.InvalidateTags(t.Context(), []*engine.Function{b.f}, tags)
	}
	t.Run("C8 what is read while InvalidateTags tells the backend is not served after it", func(t *testing.T) {
		hooks := &tamper{}
		m, now := tampered{backend(t), hooks}, clockNow()
		if getTagged(newBox(t, m, now), "a") != 1 {
			t.Fatal("the first run")
		}
		b := newBox(t, m, now)
		b.runs.Store(10)
		getTagged(b, "other") // opens the store
		hooks.writeRecords = func() error { getTagged(b, "a"); return nil }
		if err := invalidate(b, "a"); err != nil {
			t.Fatal(err)
		}
		hooks.writeRecords = nil
		if v := getTagged(b, "a"); v == 1 || v == 11 {
			t.Fatal("invalidated, and served:", v)
		}
	})
	t.Run("C3 what is read while InvalidateTags fails is not served after it", func(t *testing.T) {
		hooks := &tamper{}
		m, now := tampered{backend(t), hooks}, clockNow()
		if getTagged(newBox(t, m, now), "a") != 1 {
			t.Fatal("the first run")
		}
		b := newBox(t, m, now)
		b.env.Writes = breaker.New(time.Second, func(context.Context, error) { b.env.Writes.Reset() })
		b.runs.Store(10)
		getTagged(b, "other")
		var once sync.Once
		hooks.writeRecords = func() error { once.Do(func() { getTagged(b, "a") }); return errRefused }
		if err := invalidate(b, "a"); !errors.Is(err, errRefused) {
			t.Fatal(err)
		}
		if v := getTagged(b, "a"); v == 1 || v == 11 {
			t.Fatal("invalidated, and served:", v)
		}
	})
	t.Run("C3 an invalidation that fails while an older one is told is not taken for told", func(t *testing.T) {
		hooks := &tamper{}
		m, now := tampered{backend(t), hooks}, clockNow()
		b := newBox(t, m, now)
		b.env.Writes = breaker.New(time.Second, func(context.Context, error) { b.env.Writes.Reset() })
		getTagged(b, "a")
		hooks.writeRecords = func() error { return errRefused }
		if err := invalidate(b, "a"); err == nil {
			t.Fatal("told")
		}
		// The next read tells it. When that has been written, and its answer is not there yet, another container stores an
		// entry under the new record, and an invalidation of that fails.
		inner := false
		hooks.writeRecords = func() error {
			if inner {
				return errRefused
			}
			return nil
		}
		hooks.after = func() {
			if inner {
				return
			}
			inner = true
			other := newBox(t, m, now)
			other.runs.Store(20)
			getTagged(other, "a")
			if err := invalidate(b, "a"); err == nil {
				t.Error("told")
			}
			inner = false
			hooks.after = nil
		}
		getTagged(b, "b")
		b.runs.Store(30)
		if v := getTagged(b, "a"); v == 21 {
			t.Fatal("invalidated, and served:", v)
		}
	})
	t.Run("C3 more invalidations that fail than are remembered lose none", func(t *testing.T) {
		hooks := &tamper{}
		m, now := tampered{backend(t), hooks}, clockNow()
		b := newBox(t, m, now)
		b.env.Writes = breaker.New(time.Second, func(context.Context, error) { b.env.Writes.Reset() })
		getTagged(b, "a")
		hooks.writeRecords = func() error { return errRefused }
		many := make([]string, 6000)
		for i := range many {
			many[i] = fmt.Sprint("tag", i)
		}
		if invalidate(b, many...) == nil || invalidate(b, "a") == nil {
			t.Fatal("told")
		}
		hooks.writeRecords = nil
		if v := getTagged(b, "a"); v != 2 {
			t.Fatal("invalidated, and served:", v)
		}
		if v := getTagged(newBox(t, m, now), "a"); v != 2 && v != 1 {
			t.Fatal(v)
		}
	})
}

func TestGoexit(t *testing.T) {
	t.Run("F1 a run that ends its goroutine does not become a zero result of a batch", func(t *testing.T) {
		b := newBox(t, nil, clockNow())
		b.run = func(_ context.Context, in string) (int64, error) {
			if in == "a" {
				runtime.Goexit()
			}
			return 1, nil
		}
		done := make(chan []answer, 1)
		go func() {
			var answers []answer
			defer func() { done <- answers }()
			answers = b.getAll(context.Background(), "a", "b")
		}()
		for _, a := range <-done {
			if a.reply == nil && a.err == nil {
				t.Fatal("no result and no error")
			}
		}
	})
}

func TestRecursionOfBatches(t *testing.T) {
	t.Run("S3 a batch that asks for its own keys is told so", func(t *testing.T) {
		var b *box
		depth := atomic.Int64{}
		b = newBox(t, nil, clockNow(), func(s *engine.Spec) {
			s.Many = func(ctx context.Context, ls []*engine.Lookup) []engine.Result {
				rs := make([]engine.Result, len(ls))
				if depth.Add(1) > 50 {
					return rs
				}
				again := make([]string, len(ls))
				for i, l := range ls {
					again[i] = l.Key
				}
				for i, a := range b.getAll(ctx, again...) {
					rs[i] = engine.Result{Err: a.err, Terms: engine.Terms{TTL: -1}}
				}
				return rs
			}
		})
		b.run = func(ctx context.Context, in string) (int64, error) {
			if depth.Add(1) > 50 {
				return 0, nil
			}
			return 0, b.getAll(ctx, in)[0].err
		}
		for _, a := range b.getAll(t.Context(), "a", "b") {
			if !errors.Is(a.err, engine.ErrRecursive) {
				t.Error(a.err, depth.Load())
			}
		}
	})
	t.Run("S3 a run of a key whose results are private, which asks for itself, is told so", func(t *testing.T) {
		b := newBox(t, nil, clockNow())
		b.terms.Private = true
		b.get("a")
		depth := 0
		b.run = func(ctx context.Context, in string) (int64, error) {
			if depth++; depth > 50 {
				return 0, nil
			}
			_, err := b.f.Get(ctx, b.lookup(in))
			return 0, err
		}
		if _, err := b.f.Get(t.Context(), b.lookup("a")); !errors.Is(err, engine.ErrRecursive) {
			t.Error(err, depth)
		}
	})
}

// listContext is a context whose type cannot be compared.
type listContext struct {
	context.Context
	_ []string
}

func TestContexts(t *testing.T) {
	t.Run("S1 a context whose type cannot be compared may end", func(t *testing.T) {
		b := newBox(t, nil, clockNow())
		stop := make(chan struct{})
		defer close(stop)
		b.run = func(context.Context, string) (int64, error) { <-stop; return 1, nil }
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.f.Get(listContext{Context: ctx}, b.lookup("x")); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}

func TestSharedLeases(t *testing.T) {
	t.Run("S8 a run that ends leaves the lease of another run of its key renewed, and given back at the margin", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			a, b := fl.container(), fl.container()
			first, second := make(chan struct{}), make(chan struct{})
			a.run = func(context.Context, string) (int64, error) { <-first; return 1, nil }
			var wg sync.WaitGroup
			wg.Go(func() { _, _, _ = a.call("x", time.Minute) })
			synctest.Wait()
			_ = a.f.Clear(t.Context())
			a.run = func(context.Context, string) (int64, error) { <-second; return 2, nil }
			wg.Go(func() { _, _, _ = a.call("x", 8*time.Second) })
			synctest.Wait()
			close(first)
			time.Sleep(7950 * time.Millisecond)
			s, err := fl.m.Store(t.Context(), backends.Function{Name: "f", NearTTL: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			req := backends.LeaseRequest{Token: "other/1", TTL: time.Second}
			if _, _, err := s.(backends.Leaser).Lease(t.Context(), b.f.Digest(b.lookup("x")), req, backends.ReadOptions{}); err != nil {
				t.Error("the lease is still held:", err)
			}
			close(second)
			wg.Wait()
		})
	})
	t.Run("S7 an attempt whose answer was lost is given back by the invocation that made it", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			hooks := &tamper{}
			fl.m = tampered{fl.m, hooks}
			a, b := fl.container(), fl.container()
			fl.took = 10 * time.Millisecond
			a.terms.Refused = true
			hooks.lease = func() error { hooks.lease = nil; return errRefused }
			if _, _, err := a.call("x", time.Minute); err != nil {
				t.Error(err)
			}
			s, err := fl.m.Store(t.Context(), backends.Function{Name: "f", NearTTL: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			req := backends.LeaseRequest{Token: "other/1", TTL: time.Second}
			_, _, err = s.(backends.Leaser).Lease(t.Context(), b.f.Digest(b.lookup("x")), req, backends.ReadOptions{})
			if errors.Is(err, backends.ErrLeased) {
				t.Error("the lease is still held:", err)
			}
		})
	})
}

func TestPrivateFailures(t *testing.T) {
	t.Run("F3 a private result that counts as a failure goes to its caller alone", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			a := fl.container()
			fl.took = 50 * time.Millisecond
			a.terms.Private, a.terms.Failed = true, true
			seen := map[int64]bool{}
			var mu sync.Mutex
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					v, _, err := a.call("x", time.Minute)
					mu.Lock()
					defer mu.Unlock()
					if err != nil || seen[v] {
						t.Error("two callers got", v, err)
					}
					seen[v] = true
				})
			}
			wg.Wait()
		})
	})
}
