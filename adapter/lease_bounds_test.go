package adapter_test

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
)

// leasing is counting with leases, which fail and hang with the rest.
type leasing struct {
	counting
	leases atomic.Int64
}

func (m *leasing) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.counting.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return &leasingStore{s.(*countingStore), m}, nil
}

type leasingStore struct {
	*countingStore
	m *leasing
}

func (s *leasingStore) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	s.m.leases.Add(1)
	if err := s.fault(ctx, false); err != nil {
		return nil, backends.Reading{}, err
	}
	return s.Store.(backends.Leaser).Lease(ctx, key, r, o)
}

func (s *leasingStore) Takeover(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.Store.(backends.Leaser).Takeover(ctx, key, from, r, o)
}

func (s *leasingStore) Mark(ctx context.Context, key string, m backends.Mark) error {
	return s.Store.(backends.Leaser).Mark(ctx, key, m)
}

func TestABackendThatHangsCostsACallOneTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		m := &leasing{counting: counting{PersistenceManager: inMemory(t)}}
		c := w.container(func(c *adapter.Config) { c.Manager = m })
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		m.hang.Store(true)
		start := time.Now()
		get(t, t.Context(), d, 1)
		if took := time.Since(start); took != time.Second { // the bubble's clock: exact
			t.Fatalf("a call took %v, with a backend timeout of 1s", took)
		}
		if n := m.leases.Load(); n != 0 {
			t.Fatalf("%d leases were asked for right after a failed read", n)
		}
	})
}

func TestABackendThatHangsCostsABatchOneTimeout(t *testing.T) {
	for how, wrap := range map[string]func(...adapter.DataOption) *adapter.Data[int, int]{
		"CacheData": func(opts ...adapter.DataOption) *adapter.Data[int, int] {
			return adapter.CacheData(func(_ context.Context, n int) (int, error) { return n, nil }, opts...)
		},
		"CacheBatch": func(opts ...adapter.DataOption) *adapter.Data[int, int] {
			return adapter.CacheBatch(func(_ context.Context, ns []int) ([]int, error) { return ns, nil }, opts...)
		},
	} {
		t.Run("W2 B1 all lookups and leases of a GetAll share one budget, also outside an invocation: "+how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				m := &leasing{counting: counting{PersistenceManager: inMemory(t)}}
				c := w.container(func(c *adapter.Config) { c.Manager = m })
				d := wrap(adapter.Name("f"), adapter.WithRuntime(c.Runtime))
				if _, err := d.GetAll(t.Context(), []int{1, 2, 3}); err != nil {
					t.Fatal(err)
				}
				c.settle()
				m.hang.Store(true)
				ns := make([]int, 40)
				for i := range ns {
					ns[i] = 100 + i
				}
				start := time.Now()
				if got, err := d.GetAll(t.Context(), ns); err != nil || !slices.Equal(got, ns) {
					t.Fatal(got, err)
				}
				if took := time.Since(start); took != time.Second {
					t.Fatalf("a GetAll took %v, with a backend timeout of 1s", took)
				}
			})
		})
	}
}

func TestAnEntryThatClaimsAnEndlessRunTimeDoesNotMakeACallWaitUntilItFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		w.clock.at.Store(time.Now().UnixNano()) // the bubble's clock, by which the backend expires
		shared := inMemory(t)
		m := &leasing{counting: counting{PersistenceManager: shared}}
		wrap := func() (*adapter.Data[int, result], *container) {
			c := w.container(func(c *adapter.Config) { c.Manager = m })
			return adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL("1h"),
				adapter.FailSafe("10h")), c
		}
		d, c := wrap()
		get(t, t.Context(), d, 1)
		c.settle()
		x, err := d.Explain(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		s, err := shared.Store(t.Context(), backends.Function{Name: x.Function})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.(backends.Leaser).Lease(t.Context(), x.Key, backends.LeaseRequest{Token: "other/1", TTL: 24 * time.Hour}, backends.ReadOptions{}); err != nil {
			t.Fatal(err)
		}
		asked := atomic.Int64{}
		m.mutate = func(entry []byte) []byte {
			asked.Add(1)
			entry = append([]byte(nil), entry...)
			binary.BigEndian.PutUint64(entry[52:], math.MaxInt64) // the run time; see docs/internals/format.md
			end := len(entry) - 4
			binary.BigEndian.PutUint32(entry[end:], crc32.Checksum(entry[:end], crc32.MakeTable(crc32.Castagnoli)))
			return entry
		}
		w.clock.Advance(2 * time.Hour)
		d, _ = wrap()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if r := get(t, ctx, d, 1); r.Run != 2 || asked.Load() == 0 {
			t.Fatalf("%+v, with the entry read %d times", r, asked.Load())
		}
	})
}

func TestALeaseIsNotLeftBehindWhereWritesFail(t *testing.T) {
	w, f := newWorld(t), &counter{}
	shared := inMemory(t)
	m := &leasing{counting: counting{PersistenceManager: shared}}
	c := w.container(func(c *adapter.Config) { c.Manager = m })
	running, goOn := make(chan struct{}), make(chan struct{})
	slow := adapter.CacheData(func(context.Context, int) (int, error) {
		close(running)
		<-goOn
		return 1, nil
	}, adapter.Name("slow"), adapter.WithRuntime(c.Runtime))
	quick := adapter.CacheData(f.compute, adapter.Name("quick"), adapter.WithRuntime(c.Runtime))
	done := make(chan struct{})
	go func() {
		defer close(done)
		get(t, t.Context(), slow, 1)
	}()
	<-running
	m.failWrites.Store(true)
	for i := range 10 { // the breaker of writes opens
		get(t, t.Context(), quick, i)
	}
	eventually(t, "writes failed", func() bool { return quick.Stats().StoreErrors == 10 })
	before := m.leases.Load()
	get(t, t.Context(), quick, 100)
	if n := m.leases.Load() - before; n != 0 {
		t.Errorf("%d leases were taken for a result that cannot be written", n)
	}
	close(goOn)
	<-done
	c.settle()
	x, err := slow.Explain(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := shared.Store(t.Context(), backends.Function{Name: x.Function})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.(backends.Leaser).Lease(t.Context(), x.Key, backends.LeaseRequest{Token: "other/1", TTL: time.Minute}, backends.ReadOptions{}); err != nil {
		t.Errorf("the lease of a run that is over: %v", err)
	}
}

func TestABackendThatFailsEveryOtherTimeIsOneOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c, m := broken(w)
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		for i := range 100 {
			m.fail.Store(i%2 == 0)
			get(t, t.Context(), d, i)
			c.settle()
			time.Sleep(100 * time.Millisecond)
		}
		if n := len(c.logs.with("WARN", "backend unavailable")); n != 1 {
			t.Errorf("%d warnings: %s", n, c.logs.text())
		}
		m.fail.Store(false)
		time.Sleep(5 * time.Second)
		get(t, t.Context(), d, 1000)
		c.settle()
		if n := len(c.logs.with("INFO", "backend recovered")); n != 1 {
			t.Errorf("%d times that it recovered: %s", n, c.logs.text())
		}
	})
}
