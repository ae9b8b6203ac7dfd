package adapter_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
)

// countedReads is a backend that counts the reads of its stores, and fails all of them on demand.
type countedReads struct {
	backends.PersistenceManager
	single, batch atomic.Int64
	down          atomic.Bool
}

func (m *countedReads) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	return countedStore{s, s.(backends.BatchReader), s.(backends.Records), m}, err
}

type countedStore struct {
	backends.Store
	backends.BatchReader
	backends.Records
	m *countedReads
}

var errDown = errors.New("the backend is down")

func (s countedStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	s.m.single.Add(1)
	if s.m.down.Load() {
		return backends.Reading{}, errDown
	}
	return s.Store.Read(ctx, key, o)
}

func (s countedStore) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) ([]backends.Reading, []error, error) {
	s.m.batch.Add(1)
	if s.m.down.Load() {
		return nil, nil, errDown
	}
	return s.BatchReader.ReadAll(ctx, keys, o)
}

// coherentBatch is a Coherent function in two containers that have all of its results in memory and must look at the backend.
type coherentBatch struct {
	w      *world
	g      *generation
	a, b   *container
	da, db *adapter.Data[int, int]
	reads  *countedReads // b's
}

const coherentKeys = 100

func newCoherentBatch(t *testing.T, more ...adapter.DataOption) *coherentBatch {
	t.Helper()
	f := &coherentBatch{w: newWorld(t), g: &generation{}, reads: &countedReads{}}
	wrap := func(c *container) *adapter.Data[int, int] {
		return adapter.CacheBatch(f.g.compute, append([]adapter.DataOption{
			adapter.Name("g"), adapter.WithRuntime(c.Runtime), adapter.TTL("1h"), adapter.Coherent(),
		}, more...)...)
	}
	f.a = f.w.container()
	f.b = f.w.container(func(c *adapter.Config) {
		manager, err := backends.Open(t.Context(), c.Backend)
		if err != nil {
			t.Fatal(err)
		}
		f.reads.PersistenceManager = manager
		c.Backend, c.Manager = "", f.reads
	})
	f.da, f.db = wrap(f.a), wrap(f.b)
	f.ask(t, f.a, f.da, nil)
	f.ask(t, f.b, f.db, nil)
	f.w.clock.Advance(time.Minute) // longer than NearTTL
	f.reads.single.Store(0)
	f.reads.batch.Store(0)
	return f
}

// ask wants the results of the first run, but for some.
func (f *coherentBatch) ask(t *testing.T, c *container, d *adapter.Data[int, int], others map[int]int) {
	t.Helper()
	ns := make([]int, coherentKeys)
	for i := range ns {
		ns[i] = i
	}
	c.invoke(func(ctx context.Context) {
		got, err := d.GetAll(ctx, ns)
		if err != nil || len(got) != len(ns) {
			t.Fatal(got, err)
		}
		for i, r := range got {
			want, other := others[i]
			if !other {
				want = 1
			}
			if r != want {
				t.Errorf("%d is %d, want %d", i, r, want)
			}
		}
	})
}

func (f *coherentBatch) wantReads(t *testing.T, single, batch int64) {
	t.Helper()
	if s, b := f.reads.single.Load(), f.reads.batch.Load(); s != single || b != batch {
		t.Errorf("%d reads of one slot and %d of many, want %d and %d", s, b, single, batch)
	}
}

// What memory has of a Coherent function and is due for a look at the backend is looked at by one read of the batch.
func TestBatchesOfCoherentFunctions(t *testing.T) {
	const n = coherentKeys
	t.Run("B1 C4 one read, and memory's entries stay", func(t *testing.T) {
		f := newCoherentBatch(t)
		before := f.db.Stats().MemoryHits
		f.ask(t, f.b, f.db, nil)
		f.wantReads(t, 0, 1)
		if hits := f.db.Stats().MemoryHits - before; hits != n {
			t.Errorf("%d hits in memory, want %d", hits, n)
		}
		f.ask(t, f.b, f.db, nil) // within NearTTL
		f.wantReads(t, 0, 1)
		f.g.want(t, n)
	})
	t.Run("B1 C4 C7 what was set elsewhere is seen, what was cleared runs", func(t *testing.T) {
		f := newCoherentBatch(t)
		f.a.invoke(func(ctx context.Context) {
			if err := errors.Join(f.da.Set(ctx, 3, 33), f.da.ClearFor(ctx, 5)); err != nil {
				t.Fatal(err)
			}
		})
		f.ask(t, f.b, f.db, map[int]int{3: 33, 5: 2})
		f.g.want(t, n, 1)
		f.ask(t, f.b, f.db, map[int]int{3: 33, 5: 2})
		f.w.clock.Advance(time.Minute)
		f.ask(t, f.b, f.db, map[int]int{3: 33, 5: 2})
		f.g.want(t, n, 1)
	})
	t.Run("B1 C4 a Clear elsewhere is seen", func(t *testing.T) {
		f := newCoherentBatch(t)
		f.a.invoke(func(ctx context.Context) {
			if err := f.da.Clear(ctx); err != nil {
				t.Fatal(err)
			}
		})
		f.b.invoke(func(ctx context.Context) {
			if got, err := f.db.GetAll(ctx, []int{0, 1, 2}); err != nil || slices.Contains(got, 1) {
				t.Error(got, err)
			}
		})
		f.g.want(t, n, 3)
	})
	t.Run("B1 C4 what was found to be cleared is not served when the backend is down", func(t *testing.T) {
		f := newCoherentBatch(t)
		if err := f.da.ClearFor(t.Context(), 5); err != nil {
			t.Fatal(err)
		}
		f.g.fails = func(int) error { return errFault }
		for _, down := range []bool{false, true} {
			f.reads.down.Store(down)
			f.b.invoke(func(ctx context.Context) {
				if got, err := f.db.GetAll(ctx, []int{4, 5}); got[0] != 1 || !errors.Is(err, errFault) {
					t.Errorf("down %v: %v, %v", down, got, err)
				}
			})
		}
	})
	t.Run("B1 W1 memory goes on where the backend cannot be asked", func(t *testing.T) {
		f := newCoherentBatch(t)
		f.reads.down.Store(true)
		f.ask(t, f.b, f.db, nil)
		f.g.want(t, n)
	})
	t.Run("B1 C4 one entry that is due, and nothing else, is one small read", func(t *testing.T) {
		f := newCoherentBatch(t)
		f.b.invoke(func(ctx context.Context) {
			if got, err := f.db.GetAll(ctx, []int{7}); err != nil || got[0] != 1 {
				t.Error(got, err)
			}
		})
		f.wantReads(t, 1, 0)
	})
	t.Run("B1 C4 T5 what is stale is served, and refreshed by one run", func(t *testing.T) {
		f := newCoherentBatch(t, adapter.StaleFor("10h"))
		f.w.clock.Advance(2 * time.Hour)
		f.ask(t, f.b, f.db, nil)
		f.g.want(t, n, n)
	})
	t.Run("B1 C4 C8 tags of entries that are due count", func(t *testing.T) {
		f := newCoherentBatch(t, adapter.TagsOf(func(in, _ int) []string { return []string{"t" + string(rune('a'+in%20))} }))
		if err := f.a.InvalidateTags(t.Context(), "ta"); err != nil {
			t.Fatal(err)
		}
		f.w.clock.Advance(time.Minute)
		f.ask(t, f.b, f.db, map[int]int{0: 2, 20: 2, 40: 2, 60: 2, 80: 2})
		f.g.want(t, n, 5)
	})
}
