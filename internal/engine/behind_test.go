package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine"
)

// slowToClear is a backend that a tombstone reaches when told, and that does something behind a lease.
type slowToClear struct {
	backends.PersistenceManager
	looked atomic.Bool   // a slot was read
	clears chan struct{} // closed: tombstones arrive
	// before and behind run before and behind what a lease brings.
	before, behind func()
}

func (m *slowToClear) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return slowStore{s.(everything), m}, nil
}

type slowStore struct {
	everything
	m *slowToClear
}

func (s slowStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	r, err := s.everything.Read(ctx, key, o)
	s.m.looked.Store(true)
	return r, err
}

func (s slowStore) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) ([]backends.Reading, []error, error) {
	rs, errs, err := s.everything.ReadAll(ctx, keys, o)
	s.m.looked.Store(true)
	return rs, errs, err
}

func (s slowStore) Invalidate(ctx context.Context, key string) error {
	<-s.m.clears
	return s.everything.Invalidate(ctx, key)
}

func (s slowStore) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	s.m.before()
	defer s.m.behind()
	return s.everything.Lease(ctx, key, r, o)
}

func (s slowStore) LeaseAll(ctx context.Context, keys []string, rs []backends.LeaseRequest, o backends.ReadOptions) ([]backends.LeaseResult, error) {
	s.m.before()
	defer s.m.behind()
	return s.everything.LeaseAll(ctx, keys, rs, o)
}

func TestWhatComesWithALease(t *testing.T) {
	for name, get := range map[string]func(b *box, ctx context.Context){
		"Get":    func(b *box, ctx context.Context) { b.getIn(ctx, "x") },
		"GetAll": func(b *box, ctx context.Context) { b.wantNoError(b.getAll(ctx, "x")) },
	} {
		t.Run("C2 it is not believed where a clear began before it and reached the backend behind it: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T, fl *fleet) {
				m := &slowToClear{PersistenceManager: fl.m, clears: make(chan struct{})}
				a := fl.container()
				b := fl.container(func(s *engine.Spec) { s.Manager = m; s.Many = one })
				cleared := make(chan error, 1)
				b.env.Now = func() int64 {
					if m.looked.CompareAndSwap(true, false) { // the slot was empty, and the run has not begun
						go func() { cleared <- b.f.ClearFor(context.Background(), b.lookup("x")) }()
						synctest.Wait()
					}
					return time.Now().UnixNano()
				}
				m.before = func() { a.set("x", 77) }
				m.behind = func() {
					close(m.clears)
					if err := <-cleared; err != nil {
						t.Error(err)
					}
					m.before, m.behind = func() {}, func() {}
				}
				b.invoke(func(ctx context.Context) { get(b, ctx) })
				m.looked.Store(false)
				b.env.Now = func() int64 { return time.Now().UnixNano() }
				if v := b.get("x"); v == 77 {
					t.Error("what was cleared is used by a call that began afterwards")
				}
			})
		})
	}
}

// one computes a batch one by one.
func one(ctx context.Context, ls []*engine.Lookup) []engine.Result {
	rs := make([]engine.Result, len(ls))
	for i, l := range ls {
		rs[i] = l.Run(ctx)
	}
	return rs
}
