package model

import (
	"context"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/memory"
)

// gated is a container's way to the backend: each operation waits at a gate before it reaches the backend and at another
// before its answer reaches the container, and fails while the container's backend is down. An operation that was sent
// arrives, however late, and also where its container has died meanwhile.
type gated struct {
	backends.PersistenceManager
	b *box
}

var errDown = errors.New("down")

func (m gated) Store(_ context.Context, fn backends.Function) (backends.Store, error) {
	g := &gatedStore{b: m.b, fn: fn}
	if m.b.w.settings.Leases {
		return leasing{g}, nil
	}
	return g, nil
}

// everything is what a store of package memory can do, but for taking many leases at once.
type everything interface {
	backends.Store
	backends.Leaser
	backends.BatchReader
	backends.Records
}

type gatedStore struct {
	b  *box
	fn backends.Function
}

// s returns the store of the backend as it is now: a failover puts another one there.
func (g *gatedStore) s() everything {
	s, err := g.manager().Store(context.Background(), g.fn)
	if err != nil {
		panic(err)
	}
	return s.(everything)
}

// through does an operation behind its gates. An operation that is given up may reach the backend all the same, later.
func (g *gatedStore) through(ctx context.Context, name string, do func(context.Context) error) error {
	result := make(chan error, 1)
	if g.b.dead.Load() {
		return errDown
	}
	go func() {
		far := context.WithoutCancel(ctx)
		err := g.b.pass(far, name, true)
		if g.b.down.Load() && err == nil {
			err = errDown
		}
		if err == nil {
			err = do(far)
			err = errors.Join(err, g.b.pass(far, name+", answer", true))
		}
		if errors.Is(err, errDown) {
			g.b.failed.Store(true)
		}
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		g.b.failed.Store(true)
		return ctx.Err()
	}
}

func (g *gatedStore) Read(ctx context.Context, key string, o backends.ReadOptions) (r backends.Reading, err error) {
	o.Deadline = time.Time{}
	if by := opOf(ctx); by != nil {
		g.b.w.mu.Lock()
		waits := by.waits[key]
		g.b.w.mu.Unlock()
		if waits {
			g.b.w.fault("S7: operation %d waits for a lease of its own container", by.id)
		}
	}
	var got backends.Reading
	if err = g.through(ctx, "read", func(ctx context.Context) (err error) { got, err = g.s().Read(ctx, key, o); return err }); err == nil {
		r = got
	}
	return r, err
}

func (g *gatedStore) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) (rs []backends.Reading, errs []error, err error) {
	var got []backends.Reading
	var each []error
	err = g.through(ctx, "read all", func(ctx context.Context) (err error) {
		got, each, err = g.s().ReadAll(ctx, keys, o)
		return err
	})
	if err == nil {
		rs, errs = got, each
	}
	return rs, errs, err
}

func (g *gatedStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (v backends.Version, err error) {
	var got backends.Version
	entry = append([]byte(nil), entry...)
	err = g.through(ctx, "put", func(ctx context.Context) (err error) {
		got, err = g.s().Put(ctx, key, entry, expires, seen)
		return err
	})
	if err == nil {
		v = got
	}
	return v, err
}

func (g *gatedStore) Invalidate(ctx context.Context, key string) error {
	return g.through(ctx, "invalidate", func(ctx context.Context) error { return g.s().Invalidate(ctx, key) })
}

func (g *gatedStore) Delete(ctx context.Context, key string, seen backends.Version) error {
	return g.through(ctx, "delete", func(ctx context.Context) error { return g.s().Delete(ctx, key, seen) })
}

func (g *gatedStore) Generation(ctx context.Context) (n uint64, err error) {
	var got uint64
	if err = g.through(ctx, "generation", func(ctx context.Context) (err error) { got, err = g.s().Generation(ctx); return err }); err == nil {
		n = got
	}
	return n, err
}

func (g *gatedStore) Clear(ctx context.Context) (n uint64, err error) {
	var got uint64
	if err = g.through(ctx, "clear", func(ctx context.Context) (err error) { got, err = g.s().Clear(ctx); return err }); err == nil {
		n = got
	}
	return n, err
}

func (g *gatedStore) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	l, reading, err := g.lease(ctx, "lease", key, r.Token, func(ctx context.Context) (backends.Lease, backends.Reading, error) {
		return g.s().Lease(ctx, key, r, o)
	})
	var busy *backends.LeasedError
	if by := opOf(ctx); by != nil && errors.As(err, &busy) {
		g.b.w.mu.Lock()
		by.waits[key] = g.b.w.tokens[busy.Holder] == g.b // S7: it must take it over
		g.b.w.mu.Unlock()
	}
	return l, reading, err
}

