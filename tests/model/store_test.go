package model

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// gated is a container's way to the backend: each operation waits at a gate before it reaches the backend and at another
// before its answer reaches the container, and fails while the container's backend is down.
type gated struct {
	backends.PersistenceManager
	b *box
}

var errDown = errors.New("down")

func (m gated) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	return &gatedStore{s, m.b}, err
}

type gatedStore struct {
	s backends.Store
	b *box
}

// through does an operation behind its gates. An operation that is given up may reach the backend all the same, later.
func (g *gatedStore) through(ctx context.Context, name string, do func(context.Context) error) error {
	name = fmt.Sprintf("%s in %d", name, g.b.n)
	result := make(chan error, 1)
	go func() {
		far := context.WithoutCancel(ctx)
		_ = g.b.w.pass(far, name)
		if g.b.down.Load() {
			result <- errDown
			return
		}
		err := do(far)
		_ = g.b.w.pass(far, name+", answer")
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gatedStore) Read(ctx context.Context, key string, o backends.ReadOptions) (r backends.Reading, err error) {
	o.Deadline = time.Time{}
	var got backends.Reading
	if err = g.through(ctx, "read", func(ctx context.Context) (err error) { got, err = g.s.Read(ctx, key, o); return err }); err == nil {
		r = got
	}
	return r, err
}

func (g *gatedStore) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) (rs []backends.Reading, errs []error, err error) {
	var got []backends.Reading
	var each []error
	err = g.through(ctx, "read all", func(ctx context.Context) (err error) {
		got, each, err = g.s.(backends.BatchReader).ReadAll(ctx, keys, o)
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
	err = g.through(ctx, "put", func(ctx context.Context) (err error) { got, err = g.s.Put(ctx, key, entry, expires, seen); return err })
	if err == nil {
		v = got
	}
	return v, err
}

func (g *gatedStore) Invalidate(ctx context.Context, key string) error {
	return g.through(ctx, "invalidate", func(ctx context.Context) error { return g.s.Invalidate(ctx, key) })
}

func (g *gatedStore) Delete(ctx context.Context, key string, seen backends.Version) error {
	return g.through(ctx, "delete", func(ctx context.Context) error { return g.s.Delete(ctx, key, seen) })
}

func (g *gatedStore) Generation(ctx context.Context) (n uint64, err error) {
	var got uint64
	if err = g.through(ctx, "generation", func(ctx context.Context) (err error) { got, err = g.s.Generation(ctx); return err }); err == nil {
		n = got
	}
	return n, err
}

func (g *gatedStore) Clear(ctx context.Context) (n uint64, err error) {
	var got uint64
	if err = g.through(ctx, "clear", func(ctx context.Context) (err error) { got, err = g.s.Clear(ctx); return err }); err == nil {
		n = got
	}
	return n, err
}

func (g *gatedStore) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return g.lease(ctx, "lease", func(ctx context.Context) (backends.Lease, backends.Reading, error) {
		return g.s.(backends.Leaser).Lease(ctx, key, r, o)
	})
}

func (g *gatedStore) Takeover(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return g.lease(ctx, "takeover", func(ctx context.Context) (backends.Lease, backends.Reading, error) {
		return g.s.(backends.Leaser).Takeover(ctx, key, from, r, o)
	})
}

func (g *gatedStore) lease(ctx context.Context, name string, do func(context.Context) (backends.Lease, backends.Reading, error)) (l backends.Lease, r backends.Reading, err error) {
	var lease backends.Lease
	var reading backends.Reading
	err = g.through(ctx, name, func(ctx context.Context) (err error) { lease, reading, err = do(ctx); return err })
	if ctx.Err() != nil && err != nil {
		return nil, backends.Reading{}, err // the answer is lost
	}
	if errors.Is(err, errDown) {
		return nil, backends.Reading{}, err
	}
	return lease, reading, err
}

func (g *gatedStore) Mark(ctx context.Context, key string, m backends.Mark) error {
	return g.through(ctx, "mark", func(ctx context.Context) error { return g.s.(backends.Leaser).Mark(ctx, key, m) })
}

func (g *gatedStore) ReadRecords(ctx context.Context, names []string) (rs []backends.Record, at time.Time, err error) {
	var got []backends.Record
	var clock time.Time
	err = g.through(ctx, "read records", func(ctx context.Context) (err error) {
		got, clock, err = g.s.(backends.Records).ReadRecords(ctx, names)
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
		got, err = g.s.(backends.Records).WriteRecord(ctx, name, value, expires, seen)
		return err
	})
	if err == nil {
		r = got
	}
	return r, err
}

func (g *gatedStore) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	return g.through(ctx, "write records", func(ctx context.Context) error {
		return g.s.(backends.Records).WriteRecords(ctx, names, values, expires)
	})
}
