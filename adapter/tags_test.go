package adapter_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
)

// tagMade says that a miss was made by a tag.
const tagMade = "invalidated by the tag "

func TestTagThatMadeAMiss(t *testing.T) {
	tags := adapter.Tags(func(n int) []string { return []string{"all", fmt.Sprint("customer:", n)} })
	explain := func(t *testing.T, d *adapter.Data[int, result], n int) string {
		t.Helper()
		x, err := d.Explain(t.Context(), n)
		if err != nil || x.Hit {
			t.Fatalf("%+v, %v; want a miss", x, err)
		}
		return x.Why
	}
	t.Run("C8 Explain and the event of the miss name it, in memory and elsewhere in the backend", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		var reasons []string
		ctx := adapter.Observe(t.Context(), func(e adapter.Event) {
			if e.Kind == adapter.EventMiss {
				reasons = append(reasons, e.Reason)
			}
		})
		wrap := func(c *container) *adapter.Data[int, result] {
			return adapter.CacheData(f.compute, adapter.Name("orders"), adapter.WithRuntime(c.Runtime), tags)
		}
		here, there := wrap(a), wrap(b)
		get(t, ctx, here, 7)
		a.settle()
		get(t, ctx, there, 7)
		reasons = nil
		if err := a.InvalidateTags(ctx, "customer:7"); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(5 * time.Second) // NearTTL, elsewhere
		for _, d := range []*adapter.Data[int, result]{here, there} {
			if why := explain(t, d, 7); !strings.Contains(why, tagMade+`"customer:7"`) || strings.Contains(why, `"all"`) {
				t.Error(why)
			}
		}
		get(t, ctx, here, 7)
		if len(reasons) != 1 || !strings.Contains(reasons[0], tagMade+`"customer:7"`) {
			t.Errorf("%q", reasons)
		}
		wantRuns(t, f, 2)
	})
	t.Run("C8 a tag that only the result told is named where it was invalidated", func(t *testing.T) {
		c, f := newWorld(t).alone(), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("orders"), adapter.WithRuntime(c.Runtime),
			adapter.TagsOf(func(n int, _ result) []string { return []string{fmt.Sprint("customer:", n)} }))
		get(t, t.Context(), d, 3)
		if err := c.InvalidateTags(t.Context(), "customer:3"); err != nil {
			t.Fatal(err)
		}
		if why := explain(t, d, 3); why != tagMade+`"customer:3"` {
			t.Error(why)
		}
	})
	t.Run("C8 a tag of a cached call that the run made is named too", func(t *testing.T) {
		c, f := newWorld(t).alone(), &counter{}
		price := adapter.CacheData(f.compute, adapter.Name("price"), adapter.WithRuntime(c.Runtime), tags)
		page := adapter.CacheData(func(ctx context.Context, n int) (result, error) { return price.Get(ctx, n) },
			adapter.Name("page"), adapter.WithRuntime(c.Runtime))
		get(t, t.Context(), page, 1)
		if err := c.InvalidateTags(t.Context(), "all"); err != nil {
			t.Fatal(err)
		}
		if why := explain(t, page, 1); why != tagMade+`"all"` {
			t.Error(why)
		}
	})
}

// recordWrites is a backend that counts the writes of records, and every other write.
type recordWrites struct {
	backends.PersistenceManager
	records, others atomic.Int64
}

func (m *recordWrites) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	return &recordWritesStore{s, m}, err
}

type recordWritesStore struct {
	backends.Store
	m *recordWrites
}

func (s *recordWritesStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	s.m.others.Add(1)
	return s.Store.Put(ctx, key, entry, expires, seen)
}

func (s *recordWritesStore) Delete(ctx context.Context, key string, seen backends.Version) error {
	s.m.others.Add(1)
	return s.Store.Delete(ctx, key, seen)
}

func (s *recordWritesStore) Invalidate(ctx context.Context, key string) error {
	s.m.others.Add(1)
	return s.Store.Invalidate(ctx, key)
}

func (s *recordWritesStore) Clear(ctx context.Context) (uint64, error) {
	s.m.others.Add(1)
	return s.Store.Clear(ctx)
}

func (s *recordWritesStore) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) ([]backends.Reading, []error, error) {
	return backends.ReadAll(ctx, s.Store, keys, o)
}

func (s *recordWritesStore) ReadRecords(ctx context.Context, names []string) ([]backends.Record, time.Time, error) {
	return s.Store.(backends.Records).ReadRecords(ctx, names)
}

func (s *recordWritesStore) WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen backends.Version) (backends.Record, error) {
	s.m.records.Add(1)
	return s.Store.(backends.Records).WriteRecord(ctx, name, value, expires, seen)
}

func (s *recordWritesStore) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	s.m.records.Add(1)
	return s.Store.(backends.Records).WriteRecords(ctx, names, values, expires)
}

func TestInvalidationOfManyEntries(t *testing.T) {
	t.Run("C8 InvalidateTags is one write, whatever the number of entries under the tag", func(t *testing.T) {
		entries := uint64(100_000)
		if raceEnabled {
			entries = 10_000
		}
		m := &recordWrites{PersistenceManager: inMemory(t)}
		c := newWorld(t).container(func(c *adapter.Config) { c.Manager, c.Logger = m, slog.New(slog.DiscardHandler) })
		d := adapter.CacheBatch(func(_ context.Context, ns []int) ([]int, error) { return ns, nil },
			adapter.Name("numbers"), adapter.WithRuntime(c.Runtime), adapter.Tags(func(int) []string { return []string{"all"} }))
		for first := 0; first < int(entries); first += 1000 { // the race detector bounds how many goroutines write at once
			ns := make([]int, 1000)
			for i := range ns {
				ns[i] = first + i
			}
			if _, err := d.GetAll(t.Context(), ns); err != nil {
				t.Fatal(err)
			}
			c.settle()
		}
		if s := d.Stats(); s.Stores != entries {
			t.Fatalf("%d of %d entries were stored", s.Stores, entries)
		}
		records, others := m.records.Load(), m.others.Load()
		if err := c.InvalidateTags(t.Context(), "all"); err != nil {
			t.Fatal(err)
		}
		if n := m.records.Load() - records; n != 1 {
			t.Errorf("%d writes of records", n)
		}
		if n := m.others.Load() - others; n != 0 {
			t.Errorf("%d other writes", n)
		}
		for _, n := range []int{0, int(entries) / 2, int(entries) - 1} {
			if x, err := d.Explain(t.Context(), n); err != nil || x.Hit {
				t.Errorf("%d: %+v, %v; want a miss", n, x, err)
			}
		}
	})
}
