package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/memory"
)

// faulty is a backend whose leases fail as told, and that counts and notes what reaches it.
type faulty struct {
	backends.PersistenceManager
	loseRelease atomic.Bool // a release does not arrive
	loseLease   atomic.Bool // a lease is taken, and the answer is lost

	loseInvalidate atomic.Bool // a tombstone is not written
	reads, puts    atomic.Int64
	invalidated    atomic.Int64       // tombstones that were written
	marks          chan backends.Mark // what leases were released with, and what was marked without one
	releaseTakes   atomic.Int64       // ns
	// read, where it is set, changes what a read brings.
	read func(*backends.Reading)
	// leaseAll, where it is set, runs between the leases of a batch.
	leaseAll func()
}

var errLost = errors.New("lost")

func newFaulty(m backends.PersistenceManager) *faulty {
	return &faulty{PersistenceManager: m, marks: make(chan backends.Mark, 100)}
}

// everything is what a store of package memory can do.
type everything interface {
	backends.Store
	backends.Leaser
	backends.BatchReader
	backends.BatchLeaser
	backends.Records
}

func (m *faulty) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return &faultyStore{s.(everything), m}, nil
}

type faultyStore struct {
	everything
	m *faulty
}

func (s *faultyStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	s.m.reads.Add(1)
	r, err := s.everything.Read(ctx, key, o)
	if s.m.read != nil {
		s.m.read(&r)
	}
	return r, err
}

func (s *faultyStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	s.m.puts.Add(1)
	return s.everything.Put(ctx, key, entry, expires, seen)
}

func (s *faultyStore) Invalidate(ctx context.Context, key string) error {
	if s.m.loseInvalidate.Load() {
		return errLost
	}
	s.m.invalidated.Add(1)
	return s.everything.Invalidate(ctx, key)
}

func (s *faultyStore) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	l, reading, err := s.everything.Lease(ctx, key, r, o)
	if err == nil && s.m.loseLease.Load() {
		return nil, backends.Reading{}, errLost
	}
	if l != nil {
		l = &faultyLease{l, s.m}
	}
	return l, reading, err
}

func (s *faultyStore) LeaseAll(ctx context.Context, keys []string, rs []backends.LeaseRequest, o backends.ReadOptions) ([]backends.LeaseResult, error) {
	all := make([]backends.LeaseResult, len(keys))
	for i, key := range keys {
		if i > 0 && s.m.leaseAll != nil {
			s.m.leaseAll()
		}
		all[i].Lease, all[i].Reading, all[i].Err = s.Lease(ctx, key, rs[i], o)
	}
	return all, nil
}

func (s *faultyStore) Mark(ctx context.Context, key string, m backends.Mark) error {
	s.m.marks <- m
	return s.everything.Mark(ctx, key, m)
}

type faultyLease struct {
	backends.Lease
	m *faulty
}

func (l *faultyLease) Release(ctx context.Context, m backends.Mark) error {
	if l.m.loseRelease.Load() {
		return errLost
	}
	if m.Kind != 0 {
		l.m.marks <- m
	}
	time.Sleep(time.Duration(l.m.releaseTakes.Load()))
	return l.Lease.Release(ctx, m)
}

// marked returns the ttls of what was marked so far.
func (m *faulty) marked() (ttls []time.Duration) {
	for {
		select {
		case mark := <-m.marks:
			ttls = append(ttls, mark.TTL)
		default:
			return ttls
		}
	}
}

// mixing is a backend that leaves the namespaces to the keys.
type mixing struct{ backends.PersistenceManager }

func (m mixing) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	fn.Namespace = ""
	return m.PersistenceManager.Store(ctx, fn)
}

// failing is a backend behind one name, which a failover goes to another server with.
type failing struct {
	now *atomic.Pointer[memory.Manager]
}

func (m failing) Check(fn backends.Function) error { return m.now.Load().Check(fn) }

func (m failing) ClearAll(ctx context.Context) error { return m.now.Load().ClearAll(ctx) }

func (m failing) Close() error { return nil }

func (m failing) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	return &failingStore{m, fn, m.at(fn)}, nil
}

func (m failing) at(fn backends.Function) everything {
	s, err := m.now.Load().Store(context.Background(), fn)
	if err != nil {
		panic(err)
	}
	return s.(everything)
}

type failingStore struct {
	m  failing
	fn backends.Function
	everything
}

func (s *failingStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	return s.m.at(s.fn).Read(ctx, key, o)
}

func (s *failingStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	return s.m.at(s.fn).Put(ctx, key, entry, expires, seen)
}

func (s *failingStore) Generation(ctx context.Context) (uint64, error) {
	return s.m.at(s.fn).Generation(ctx)
}

func (s *failingStore) Clear(ctx context.Context) (uint64, error) { return s.m.at(s.fn).Clear(ctx) }

func (s *failingStore) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.m.at(s.fn).Lease(ctx, key, r, o)
}
