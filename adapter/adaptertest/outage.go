package adaptertest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/hooks"
)

// ErrOutage is what the backend answers between [Down] and [Up].
var ErrOutage = errors.New("adaptertest: the backend is down")

// Down makes the backend fail for every container of the test: each operation returns [ErrOutage] at once.
func Down(ctx context.Context) { of(ctx).world.outage.down.Store(true) }

// Up ends the outage that [Down] began. Earlier entries are still there, and every container of the test uses the
// backend again at once, where a deployed one would wait for some seconds.
func Up(ctx context.Context) {
	w := of(ctx).world
	w.outage.down.Store(false)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, rt := range w.runtimes {
		hooks.Of(rt).WaitIdle(ctx)
		hooks.Of(rt).ForgetOutage()
	}
}

// outage is a switch.
type outage struct{ down atomic.Bool }

func (o *outage) err() error {
	if o.down.Load() {
		return ErrOutage
	}
	return nil
}

// breakable is a manager that fails while there is an outage.
type breakable struct {
	manager backends.PersistenceManager
	outage  *outage
}

func (m *breakable) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.manager.Store(ctx, fn)
	return &breakableStore{store: s, outage: m.outage}, err
}

func (m *breakable) Check(fn backends.Function) error { return m.manager.Check(fn) }

func (m *breakable) ClearAll(ctx context.Context) error {
	if err := m.outage.err(); err != nil {
		return err
	}
	return m.manager.ClearAll(ctx)
}

// Close leaves the manager open: other containers of the test use it.
func (m *breakable) Close() error { return nil }

type breakableStore struct {
	store  backends.Store
	outage *outage
}

func (s *breakableStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	if err := s.outage.err(); err != nil {
		return backends.Reading{}, err
	}
	return s.store.Read(ctx, key, o)
}

func (s *breakableStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if err := s.outage.err(); err != nil {
		return backends.Absent, err
	}
	return s.store.Put(ctx, key, entry, expires, seen)
}

func (s *breakableStore) Invalidate(ctx context.Context, key string) error {
	if err := s.outage.err(); err != nil {
		return err
	}
	return s.store.Invalidate(ctx, key)
}

func (s *breakableStore) Delete(ctx context.Context, key string, seen backends.Version) error {
	if err := s.outage.err(); err != nil {
		return err
	}
	return s.store.Delete(ctx, key, seen)
}

func (s *breakableStore) Generation(ctx context.Context) (uint64, error) {
	if err := s.outage.err(); err != nil {
		return 0, err
	}
	return s.store.Generation(ctx)
}

func (s *breakableStore) Clear(ctx context.Context) (uint64, error) {
	if err := s.outage.err(); err != nil {
		return 0, err
	}
	return s.store.Clear(ctx)
}
