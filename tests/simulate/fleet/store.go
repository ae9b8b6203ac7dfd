package fleet

import (
	"context"
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
	connected bool
	kept      time.Time // when the generation was read that this container keeps (S3)
	absent    string    // the key for which there was no object just now (S3)
}

var (
	_ backends.PersistenceManager = (*manager)(nil)
	_ backends.Leaser             = (*leasingStore)(nil)
	_ backends.LeaseGetter        = (*leasingStore)(nil)
	_ backends.GenerationKeeper   = (*keepingStore)(nil)
)

// Store returns the store with the capabilities that the real backend has.
func (m *manager) Store(context.Context, backends.Function) (backends.Store, error) {
	s := &store{m}
	switch {
	case m.noLeases && m.link.s3:
		return &keepingStore{store: s}, nil
	case m.noLeases:
		return s, nil
	case m.link.s3:
		return &struct {
			*leasingStore
			keeper
		}{&leasingStore{s}, keeper{}}, nil
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
	if !m.connected {
		m.connected = true
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

// Get reads the entry and, where it is not kept, the generation beside it: on S3 that is two more requests.
func (s *store) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	m := s.m
	asked := time.Now()
	err := m.sends(ctx, true, 1+valueKB, func(o *Operations) { o.Get++ })
	if m.link.s3 && (m.kept.IsZero() || asked.Sub(m.kept) >= keepGeneration) {
		m.cloud.count(func(o *Operations) { o.Reads += 2 })
		m.kept = asked
	}
	if err != nil {
		return nil, 0, err
	}
	data, there := m.cloud.get(key)
	m.absent = ""
	if !there {
		m.absent = key
	}
	if data == nil {
		return nil, m.cloud.current(), backends.ErrNotFound
	}
	return data, m.cloud.current(), nil
}

// Put writes the entry with one request.
func (s *store) Put(ctx context.Context, key string, data []byte, expires time.Time) error {
	if err := s.m.sends(ctx, false, valueKB, func(o *Operations) { o.Put++ }); err != nil {
		return err
	}
	s.m.cloud.put(key, data, expires)
	return nil
}

// Delete removes the entry with one request.
func (s *store) Delete(ctx context.Context, key string) error {
	if err := s.m.sends(ctx, false, 0, func(o *Operations) { o.Delete++ }); err != nil {
		return err
	}
	s.m.cloud.remove(key)
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
func (s *store) Clear(ctx context.Context) error { return s.m.ClearAll(ctx) }

// keeper says how old a generation of the S3 backend may be.
type keeper struct{}

// GenerationAge implements [backends.GenerationKeeper].
func (keeper) GenerationAge() time.Duration { return keepGeneration }

type keepingStore struct {
	*store
	keeper
}
