package adapter_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/memory"
)

var errFault = errors.New("fault")

// counting is a backend that counts what is asked of it, and fails or hangs on demand.
type counting struct {
	backends.PersistenceManager
	gets, generations, puts atomic.Int64
	fail, failWrites, hang  atomic.Bool
	mutate                  func([]byte) []byte // what Get returns
	onPut                   func()              // before each write
}

func (m *counting) reads() int64 { return m.gets.Load() + m.generations.Load() }

func (m *counting) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	return &countingStore{s, m}, err
}

type countingStore struct {
	backends.Store
	m *counting
}

func (s *countingStore) fault(ctx context.Context, write bool) error {
	if s.m.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if s.m.fail.Load() || write && s.m.failWrites.Load() {
		return &backends.Error{Backend: "test:", Op: "any", Err: errFault}
	}
	return nil
}

func (s *countingStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	s.m.gets.Add(1)
	if err := s.fault(ctx, false); err != nil {
		return backends.Reading{}, err
	}
	r, err := s.Store.Read(ctx, key, o)
	if err == nil && r.Entry != nil && s.m.mutate != nil {
		r.Entry = s.m.mutate(r.Entry)
	}
	return r, err
}

func (s *countingStore) Generation(ctx context.Context) (uint64, error) {
	s.m.generations.Add(1)
	if err := s.fault(ctx, false); err != nil {
		return 0, err
	}
	return s.Store.Generation(ctx)
}

func (s *countingStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	s.m.puts.Add(1)
	if s.m.onPut != nil {
		s.m.onPut()
	}
	if err := s.fault(ctx, true); err != nil {
		return "", err
	}
	return s.Store.Put(ctx, key, entry, expires, seen)
}

func (s *countingStore) Invalidate(ctx context.Context, key string) error {
	if err := s.fault(ctx, true); err != nil {
		return err
	}
	return s.Store.Invalidate(ctx, key)
}

func (s *countingStore) Clear(ctx context.Context) (uint64, error) {
	if err := s.fault(ctx, true); err != nil {
		return 0, err
	}
	return s.Store.Clear(ctx)
}

func (s *countingStore) ReadRecords(ctx context.Context, names []string) ([]backends.Record, time.Time, error) {
	if err := s.fault(ctx, false); err != nil {
		return nil, time.Time{}, err
	}
	return s.Store.(backends.Records).ReadRecords(ctx, names)
}

func (s *countingStore) WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen backends.Version) (backends.Record, error) {
	if err := s.fault(ctx, true); err != nil {
		return backends.Record{}, err
	}
	return s.Store.(backends.Records).WriteRecord(ctx, name, value, expires, seen)
}

func (s *countingStore) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	if err := s.fault(ctx, true); err != nil {
		return err
	}
	return s.Store.(backends.Records).WriteRecords(ctx, names, values, expires)
}

// inMemory is a backend of its own.
func inMemory(t *testing.T) backends.PersistenceManager {
	t.Helper()
	m, err := memory.New(memory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
