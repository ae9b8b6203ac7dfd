package fleet

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// valueSize is what a result takes on the network and in the backend's bill, in kilobytes.
const valueKB = 1

// keepGeneration is how long the S3 backend keeps a generation that it has read.
const keepGeneration = 2 * time.Second

// link is the network between a container and the backend.
type link struct {
	connect, read, write time.Duration
	s3                   bool // each request is billed, and a lease takes two
}

// links are typical latencies within one region. Where a real one differs, times differ, hardly the counts.
var links = map[Tiers]link{
	Redis:     {connect: 3 * time.Millisecond, read: 700 * time.Microsecond, write: 700 * time.Microsecond},
	S3:        {connect: 20 * time.Millisecond, read: 25 * time.Millisecond, write: 45 * time.Millisecond, s3: true},
	S3Express: {connect: 10 * time.Millisecond, read: 5 * time.Millisecond, write: 8 * time.Millisecond, s3: true},
}

// manager is one container's client of the cloud. It is used by one invocation at a time, like the container.
type manager struct {
	cloud     *cloud
	link      link
	noLeases  bool
	connected atomic.Bool
	kept      time.Time // when the generation was read that this container keeps (S3)
	absent    string    // the key for which there was no object just now (S3)
}

var (
	_ backends.PersistenceManager = (*manager)(nil)
	_ backends.Leaser             = (*leasingStore)(nil)
	_ backends.BatchReader        = (*store)(nil)
	_ backends.BatchLeaser        = (*leasingStore)(nil)
)

// Store returns the store with the capabilities that the real backend has.
func (m *manager) Store(context.Context, backends.Function) (backends.Store, error) {
	s := &store{m}
	if m.noLeases {
		return s, nil
	}
	return &leasingStore{s}, nil
}

// Check accepts every function.
func (m *manager) Check(backends.Function) error { return nil }

// ClearAll replaces the generation.
func (m *manager) ClearAll(context.Context) error {
	m.cloud.count(func(*Operations) { m.cloud.generation++ })
	return nil
}

// Close does nothing: the cloud outlives its containers.
func (m *manager) Close() error { return nil }

// wait lets the time of one round trip pass, and of the connection's first one.
func (m *manager) wait(ctx context.Context, d time.Duration) error {
	if m.connected.CompareAndSwap(false, true) {
		d += m.link.connect
	}
	time.Sleep(d)
	return ctx.Err()
}

// sends waits for one request and counts it.
func (m *manager) sends(ctx context.Context, read bool, kb int64, method func(o *Operations)) error {
	d := m.link.write
	if read {
		d = m.link.read
	}
	err := m.wait(ctx, d)
	m.cloud.count(func(o *Operations) {
		method(o)
		switch {
		case !m.link.s3:
			o.Commands++
			o.Units += max(1, kb)
		case read:
			o.Reads++
		default:
			o.Writes++
		}
	})
	return err
}

func none(*Operations) {}

// store is the part that every backend has.
type store struct{ m *manager }

// Read reads the slot and, where it is not kept, the generation beside it: on S3 that is two more requests.
func (s *store) Read(ctx context.Context, key string, _ backends.ReadOptions) (backends.Reading, error) {
	m := s.m
	asked := time.Now()
	err := m.sends(ctx, true, 1+valueKB, func(o *Operations) { o.Get++ })
	age := asked.Sub(m.kept)
	if m.link.s3 && (m.kept.IsZero() || age >= keepGeneration) {
		m.cloud.count(func(o *Operations) { o.Reads += 2 })
		m.kept, age = asked, 0
	}
	if err != nil {
		return backends.Reading{}, err
	}
	r := m.reading(key)
	if m.link.s3 {
		r.GenerationAge = age
	}
	if m.link.s3 {
		m.absent = ""
		if r.Version == backends.Absent {
			m.absent = key
		}
	}
	return r, nil
}

// ReadAll reads many slots: by one command of Redis. On S3 it would be a request for each, which no scenario asks for.
func (s *store) ReadAll(ctx context.Context, keys []string, _ backends.ReadOptions) ([]backends.Reading, []error, error) {
	m := s.m
	if err := m.sends(ctx, true, int64(len(keys))*(1+valueKB), func(o *Operations) { o.Get++ }); err != nil {
		return nil, nil, err
	}
	rs := make([]backends.Reading, len(keys))
	for i, key := range keys {
		rs[i] = m.reading(key)
	}
	return rs, nil, nil
}

// LeaseAll takes many leases in the time of one: the commands go to Redis together.
func (s *leasingStore) LeaseAll(ctx context.Context, keys []string, rs []backends.LeaseRequest, o backends.ReadOptions) ([]backends.LeaseResult, error) {
	results := make([]backends.LeaseResult, len(keys))
	var all sync.WaitGroup
	for i, key := range keys {
		all.Go(func() { results[i].Lease, results[i].Reading, results[i].Err = s.Lease(ctx, key, rs[i], o) })
	}
	all.Wait()
	return results, nil
}

// reading is what the cloud has under a key.
func (m *manager) reading(key string) backends.Reading {
	data, version := m.cloud.get(key)
	return backends.Reading{Entry: data, Version: versionOf(version), Generation: m.cloud.current()}
}

func versionOf(n uint64) backends.Version {
	if n == 0 {
		return backends.Absent
	}
	return backends.Version(strconv.FormatUint(n, 10))
}

func numberOf(v backends.Version) uint64 {
	n, _ := strconv.ParseUint(string(v), 10, 64)
	return n
}

// Put writes the entry with one request.
func (s *store) Put(ctx context.Context, key string, data []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if err := s.m.sends(ctx, false, valueKB, func(o *Operations) { o.Put++ }); err != nil {
		return backends.Absent, err
	}
	version, ok := s.m.cloud.put(key, data, expires, numberOf(seen))
	if !ok {
		return backends.Absent, backends.ErrConflict
	}
	return versionOf(version), nil
}

// Invalidate writes a tombstone with one request.
func (s *store) Invalidate(ctx context.Context, key string) error {
	if err := s.m.sends(ctx, false, 0, func(o *Operations) { o.Delete++ }); err != nil {
		return err
	}
	s.m.cloud.invalidate(key)
	return nil
}

// Delete removes the entry with one request.
func (s *store) Delete(ctx context.Context, key string, seen backends.Version) error {
	if err := s.m.sends(ctx, false, 0, func(o *Operations) { o.Delete++ }); err != nil {
		return err
	}
	s.m.cloud.remove(key, numberOf(seen))
	return nil
}

// Generation reads the generation: on S3 by two requests side by side.
func (s *store) Generation(ctx context.Context) (uint64, error) {
	m := s.m
	asked := time.Now()
	err := m.sends(ctx, true, 0, func(o *Operations) { o.Generation++ })
	if m.link.s3 {
		m.cloud.count(func(o *Operations) { o.Reads++ })
		m.kept = asked
	}
	return m.cloud.current(), err
}

// Clear replaces the generation.
func (s *store) Clear(ctx context.Context) (uint64, error) {
	err := s.m.ClearAll(ctx)
	return s.m.cloud.current(), err
}