func (g *gatedStore) Takeover(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	if by := opOf(ctx); by != nil {
		g.b.w.mu.Lock()
		delete(by.waits, key)
		g.b.w.mu.Unlock()
	}
	return g.lease(ctx, "takeover", key, r.Token, func(ctx context.Context) (backends.Lease, backends.Reading, error) {
		return g.s().Takeover(ctx, key, from, r, o)
	})
}

func (g *gatedStore) lease(ctx context.Context, name, key, token string, do func(context.Context) (backends.Lease, backends.Reading, error)) (l backends.Lease, r backends.Reading, err error) {
	g.b.w.mu.Lock()
	g.b.w.tokens[token] = g.b
	g.b.w.mu.Unlock()
	var lease backends.Lease
	var reading backends.Reading
	err = g.through(ctx, name, func(ctx context.Context) (err error) { lease, reading, err = do(ctx); return err })
	if ctx.Err() != nil && err != nil || errors.Is(err, errDown) {
		return nil, backends.Reading{}, err // the answer is lost
	}
	if lease != nil {
		lease = &gatedLease{Lease: lease, g: g, key: key, m: g.manager()}
	}
	return lease, reading, err
}

func (g *gatedStore) manager() *memory.Manager {
	g.b.w.mu.Lock()
	defer g.b.w.mu.Unlock()
	return g.b.w.m
}

// gatedLease is a lease whose operations go the same way.
type gatedLease struct {
	backends.Lease
	g   *gatedStore
	key string
	m   *memory.Manager // where it was taken
}

func (l *gatedLease) Renew(ctx context.Context, ttl time.Duration) error {
	return l.g.through(ctx, "renew", func(ctx context.Context) error {
		if l.m != l.g.manager() {
			return backends.ErrLeaseLost
		}
		return l.Lease.Renew(ctx, ttl)
	})
}

func (l *gatedLease) Release(ctx context.Context, m backends.Mark) error {
	return l.g.through(ctx, "release", func(ctx context.Context) error {
		if l.m != l.g.manager() {
			return nil // after a failover a lease ends with its time
		}
		return l.Lease.Release(ctx, m)
	})
}

func (g *gatedStore) Mark(ctx context.Context, key string, m backends.Mark) error {
	return g.through(ctx, "mark", func(ctx context.Context) error { return g.s().Mark(ctx, key, m) })
}

func (g *gatedStore) ReadRecords(ctx context.Context, names []string) (rs []backends.Record, at time.Time, err error) {
	var got []backends.Record
	var clock time.Time
	err = g.through(ctx, "read records", func(ctx context.Context) (err error) {
		got, clock, err = g.s().ReadRecords(ctx, names)
		return err
	})
	if err == nil {
		rs, at = got, clock
	}
	return rs, at, err
}

func (g *gatedStore) WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen backends.Version) (r backends.Record, err error) {
	var got backends.Record
	err = g.through(ctx, "write record "+name, func(ctx context.Context) (err error) {
		got, err = g.s().WriteRecord(ctx, name, value, expires, seen)
		return err
	})
	if err == nil {
		r = got
	}
	return r, err
}

func (g *gatedStore) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	return g.through(ctx, "write records", func(ctx context.Context) error {
		return g.s().WriteRecords(ctx, names, values, expires)
	})
}

// leasing is a store that takes many leases at once.
type leasing struct{ *gatedStore }

func (s leasing) LeaseAll(ctx context.Context, keys []string, rs []backends.LeaseRequest, o backends.ReadOptions) (all []backends.LeaseResult, err error) {
	s.b.w.mu.Lock()
	for _, r := range rs {
		s.b.w.tokens[r.Token] = s.b
	}
	s.b.w.mu.Unlock()
	var got []backends.LeaseResult
	err = s.through(ctx, "lease all", func(ctx context.Context) (err error) {
		m := s.manager()
		got, err = backends.LeaseAll(ctx, s.s(), keys, rs, o)
		for i := range got {
			if got[i].Lease != nil {
				got[i].Lease = &gatedLease{Lease: got[i].Lease, g: s.gatedStore, key: keys[i], m: m}
			}
		}
		return err
	})
	if err == nil {
		all = got
	}
	return all, err
}
