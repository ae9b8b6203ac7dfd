package adapter_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
	_ "github.com/stillwarm/stillwarm/backends/tiered"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// hooked calls back behind the reads of its stores, before their answers are there, and ahead of their writes.
type hooked struct {
	backends.PersistenceManager
	read, put func()
}

func (m *hooked) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	return hookedStore{s, s.(backends.BatchReader), s.(backends.Records), s.(backends.Leaser), s.(backends.BatchLeaser), m}, err
}

type hookedStore struct {
	backends.Store
	backends.BatchReader
	backends.Records
	backends.Leaser
	backends.BatchLeaser
	m *hooked
}

func (s hookedStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	r, err := s.Store.Read(ctx, key, o)
	if s.m.read != nil {
		s.m.read()
	}
	return r, err
}

func (s hookedStore) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) ([]backends.Reading, []error, error) {
	r, e, err := s.BatchReader.ReadAll(ctx, keys, o)
	if s.m.read != nil {
		s.m.read()
	}
	return r, e, err
}

func (s hookedStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if s.m.put != nil {
		s.m.put()
	}
	return s.Store.Put(ctx, key, entry, expires, seen)
}

// unwritten is a container whose refresh of a Coherent function's results is done, and not written yet.
type unwritten struct {
	c     *container
	d     *adapter.Data[int, int]
	h     *hooked
	keys  []int
	write func() // writes them
}

func newUnwritten(t *testing.T, tiers int, keys []int) *unwritten {
	t.Helper()
	w, g := newWorld(t), &generation{}
	if tiers == 2 {
		w.backend = w.backend + "-near " + w.backend
	}
	u := &unwritten{h: &hooked{}, keys: keys}
	u.c = w.container(func(c *adapter.Config) {
		manager, err := backends.Open(t.Context(), c.Backend)
		if err != nil {
			t.Fatal(err)
		}
		u.h.PersistenceManager = manager
		c.Backend, c.Manager = "", u.h
	})
	u.d = adapter.CacheBatch(g.compute, adapter.Name("g"), adapter.WithRuntime(u.c.Runtime), adapter.TTL("1h"), adapter.StaleFor("10h"), adapter.Coherent())
	u.want(t, 1)
	w.clock.Advance(2 * time.Hour)
	writes, finished := make(chan struct{}), make(chan struct{})
	u.h.put = func() { <-writes }
	ctx, inv := invocation.Begin(context.Background(), invocation.Options{RequestID: "1", AfterResponse: true})
	if got, err := u.d.GetAll(ctx, keys); err != nil || got[0] != 1 {
		t.Fatal(got, err)
	}
	go func() { defer close(finished); inv.Finish(context.WithoutCancel(ctx)) }()
	u.write = sync.OnceFunc(func() { close(writes); <-finished })
	t.Cleanup(u.write)
	eventually(t, "refreshed", func() bool { got, err := u.d.GetAll(t.Context(), keys); return err == nil && got[0] == 2 })
	w.clock.Advance(time.Minute) // longer than NearTTL
	return u
}

func (u *unwritten) want(t *testing.T, run int) {
	t.Helper()
	u.c.invoke(func(ctx context.Context) {
		if got, err := u.d.GetAll(ctx, u.keys); err != nil || got[0] != run {
			t.Errorf("%v: %v, %v; want those of run %d", u.keys, got, err, run)
		}
	})
}

// What the backend does not have yet is not undone by what it has: not by a look at one slot, nor by that of a batch.
func TestCoherentEntriesThatAreNotWritten(t *testing.T) {
	for _, tiers := range []int{1, 2} {
		for _, keys := range [][]int{{1}, {1, 2}} {
			t.Run(fmt.Sprintf("B1 C4 %d tiers, keys %v/looked at before the write", tiers, keys), func(t *testing.T) {
				u := newUnwritten(t, tiers, keys)
				if got, err := u.d.GetAll(t.Context(), keys); err != nil || got[0] != 2 {
					t.Errorf("%v, %v; want those of run 2", got, err)
				}
				u.write()
				u.want(t, 2)
			})
			t.Run(fmt.Sprintf("B1 C4 %d tiers, keys %v/written during the look", tiers, keys), func(t *testing.T) {
				u := newUnwritten(t, tiers, keys)
				var once sync.Once
				u.h.read = func() { once.Do(u.write) }
				u.want(t, 2)
				u.h.read = nil
				u.want(t, 2)
			})
		}
	}
}
